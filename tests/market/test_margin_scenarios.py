"""The scenario engine on integer tables: venues' own examples, laws, and a plain second computation in fractions."""

from fractions import Fraction
from math import ceil
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.market.margin.account import Account, Collateral, MarginRules, Tier
from engine.market.margin.scenarios import effect_of, margin_of, tier_margin
from engine.market.margin.tables import RiskTables, build_tables
from engine.market.margin.worst_loss import LossClass, worst_losses
from intents.errors import InputError
from tests.market.margin_books import (
    CASH,
    COIN,
    DAY,
    INVERSE_PERPETUAL,
    PERPETUAL,
    SCENARIOS,
    TIME,
    delta_one,
    grid,
    inputs,
    option,
    option_id,
)

ONE = 10**4
"""One whole contract in base units."""
CALL, PUT = option_id(10_000, "C"), option_id(10_000, "P")
LATER = option_id(10_000, "C", 60)
COIN_CALL = option_id(10_000, "C", 30, "inverse")
FUTURE = "derive:main/future:BTC"
BOOK = {
    CALL: option(),
    PUT: option(),
    LATER: option("0.65"),
    option_id(12_000, "C"): option("0.7"),
    COIN_CALL: option(settlement_decimals=8),
    PERPETUAL: delta_one(),
    INVERSE_PERPETUAL: delta_one("inverse", "10"),
    FUTURE: delta_one(days=30),
}
TABLES = build_tables(inputs(BOOK))
CASH_ONLY = {CASH: Collateral(price=(1, 1))}
# One coin unit (1e-8) is 1e4 * 1e6 / 1e8 = 100 units of the numeraire (1e-6 dollars).
COLLATERAL = {**CASH_ONLY, COIN: Collateral(price=(100, 1), haircut_bps=500)}
RULES = MarginRules(offset_bps=5000, short_floor_bps=100, initial_bps=12_500, collateral=COLLATERAL)


def test_a_perpetual_on_bybits_tiers() -> None:
    """Bybit help centre, "Maintenance Margin (USDT Contract)": 100 contracts at 35 USDT on rates of 2 to 4 %.

    Any excess beyond a tier pays the next rate: 20 + 25 + 30 + 17.5.
    """
    rates = (200, 250, 300, 350, 400)
    tiers = tuple(
        Tier(above=1_000_000_000 * number, initial_bps=1000, maintenance_bps=rate) for number, rate in enumerate(rates)
    )
    instrument = delta_one().model_copy(update={"forward": "35"})
    tables = build_tables(inputs({PERPETUAL: instrument}, grid((0,))))

    margin = margin_of(
        tables, MarginRules(tiers={PERPETUAL: tiers}, collateral=CASH_ONLY), Account(positions={PERPETUAL: -100 * ONE})
    )

    assert (margin.maintenance, margin.initial) == (92_500_000, 350_000_000)


BYBIT_BTC = [
    (2_000_000, 50, 0), (2_600_000, 56, 1_200), (3_200_000, 63, 3_020), (3_800_000, 67, 4_300), (4_400_000, 71, 5_820),
    (5_000_000, 77, 8_460), (5_600_000, 91, 15_460), (8_500_000, 100, 20_500), (10_000_000, 130, 46_000),
    (14_000_000, 150, 66_000), (20_000_000, 160, 80_000), (28_000_000, 200, 160_000), (38_000_000, 250, 300_000),
    (50_000_000, 290, 452_000), (55_000_000, 300, 502_000), (60_000_000, 350, 777_000), (65_000_000, 360, 837_000),
    (70_000_000, 380, 967_000), (75_000_000, 400, 1_107_000), (80_000_000, 450, 1_482_000),
]  # fmt: skip
"""Bybit, "Margin Parameters" of BTCUSDT: risk limit, maintenance rate in basis points, maintenance margin deduction."""


def test_marginal_tiers_are_bybits_published_deductions() -> None:
    lowers = [0, *(limit for limit, _, _ in BYBIT_BTC)]
    tiers = tuple(
        Tier(above=above, initial_bps=10_000, maintenance_bps=rate)
        for above, (_, rate, _) in zip(lowers, BYBIT_BTC, strict=False)
    )
    rules = MarginRules(tiers={PERPETUAL: tiers}, collateral=CASH_ONLY)
    for limit, rate, deduction in BYBIT_BTC:
        assert tier_margin(rules, PERPETUAL, limit)[1] == limit * rate // 10_000 - deduction


