"""A hypothetical portfolio as a document, and all that can be said of it, as plain data for JSON."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from engine.market.margin.account import Account, MarginRules
from engine.market.margin.inputs import RiskInputs
from engine.market.margin.scenarios import Margin, effect_of, margin_of
from engine.market.margin.tables import RiskTables, audit_tables, build_tables, digest_of
from engine.market.margin.worst_loss import worst_losses
from intents.errors import InputError
from intents.values import Value


class Portfolio(Value):
    """What margin is asked for: the market, the venue's rules, an account, and a fill to try on it.

    `tables` where they are given must be those of the market within the audit's tolerance (`wrong_risk_tables`); they then
    count as they are, to the unit. Without them they are built here.
    """

    market: RiskInputs
    rules: MarginRules
    account: Account
    fill: Account | None = None
    tables: RiskTables | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.tables is None:
            return self
        if self.tables.inputs != self.market:
            raise InputError("wrong_risk_tables", "/tables/inputs", expected="the market's", actual="others")
        fault = audit_tables(self.tables)
        if fault is not None:
            expected = f"{fault.expected} within {fault.tolerance}"
            where = f"/tables/rows/{fault.asset.replace('~', '~0').replace('/', '~1')}/{fault.column}"
            raise InputError("wrong_risk_tables", where, expected=expected, actual=str(fault.actual))
        return self


def report_on(portfolio: Portfolio) -> dict[str, Any]:
    """Margin, worst scenarios, health, worst losses, and the fill's effect. Amounts are digits in strings.

    Raises InputError as `margin_of` and `worst_losses` do.
    """
    tables = portfolio.tables or build_tables(portfolio.market)
    account, rules = portfolio.account, portfolio.rules
    report: dict[str, Any] = {"tables": digest_of(tables), **_margin(margin_of(tables, rules, account), tables)}
    report["worst_losses"] = _worst_losses(portfolio, account)
    if portfolio.fill is None:
        return report
    effect = effect_of(tables, rules, account, portfolio.fill)
    after = _margin(effect.after, tables)
    after["worst_losses"] = _worst_losses(portfolio, account.after(portfolio.fill))
    verdict = None if effect.is_allowed else "insufficient_margin"
    return {**report, "fill": {"allowed": effect.is_allowed, "fault": verdict, "after": after}}


def _margin(margin: Margin, tables: RiskTables) -> dict[str, Any]:
    groups = [
        {
            "settlement": group.settlement,
            "underlying": group.underlying,
            "worst_scenario": None
            if group.worst_scenario is None
            else tables.inputs.scenarios[group.worst_scenario].to_wire(),
            **{
                name: str(getattr(group, name))
                for name in (
                    "scan",
                    "short_floor",
                    "short_add",
                    "tier_maintenance",
                    "tier_initial",
                    "maintenance",
                    "initial",
                    "delta",
                    "gamma",
                    "vega",
                )
            },
        }
        for group in margin.groups
    ]
    return {
        "equity": str(margin.equity),
        "initial_margin": str(margin.initial),
        "maintenance_margin": str(margin.maintenance),
        "free": str(margin.free),
        "health_bps": None if margin.health_bps is None else str(margin.health_bps),
        "healthy": margin.is_healthy,
        "groups": groups,
    }


def _worst_losses(portfolio: Portfolio, account: Account) -> list[dict[str, Any]]:
    losses = worst_losses(portfolio.market, account.positions)
    return [{**group._asdict(), "loss": None if loss is None else str(loss)} for group, loss in losses.items()]
