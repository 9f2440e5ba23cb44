"""Solidly pools, stable and volatile: Velodrome V2 and Aerodrome, bit for bit.

    volatile   x y = k            out = floor( x' R_out / (R_in + x') )
    stable     x^3 y + y^3 x = k  in 18-decimal units; y' is found by the contract's own search, out = R_out - y'

x' is the input less floor(x * fee / 10,000), which leaves the pool at once. The stable search steps y by floors of
(k - f) / f' and ends at the smallest y it meets whose f is at least k; its divisions by 10^18 are kept, so outputs are
the contract's. Rounding: the fee down (for the trader), everything else against the trader.

Source: aerodrome-finance/contracts (and velodrome-finance/contracts), contracts/Pool.sol (getAmountOut, _get_y, _f, _d,
_k, swap). An output that the pool's own check of k would refuse is refused here (`venue_capacity`): getAmountOut's answer
can be one that `swap` reverts on. Exact output: the smallest input whose output is at least the wanted one, as the
contract has no function for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil
from typing import Literal

from pydantic import Field

from engine.market.venues.base import (
    AssetInfo,
    Supply,
    Trade,
    TradeRefusedError,
    VenueState,
    VenueStateError,
    refuse_level,
)
from engine.market.venues.curve_supply import FINE, Bounds, supply_of_curve
from engine.market.venues.exact_out import least_input
from intents.identifiers import AssetId
from intents.values import Amount, Value, ceil_div

ONE = 10**18
"""Fixed point of the stable curve."""

FEE_UNITS = 10_000
"""Fees are in basis points."""

MAX_FEE = 300
"""The factory's cap: 3 %."""

RESERVE_LIMIT = 2**112
"""No real reserve is larger; with it no product of the contract needs more than 256 bits for 6 decimals or more."""

MORE_BITS = 64
"""Binary digits of the true curve beyond the contract's."""

LARGEST_INPUT = 8
"""The largest input that `supply` shows for a stable pool, as a multiple of the reserve."""

ROUNDS = 255
"""Steps after which the contract's search gives up."""


class SolidlyToken(Value):
    """One token: `reserve` in base units, `decimals` as the contract has them."""

    reserve: Amount
    decimals: int = Field(ge=0, le=18)


class SolidlyState(VenueState):
    """Two tokens by asset, whether the pool is a stable one, and its fee in basis points."""

    kind: Literal["solidly"] = "solidly"
    tokens: dict[AssetId, SolidlyToken]
    stable: bool
    fee: int = Field(ge=0)


