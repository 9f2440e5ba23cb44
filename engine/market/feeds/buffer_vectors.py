"""Cases of Balancer V3's ERC-4626 buffers: wrapping and unwrapping at the rate of the wrapped token's own vault.

A file states that rate in 18 decimals, cut off: the true one is anywhere from it up to one more of its last digit. Each
output confines the true rate; a swap is a case where every rate that the statement and the file's *other* outputs leave
gives the same output. Where they leave several, it is listed with them; an output outside them all is a mismatch.

The vault of the main networks takes one unit from what is converted and one from the result (added for exact outputs);
earlier test deployments took none and have the rate whole. A file does not name its vault: the rule that explains more of
its swaps is its vault's.

Source: balancer/balancer-v3-monorepo, pkg/vault/contracts/Vault.sol (_wrapWithBuffer, _unwrapWithBuffer).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from typing import Any

from engine.market.feeds.vector_case import Case, Unsupported, each
from engine.market.venues.balancer_math import ONE
from engine.market.venues.balancer_v3_pools import buffer_amount

REASON = "the wrapped token's rate is cut off in the file, and the output depends on the digits that are missing"

_LAST = 1 - Fraction(1, ONE)
"""The missing digits of a rate are below this share of its last one."""

Range = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class _Swap:
    """One recorded wrapping or unwrapping."""

    name: str
    amount: int
    expected: int
    wrap: bool
    exact_in: bool

    def output(self, rate: Fraction, units: int) -> int:
        return buffer_amount(self.amount, rate, wrap=self.wrap, exact_in=self.exact_in, units=units)

    def rates(self) -> Range:
        """Every rate at which the vault of the main networks gives the expected output lies between these."""
        if self.exact_in:
            given, low, high = self.amount - 1, self.expected + 1, self.expected + 2
        else:
            given, low, high = self.amount + 1, self.expected - 2, self.expected - 1
        if self.wrap == self.exact_in:
            return Fraction(given * ONE, max(high, 1)), Fraction(given * ONE, max(low, 1))
        return Fraction(low * ONE, given), Fraction(high * ONE, given)


def buffer_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """Every swap of a file. KeyError and the like where it is not of the format."""
    stated = data["pool"]
    wrapped, rate = str(stated["poolAddress"]).lower(), int(stated["rate"])
    if rate <= 0:
        raise ValueError(f"a rate above 0 is expected, {rate} found")
    swaps: list[_Swap] = []

    def read(name: str, swap: Any) -> Iterator[Case | Unsupported]:
        sides = [str(swap[side]).lower() for side in ("tokenIn", "tokenOut")]
        if sides.count(wrapped) != 1:
            raise ValueError(f"the wrapped token on one side is expected, {sides} found")
        kind = int(swap["swapKind"])
        swaps.append(_Swap(name, int(swap["amountRaw"]), int(swap["outputRaw"]), sides[0] != wrapped, kind == 0))
        yield from ()

    yield from each("swaps", data.get("swaps", []), read)
    plain = sum(_gives(swap, Fraction(rate)) for swap in swaps)
    if plain > sum(_within(swap, _confined(rate, ())) for swap in swaps):
        for swap in swaps:
            yield Case(swap.name, swap.expected, partial(swap.output, Fraction(rate), 0))
        return
    for swap in swaps:
        yield _case(swap, _confined(rate, [other.rates() for other in swaps if other is not swap]))


def _case(swap: _Swap, rates: Range) -> Case | Unsupported:
    try:
        least, most = sorted(swap.output(rate, 1) for rate in rates)
    except ValueError as error:
        return Unsupported(swap.name, f"the vault refuses it: {error}")
    if least < swap.expected < most or (least != most and swap.expected in (least, most)):
        return Unsupported(swap.name, f"{REASON}: {least} to {most}, recorded {swap.expected}")
    return Case(swap.name, swap.expected, lambda: least if swap.expected <= least else most)


def _confined(rate: int, others: Sequence[Range]) -> Range:
    """Rates that the statement and other outputs leave; an output that the statement contradicts confines nothing."""
    low, high = Fraction(rate), rate + _LAST
    for least, most in others:
        if max(low, least) <= min(high, most):
            low, high = max(low, least), min(high, most)
    return low, high


def _gives(swap: _Swap, rate: Fraction) -> bool:
    try:
        return swap.output(rate, 0) == swap.expected
    except ValueError:
        return False


def _within(swap: _Swap, rates: Range) -> bool:
    try:
        least, most = sorted(swap.output(rate, 1) for rate in rates)
    except ValueError:
        return False
    return least <= swap.expected <= most
