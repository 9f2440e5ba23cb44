"""Quotes of makers (RFQ): who may give how much of one asset for another, at which price, and until when.

    a range     `least` .. `most` base units of `asset_in`, `price` = [num, den] base units of `asset_out` for each
    once        one trade of x takes the quote: x lies in one range and gets floor(x * its price); then it is spent
    divisible   many trades share the ranges, which follow each other without a gap. What all of them got after x in
                all is floor(V(x)), V the sum over ranges of what of x falls into each times its price; a trade gets
                the difference, so that parts of a trade get together what the whole would. `least` of the first range
                is the smallest trade.

Rounding is down, in favour of the maker; fees are in the price, which is firm. `exclusive_to` names the accounts that
may trade (the solver that settles is who trades), nobody else may (`not_yours`). Refusals: `quote_expired` at and
after `expiry_seconds`, `out_of_range` (in no range, below the least trade, beyond what is left), `not_yours`.

A quote on an option may outlive neither the option (its expiry is at most the instrument's) nor its maker's word: a
maker that does not keep it is not modelled. Quotes on combos (several legs at one price) are not of this kind, since a
leg of a solution trades one asset for another.

Sources of the shape: AirSwap's and 0x's RFQ orders (one pair, signed amounts, expiry, an exclusive taker) and
Hashflow's price levels (marginal ranges).
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Literal

from pydantic import Field

from engine.market.venues.base import (
    AssetInfo,
    Segment,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from intents.errors import InputError
from intents.identifiers import AssetId, OwnerId
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.values import Amount, Ratio, Value, ceil_div


class QuoteRange(Value):
    """From `least` to `most` base units of the input, both included, at `price` output units for each."""

    least: Amount
    most: Amount
    price: Ratio


class RfqState(VenueState):
    """One quote. `used` counts the input units traded so far (any at all spend a quote that is not divisible)."""

    kind: Literal["rfq"] = "rfq"
    maker: OwnerId
    asset_in: AssetId
    asset_out: AssetId
    ranges: tuple[QuoteRange, ...] = Field(min_length=1)
    expiry_seconds: int = Field(ge=0, lt=2**53)
    divisible: bool = False
    exclusive_to: tuple[OwnerId, ...] = Field(default=(), exclude_if=lambda accounts: not accounts)
    used: Amount = Field(default=0, exclude_if=lambda used: used == 0)


class Rfq:
    """The kind of makers' quotes."""

    kind = "rfq"
    state_type = RfqState

    def check(self, state: RfqState, assets: Mapping[str, AssetInfo]) -> None:
        """Known assets, ranges that ascend, more in never less out; divisible: no gaps, falling prices; an instrument that lives."""
        for field in ("asset_in", "asset_out"):
            asset = getattr(state, field)
            if asset not in assets:
                raise VenueStateError(field, expected="a known asset", actual=asset)
            _check_expiry(state, field, asset)
        if state.asset_in == state.asset_out:
            raise VenueStateError("asset_out", expected="another asset than the input", actual=state.asset_out)
        if list(state.exclusive_to) != sorted(set(state.exclusive_to)):
            raise VenueStateError("exclusive_to", expected="ascending accounts", actual=", ".join(state.exclusive_to))
        for i, item in enumerate(state.ranges):
            if not 1 <= item.least <= item.most:
                raise VenueStateError(
                    f"ranges/{i}/most", expected="1 <= least <= most", actual=f"{item.least} .. {item.most}"
                )
            if 0 in item.price:
                raise VenueStateError(f"ranges/{i}/price", expected="a positive ratio", actual=str(item.price))
        for i, (lower, upper) in enumerate(pairwise(state.ranges), start=1):
            _check_next(state, f"ranges/{i}", lower, upper)
        if state.used > state.ranges[-1].most:
            raise VenueStateError("used", expected=f"at most {state.ranges[-1].most}", actual=str(state.used))

    def pairs(self, state: RfqState) -> tuple[tuple[AssetId, AssetId], ...]:
        """One direction, while something is left."""
        return ((state.asset_in, state.asset_out),) if _left(state) else ()

    def execute(self, state: RfqState, account: str, trade: Trade, time_seconds: int) -> tuple[int, RfqState]:
        """The firm output. Refusals: `unknown_level`, `unknown_asset`, `quote_expired`, `not_yours`, `out_of_range`, `no_output`."""
        refuse_level(state, trade)
        if (trade.asset_in, trade.asset_out) != (state.asset_in, state.asset_out):
            raise TradeRefusedError("unknown_asset", f"{state.id} does not give {trade.asset_out} for {trade.asset_in}")
        if time_seconds >= state.expiry_seconds:
            raise TradeRefusedError(
                "quote_expired", f"{state.id} held until {state.expiry_seconds}, it is {time_seconds}"
            )
        if state.exclusive_to and account not in state.exclusive_to:
            raise TradeRefusedError("not_yours", f"{state.id} is for {', '.join(state.exclusive_to)}, not {account}")
        out = _output(state, trade.amount_in)
        if out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} gets nothing at {state.id}")
        return out, state.model_copy(update={"used": state.used + trade.amount_in})

    def input_for(self, state: RfqState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The least input that gets at least the output. Raises TradeRefusedError `out_of_range`."""
        done, wanted = (_total(state, state.used), amount_out) if state.divisible else (0, amount_out)
        start, value = 0, Fraction(0)
        for item in state.ranges if _left(state) else ():
            price = Fraction(*item.price)
            if state.divisible:
                # Units of all trades together at which what they got reaches the wanted amount on top of what is done.
                reached = start + max(0, ceil((done + wanted - value) / price))
                found = max(reached - state.used, state.ranges[0].least)
                start, value = item.most, value + (item.most - start) * price
            else:
                found = max(ceil_div(amount_out * item.price[1], item.price[0]), item.least)
            if found <= item.most - (state.used if state.divisible else 0):
                return found
        raise TradeRefusedError("out_of_range", f"no trade at {state.id} gets {amount_out}")

    def supply(self, state: RfqState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Divisible: what is left of the ranges. Once: the lines through the best ends of the ranges, which lie above both.

        Over by what the smallest trade or a gap between ranges would get, and by a share where prices fall. A divisible
        quote may give a unit more than shown, which rounding held back before.
        """
        if not _left(state):
            return Supply((), relative_error=Fraction(0), units_error=0)
        if state.divisible:
            segments = tuple(_remaining(state))
            smallest = state.ranges[0].least - 1
            shown = Supply(segments, relative_error=Fraction(0), units_error=0)
            return Supply(segments, Fraction(0), units_error=ceil(shown.value(smallest)) + 1, units_above=1)
        segments = _hull([(item.most, item.most * Fraction(*item.price)) for item in state.ranges])
        shown = Supply(segments, relative_error=Fraction(0), units_error=0)
        ratios = [shown.value(item.least) / (item.least * Fraction(*item.price)) for item in state.ranges]
        ends = (0, *(item.most for item in state.ranges))
        gaps = [
            shown.value(item.least - 1) for item, end in zip(state.ranges, ends, strict=False) if item.least > end + 1
        ]
        relative = max(ratios) - 1
        return Supply(segments, relative, units_error=ceil(max([Fraction(0), *gaps]) + 1 + relative))

    def conflict_keys(self, state: RfqState, trade: Trade) -> tuple[str, ...]:
        """The quote."""
        return (state.id,)

    def delay_seconds(self, state: RfqState) -> int:
        """Same stage."""
        return 0


def _left(state: RfqState) -> bool:
    """Whether another trade may be large enough and not too large."""
    if not state.divisible:
        return state.used == 0
    return state.used + state.ranges[0].least <= state.ranges[-1].most


def _output(state: RfqState, amount: int) -> int:
    """What a trade gets. Raises TradeRefusedError `out_of_range`."""
    if state.divisible:
        if state.ranges[0].least <= amount <= state.ranges[-1].most - state.used:
            return _total(state, state.used + amount) - _total(state, state.used)
    elif state.used == 0:
        for item in state.ranges:
            if item.least <= amount <= item.most:
                return amount * item.price[0] // item.price[1]
    offered = ", ".join(f"{item.least} .. {item.most}" for item in state.ranges)
    raise TradeRefusedError("out_of_range", f"{state.id} offers {offered}, {state.used} of it used; wanted {amount}")


def _total(state: RfqState, amount: int) -> int:
    """What all trades of a divisible quote got after so many units together (floor)."""
    value, start = Fraction(0), 0
    for item in state.ranges:
        value += (min(amount, item.most) - start) * Fraction(*item.price)
        start = item.most
        if amount <= start:
            break
    return int(value)


def _remaining(state: RfqState) -> list[Segment]:
    segments, start = [], 0
    for item in state.ranges:
        left = item.most - max(start, state.used)
        if left > 0:
            segments.append(Segment(left, Fraction(*item.price)))
        start = item.most
    return segments


def _hull(points: list[tuple[int, Fraction]]) -> tuple[Segment, ...]:
    """The upper hull from (0, 0) through points of ascending input, as segments."""
    hull: list[tuple[int, Fraction]] = [(0, Fraction(0))]
    for x, y in points:
        while len(hull) > 1 and _rate(hull[-2], hull[-1]) <= _rate(hull[-1], (x, y)):
            hull.pop()
        hull.append((x, y))
    return tuple(Segment(right[0] - left[0], _rate(left, right)) for left, right in pairwise(hull))


def _rate(left: tuple[int, Fraction], right: tuple[int, Fraction]) -> Fraction:
    return (right[1] - left[1]) / (right[0] - left[0])


def _check_next(state: RfqState, where: str, lower: QuoteRange, upper: QuoteRange) -> None:
    if upper.least <= lower.most or (state.divisible and upper.least != lower.most + 1):
        expected = f"{lower.most + 1}" if state.divisible else f"more than {lower.most}"
        raise VenueStateError(f"{where}/least", expected=expected, actual=str(upper.least))
    before, after = Fraction(*lower.price), Fraction(*upper.price)
    if state.divisible and after > before:
        raise VenueStateError(f"{where}/price", expected=f"at most {before}", actual=str(after))
    if not state.divisible and upper.least * after < lower.most * before:
        expected = f"a price at which {upper.least} gets no less than {lower.most} did"
        raise VenueStateError(f"{where}/price", expected=expected, actual=str(after))


def _check_expiry(state: RfqState, field: str, asset: str) -> None:
    """A quote on an instrument ends with it."""
    if not is_derivative(asset):
        return
    try:
        expiry = parse_instrument(asset).expiry_seconds
    except InputError as error:
        raise VenueStateError(field, expected=error.expected, actual=error.actual) from None
    if expiry is not None and state.expiry_seconds > expiry:
        raise VenueStateError("expiry_seconds", expected=f"at most {expiry}", actual=str(state.expiry_seconds))
