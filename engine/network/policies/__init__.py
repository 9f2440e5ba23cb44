"""The policies by name. A new policy is one file, one line in `POLICIES` and one in `choose_by_code`."""

from __future__ import annotations

from collections.abc import Callable

from engine.network.compiling import shared
from engine.network.policies import (
    consistent_hash,
    equilibrium,
    geographic,
    least_loaded,
    least_loaded_own,
    peak_ewma,
    power_of_two,
    power_of_two_own,
    prequal,
    random_choice,
    round_robin,
    shortest_expected_delay,
    stake_weighted,
    weighted_least_connections,
)
from engine.network.policies.base import Memory, Request, Sight

POLICIES: dict[str, int] = {
    "random": 0,
    "round_robin": 1,
    "stake_weighted": 2,
    "least_loaded": 3,
    "least_loaded_own": 4,
    "weighted_least_connections": 5,
    "power_of_two": 6,
    "power_of_two_own": 7,
    "peak_ewma": 8,
    "prequal": 9,
    "shortest_expected_delay": 10,
    "geographic": 11,
    "consistent_hash": 12,
    "equilibrium": 13,
}
"""Code of each policy by its name, as compiled code and records have it."""

DEFAULT = "equilibrium"

Choose = Callable[[Sight, Request, Memory], int]


@shared
def choose_by_code(code: int, sight: Sight, request: Request, memory: Memory) -> int:
    """The choice of the policy with this code; -1 where no node is usable or there is no such policy."""
    if code == 0:
        return random_choice.choose(sight, request, memory)
    if code == 1:
        return round_robin.choose(sight, request, memory)
    if code == 2:
        return stake_weighted.choose(sight, request, memory)
    if code == 3:
        return least_loaded.choose(sight, request, memory)
    if code == 4:
        return least_loaded_own.choose(sight, request, memory)
    if code == 5:
        return weighted_least_connections.choose(sight, request, memory)
    if code == 6:
        return power_of_two.choose(sight, request, memory)
    if code == 7:
        return power_of_two_own.choose(sight, request, memory)
    if code == 8:
        return peak_ewma.choose(sight, request, memory)
    if code == 9:
        return prequal.choose(sight, request, memory)
    if code == 10:
        return shortest_expected_delay.choose(sight, request, memory)
    if code == 11:
        return geographic.choose(sight, request, memory)
    if code == 12:
        return consistent_hash.choose(sight, request, memory)
    if code == 13:
        return equilibrium.choose(sight, request, memory)
    return -1


__all__ = ["DEFAULT", "POLICIES", "Choose", "Memory", "Request", "Sight", "choose_by_code"]
