"""Concentrated liquidity: Uniswap V3, Uniswap V4 pools with a static fee and no hooks, PancakeSwap V3. Bit for bit.

Between two initialised ticks the pool is a constant product curve of liquidity L in virtual reserves; at a tick L
changes by the tick's net (added going up, taken going down). A swap walks tick by tick and stops where the input is
spent (exact in), the output reached (exact out) or the price limit hit: the last step is a partial one. A step also
ends at each edge of a word of the contract's tick bitmap (256 ticks of the spacing), which changes no price but rounds
the amounts once more: the walk here stops there too.

Fee: hundredths of a basis point of the input, rounded up; within the last, partial step whatever is left. V4 adds a
protocol fee p to the pool's fee f: p + f - floor(p * f / 10^6) (src/libraries/ProtocolFeeLibrary.sol); of V3's, a
share of f, the trader sees nothing.

Source: Uniswap/v3-core, contracts/UniswapV3Pool.sol (swap) and libraries; Uniswap/v4-core, src/libraries/Pool.sol
(swap); whitepaper "Uniswap v3 Core", 2021, section 6.2. Units: base units of each token. Rounding: against the trader.

An input that the pool can not take whole (its liquidity ends before) is refused (`venue_capacity`): the contracts would
take a part. Not seen: the balance of the pool's contract, V4's limit of 2^127 - 1 to an amount, fees owed to providers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import ceil
from typing import Annotated, Literal

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
from engine.market.venues.curve_supply import FINE, growing_shares
from engine.market.venues.tick_math import (
    FEE_UNITS,
    MAX_SQRT_PRICE,
    MAX_TICK,
    MIN_SQRT_PRICE,
    MIN_TICK,
    Q96,
    sqrt_price_at,
    step_exact_in,
    step_exact_out,
    tick_at,
)
from intents.identifiers import AssetId
from intents.values import Amount, SignedAmount, ceil_div

LIQUIDITY_LIMIT = 2**128
"""Liquidity is stored as uint128."""

MAX_SPACING = 32767
"""Largest tick spacing (V4; V3's is below 16384)."""

MAX_PROTOCOL_FEE = 1000
"""V4's cap on the protocol fee: 0.1 %."""

WORD_BITS = 8
"""A word of the tick bitmap holds 2^8 ticks."""

TickIndex = Annotated[int, Field(ge=MIN_TICK, le=MAX_TICK)]


class ConcentratedState(VenueState):
    """`sqrt_price` in Q64.96 of asset1 per asset0, the current `tick`, its `liquidity`, and all initialised ticks.

    `ticks`: (tick, net liquidity) in ascending order, all of the pool's. `fee`: of the pool, `protocol_fees`: V4's for
    asset0 in and for asset1 in, both in hundredths of a basis point.
    """

    kind: Literal["concentrated"] = "concentrated"
    asset0: AssetId
    asset1: AssetId
    sqrt_price: Amount
    tick: TickIndex
    liquidity: Amount
    ticks: tuple[tuple[TickIndex, SignedAmount], ...]
    tick_spacing: int = Field(ge=1, le=MAX_SPACING)
    fee: int = Field(ge=0, lt=FEE_UNITS)
    protocol_fees: tuple[int, int] = (0, 0)

    @cached_property
    def tick_indices(self) -> tuple[int, ...]:
        """The initialised ticks alone, for bisection."""
        return tuple(tick for tick, _ in self.ticks)

    def swap_fee(self, *, down: bool) -> int:
        """The whole fee of a swap that gives asset0 (`down`) or asset1, in hundredths of a basis point."""
        protocol = self.protocol_fees[0 if down else 1]
        return protocol + self.fee - protocol * self.fee // FEE_UNITS


@dataclass(frozen=True, slots=True)
class Swap:
    """What a walk did: units paid (fee included), units got, ticks crossed, and where it ended."""

    amount_in: int
    amount_out: int
    crossed: int
    sqrt_price: int
    tick: int
    liquidity: int


def swap(
    state: ConcentratedState,
    amount: int,
    *,
    down: bool,
    exact_in: bool = True,
    sqrt_price_limit: int | None = None,
    start: Swap | None = None,
) -> Swap:
    """Walk until `amount` is spent (or got, where not `exact_in`) or the limit is reached, as the pool contract does.

    `down`: asset0 in, the price falls. Without a limit the walk ends with the price range. `start`: where an earlier walk
    ended, instead of the state's own price. Raises ValueError for a limit that is not ahead of the price.
    """
    price, tick, liquidity = state.sqrt_price, state.tick, state.liquidity
    if start is not None:
        price, tick, liquidity = start.sqrt_price, start.tick, start.liquidity
    limit = sqrt_price_limit or (MIN_SQRT_PRICE + 1 if down else MAX_SQRT_PRICE - 1)
    if not (MIN_SQRT_PRICE < limit < price if down else price < limit < MAX_SQRT_PRICE):
        raise ValueError(f"expected a price limit ahead of {price}, got {limit}")
    ticks, indices, spacing = state.ticks, state.tick_indices, state.tick_spacing
    fee = state.swap_fee(down=down)
    position = bisect_right(indices, tick) - (1 if down else 0)
    remaining, paid, got, crossed = amount, 0, 0, 0
    take_step = step_exact_in if exact_in else step_exact_out
    while remaining and price != limit:
        ahead = indices[position] if 0 <= position < len(indices) else None
        edge = _next_stop(tick, ahead, spacing, liquidity, down=down)
        edge_price = sqrt_price_at(edge)
        target = edge_price if (edge_price >= limit if down else edge_price <= limit) else limit
        before = price
        price, spent, out = take_step(price, target, liquidity, remaining, fee)
        paid, got = paid + spent, got + out
        remaining -= spent if exact_in else out
        if price == edge_price:
            if edge == ahead:
                net = ticks[position][1]
                liquidity += -net if down else net
                position += -1 if down else 1
                crossed += 1
            tick = edge - 1 if down else edge
        elif price != before:
            tick = tick_at(price)
    return Swap(paid, got, crossed, price, tick, liquidity)


def _next_stop(tick: int, ahead: int | None, spacing: int, liquidity: int, *, down: bool) -> int:
    """Where the next step ends at the latest: the next initialised tick or the end of the bitmap's word, if nearer.

    Words without liquidity change nothing on the way and are passed at once.
    """
    if not liquidity:
        stop = ahead if ahead is not None else MIN_TICK if down else MAX_TICK
    elif down:
        stop = (tick // spacing >> WORD_BITS << WORD_BITS) * spacing
        if ahead is not None and ahead > stop:
            stop = ahead
    else:
        stop = ((tick // spacing + 1 >> WORD_BITS << WORD_BITS) + 2**WORD_BITS - 1) * spacing
        if ahead is not None and ahead < stop:
            stop = ahead
    return MIN_TICK if stop < MIN_TICK else min(stop, MAX_TICK)


class Concentrated:
    """The concentrated liquidity kind."""

    kind = "concentrated"
    state_type = ConcentratedState

    def check(self, state: ConcentratedState, assets: Mapping[str, AssetInfo]) -> None:
        """Two known assets; ticks ascending, on the spacing, netting to 0 and to `liquidity` below the price; the tick's price."""
        for field in ("asset0", "asset1"):
            if getattr(state, field) not in assets:
                raise VenueStateError(field, expected="a known asset", actual=getattr(state, field))
        if state.asset0 == state.asset1:
            raise VenueStateError("asset1", expected="another asset than asset0", actual=state.asset1)
        for protocol in state.protocol_fees:
            if not 0 <= protocol <= MAX_PROTOCOL_FEE:
                raise VenueStateError("protocol_fees", expected=f"0 to {MAX_PROTOCOL_FEE} each", actual=str(protocol))
        if max(state.swap_fee(down=True), state.swap_fee(down=False)) >= FEE_UNITS:
            # V4 takes such a pool, which then keeps all that is paid in.
            raise VenueStateError("fee", expected="below 100 % with the protocol's", actual=str(state.fee))
        if not MIN_SQRT_PRICE <= state.sqrt_price < MAX_SQRT_PRICE:
            raise VenueStateError("sqrt_price", expected="within the range of ticks", actual=str(state.sqrt_price))
        # After a swap that ended on a tick going down, the price is that tick's and the tick is the one below.
        if not (
            state.tick < MAX_TICK and sqrt_price_at(state.tick) <= state.sqrt_price <= sqrt_price_at(state.tick + 1)
        ):
            expected = f"the price of tick {state.tick}"
            raise VenueStateError("sqrt_price", expected=expected, actual=f"that of tick {tick_at(state.sqrt_price)}")
        _check_ticks(state)

    def pairs(self, state: ConcentratedState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Both directions."""
        a, b = sorted((state.asset0, state.asset1))
        return ((a, b), (b, a))

    def execute(
        self, state: ConcentratedState, account: str, trade: Trade, time_seconds: int
    ) -> tuple[int, ConcentratedState]:
        """Exact output of the pool contract. Refusals: `unknown_level`, `unknown_asset`, `venue_capacity` (liquidity ends), `no_output`."""
        refuse_level(state, trade)
        down = _is_down(state, trade.asset_in, trade.asset_out)
        done = _swap_whole(state, trade.amount_in, down=down, exact_in=True)
        if done.amount_out == 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        after = {"sqrt_price": done.sqrt_price, "tick": done.tick, "liquidity": done.liquidity}
        return done.amount_out, state.model_copy(update=after)

    def input_for(self, state: ConcentratedState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """Exact input of an exact-output swap. Refusals: `unknown_asset`, `venue_capacity`."""
        down = _is_down(state, asset_in, asset_out)
        return _swap_whole(state, amount_out, down=down, exact_in=False).amount_in

    def supply(self, state: ConcentratedState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """A staircase of the prices met on the way, up to seven times the virtual reserve or the end of the liquidity."""
        return _supply(state, down=_is_down(state, asset_in, asset_out))

    def conflict_keys(self, state: ConcentratedState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: ConcentratedState) -> int:
        """Same stage."""
        return 0


def _check_ticks(state: ConcentratedState) -> None:
    indices = state.tick_indices
    for position, (lower, upper) in enumerate(pairwise(indices)):
        if lower >= upper:
            raise VenueStateError(f"ticks/{position + 1}", expected=f"a tick above {lower}", actual=str(upper))
    total = below = 0
    for position, (tick, net) in enumerate(state.ticks):
        if tick % state.tick_spacing:
            expected = f"a multiple of {state.tick_spacing}"
            raise VenueStateError(f"ticks/{position}", expected=expected, actual=str(tick))
        total += net
        if tick <= state.tick:
            below = total
        if not 0 <= total < LIQUIDITY_LIMIT:
            raise VenueStateError(f"ticks/{position}", expected="liquidity in 0 .. 2^128 - 1", actual=str(total))
    if total:
        raise VenueStateError("ticks", expected="nets that sum to 0", actual=str(total))
    if below != state.liquidity:
        expected = f"{below}, the sum of nets up to tick {state.tick}"
        raise VenueStateError("liquidity", expected=expected, actual=str(state.liquidity))


def _is_down(state: ConcentratedState, asset_in: AssetId, asset_out: AssetId) -> bool:
    if asset_in == asset_out or {asset_in, asset_out} != {state.asset0, state.asset1}:
        raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
    return asset_in == state.asset0


def _swap_whole(state: ConcentratedState, amount: int, *, down: bool, exact_in: bool) -> Swap:
    """A swap of all of `amount`; refused where the pool's liquidity ends before."""
    limit = MIN_SQRT_PRICE + 1 if down else MAX_SQRT_PRICE - 1
    if state.sqrt_price <= limit if down else state.sqrt_price >= limit:
        raise TradeRefusedError("venue_capacity", f"the price of {state.id} is at the end of its range")
    done = swap(state, amount, down=down, exact_in=exact_in)
    if (done.amount_in if exact_in else done.amount_out) != amount:
        raise TradeRefusedError("venue_capacity", f"{amount} is more than the liquidity of {state.id} can take")
    return done


def _supply(state: ConcentratedState, *, down: bool) -> Supply:
    """A staircase of the prices on a growing grid, each held until the pool has reached the next one.

    The price before it is paid bounds what a unit more can bring, whatever the liquidity, and it only falls; so the
    staircase is never below the pool. How far above is measured at the grid: between two of its prices the pool gives
    at least the chord, as its curve is concave, but for the rounding of each step and of the last price.
    """
    fee = state.swap_fee(down=down)
    limits = _price_grid(state.sqrt_price, down=down)
    segments: list[Segment] = []
    sums: list[tuple[Fraction, int]] = []
    shown, paid, got, stops, depth = Fraction(0), 0, 0, 0, state.liquidity
    here = Swap(0, 0, 0, state.sqrt_price, state.tick, state.liquidity)
    for limit in limits:
        done = swap(state, 2**255, down=down, sqrt_price_limit=limit, start=here)
        stops += done.crossed + 2 + abs(done.tick - here.tick) // (state.tick_spacing << WORD_BITS)
        depth = max(depth, done.liquidity)
        if done.amount_in:
            rate = _rate(here.sqrt_price, fee, down=down)
            segments.append(Segment(done.amount_in, rate))
            shown, paid, got = shown + done.amount_in * rate, paid + done.amount_in, got + done.amount_out
            sums.append((shown, got))
        here = done
    if not segments:
        return Supply((), Fraction(0), 0)
    # Walked in pieces the pool takes a little more than at once.
    excess = paid - swap(state, 2**255, down=down, sqrt_price_limit=limits[-1]).amount_in
    while excess >= segments[-1].amount_in:
        excess -= segments.pop().amount_in
    segments[-1] = Segment(segments[-1].amount_in - excess, segments[-1].rate)
    # Each stop may cost a unit of the output and three of the input, and the last price is rounded by one.
    price_unit = Fraction(depth, Q96) if down else Fraction(depth * Q96, state.sqrt_price**2)
    loss = stops * (1 + 3 * _rate(state.sqrt_price, 0, down=down)) + price_unit
    relative = max((ceil((top - loss) / got * FINE) - FINE for top, got in sums if got), default=0)
    relative_error = Fraction(max(relative, 0), FINE)
    start = max((top for top, got in sums if not got), default=Fraction(0))
    return Supply(tuple(segments), relative_error, ceil(loss * (2 + relative_error) + start))


def _price_grid(sqrt_price: int, *, down: bool) -> list[int]:
    """Limits for a walk: those at which a constant product pool would have taken 1.5^j / 2^20 of its reserve."""
    limits: list[int] = []
    for numerator, denominator in growing_shares():
        if down:
            limit = max(sqrt_price * denominator // (numerator + denominator), MIN_SQRT_PRICE + 1)
            fits = limit < (limits[-1] if limits else sqrt_price)
        else:
            limit = min(ceil_div(sqrt_price * (numerator + denominator), denominator), MAX_SQRT_PRICE - 1)
            fits = limit > (limits[-1] if limits else sqrt_price)
        if fits:
            limits.append(limit)
    return limits


def _rate(sqrt_price: int, fee: int, *, down: bool) -> Fraction:
    """Units out per unit in at a price, rounded up to 1 / FINE."""
    square = sqrt_price * sqrt_price
    numerator, denominator = (square, Q96 * Q96) if down else (Q96 * Q96, square)
    return Fraction(ceil_div(numerator * (FEE_UNITS - fee) * FINE, denominator * FEE_UNITS), FINE)