class Solidly:
    """The Solidly kind."""

    kind = "solidly"
    state_type = SolidlyState

    def check(self, state: SolidlyState, assets: Mapping[str, AssetInfo]) -> None:
        """Two known tokens with their decimals, reserves in 1 .. 2^112 - 1, a fee of at most 3 %, k above 0 where stable."""
        if len(state.tokens) != 2:
            raise VenueStateError("tokens", expected="two tokens", actual=str(len(state.tokens)))
        for asset, token in state.tokens.items():
            if asset not in assets:
                raise VenueStateError("tokens", expected="known assets", actual=asset)
            if token.decimals != assets[asset].decimals:
                expected = f"the asset's {assets[asset].decimals}"
                raise VenueStateError(f"tokens/{asset}/decimals", expected=expected, actual=str(token.decimals))
            if not 0 < token.reserve < RESERVE_LIMIT:
                raise VenueStateError(
                    f"tokens/{asset}/reserve", expected="1 <= reserve < 2^112", actual=str(token.reserve)
                )
        if state.fee > MAX_FEE:
            raise VenueStateError("fee", expected=f"at most {MAX_FEE}", actual=str(state.fee))
        if state.stable and _k(*(_scaled(token.reserve, token) for token in state.tokens.values())) == 0:
            raise VenueStateError("tokens", expected="reserves with k above 0", actual="0")

    def pairs(self, state: SolidlyState) -> tuple[tuple[AssetId, AssetId], ...]:
        """Both directions."""
        a, b = sorted(state.tokens)
        return ((a, b), (b, a))

    def execute(self, state: SolidlyState, account: str, trade: Trade, time_seconds: int) -> tuple[int, SolidlyState]:
        """Exact output of getAmountOut, which swap accepts. Refusals: `unknown_level`, `unknown_asset`, `no_output`, `venue_capacity`."""
        refuse_level(state, trade)
        source, target = _pair(state, trade.asset_in, trade.asset_out)
        net = trade.amount_in - trade.amount_in * state.fee // FEE_UNITS
        if source.reserve + net >= RESERVE_LIMIT:
            raise TradeRefusedError("venue_capacity", f"{trade.amount_in} would overflow the reserve at {state.id}")
        out = _stable_out(state, source, target, net) if state.stable else _product_out(source, target, net)
        if out <= 0:
            raise TradeRefusedError("no_output", f"{trade.amount_in} of {trade.asset_in} buys nothing at {state.id}")
        after_in = source.model_copy(update={"reserve": source.reserve + net})
        after_out = target.model_copy(update={"reserve": target.reserve - out})
        if after_out.reserve == 0 or (state.stable and _k_of(after_in, after_out) < _k_of(source, target)):
            raise TradeRefusedError("venue_capacity", f"{state.id} would refuse the output that it quotes")
        tokens = {**state.tokens, trade.asset_in: after_in, trade.asset_out: after_out}
        return out, state.model_copy(update={"tokens": tokens})

    def input_for(self, state: SolidlyState, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The smallest input that brings at least the output. Refusals: `unknown_asset`, `venue_capacity`."""
        return least_input(lambda x: self.execute(state, "", Trade(asset_in, x, asset_out), 0)[0], amount_out)

    def supply(self, state: SolidlyState, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """Staircase over the true curve of each kind of pool; for stable ones the contract's noise is stated."""
        source, target = _pair(state, asset_in, asset_out)
        kept = Fraction(FEE_UNITS - state.fee, FEE_UNITS)
        limit = RESERVE_LIMIT - 1 - source.reserve
        if not state.stable:
            # The fee rounds down: up to a unit more than this enters.
            above = Fraction(target.reserve, source.reserve)

            def product(amount: int) -> Bounds:
                net = amount * kept
                low = int(FINE * net * target.reserve / (source.reserve + net))
                return low, low + 1

            shown = supply_of_curve(product, above * kept, scale=source.reserve, limit=limit)
            return Supply(shown.segments, shown.relative_error, shown.units_error, units_above=ceil(above))
        return _stable_supply(source, target, kept, limit)

    def conflict_keys(self, state: SolidlyState, trade: Trade) -> tuple[str, ...]:
        """The pool."""
        return (state.id,)

    def delay_seconds(self, state: SolidlyState) -> int:
        """Same stage."""
        return 0


def _pair(state: SolidlyState, asset_in: AssetId, asset_out: AssetId) -> tuple[SolidlyToken, SolidlyToken]:
    source, target = state.tokens.get(asset_in), state.tokens.get(asset_out)
    if source is None or target is None or asset_in == asset_out:
        raise TradeRefusedError("unknown_asset", f"{state.id} does not trade {asset_in} for {asset_out}")
    return source, target


def _product_out(source: SolidlyToken, target: SolidlyToken, net: int) -> int:
    return net * target.reserve // (source.reserve + net)


def _stable_out(state: SolidlyState, source: SolidlyToken, target: SolidlyToken, net: int) -> int:
    """GetAmountOut of a stable pool; negative where its search ends above the reserve."""
    reserve_in, reserve_out = _scaled(source.reserve, source), _scaled(target.reserve, target)
    try:
        first, second = (state.tokens[asset] for asset in sorted(state.tokens))
        after = _search(
            _scaled(net, source) + reserve_in,
            _k(reserve_in, reserve_out),
            reserve_out,
            (first.decimals, second.decimals),
        )
    except (ValueError, ZeroDivisionError) as error:
        raise TradeRefusedError("venue_capacity", f"{state.id}: {error}") from None
    return int((reserve_out - after) * 10**target.decimals // ONE)


def _scaled(amount: int, token: SolidlyToken) -> int:
    return int(amount * ONE // 10**token.decimals)


def _k(x: int, y: int) -> int:
    """x^3 y + y^3 x in the contract's fixed point."""
    return (x * y // ONE) * (x * x // ONE + y * y // ONE) // ONE


def _k_of(first: SolidlyToken, second: SolidlyToken) -> int:
    return _k(_scaled(first.reserve, first), _scaled(second.reserve, second))


def _search(x: int, k: int, y: int, decimals: tuple[int, int]) -> int:
    """The contract's _get_y; `decimals` of its token0 and token1. ValueError where it gives up."""
    for _ in range(ROUNDS):
        found = _k(x, y)
        slope = 3 * x * (y * y // ONE) // ONE + (x * x // ONE) * x // ONE
        if found < k:
            step = (k - found) * ONE // slope
            if step == 0:
                # The contract asks its _k here, which scales what is scaled already, x by token0's decimals and y by token1's.
                if _k(x * ONE // 10 ** decimals[0], (y + 1) * ONE // 10 ** decimals[1]) > k:
                    return y + 1
                step = 1
            y += step
        else:
            step = (found - k) * ONE // slope
            if step == 0:
                if found == k or _k(x, y - 1) < k:
                    return y
                step = 1
            y -= step
    raise ValueError("the search for y does not end")


def _stable_supply(source: SolidlyToken, target: SolidlyToken, kept: Fraction, limit: int) -> Supply:
    """The true curve, found with MORE_BITS more digits, and what the floors of k may move y by on either side."""
    scale_in, scale_out = int(10 ** (18 - source.decimals)), int(10 ** (18 - target.decimals))
    start_in, start_out = source.reserve * scale_in, target.reserve * scale_out
    fine_in, fine_out = start_in << MORE_BITS, start_out << MORE_BITS
    k = fine_in * fine_out * (fine_in**2 + fine_out**2)
    noises: list[Fraction] = []

    def after(x: int) -> int:
        """The y of x^3 y + y^3 x = k, from above."""
        y = fine_out
        while True:
            step = (x * y * (x * x + y * y) - k) // (x**3 + 3 * x * y * y)
            y -= step
            if abs(step) <= 1:
                return y

    def noise(x: int, y: int) -> Fraction:
        # k is off by its floors: (b + 2 a + 2) / 10^18 + 1 with a = x y and b = x^2 + y^2, at both ends.
        a, b = x * y // ONE, (x * x + y * y) // ONE
        slope = (3 * x * y * y + x**3) // ONE**2
        return Fraction(2 * ((b + 2 * a + 2) // ONE + 2) * ONE, max(slope, 1)) + 2

    def curve(amount: int) -> Bounds:
        x = fine_in + (int(amount * kept * scale_in) << MORE_BITS)
        y = after(x)
        noises.append(noise(x >> MORE_BITS, y >> MORE_BITS))
        shift = FINE >> MORE_BITS
        return (fine_out - y - 4) * shift // scale_out, ceil_div((fine_out - y + 4) * shift, scale_out) + shift

    # The slope at the start, from the curve's equation.
    slope = Fraction(3 * start_in**2 * start_out + start_out**3, start_in**3 + 3 * start_in * start_out**2)
    spot = slope * kept * scale_in / scale_out
    shown = supply_of_curve(curve, spot, scale=source.reserve, limit=min(limit, LARGEST_INPUT * source.reserve))
    off = max(noise(start_in, start_out), *noises) / scale_out + slope * scale_in / scale_out
    return Supply(
        shown.segments,
        shown.relative_error,
        ceil((off + 2 + spot) * (2 + shown.relative_error)),
        units_above=ceil(off),
    )