def test_a_position_on_hyperliquids_tiers() -> None:
    """Hyperliquid docs, "Margin tiers": BTC 40x to 150M and 20x above, maintenance half the initial rate.

    The deduction of the second tier is 150M * (2.5 % - 1.25 %) = 1.875M, so 200M need 200M * 2.5 % - 1.875M.
    """
    tiers = (
        Tier(above=0, initial_bps=250, maintenance_bps=125),
        Tier(above=150_000_000, initial_bps=500, maintenance_bps=250),
    )
    rules = MarginRules(tiers={PERPETUAL: tiers}, collateral=CASH_ONLY)

    assert tier_margin(rules, PERPETUAL, 200_000_000) == (6_250_000, 3_125_000)


def test_deribits_contingency_of_net_shorts_at_a_strike() -> None:
    """Deribit, "Portfolio Margin": "you have a position in strike X, call +10 and put -20, your net short position on
    strike X is -10, thus 10*0.01 BTC extra margin requirement"."""
    put = option_id(10_000, "P", 30, "inverse")
    tables = build_tables(inputs({COIN_CALL: BOOK[COIN_CALL], put: BOOK[COIN_CALL]}))
    rules = MarginRules(short_add_bps=100, collateral={COIN: Collateral(price=(1, 1))})

    group = margin_of(tables, rules, Account(positions={COIN_CALL: 10 * ONE, put: -20 * ONE})).groups[0]

    assert group.short_add == 10 * 1_000_000
    assert group.maintenance == group.scan + group.short_add


def test_within_an_expiry_positions_net_and_between_expiries_by_the_offset() -> None:
    parity = Account(positions={CALL: ONE, PUT: -ONE, FUTURE: -ONE})
    calendar = Account(positions={CALL: -ONE, LATER: ONE})

    def scan(account: Account, offset: int) -> int:
        rules = RULES.model_copy(update={"offset_bps": offset})
        return margin_of(TABLES, rules, account).groups[0].scan

    assert scan(parity, 0) <= sum(TABLES.rows[asset].width for asset in (CALL, PUT, FUTURE))
    assert scan(calendar, 10_000) < scan(calendar, 5000) < scan(calendar, 0)
    assert scan(calendar, 0) == scan(Account(positions={CALL: -ONE}), 0)


def test_an_uncovered_short_has_a_worst_scenario_and_a_floor() -> None:
    margin = margin_of(TABLES, RULES, Account(balances={CASH: 10**10}, positions={CALL: -ONE}))
    far = margin_of(TABLES, RULES, Account(positions={option_id(12_000, "C"): -1}))
    group, row = margin.groups[0], TABLES.rows[CALL]

    assert group.worst_scenario is not None
    assert SCENARIOS[group.worst_scenario] == grid((1600,), (3800,))[0]
    assert group.scan == max(row.pnl) + row.width
    assert group.short_floor == 100_000_000
    assert margin.maintenance == group.scan
    assert margin.initial == ceil(Fraction(group.scan * 5, 4))
    assert margin.equity == 10**10 - row.mark - row.width
    assert margin.is_healthy
    assert margin.health_bps == margin.equity * 10_000 // margin.maintenance
    assert far.groups[0].short_floor == 10_000


def test_collateral_is_cut_and_debts_are_added_to() -> None:
    assert margin_of(TABLES, RULES, Account(balances={COIN: 1001, CASH: 7})).equity == 95_095 + 7
    assert margin_of(TABLES, RULES, Account(balances={COIN: -1001})).equity == -105_105
    third = MarginRules(collateral={CASH: Collateral(price=(1, 3), haircut_bps=1)})
    assert margin_of(TABLES, third, Account(balances={CASH: 1})).equity == 0
    assert margin_of(TABLES, third, Account(balances={CASH: -1})).equity == -1


def test_an_inverse_account_owes_its_margin_in_coin_at_the_price_plus_the_haircut() -> None:
    margin = margin_of(TABLES, RULES, Account(balances={COIN: 10**8}, positions={INVERSE_PERPETUAL: 1000 * ONE}))
    group = margin.groups[0]

    assert (group.settlement, group.scan) == (COIN, 1000 * 19_048)
    assert margin.maintenance == 1000 * 19_048 * 105
    assert (group.delta, group.gamma) == (100_000_000, -200_000_000)


