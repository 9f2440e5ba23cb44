"""The shares that a chain's choices are bound to: the equilibrium solved from what its dispatcher estimates, in integers.

Guarantees
1. `Shares` holds what was read and what follows: each node's share of the optimum, the ceiling of each operator's share of
   value, the burst. Choices read these integers alone, so they replay bit for bit whatever floats made them.
2. The k - 1 greatest ceilings add up to at most the threshold: `check_shares` shows it in exact integers, for anybody. None
   is above `STAKE_TIMES` the operator's share of the usable stake, or what is needed beyond that where capacity is short.
3. The floor is the first of `FLOORS` that operators, stakes and capacities leave room for; `k` 1 says that none is.

That the shares are the optimum is not checked: another machine's floats may differ in the last digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from engine.auction.solution import Count
from engine.network.equilibrium import HEADROOM, Fleet, Floats, Floor, Optimum, ceilings_ppm, optimum, ppm
from engine.network.policies.base import PPM
from engine.network.stake_caps import stake_ceilings_ppm
from engine.network.state import Micros, Ppm
from engine.network.trust.censorship import ACCUSE, Conviction
from engine.network.trust.rounds import Round
from intents.errors import InputError
from intents.identifiers import PlaceId, Text
from intents.values import Value

FLOORS = (Floor(3, 0.5), Floor(2, 0.5))
"""Nakamoto coefficients at one half that are kept, the best first."""

STAKE_TIMES = 4
"""How many times its share of stake an operator may be given."""

SLACK_PPM = 10_000
"""What operators can carry under their ceilings beyond the whole."""

BURST = 2
"""Times the greatest value to be sent by which an operator may be ahead of its ceiling."""

QUIET, FULL = 0.05, 0.9
"""Least and greatest load for which is solved: below, queues do not count; above, the nodes cannot do what comes."""

MOVED = 3
"""Shares are solved anew where a service time, the rate, or a round trip (of it and service) moved by more than a part in so many."""


class Estimates(NamedTuple):
    """What is known of n nodes, each a tuple of n. `rate_per_ks`: requests in a thousand seconds, by `counted_rate`."""

    operators: tuple[str, ...]
    stakes_ppm: tuple[int, ...]
    service_us: tuple[int, ...]
    rtt_us: tuple[int, ...]
    usable: tuple[bool, ...]
    rate_per_ks: int


class Solved(NamedTuple):
    """`k` and `threshold_ppm` of the floor that is kept; shares by node; ceilings by operator, ascending by name."""

    k: int
    threshold_ppm: int
    shares_ppm: tuple[int, ...]
    ceilings_ppm: dict[str, int]


class Shares(Value):
    """Shares of a chain's nodes, from attempt number `since` of a settlement on: what they rest on, and what follows."""

    chain: PlaceId
    since: Count
    at_us: Micros
    nodes: tuple[Text, ...]
    operators: tuple[Text, ...]
    stakes_ppm: tuple[Ppm, ...]
    service_us: tuple[Micros, ...]
    rtt_us: tuple[Micros, ...]
    usable: tuple[bool, ...]
    rate_per_ks: Count
    k: Count
    threshold_ppm: Ppm
    shares_ppm: tuple[Ppm, ...]
    ceilings_ppm: dict[Text, Ppm]
    burst: Count
    convictions: tuple[Conviction, ...] = ()
    """Nodes that are not `usable` because they drop somebody's transactions, and the evidence."""
    round: Round | None = None
    """The newest round of probes: `rtt_us` is the stated round trip and, in its `after`, what the node adds to it.

    Choices count with this `rtt_us`; the shares were solved with one that had not moved much from it.
    """


def counted_rate(per_us: float, service_us: Sequence[int]) -> int:
    """An estimated rate for which can be solved, in requests in a thousand seconds."""
    capacity = sum(1 / max(each, 1) for each in service_us)
    return max(1, round(1e9 * min(max(per_us, QUIET * capacity), FULL * capacity)))


def moved(before: Estimates, now: Estimates) -> bool:
    """Whether so much changed that shares are to be solved anew."""
    if (before.operators, before.stakes_ppm, before.usable) != (now.operators, now.stakes_ppm, now.usable):
        return True
    pairs = zip((*before.service_us, before.rate_per_ks), (*now.service_us, now.rate_per_ks), strict=True)
    answers = (rtt + service for rtt, service in zip(before.rtt_us, before.service_us, strict=True))
    trips = zip(before.rtt_us, now.rtt_us, answers, strict=True)
    return any(MOVED * abs(new - old) > old for old, new in pairs) or any(
        MOVED * abs(new - old) > answer for old, new, answer in trips
    )


