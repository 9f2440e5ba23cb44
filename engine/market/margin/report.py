"""A hypothetical portfolio as a document, and all that can be said of it, as another."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from engine.market.margin.account import Account, MarginRules
from engine.market.margin.inputs import RiskInputs, Scenario
from engine.market.margin.scenarios import FillEffect, GroupMargin, Margin, margin_of
from engine.market.margin.tables import RiskTables, audit_tables, build_tables, digest_of
from engine.market.margin.worst_loss import worst_losses
from intents.errors import InputError
from intents.identifiers import AssetId
from intents.instruments import Style
from intents.values import SignedAmount, Value, input_error


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


class GroupReport(Value):
    """One settlement asset and underlying, in base units of the first, as in `scenarios.GroupMargin`."""

    settlement: AssetId
    underlying: str
    worst_scenario: Scenario | None
    scan: SignedAmount
    short_floor: SignedAmount
    short_add: SignedAmount
    tier_maintenance: SignedAmount
    tier_initial: SignedAmount
    maintenance: SignedAmount
    initial: SignedAmount
    delta: SignedAmount
    gamma: SignedAmount
    vega: SignedAmount


class LossReport(Value):
    """The most that one expiry can lose, in base units of its settlement asset; none where that has no bound."""

    settlement: AssetId
    underlying: str
    settlement_index: str
    style: Style
    expiry_seconds: int
    loss: SignedAmount | None


class AccountReport(Value):
    """An account's margin in base units of the numeraire."""

    equity: SignedAmount
    initial_margin: SignedAmount
    maintenance_margin: SignedAmount
    free: SignedAmount
    health_bps: SignedAmount | None
    healthy: bool
    groups: tuple[GroupReport, ...]
    worst_losses: tuple[LossReport, ...]


class FillReport(Value):
    """Whether the account may take the fill, and its margin afterwards."""

    allowed: bool
    fault: Literal["insufficient_margin"] | None
    after: AccountReport


class MarginReport(AccountReport):
    """The answer for a portfolio; `tables` is the content address of the tables that it was computed on."""

    tables: str
    fill: FillReport | None


def report_on(portfolio: Portfolio) -> MarginReport:
    """Margin, worst scenarios, health and worst losses of the account, and what the fill does to them.

    Raises InputError as `build_tables`, `margin_of` and `worst_losses` do, or `amount_out_of_range`.
    """
    tables = portfolio.tables or build_tables(portfolio.market)
    account, fill = portfolio.account, portfolio.fill
    try:
        return report_of(tables, portfolio.rules, account, None if fill is None else account.after(fill))
    except ValidationError as error:  # values made here, not read
        raise input_error(error) from None


def report_of(tables: RiskTables, rules: MarginRules, account: Account, after: Account | None) -> MarginReport:
    """As `report_on`, of an account that a fill, where there is one, turns into `after`. Raises ValidationError for sums."""
    now, fill = margin_of(tables, rules, account), None
    if after is not None:
        effect = FillEffect(now, margin_of(tables, rules, after))
        fill = FillReport(
            allowed=effect.is_allowed,
            fault=None if effect.is_allowed else "insufficient_margin",
            after=_account_report(tables, after, effect.after),
        )
    return MarginReport(**dict(_account_report(tables, account, now)), tables=digest_of(tables), fill=fill)


def _account_report(tables: RiskTables, account: Account, margin: Margin) -> AccountReport:
    losses = worst_losses(tables.inputs, account.positions)
    return AccountReport(
        equity=margin.equity,
        initial_margin=margin.initial,
        maintenance_margin=margin.maintenance,
        free=margin.free,
        health_bps=margin.health_bps,
        healthy=margin.is_healthy,
        groups=tuple(_group_report(tables, group) for group in margin.groups),
        worst_losses=tuple(LossReport(**group._asdict(), loss=loss) for group, loss in losses.items()),
    )


def _group_report(tables: RiskTables, group: GroupMargin) -> GroupReport:
    worst = None if group.worst_scenario is None else tables.inputs.scenarios[group.worst_scenario]
    return GroupReport(**{**asdict(group), "worst_scenario": worst})
