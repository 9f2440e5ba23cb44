"""Exact output where a contract has no function for it: the smallest input that brings at least the wanted output."""

from __future__ import annotations

from collections.abc import Callable

from engine.market.venues.base import TradeRefusedError

LARGEST = 2**255
"""No search goes beyond."""


def least_input(output: Callable[[int], int], wanted: int) -> int:
    """By doubling, then bisection; `output` never falls. Raises its TradeRefusedError where no input brings enough.

    A refusal as `no_output` counts as an output of 0; any other one means that the input is too large.
    """
    low, high = 0, 1
    while high < LARGEST and _reaches(output, high, wanted) is False:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _reaches(output, middle, wanted) is False:
            low = middle
        else:
            high = middle
    if output(high) < wanted:
        raise TradeRefusedError("venue_capacity", f"no input brings {wanted}")
    return high


def _reaches(output: Callable[[int], int], amount: int, wanted: int) -> bool | None:
    """Whether an input brings enough; None where it is refused as too large."""
    try:
        return output(amount) >= wanted
    except TradeRefusedError as error:
        return False if error.code == "no_output" else None
