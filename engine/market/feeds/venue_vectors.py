"""Recorded outputs of pools, replayed: which cases of a file the venue arithmetic gives to the unit.

Formats, told apart by their fields (a file of another one is reported, never guessed at)
    Balancer V3     {pool, swaps, adds?, removes?}: results of on-chain queries (balancer/balancer-maths, testData)
    a path          {pools, path, recorded_solve}: V2, V3 and V4 pools and the amounts of a multi-hop swap
    recurrences     {recurrences: [{v4, solve, v4_hop}]}: V4 hops of one range of liquidity
    Curve states    virtual prices of plain and metapools ({states}) and of cryptopools of two and three assets
An item of a file that can not be read is reported by its place and costs no other. A file without an expected output (a state alone) is reported with that reason.

Source of the last three: BowTiedDevil/degenbot, tests/fixtures. Pure: parsed JSON in, results out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.market.feeds.balancer_v3_vectors import balancer_v3_cases
from engine.market.feeds.base import FeedError
from engine.market.feeds.curve_vectors import curve_cases
from engine.market.feeds.path_vectors import path_cases, recurrence_cases
from engine.market.feeds.pool_files import read_pool
from engine.market.feeds.vector_case import MALFORMED, Case, Unsupported, malformed
from engine.market.venues.base import VenueStateError


@dataclass
class Replayed:
    """What became of the cases of one file: counts, what differs, and what is not supported with the reason."""

    cases: int = 0
    matched: int = 0
    mismatched: list[dict[str, str]] = field(default_factory=list)
    unsupported: list[str] = field(default_factory=list)


Reader = Callable[[dict[str, Any]], Iterator[Case | Unsupported]]

_FORMATS: tuple[tuple[Callable[[dict[str, Any]], bool], Reader], ...] = (
    (lambda d: isinstance(d.get("pool"), dict) and ("swaps" in d or "adds" in d or "removes" in d), balancer_v3_cases),
    (lambda d: "path" in d and "pools" in d and ("recorded_solve" in d or "v4_hop" in d), path_cases),
    (lambda d: "recurrences" in d, recurrence_cases),
    (lambda d: "states" in d or "virtual_price" in d, curve_cases),
)


def replay_vectors(data: Any) -> Replayed:
    """Every case of one parsed file. Anything that can not be replayed is in `unsupported`."""
    result = Replayed()
    reader = next((read for fits, read in _FORMATS if isinstance(data, dict) and fits(data)), None)
    if reader is None:
        result.unsupported.append(_state_alone(data))
        return result
    try:
        for case in reader(data):
            _replay(case, result)
    except MALFORMED as error:
        result.unsupported.append(malformed(error))
    if not result.cases and not result.unsupported:
        result.unsupported.append("no recorded output")
    return result


def _state_alone(data: Any) -> str:
    """What a file without expected outputs holds: a pool that its kind accepts, one that it refuses, or neither."""
    try:
        return f"no expected output: the state of one {read_pool(data).kind} pool, which its kind accepts"
    except VenueStateError as error:
        return f"no expected output: the state of one pool, refused for {error}"
    except FeedError:
        return "no expected output: no recorded swap, and no single pool"
    except MALFORMED as error:
        return malformed(error)


def _replay(case: Case | Unsupported, result: Replayed) -> None:
    if isinstance(case, Unsupported):
        result.unsupported.append(f"{case.name}: {case.reason}" if case.name else case.reason)
        return
    try:
        actual = case.compute()
    except (KeyError, TypeError, IndexError, AttributeError) as error:  # the state's fields do not fit each other
        result.unsupported.append(f"{case.name}: {malformed(error)}")
        return
    except MALFORMED as error:
        result.cases += 1
        result.mismatched.append({"case": case.name, "expected": str(case.expected), "actual": f"refused: {error}"})
        return
    result.cases += 1
    if actual == case.expected:
        result.matched += 1
    elif case.inexact is not None and abs(actual - case.expected) <= case.inexact[0]:
        result.cases -= 1
        result.unsupported.append(f"{case.name}: {case.inexact[1]}; expected {case.expected}, got {actual}")
    else:
        result.mismatched.append({"case": case.name, "expected": str(case.expected), "actual": str(actual)})
