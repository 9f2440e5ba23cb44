"""Margin of an account on integer risk tables: exact, without floats, the same on every machine.

Guarantees
1. Per (settlement asset, underlying) and scenario: positions of one expiry net fully; an expiry's gain counts against
   other expiries' losses by `offset_bps`, rounded down. Perpetuals are an expiry of their own. The scan is the greatest
   loss over the scenarios, at least 0; different underlyings and settlement assets never offset each other.
2. Maintenance of a group = max(scan, short floor + the perpetuals' tiers) + short add-on; initial = max(maintenance *
   initial_bps, short floor + tiers at their initial rates + add-on). Tiers are marginal: each rate applies to its part of
   the notional, which is a venue's "rate * notional - deduction".
3. Equity = balances and marks of what was bought at their collateral's price: gains less the haircut, rounded down, debts plus it,
   rounded up. Requirements are converted at the price plus the haircut of the settlement asset, rounded up. All in
   numeraire.
4. One base unit more of any collateral never lowers equity; each rounding is against the account.

It does not: price anything (engine.market.margin.tables), move collateral prices within a scenario (haircuts stand for
that), or net an option's short floor over strikes. `offset_bps` below 10000 makes hedging by another expiry dearer.
Sources: CME SPAN (risk arrays, short option minimum); Deribit, "Portfolio Margin" (contingency of net shorts per strike);
Derive, "Portfolio Margin" (initial from maintenance by a factor); Hyperliquid, "Margin tiers" (maintenance deduction).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.market.margin.account import Account, MarginRules
from engine.market.margin.inputs import Terms, terms_of
from engine.market.margin.tables import RiskTables, Row
from intents.errors import InputError
from intents.identifiers import AssetId
from intents.payoff import BASIS

_FINEST = 36
"""Positions are brought to this many decimals (the most an instrument may have), so that sums stay integers."""
_WHOLE: int = 10**_FINEST

Group = tuple[AssetId, str]
"""Settlement asset and underlying."""


@dataclass(frozen=True, slots=True)
class GroupMargin:
    """One group's margin, in base units of its settlement asset; the scenario is None where none loses."""

    settlement: AssetId
    underlying: str
    worst_scenario: int | None
    scan: int
    short_floor: int
    short_add: int
    tier_maintenance: int
    tier_initial: int
    maintenance: int
    initial: int
    delta: int
    gamma: int
    vega: int


@dataclass(frozen=True, slots=True)
class Margin:
    """An account's margin, in base units of the numeraire, with its groups in order."""

    equity: int
    maintenance: int
    initial: int
    groups: tuple[GroupMargin, ...]

    @property
    def is_healthy(self) -> bool:
        """Whether equity covers the maintenance margin; otherwise the account may be liquidated."""
        return self.equity >= self.maintenance

    @property
    def free(self) -> int:
        """Equity above the initial margin; negative where nothing may be opened."""
        return self.equity - self.initial

    @property
    def health_bps(self) -> int | None:
        """Equity over maintenance margin in basis points, rounded down; None where no margin is needed."""
        return self.equity * BASIS // self.maintenance if self.maintenance else None


@dataclass(frozen=True, slots=True)
class FillEffect:
    """An account's margin before and after a fill.

    Allowed: afterwards equity covers the initial margin, or the account is no worse off: it needs no more initial margin
    than before, and `free` is not lower.
    """

    before: Margin
    after: Margin

    @property
    def is_allowed(self) -> bool:
        """False is `insufficient_margin`."""
        no_riskier = self.after.initial <= self.before.initial and self.after.free >= self.before.free
        return self.after.free >= 0 or no_riskier


class _Positions:
    """What one group holds, in base units of the settlement asset times _WHOLE."""

    def __init__(self, scenarios: int) -> None:
        self.pnl: dict[int | None, list[int]] = {}
        self.scenarios = scenarios
        self.mark = self.delta = self.gamma = self.vega = 0
        self.tiers = [0, 0]
        self.net: dict[tuple[int | None, object], list[int]] = {}

    def add(self, terms: Terms, row: Row, size: int) -> None:
        """Take in `size` (whole contracts times _WHOLE) of an instrument: shorts at the upper end of each cell."""
        over, over_greek = (size * row.width, size * row.greek_width) if size < 0 else (0, 0)
        held = self.pnl.get(terms.expiry_seconds)
        if held is None:
            self.pnl[terms.expiry_seconds] = [size * cell + over for cell in row.pnl]
        else:
            self.pnl[terms.expiry_seconds] = [
                sum_ + size * cell + over for sum_, cell in zip(held, row.pnl, strict=True)
            ]
        self.delta += size * row.delta + over_greek
        self.gamma += size * row.gamma + over_greek
        self.vega += size * row.vega + over_greek
        if terms.is_bought:
            self.mark += size * row.mark + over
        if terms.strike is not None:
            net = self.net.setdefault((terms.expiry_seconds, terms.strike), [0, 0])
            net[0] += size
            net[1] = max(net[1], row.notional)

    def scan(self, offset_bps: int) -> tuple[int | None, int]:
        """The worst scenario and its loss, by the rule of netting between expiries."""
        worst, loss = None, 0
        for position in range(self.scenarios):
            cells = [pnl[position] for pnl in self.pnl.values()]
            gains = sum(cell for cell in cells if cell > 0)
            total = sum(cells) - gains + gains * offset_bps // BASIS
            if -total > loss:
                worst, loss = position, -total
        return worst, loss

    def net_short_value(self) -> int:
        """The underlying's value per whole option net short, summed over expiries and strikes."""
        return sum(-size * notional for size, notional in self.net.values() if size < 0)


