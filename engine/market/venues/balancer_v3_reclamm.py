"""Readjusting pools of Balancer V3 (ReClamm, both versions): constant product in balances with virtual ones added.

    (R_a + V_a)(R_b + V_b) = L          out = R_o + V_o - L / (R_i + V_i + x)

The virtual balances move with time: while the owner changes the price ratio they follow its fourth root, and while the
pool is off centre by more than its margin the price range tracks the market by `shift` a second. Both are settled before
a trade. Version 2 computes amounts without L, bounds the time that counts, and keeps the scarce token's virtual balance
above a floor.

Source: balancer/reclamm, contracts/lib/ReClammMath.sol (v1 and v2), read through balancer/balancer-maths. Units: live
balances in 18-decimal fixed point; ratios likewise; times in unix seconds. Rounding: against the trader. Liquidity is
added and removed in proportion only. ValueError where the contract reverts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from engine.market.venues.balancer_math import ONE, div_down, div_up, mul_down, mul_up, power, power_down
from intents.values import ceil_div

MAX_SHIFT_SECONDS = 30 * 86_400
"""Version 2 counts no more time than this between two trades."""


@dataclass(frozen=True, slots=True)
class RatioChange:
    """A change of the price ratio under way: fourth roots at its ends, and when they are."""

    start: int
    end: int
    start_time: int
    end_time: int

    def at(self, time: int) -> int:
        """The fourth root of the price ratio at a time, geometric between the ends."""
        if time >= self.end_time:
            return self.end
        if time <= self.start_time:
            return self.start
        share = div_down(time - self.start_time, self.end_time - self.start_time)
        moved = mul_down(self.start, power(div_down(self.end, self.start), share))
        return max(moved, min(self.start, self.end))


@dataclass(frozen=True, slots=True)
class ReClammMaths:
    """Virtual balances as of `last_time`, and what moves them; `time` is the trade's."""

    virtual: tuple[int, int]
    last_time: int
    time: int
    shift: int
    margin: int
    change: RatioChange
    version: int
    invariant_bounds: tuple[int, int] = (0, 0)

    def out_given_in(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What a net input gives; at most the real balance."""
        virtual = self.virtual_now(balances)
        total_in, total_out = balances[source] + virtual[source], balances[target] + virtual[target]
        if self.version == 1:
            kept = div_up(mul_up(balances[0] + virtual[0], balances[1] + virtual[1]), total_in + amount)
            out = total_out - kept
        else:
            out = total_out * amount // (total_in + amount)
        if not 0 <= out <= balances[target]:
            raise ValueError(f"{out} is more than the pool has")
        return out

    def in_given_out(self, balances: Sequence[int], source: int, target: int, amount: int) -> int:
        """What an output needs, before the fee."""
        if amount > balances[target]:
            raise ValueError(f"{amount} is more than the pool has")
        virtual = self.virtual_now(balances)
        total_in, total_out = balances[source] + virtual[source], balances[target] + virtual[target]
        if self.version == 1:
            product = mul_up(balances[0] + virtual[0], balances[1] + virtual[1])
            return div_up(product, total_out - amount) - total_in
        return ceil_div(total_in * amount, total_out - amount)

    def invariant(self, balances: Sequence[int], *, up: bool) -> int:
        """Refused: only unbalanced liquidity needs it."""
        raise ValueError("the pool takes no unbalanced liquidity")

    def balance_for(self, balances: Sequence[int], index: int, ratio: int) -> int:
        """Refused."""
        raise ValueError("the pool takes no unbalanced liquidity")

    def virtual_now(self, balances: Sequence[int]) -> tuple[int, int]:
        """The virtual balances that the trade meets."""
        virtual = self.virtual
        if self.last_time == self.time:
            return virtual
        if self.time > self.change.start_time and self.last_time < self.change.end_time:
            virtual = _at_ratio(self.change.at(self.time), balances, virtual)
        centred, above = _centredness(balances, virtual)
        return self._tracked(balances, virtual, above=above) if centred < self.margin else virtual

    def _tracked(self, balances: Sequence[int], virtual: tuple[int, int], *, above: bool) -> tuple[int, int]:
        """The price range moved towards the market: the scarce token's virtual balance shrinks, the other follows."""
        product = mul_down(balances[0] + virtual[0], balances[1] + virtual[1])
        lowest = virtual[1] * virtual[1] // product
        highest = div_down(product, mul_down(virtual[0], virtual[0]))
        ratio_root = isqrt(div_up(highest, lowest) * ONE)
        plenty, scarce = (0, 1) if above else (1, 0)
        seconds = self.time - self.last_time
        if self.version == 1:
            moved = mul_down(virtual[scarce], power(self.shift, seconds * ONE))
        else:
            shrunk = power_down(self.shift, min(seconds, MAX_SHIFT_SECONDS) * ONE)
            floor = div_down(balances[scarce], isqrt(ratio_root * ONE) - ONE)
            moved = max(mul_down(virtual[scarce], shrunk), floor)
        follows = (
            balances[plenty] * (moved + balances[scarce]) // (mul_down(ratio_root - ONE, moved) - balances[scarce])
        )
        return (follows, moved) if above else (moved, follows)


def _centredness(balances: Sequence[int], virtual: tuple[int, int]) -> tuple[int, bool]:
    """How near the pool is to the middle of its range, 0 to 1, and whether it is above (token 0 plenty)."""
    if balances[0] == 0 or balances[1] == 0:
        return 0, balances[0] != 0
    first, second = balances[0] * virtual[1], virtual[0] * balances[1]
    return (div_down(first, second), False) if first <= second else (div_down(second, first), True)


def _at_ratio(fourth_root: int, balances: Sequence[int], virtual: tuple[int, int]) -> tuple[int, int]:
    """Virtual balances of the same centredness C at another price ratio with root Q.

    V = R (1 + C + sqrt(1 + C (C + 4 Q - 2))) / (2 (Q - 1)) for the plentiful token, the other in proportion.
    """
    centred, above = _centredness(balances, virtual)
    plenty = 0 if above else 1
    root = mul_down(fourth_root, fourth_root)
    inner = isqrt(centred * (centred + 4 * root - 2 * ONE) + ONE * ONE)
    made = balances[plenty] * (ONE + centred + inner) // (2 * (root - ONE))
    other = made * virtual[1 - plenty] // virtual[plenty]
    return (made, other) if above else (other, made)
