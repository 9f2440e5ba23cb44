"""What margin allows, as linear rows for optimising solvers (see `solvers.wishes` for their form).

With z the change of positions of one expiry and k the rules' factor from maintenance to initial margin, margin asks

    slack >= -(marks of z) - k * (gain of z in scenario s) + k * (short add-on of z)          for each scenario s
    slack >= -(marks of z) + k * (short floor and add-on of z) + tiers of z

each leg for itself, so floors, add-ons and tiers are over-estimates, and what two slacks ask for is at least what both
expiries ask together (initial margin is subadditive: the most of sums is at most the sum of mosts). So where all slacks
and the payment are covered by the equity above today's initial margin, `engine.auction.margin` carries the account; the
reverse is not true. Claims count less and debts more by the settlement asset's haircut, in units of a debt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from engine.auction.margin import AccountKey, margin_after, owes_nothing
from engine.auction.problem import Intent, Problem
from engine.market.margin.account import MarginRules
from engine.market.margin.place import PlaceRisk
from engine.market.margin.scenarios import Margin
from intents.identifiers import place_of
from intents.instruments import Instrument
from intents.payoff import BASIS
from solvers.rows import Cap, Row

ROUNDING_UNITS = 10
"""More than all roundings of an account's margin against its holder together, in base units of the settlement asset."""

Weights = tuple[dict[str, Fraction], dict[str, Fraction]]
"""Of a unit bought and of a unit sold, by asset."""


def needs_margin(
    problem: Problem, intent: Intent, fixed: Mapping[str, int], instruments: Mapping[str, Instrument]
) -> bool:
    """Whether the wish is to be covered by margin: at a place that has it, unless owner and wish can owe nothing anyway."""
    owner = intent.outcome.owner
    places = {terms.place for terms in instruments.values()}
    if not all(problem.has_margin(owner, terms.settlement) for terms in instruments.values()):
        return False
    nothing = all(owes_nothing(problem, AccountKey(owner, place), {}) for place in places)
    return (
        bool(intent.outcome.max_escrow)
        or not nothing
        or any(not owes_nothing(problem, AccountKey(owner, place), dict(fixed)) for place in places)
    )


def margin_cover(
    problem: Problem, intent: Intent, instruments: Mapping[str, Instrument], quote: str, limit: int
) -> tuple[list[Row], list[Cap]] | str:
    """Rows and a cap under which margin carries all that the wish buys and sells, for at most `limit` of the quote.

    Or why there are none: not everything settles in the quote, or has a row, or the account has too little as it is.
    """
    expiries: dict[tuple[str, int | None], list[str]] = {}
    for asset, terms in instruments.items():
        if terms.settlement != quote:
            return "margin_in_another_asset"
        expiries.setdefault((terms.underlying, terms.expiry_seconds), []).append(asset)
    risk = problem.snapshot.risk[place_of(quote)]
    if not instruments.keys() <= risk.tables.rows.keys():
        return "no_risk_row"
    rows, names = [], []
    for number, assets in enumerate(expiries.values()):
        names.append(f"margin{number}")
        for longs, shorts in margin_weights(risk, quote, assets):
            rows.append(Row(longs, shorts, Fraction(0), {names[-1]: Fraction(1)}, Fraction(0)))
    budget = margin_budget(problem, intent.outcome.owner, quote)
    if budget < 0:
        return "insufficient_margin"
    return rows, [Cap(tuple(names), -limit, quote, is_escrow=False, fixed=budget)]


def margin_budget(problem: Problem, owner: str, asset: str) -> int:
    """What the owner may pay or owe of a token above the initial margin of its account; negative where that is not met."""
    place = place_of(asset)
    now = margin_after(problem, AccountKey(owner, place), {})
    collateral = problem.snapshot.risk[place].rules.collateral[asset]
    if not isinstance(now, Margin):
        return 0
    numerator, denominator = collateral.price
    return now.free * denominator * BASIS // (numerator * (BASIS + collateral.haircut_bps)) - ROUNDING_UNITS


def spendable(problem: Problem, owner: str, asset: str) -> int:
    """What an owner can pay of a token without owing it, and without the margin of what it is short of."""
    free, place = problem.free(owner, asset), place_of(asset)
    if free <= 0 or not problem.has_margin(owner, asset) or asset not in problem.snapshot.risk[place].rules.collateral:
        return max(0, free)
    if owes_nothing(problem, AccountKey(owner, place), {}):
        return free
    return max(0, min(free, margin_budget(problem, owner, asset)))


def margin_weights(risk: PlaceRisk, settlement: str, assets: Iterable[str]) -> list[Weights]:
    """The weights of the rows above for instruments that settle in one asset; all must have a row in the tables."""
    rules, names = risk.rules, sorted(assets)
    haircut = rules.collateral[settlement].haircut_bps
    claims, factor = Fraction(BASIS - haircut, BASIS + haircut), Fraction(rules.initial_bps, BASIS)
    floor, add = Fraction(rules.short_floor_bps, BASIS), Fraction(rules.short_add_bps, BASIS)
    rows = {asset: risk.tables.rows[asset] for asset in names}
    units = {asset: Fraction(1, 10 ** risk.tables.inputs.instruments[asset].decimals) for asset in names}
    found: list[Weights] = []
    for scenario in range(len(risk.tables.inputs.scenarios)):
        longs = {a: units[a] * (claims * row.mark + factor * row.pnl[scenario]) for a, row in rows.items()}
        shorts = {
            a: units[a]
            * (row.mark + row.width + factor * (row.pnl[scenario] + row.width) + factor * add * row.notional)
            for a, row in rows.items()
        }
        found.append((longs, shorts))
    tiers = {asset: _tier_rate(rules, asset, factor) * row.notional for asset, row in rows.items()}
    bought = {a: units[a] * (claims * row.mark - tiers[a]) for a, row in rows.items()}
    sold = {
        a: units[a] * (row.mark + row.width + factor * (floor + add) * row.notional + tiers[a])
        for a, row in rows.items()
    }
    return [*found, (bought, sold)]


def _tier_rate(rules: MarginRules, asset: str, factor: Fraction) -> Fraction:
    """No less than the margin of any notional, as a share of it."""
    rates = (max(factor * tier.maintenance_bps, Fraction(tier.initial_bps)) for tier in rules.tiers.get(asset, ()))
    return max(rates, default=Fraction(0)) / BASIS
