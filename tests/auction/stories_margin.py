"""Stories of margin accounts and exposure bounds (docs/rules.md, section 3).

A whole option has 10^6 base units, and 10 units of BTC are one of the numeraire, in which margin is reckoned. The call on
10,000 is worth 50,000 units of BTC and gains 80,000 in the scenario of a rise, 1 more of each for who is short: so a call
sold naked for 50,000 needs 80,001 of BTC more, which is 8,001 of the numeraire.
"""

from typing import Any

from engine.auction.problem import Holding, Intent
from engine.auction.solution import Solution
from engine.market.margin.account import Tier
from engine.market.margin.place import PlaceRisk
from intents.outcome import ExposureBound
from tests.auction.builders import (
    ALICE,
    BOB,
    BTC,
    USD,
    book,
    fill,
    give,
    intent,
    leg,
    option,
    place_risk,
    problem,
    row,
    take,
)
from tests.auction.story import Tale, accepted, refused

ONE = 1_000_000
CALL, PUT, LINEAR, CALL_9 = option(10000), option(8000, "P"), option(10000, style="lin"), option(9000)
EXPIRED = CALL.replace("20200626", "20010601")
FUTURE = "deribit:main/future:BTC-20200626T08-inv-coin.BTC-deribit.btc"
PERPETUAL = "deribit:main/perp:BTC-inv-coin.BTC-deribit.btc"
COIN_PERPETUAL = "deribit:main/perp:BTC-lin-coin.BTC-deribit.btc"
SHORT_GREEKS = (40_000, 7, 9)
ROWS = {
    CALL: row(-30_000, 80_000, mark=50_000, greeks=SHORT_GREEKS),
    PUT: row(20_000, -10_000, mark=10_000, greeks=(-9_000, 3, 5)),
    PERPETUAL: row(11, -9, mark=100),
    COIN_PERPETUAL: row(-5_000, 5_000, mark=50_000).model_copy(update={"notional": 50_000}),
}
RISK, DEAR = place_risk(ROWS), place_risk(ROWS, initial_bps=20_000)


def _sells(asset: str = CALL, least: int = 50_000, amount: int = ONE, **more: Any) -> Intent:
    return intent("naked", {asset: amount}, {BTC: least}, **({"units": 1} | more))


def _sold(
    held: dict[str, int | tuple[int, int]],
    *,
    asset: str = CALL,
    price: int = 50,
    wish: Intent | None = None,
    risk: PlaceRisk | None = RISK,
) -> Tale:
    """One whole option sold to a book, that many thousandths of a BTC unit for a unit of it."""
    state, got = book(asset, asks=[], bids=[(price, 2 * ONE)]), price * 1000
    wish = wish or _sells(asset, got)
    solution = Solution(
        fills=(fill("naked", 1, {asset: ONE}, {BTC: got}),),
        legs=(leg(state.id, {asset: ONE}, {BTC: got}, level="bid:0"),),
    )
    extra = tuple(name for name in (*ROWS, LINEAR, FUTURE, CALL_9, EXPIRED) if name != asset)
    return problem([wish], states=[state], holdings={ALICE: held}, extra_assets=extra, risk=risk), solution


@accepted()
def a_naked_call_that_margin_carries() -> Tale:
    return _sold({BTC: 80_011})


@refused("insufficient_margin", "/fills/0")
def a_naked_call_one_unit_short_of_margin() -> Tale:
    return _sold({BTC: 80_010})


@refused("escrow_over_max", "/fills/0")
def the_same_call_where_nobody_has_margin() -> Tale:
    return _sold({BTC: 2 * ONE}, risk=None)


@refused("insufficient_margin", "/fills/0")
def collateral_that_is_reserved_carries_nothing() -> Tale:
    return _sold({BTC: (80_011, 1)})


@accepted()
def an_inverse_put_that_no_escrow_could_cover() -> Tale:
    """It loses 20,001 in a fall, and is worth as much as is got for it, less the unit that shorts count more."""
    return _sold({BTC: 20_011}, asset=PUT, price=10)


@refused("insufficient_margin", "/fills/0")
def an_inverse_put_one_unit_short() -> Tale:
    return _sold({BTC: 20_010}, asset=PUT, price=10)