def test_a_fill_is_allowed_where_the_account_carries_it_or_it_reduces_risk() -> None:
    short = Account(balances={CASH: 700_000_000}, positions={CALL: -1})
    premium = TABLES.rows[CALL].mark

    carried = effect_of(
        TABLES, RULES, Account(balances={CASH: 10**10}), Account(positions={CALL: -ONE}, balances={CASH: premium})
    )
    refused = effect_of(TABLES, RULES, short, Account(positions={CALL: -10 * ONE}, balances={CASH: 10 * premium}))
    poor = Account(balances={CASH: 1000}, positions={CALL: -ONE})
    closing = effect_of(TABLES, RULES, poor, Account(positions={CALL: ONE}, balances={CASH: -premium}))

    assert carried.is_allowed
    assert not refused.is_allowed
    assert refused.after.free < 0
    assert closing.before.free < 0
    assert not closing.before.is_healthy
    assert closing.is_allowed
    assert closing.after.maintenance == 0


def test_a_poor_account_may_neither_overpay_for_safety_nor_buy_risk_with_a_gift() -> None:
    poor = Account(balances={CASH: 1000}, positions={CALL: -ONE})
    overpaid = effect_of(TABLES, RULES, poor, Account(positions={CALL: 1}, balances={CASH: -(10**9)}))
    gift = effect_of(TABLES, RULES, poor, Account(positions={CALL: -1}, balances={CASH: 10**7}))

    assert overpaid.after.initial < overpaid.before.initial
    assert gift.before.free < gift.after.free < 0
    assert not overpaid.is_allowed
    assert not gift.is_allowed
    assert effect_of(TABLES, RULES, poor, Account()).is_allowed
    assert effect_of(TABLES, RULES, poor, Account(balances={CASH: 1})).is_allowed
    assert not effect_of(TABLES, RULES, poor, Account(balances={CASH: -1})).is_allowed


def test_of_equally_bad_scenarios_the_first_is_named() -> None:
    group = margin_of(TABLES, RULES, Account(positions={PERPETUAL: ONE})).groups[0]

    assert (group.worst_scenario, group.scan) == (0, 1_600_000_000)


def test_net_shorts_at_a_strike_are_charged_at_the_dearest_forward_and_beside_the_tiers() -> None:
    tables = build_tables(inputs({CALL: option(forward="10100"), PUT: option(), PERPETUAL: delta_one()}, grid((0,))))
    tier = Tier(above=0, initial_bps=1000, maintenance_bps=500)
    rules = MarginRules(
        short_floor_bps=100, short_add_bps=50, tiers={PERPETUAL: (tier,)}, collateral=CASH_ONLY, initial_bps=10_000
    )

    group = margin_of(tables, rules, Account(positions={CALL: -ONE, PUT: -ONE, PERPETUAL: -ONE})).groups[0]

    assert (group.short_floor, group.short_add) == (202_000_000, 101_000_000)
    assert group.maintenance == 202_000_000 + 500_000_000 + 101_000_000
    assert group.initial == 202_000_000 + 1_000_000_000 + 101_000_000


SIZES = st.dictionaries(st.sampled_from(sorted(BOOK)), st.integers(-50 * ONE, 50 * ONE), max_size=8)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(positions=SIZES, offset=st.sampled_from([0, 3333, 10_000]))
def test_the_engine_is_the_plain_sum_in_fractions(positions: dict[str, int], offset: int) -> None:
    rules = RULES.model_copy(update={"offset_bps": offset})

    margin = margin_of(TABLES, rules, Account(positions=positions))

    assert {(group.settlement, group.underlying): group.scan for group in margin.groups} == plain_scans(
        TABLES, positions, offset
    )


def plain_scans(tables: RiskTables, positions: dict[str, int], offset: int) -> dict[tuple[str, str], int]:
    expiries: dict[tuple[str, str], dict[int | None, list[tuple[str, Fraction]]]] = {}
    for asset, amount in positions.items():
        if amount:
            inverse = "-inv-" in asset or asset == INVERSE_PERPETUAL
            days = None if "perp" in asset else 60 if asset == LATER else 30
            group = expiries.setdefault((COIN if inverse else CASH, "BTC"), {})
            group.setdefault(days, []).append((asset, Fraction(amount, ONE)))
    scans = {}
    for key, held in expiries.items():
        losses = [Fraction(0)]
        for scenario in range(len(tables.inputs.scenarios)):
            sums = []
            for terms in held.values():
                cells = ((tables.rows[asset], size) for asset, size in terms)
                sums.append(sum(size * (row.pnl[scenario] + (row.width if size < 0 else 0)) for row, size in cells))
            gains = sum(value for value in sums if value > 0)
            losses.append(-sum(value for value in sums if value < 0) - gains * Fraction(offset, 10_000))
        scans[key] = ceil(max(losses))
    return scans