@lru_cache(maxsize=256)
def solved(seen: Estimates) -> Solved:
    """The optimum under stake ceilings and the best floor there is room for; over all nodes where none is usable."""
    held = [i for i, usable in enumerate(seen.usable) if usable] or list(range(len(seen.usable)))
    names = sorted({seen.operators[i] for i in held})
    fleet = _fleet(seen, held, names)
    stakes = [sum(seen.stakes_ppm[i] for i in held if seen.operators[i] == name) for name in names]
    most = _stake_ceilings(fleet, stakes)
    k, threshold, found, ceilings = _best(fleet, most)
    shares = [0] * len(seen.usable)
    for i, share in zip(held, ppm(found.shares), strict=True):
        shares[i] = share
    bounds = dict.fromkeys(sorted(set(seen.operators)), min(ceilings)) | dict(zip(names, ceilings, strict=True))
    return Solved(k, threshold, tuple(shares), bounds)


def check_shares(shares: Shares) -> None:
    """Raise InputError `bad_shares` unless shares add up and ceilings keep the floor, and convictions have their evidence."""
    counts = {len(shares.nodes), len(shares.operators), len(shares.stakes_ppm), len(shares.shares_ppm)}
    _require(
        len(counts) == 1 and sum(shares.shares_ppm) == PPM, "a share for each node, one whole together", shares.chain
    )
    _require(shares.ceilings_ppm.keys() == set(shares.operators), "a ceiling for each operator", shares.chain)
    greatest = sum(sorted(shares.ceilings_ppm.values(), reverse=True)[: max(shares.k - 1, 0)])
    _require(shares.k < 2 or greatest <= shares.threshold_ppm, f"at most {shares.threshold_ppm}", str(greatest))

    shut = {conviction.node for conviction in shares.convictions}
    proved = all(conviction.evidence >= ACCUSE for conviction in shares.convictions)
    _require(proved, f"evidence of at least {ACCUSE} billionths", str(shares.convictions)[:80])
    usable = {name for name, usable in zip(shares.nodes, shares.usable, strict=True) if usable}
    _require(not shut & usable, "no convicted node among the usable", str(sorted(shut & usable)))


def _fleet(seen: Estimates, held: Sequence[int], names: Sequence[str]) -> Fleet:
    service = np.array([max(seen.service_us[i], 1) for i in held], dtype=np.float64)
    return Fleet(
        np.array([seen.rtt_us[i] for i in held], dtype=np.float64),
        service,
        np.array([names.index(seen.operators[i]) for i in held], dtype=np.int64),
        min(seen.rate_per_ks / 1e9, FULL * float(np.sum(1 / service))),  # of all nodes' capacity, these may be few
    )


def _stake_ceilings(fleet: Fleet, stakes: Sequence[int]) -> tuple[int, ...]:
    """Linear in stake, with more than `STAKE_TIMES` only where capacity asks for it; equal stakes where some have none."""
    able = np.bincount(fleet.operator, HEADROOM / fleet.service_us / fleet.rate * PPM)
    capacities = np.minimum(able, 2**53).astype(np.int64).tolist()
    counted = list(stakes) if all(stakes) else [1] * len(stakes)
    ceilings = tuple(min(STAKE_TIMES * PPM * stake // sum(counted), PPM) for stake in counted)
    if sum(map(min, ceilings, capacities)) >= PPM + SLACK_PPM:
        return ceilings
    return stake_ceilings_ppm(counted, capacities, min(SLACK_PPM, sum(capacities) - PPM))


def _best(fleet: Fleet, most: Sequence[int]) -> tuple[int, int, Optimum, tuple[int, ...]]:
    """(k, threshold, optimum, ceilings) of the first floor that there is room for."""
    caps: Floats = np.array(most) / PPM
    for floor in FLOORS:
        if fleet.operators * floor.threshold < floor.k - 1:
            continue  # even equal shares are above it
        try:
            found = optimum(fleet, floor, caps)
        except InputError:
            continue
        kept = ceilings_ppm(found.held, floor)
        return floor.k, int(floor.threshold * PPM), found, tuple(map(min, kept, most))
    return 1, PPM, optimum(fleet, None, caps), tuple(most)


def _require(holds: bool, expected: str, actual: str) -> None:  # noqa: FBT001  # the condition itself
    if not holds:
        raise InputError("bad_shares", "/shares", expected=expected, actual=actual)