def margin_of(tables: RiskTables, rules: MarginRules, account: Account) -> Margin:
    """The account's margin.

    Raises InputError `unknown_instrument` (a position without a row), `no_collateral_price` (a balance or settlement asset
    that the rules do not price), `bad_tiers` (tiers of an instrument that is no perpetual).
    """
    groups: dict[Group, _Positions] = {}
    for asset, position in sorted(account.positions.items()):
        if position:
            _take_in(tables, rules, groups, asset, position)
    results = tuple(_group_margin(rules, group, groups[group]) for group in sorted(groups))
    balances = {asset: amount * _WHOLE for asset, amount in account.balances.items()}
    for (settlement, _), held in groups.items():
        balances[settlement] = balances.get(settlement, 0) + held.mark
    equity = sum(_worth(rules, asset, amount, _WHOLE) for asset, amount in balances.items())
    return Margin(
        equity=equity,
        maintenance=sum(-_worth(rules, group.settlement, -group.maintenance, 1) for group in results),
        initial=sum(-_worth(rules, group.settlement, -group.initial, 1) for group in results),
        groups=results,
    )


def effect_of(tables: RiskTables, rules: MarginRules, account: Account, change: Account) -> FillEffect:
    """What a fill that changes balances and positions by `change` would do to the account's margin."""
    return FillEffect(margin_of(tables, rules, account), margin_of(tables, rules, account.after(change)))


def _take_in(
    tables: RiskTables, rules: MarginRules, groups: dict[Group, _Positions], asset: AssetId, position: int
) -> None:
    row, instrument = tables.rows.get(asset), tables.inputs.instruments.get(asset)
    if row is None or instrument is None:
        raise InputError("unknown_instrument", "/positions", expected="an instrument with a row", actual=asset)
    terms = terms_of(asset, instrument)
    size: int = position * 10 ** (_FINEST - instrument.decimals)
    group = terms.settlement, terms.underlying
    if group not in groups:
        groups[group] = _Positions(len(tables.inputs.scenarios))
    groups[group].add(terms, row, size)
    if asset in rules.tiers:
        if terms.expiry_seconds is not None:
            raise InputError("bad_tiers", "/tiers", expected="a perpetual", actual=asset)
        initial, maintenance = tier_margin(rules, asset, _round_up(abs(size) * row.notional))
        groups[group].tiers[0] += initial
        groups[group].tiers[1] += maintenance


def tier_margin(rules: MarginRules, asset: AssetId, notional: int) -> tuple[int, int]:
    """Initial and maintenance margin of a perpetual's notional by its tiers, in the notional's units, rounded up."""
    initial = maintenance = 0
    tiers = rules.tiers[asset]
    for position, tier in enumerate(tiers):
        top = tiers[position + 1].above if position + 1 < len(tiers) else notional
        part = max(0, min(notional, top) - tier.above)
        initial += part * tier.initial_bps
        maintenance += part * tier.maintenance_bps
    return -(-initial // BASIS), -(-maintenance // BASIS)


def _group_margin(rules: MarginRules, group: Group, held: _Positions) -> GroupMargin:
    worst, loss = held.scan(rules.offset_bps)
    scan, short = _round_up(loss), held.net_short_value()
    floor, add = (_round_up(short * rate, BASIS) for rate in (rules.short_floor_bps, rules.short_add_bps))
    tier_initial, tier_maintenance = held.tiers
    maintenance = max(scan, floor + tier_maintenance) + add
    initial = max(-(-maintenance * rules.initial_bps // BASIS), floor + tier_initial + add)
    return GroupMargin(
        settlement=group[0],
        underlying=group[1],
        worst_scenario=worst,
        scan=scan,
        short_floor=floor,
        short_add=add,
        tier_maintenance=tier_maintenance,
        tier_initial=tier_initial,
        maintenance=maintenance,
        initial=initial,
        delta=held.delta // _WHOLE,
        gamma=held.gamma // _WHOLE,
        vega=held.vega // _WHOLE,
    )


def _round_up(amount: int, divisor: int = 1) -> int:
    return -(-amount // (_WHOLE * divisor))


def _worth(rules: MarginRules, asset: AssetId, amount: int, scale: int) -> int:
    """What amount / scale is worth in numeraire: a claim less its haircut, a debt plus it, rounded down."""
    if not amount:
        return 0
    collateral = rules.collateral.get(asset)
    if collateral is None:
        raise InputError("no_collateral_price", "/rules/collateral", expected="a price of the asset", actual=asset)
    numerator, denominator = collateral.price
    counted = BASIS - collateral.haircut_bps if amount > 0 else BASIS + collateral.haircut_bps
    return amount * numerator * counted // (denominator * BASIS * scale)