@settings(derandomize=True, max_examples=30, deadline=None)
@given(positions=SIZES, other=SIZES)
def test_two_accounts_together_need_no_more_than_apart(positions: dict[str, int], other: dict[str, int]) -> None:
    rules = RULES.model_copy(update={"offset_bps": 10_000})
    left, right = Account(positions=positions), Account(positions=other)

    together = margin_of(TABLES, rules, left.after(right)).maintenance
    apart = margin_of(TABLES, rules, left).maintenance + margin_of(TABLES, rules, right).maintenance

    assert together <= apart + 1


@settings(derandomize=True, max_examples=30, deadline=None)
@given(balances=st.dictionaries(st.sampled_from([CASH, COIN]), st.integers(-(10**9), 10**9)), more=st.integers(0, 99))
def test_more_collateral_is_never_worth_less(balances: dict[str, int], more: int) -> None:
    account = Account(balances=balances)
    for asset in (CASH, COIN):
        richer = account.after(Account(balances={asset: more}))
        assert margin_of(TABLES, RULES, richer).equity >= margin_of(TABLES, RULES, account).equity


def test_the_worst_loss_looks_at_every_price() -> None:
    spread = {CALL: -ONE, option_id(12_000, "C"): ONE}
    fixing = LossClass(CASH, "BTC", "index.btc", "linear", TIME + 30 * DAY)

    assert worst_losses(TABLES.inputs, spread) == {fixing: 2000 * 10**6}
    assert worst_losses(TABLES.inputs, {CALL: -ONE}) == {fixing: None}
    assert worst_losses(TABLES.inputs, {PUT: -ONE}) == {fixing: 10_000 * 10**6}
    # A covered call, by a future marked at 10000: all is lost at 0, nothing more.
    assert worst_losses(TABLES.inputs, {CALL: -ONE, FUTURE: ONE}) == {fixing: 10_000 * 10**6}
    assert worst_losses(TABLES.inputs, {PERPETUAL: ONE}) == {}


def test_the_worst_loss_of_inverse_contracts_is_in_coin() -> None:
    """A naked short inverse call can lose one coin, approached but not attained; a long inverse future without bound."""
    fixing = LossClass(COIN, "BTC", "index.btc", "inverse", TIME + 30 * DAY)
    future = "deribit:main/future:BTC"
    book = inputs({COIN_CALL: BOOK[COIN_CALL], future: delta_one("inverse", "10", 30)})

    assert worst_losses(book, {COIN_CALL: -ONE}) == {fixing: 10**8}
    assert worst_losses(book, {future: ONE}) == {fixing: None}
    # Short 10 dollars of the future at 10000 can lose 10/10000 coins as the price grows.
    assert worst_losses(book, {future: -ONE}) == {fixing: 100_000}
    assert worst_losses(book, {COIN_CALL: -1}) == {fixing: 10**8 // ONE}


def test_what_has_no_row_price_or_tier_is_refused() -> None:
    perpetual_tier = (Tier(above=0, initial_bps=100, maintenance_bps=50),)
    for code, rules, account in [
        ("unknown_instrument", RULES, Account(positions={"derive:main/perp:ETH": 1})),
        ("no_collateral_price", RULES, Account(balances={"derive:main/coin:ETH": 1})),
        ("no_collateral_price", MarginRules(collateral=CASH_ONLY), Account(positions={COIN_CALL: -1})),
        ("bad_tiers", MarginRules(collateral=CASH_ONLY, tiers={CALL: perpetual_tier}), Account(positions={CALL: 1})),
    ]:
        with pytest.raises(InputError) as error:
            margin_of(TABLES, rules, account)
        assert error.value.code == code


def test_rules_that_contradict_themselves_are_refused() -> None:
    good = RULES.to_wire()
    falling = [{"above": "0", "initial_bps": 1, "maintenance_bps": 2}]
    gap = [{"above": "5", "initial_bps": 2, "maintenance_bps": 1}]
    free = {CASH: {"price": ["0", "1"]}}
    changes: list[tuple[str, dict[str, Any]]] = [
        ("bad_tiers", {"tiers": {PERPETUAL: falling}}),
        ("bad_tiers", {"tiers": {PERPETUAL: gap}}),
        ("zero_price", {"collateral": free}),
    ]
    for code, change in changes:
        with pytest.raises(InputError) as error:
            MarginRules.from_wire({**good, **change})
        assert error.value.code == code