@accepted()
def a_put_held_lessens_what_a_call_needs() -> Tale:
    """In the rise both lose, 90,001; but the put is worth 10,000."""
    return _sold({BTC: 80_011, PUT: ONE})


@refused("insufficient_margin", "/fills/0")
def a_haircut_takes_from_collateral_and_adds_to_debts() -> Tale:
    return _sold({BTC: 80_011}, risk=place_risk(ROWS, haircut_bps=1))


@refused("insufficient_margin", "/fills/0")
def initial_margin_is_more_than_maintenance() -> Tale:
    return _sold({BTC: 80_011}, risk=place_risk(ROWS, initial_bps=10_002))


# -- Accounts that have too little already. ---------------------------------------------------------------------------


def _closes(held: dict[str, int | tuple[int, int]], *, price: int = 50) -> Tale:
    """Half a call bought back."""
    state, cost = book(CALL, asks=[(price, ONE)], bids=[]), price * 500
    wish = intent("back", {BTC: cost}, {CALL: ONE // 2}, units=1)
    solution = Solution(
        fills=(fill("back", 1, {BTC: cost}, {CALL: ONE // 2}),),
        legs=(leg(state.id, {BTC: cost}, {CALL: ONE // 2}, level="ask:0"),),
        prices={wish.group: (ONE // 2, cost)},
    )
    return problem(
        [wish], states=[state], holdings={ALICE: held}, extra_assets=(PUT, PERPETUAL, COIN_PERPETUAL), risk=RISK
    ), solution


@accepted()
def a_poor_account_may_close() -> Tale:
    return _closes({BTC: 60_000, CALL: -ONE})


@accepted()
def a_poor_account_may_owe_what_it_closes_with() -> Tale:
    return _closes({BTC: 10_000, CALL: -ONE})


@refused("insufficient_margin", "/fills/0")
def a_poor_account_may_not_overpay_to_close() -> Tale:
    """Half the call less is 40,000 of margin less; it pays 65,100 for what is worth 25,000."""
    return _closes({BTC: 60_000, CALL: -ONE}, price=131)


@refused("insufficient_margin", "/fills/0")
def a_poor_account_may_not_sell_more() -> Tale:
    return _sold({BTC: 60_000, CALL: -ONE}, price=130)


def _exchanged(asset: str, held: dict[str, int | tuple[int, int]]) -> Tale:
    """Alice gives Bob ten units of an asset for ten of BTC."""
    swap, back = intent("swap", {asset: 10}, {BTC: 10}), intent("back", {BTC: 10}, {asset: 10}, owner=BOB)
    solution = Solution(
        fills=(fill("swap", 10, {asset: 10}, {BTC: 10}), fill("back", 10, {BTC: 10}, {asset: 10})),
        prices={swap.group: (1, 1), back.group: (1, 1)},
    )
    extra = tuple(name for name in (asset, *ROWS) if name != USD)
    return problem([swap, back], states=[], holdings={ALICE: held}, extra_assets=extra, risk=RISK), solution


@accepted()
def a_poor_account_may_be_paid_in() -> Tale:
    """Nothing else changes: its margin is what it was."""
    return _exchanged(USD, {USD: 10, BTC: -100_000, CALL: -ONE})


# -- What may be owed, and by whom. -----------------------------------------------------------------------------------


@refused("insufficient_balance", "")
def a_token_that_nothing_settles_in_is_not_owed() -> Tale:
    coin = "deribit:main/coin:ETH"
    return _exchanged(coin, {coin: 9, BTC: ONE})


def _buys(held: int, *, stage: int = 0, puts: int = 0, risk: PlaceRisk = RISK, **more: Any) -> Tale:
    """A call for 20,000: worth 50,000, of which 30,000 may be lost."""
    state = book(CALL, asks=[(20, ONE)])
    wish = intent("call", {BTC: 20_000}, {CALL: ONE}, **({"units": 1} | more))
    solution = Solution(
        fills=(fill("call", 1, {BTC: 20_000}, {CALL: ONE}, stage=stage),),
        legs=(leg(state.id, {BTC: 20_000}, {CALL: ONE}, level="ask:0"),),
        prices={wish.group: (50, 1)},
    )
    held_by = {ALICE: {BTC: held, PUT: puts}}
    return problem(
        [wish], states=[state], holdings=held_by, extra_assets=(PUT, PERPETUAL, COIN_PERPETUAL), risk=risk
    ), solution


@accepted()
def what_is_bought_carries_what_is_owed_for_it() -> Tale:
    return _buys(0)


@refused("insufficient_margin", "/fills/0")
def more_is_owed_than_what_is_bought_carries() -> Tale:
    return _buys(-1)


@accepted()
def who_pays_for_an_option_needs_no_margin() -> Tale:
    """By twice 30,000 of it the account is short; but it can owe nothing."""
    return _buys(20_000, risk=DEAR)


@refused("insufficient_margin", "/fills/0")
def who_owes_a_unit_for_it_does() -> Tale:
    return _buys(19_999, risk=DEAR)


@accepted()
def a_short_that_a_longer_strike_covers_owes_nothing() -> Tale:
    return _sold({CALL_9: ONE}, risk=DEAR)


@refused("insufficient_margin", "/fills/0")
def a_short_that_a_longer_strike_does_not_cover_whole() -> Tale:
    return _sold({CALL_9: ONE - 1}, risk=DEAR)


@refused("receiver_not_allowed", "/fills/0/out/" + CALL.replace("/", "~1"))
def nobody_is_given_a_position() -> Tale:
    return _buys(ONE, receiver=BOB)


@accepted()
def a_delivery_at_a_later_stage_of_what_is_paid() -> Tale:
    return _buys(20_000, stage=1, refund={BTC: 20_000})


@refused("insufficient_margin", "/fills/0")
def what_comes_at_a_later_stage_carries_nothing_until_then() -> Tale:
    return _buys(19_999, stage=1, refund={BTC: 20_000})


@refused("insufficient_margin", "/fills/0")
def what_is_delivered_later_may_cost_margin_too() -> Tale:
    """A put sold is just carried when the 20,000 are paid; with the call a fall costs 30,000 more, twice."""
    return _buys(70_011, stage=1, puts=-ONE, risk=DEAR, refund={BTC: 20_000})


@refused("insufficient_balance", "")
def a_solver_owes_nothing_anywhere() -> Tale:
    question, solution = _buys(0)
    lent = solution.model_copy(update={"transfers": (give(BTC, 10), take(BTC, 10, stage=1))})
    held = {**question.holdings, "solver:ann": {BTC: Holding(amount=9)}}
    return question.model_copy(update={"holdings": held}), lent


# -- Futures and perpetuals: a position is bought and sold for its price. ---------------------------------------------


def _on_margin(held: int, *, sells: bool = False, risk: PlaceRisk | None = RISK) -> Tale:
    """One coin of a perpetual at 50,000, which moves by 5,000 in either scenario: ten times what is needed for it."""
    state = (
        book(COIN_PERPETUAL, asks=[(50, ONE)], bids=[])
        if not sells
        else book(COIN_PERPETUAL, asks=[], bids=[(50, ONE)])
    )
    ins, outs = ({COIN_PERPETUAL: ONE}, {BTC: 50_000}) if sells else ({BTC: 50_000}, {COIN_PERPETUAL: ONE})
    wish = intent("one", ins, outs, units=1, surplus=BTC)
    solution = Solution(
        fills=(fill("one", 1, ins, outs),),
        legs=(leg(state.id, ins, outs, level="bid:0" if sells else "ask:0"),),
        prices={} if sells else {wish.group: (20, 1)},
    )
    extra = tuple(name for name in ROWS if name != COIN_PERPETUAL)
    return problem([wish], states=[state], holdings={ALICE: {BTC: held}}, extra_assets=extra, risk=risk), solution


@accepted()
def a_perpetual_for_a_tenth_of_its_price() -> Tale:
    return _on_margin(5_000)


@refused("insufficient_margin", "/fills/0")
def a_perpetual_for_a_unit_less() -> Tale:
    return _on_margin(4_999)


@refused("insufficient_balance", "")
def a_perpetual_that_is_paid_whole_where_nobody_has_margin() -> Tale:
    return _on_margin(49_999, risk=None)


@accepted()
def a_perpetual_sold_short() -> Tale:
    return _on_margin(5_011, sells=True)


@refused("insufficient_margin", "/fills/0")
def a_perpetual_sold_short_for_a_unit_less() -> Tale:
    return _on_margin(5_010, sells=True)


@refused("uncovered_short", "/fills/0")
def no_escrow_covers_a_perpetual_sold_short() -> Tale:
    return _on_margin(ONE, sells=True, risk=None)


@refused("insufficient_margin", "/fills/0")
def tiers_ask_for_more_than_the_scenarios() -> Tale:
    """11 % of 50,000."""
    tiers = {COIN_PERPETUAL: (Tier(above=0, initial_bps=1100, maintenance_bps=500),)}
    return _on_margin(5_490, risk=place_risk(ROWS, tiers=tiers))


# -- Without a row. ---------------------------------------------------------------------------------------------------


@accepted()
def a_short_without_a_row_is_owed_at_its_worst() -> Tale:
    """A naked inverse call loses a coin at most: 1,000,000 units."""
    return _sold({BTC: 950_000}, risk=place_risk({PUT: ROWS[PUT]}))


@refused("insufficient_margin", "/fills/0")
def a_short_without_a_row_beyond_its_worst() -> Tale:
    return _sold({BTC: 949_999}, risk=place_risk({PUT: ROWS[PUT]}))


@refused("insufficient_margin", "/fills/0")
def a_short_without_a_row_or_bound() -> Tale:
    return _sold({BTC: ONE * ONE}, asset=LINEAR, risk=place_risk({PUT: ROWS[PUT]}))


@accepted()
def a_long_without_a_row_counts_nothing() -> Tale:
    return _sold({BTC: 80_011, FUTURE: ONE})


# -- Exposure bounds. -------------------------------------------------------------------------------------------------


def _bounded(low: int, high: int, *, measure: Any = "delta", held: int = 0, asset: str = PUT) -> Tale:
    """A call sold: a delta of 40,000 to 40,001 less, of 4,000 to 4,000.1 in the numeraire."""
    bound = ExposureBound(underlying="BTC", measure=measure, low=low, high=high)
    mine: dict[str, int | tuple[int, int]] = {BTC: ONE, asset: (held, held)} if held else {BTC: ONE}
    return _sold(mine, wish=_sells(exposure_bounds=(bound,)))


@accepted()
def a_delta_within_its_bounds() -> Tale:
    return _bounded(-4001, -4000)


@refused("exposure_out_of_bounds", "/fills/0")
def a_delta_that_may_be_a_tenth_too_low() -> Tale:
    return _bounded(-4000, 0)


@refused("exposure_out_of_bounds", "/fills/0")
def a_delta_that_is_too_high() -> Tale:
    return _bounded(-5000, -4001)


@accepted()
def what_is_reserved_counts_toward_an_exposure() -> Tale:
    """Two puts held: 18,000 less."""
    return _bounded(-5801, -5799, held=2 * ONE)


@accepted()
def gamma_and_vega_have_bounds_too() -> Tale:
    return _bounded(-1, 0, measure="gamma")


@accepted()
def a_vega_that_may_be_at_its_bound() -> Tale:
    """From 9 to 10 less."""
    return _bounded(-1, 0, measure="vega")


@refused("exposure_out_of_bounds", "/fills/0")
def a_vega_too_low() -> Tale:
    return _bounded(0, 9, measure="vega")


@accepted()
def what_has_expired_has_no_exposure() -> Tale:
    return _bounded(-4001, -4000, held=ONE, asset=EXPIRED)


@refused("unsupported_outcome", "/fills/0")
def an_exposure_of_something_without_a_row() -> Tale:
    return _bounded(-5000, 0, held=1, asset=LINEAR)


@refused("unsupported_outcome", "/fills/0/intent")
def a_bound_on_an_underlying_without_a_row() -> Tale:
    bound = ExposureBound(underlying="ETH", measure="delta", low=-1, high=1)
    return _sold({BTC: ONE}, wish=_sells(exposure_bounds=(bound,)))
