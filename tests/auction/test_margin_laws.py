"""Margin in the mechanism is what the rules page says, computed a second time in plain fractions."""

from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from hypothesis import event, given, settings
from hypothesis import strategies as st

from engine.auction.apply import apply
from engine.auction.check_problem import check_problem
from engine.auction.replay import Replayed, replay
from engine.auction.solution import Solution
from engine.market.margin.account import Tier
from engine.market.snapshot import snapshot_hash
from tests.auction.builders import ALICE, BTC, bid, book, fill, intent, judged, leg, place_risk, problem, row
from tests.auction.stories_margin import CALL, ONE, PERPETUAL, PUT

LATER = CALL.replace("20200626", "20200925")
TIERS = ((0, 500, 200), (50_000, 1500, 900))
HALF = ONE // 2

Cells = tuple[int, int, int]
"""What a whole contract gains in two scenarios, and is worth."""


class Rates(NamedTuple):
    offset: int
    floor: int
    add: int
    initial: int
    haircut: int


def worth(amount: Fraction, haircut: int) -> int:
    """In the numeraire: ten units of BTC are one."""
    return floor(amount / 10 * (10_000 - haircut if amount > 0 else 10_000 + haircut) / 10_000)


def plain_margin(tables: dict[str, Cells], rates: Rates, held: dict[str, int]) -> tuple[int, int]:
    """Equity and initial margin."""
    sizes = {asset: Fraction(held.get(asset, 0), ONE) for asset in tables}
    marks = sum(size * (tables[asset][2] + (size < 0)) for asset, size in sizes.items())
    equity = worth(held[BTC] + Fraction(marks), rates.haircut)
    losses = [Fraction(0)]
    for scenario in (0, 1):
        gains = {asset: size * (tables[asset][scenario] + (size < 0)) for asset, size in sizes.items()}
        expiries = [gains[CALL] + gains[PUT], gains[LATER], gains[PERPETUAL]]
        total = sum((gain if gain < 0 else gain * rates.offset / 10_000 for gain in expiries), Fraction(0))
        losses.append(-Fraction(total))
    shorts = sum(-size * abs(tables[a][1]) for a, size in sizes.items() if size < 0 and a != PERPETUAL)
    base, added = (ceil(shorts * rate / 10_000) for rate in (rates.floor, rates.add))
    notional = ceil(abs(sizes[PERPETUAL]) * abs(tables[PERPETUAL][1]))
    lower, upper = min(notional, TIERS[1][0]), max(0, notional - TIERS[1][0])
    opening, keeping = (
        ceil(Fraction(lower * TIERS[0][side] + upper * TIERS[1][side], 10_000)) if notional else 0 for side in (1, 2)
    )
    maintenance = max(ceil(max(losses)), base + keeping) + added
    initial = max(ceil(Fraction(maintenance * rates.initial, 10_000)), base + opening + added)
    return equity, -worth(Fraction(-initial), rates.haircut)


def plainly_carried(tables: dict[str, Cells], rates: Rates, held: dict[str, int], after: dict[str, int]) -> bool:
    """The three ways to be carried. The call, put and later call are on one coin each; no strike covers another."""
    equity, initial = plain_margin(tables, rates, after)
    if equity >= initial or min(after.values()) >= 0:
        return True
    equity_now, initial_now = plain_margin(tables, rates, held)
    return initial <= initial_now and equity - initial >= equity_now - initial_now


cells = st.tuples(st.integers(-60_000, 60_000), st.integers(-60_000, 60_000), st.integers(0, 60_000))
sizes = st.integers(-4, 4).map(lambda halves: halves * HALF)


@settings(max_examples=80, deadline=None)
@given(
    tables=st.fixed_dictionaries(dict.fromkeys((CALL, PUT, LATER, PERPETUAL), cells)),
    rates=st.builds(Rates, *[st.integers(0, 10_000)] * 3, st.integers(10_000, 20_000), st.integers(0, 3_000)),
    held=st.fixed_dictionaries(
        {**dict.fromkeys((CALL, PUT, LATER, PERPETUAL), sizes), BTC: st.integers(-100_000, 300_000)}
    ),
    halves=st.integers(1, 3),
    price=st.integers(1, 9).map(lambda tens: 10 * tens),
    sells=st.booleans(),
)
def test_the_verdict_is_what_a_plain_computation_says(
    tables: dict[str, Cells], rates: Rates, held: dict[str, int], halves: int, price: int, sells: bool
) -> None:
    made = {asset: row(fall, rise, mark=mark) for asset, (fall, rise, mark) in tables.items()}
    tiers = tuple(Tier(above=above, initial_bps=high, maintenance_bps=low) for above, high, low in TIERS)
    risk = place_risk(
        made,
        haircut_bps=rates.haircut,
        offset_bps=rates.offset,
        short_floor_bps=rates.floor,
        short_add_bps=rates.add,
        initial_bps=rates.initial,
        tiers={PERPETUAL: tiers},
    )
    amount, coins = halves * HALF, halves * HALF * price // 1000
    state = (
        book(CALL, asks=[(price, 10 * ONE)], bids=[]) if not sells else book(CALL, asks=[], bids=[(price, 10 * ONE)])
    )
    ins, outs = ({CALL: amount}, {BTC: coins}) if sells else ({BTC: coins}, {CALL: amount})
    wish = intent("one", ins, outs, units=1, surplus=BTC)
    question = problem([wish], states=[state], holdings={ALICE: held}, extra_assets=(PUT, LATER, PERPETUAL), risk=risk)
    solution = Solution(
        fills=(fill("one", 1, ins, outs),),
        legs=(leg(state.id, ins, outs, level="bid:0" if sells else "ask:0"),),
        prices={wish.group: (amount, coins)} if wish.outcome.is_plain_swap else {},
    )
    sign = 1 if not sells else -1
    after = {**held, CALL: held[CALL] + sign * amount, BTC: held[BTC] - sign * coins}

    verdict = judged(question, solution)

    expected = plainly_carried(tables, rates, held, after)
    event(f"carried: {expected}")
    assert (None if verdict.fault is None else verdict.fault.code) == (None if expected else "insufficient_margin")
    if expected:
        replayed = replay(question, [bid("b", solution)])
        assert isinstance(replayed, Replayed)
        left = apply(question, replayed)
        assert {asset: h.amount for asset, h in left.holdings.get(ALICE, {}).items()} == {
            asset: amount for asset, amount in after.items() if amount
        }
        market = question.snapshot.model_copy(update={"venues": left.venues})
        check_problem(
            question.model_copy(
                update={"snapshot": market, "snapshot_hash": snapshot_hash(market), "holdings": left.holdings}
            )
        )
