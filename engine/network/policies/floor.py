"""The floor on decentralisation, held on dispatched value: a token bucket for each operator.

Each dispatch of value v gives every operator ceiling * v of credit, up to `burst`, and takes v from the one chosen. An
operator with less credit than the request's value waits; so over any run of dispatches of total value V it gets at most
ceiling * V + burst. If no usable node's operator has the credit, the one of most credit takes it: settling goes before
the floor, and the debt (of at most DEBTS bursts) is worked off first. Ceilings come from `engine.network.equilibrium`: they sum
to one or more, and the k - 1 greatest to no more than the floor allows.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import PPM, Memory, Request, Sight, usable

DEBTS = 64
"""Bursts of debt beyond which it is forgiven: who carried others' load in an outage is not shut out for long after."""


@shared
def accrue(memory: Memory, value: int) -> None:
    """Credit of the request that is about to be dispatched; without effect where ceilings are off."""
    most = int(memory.burst[0]) * PPM
    for operator in range(len(memory.bucket)):
        credit = int(memory.bucket[operator]) + value * int(memory.ceiling_ppm[operator])
        memory.bucket[operator] = min(credit, most)


@shared
def charge(memory: Memory, operator: int, value: int) -> None:
    """The operator is given the value."""
    credit = int(memory.bucket[operator]) - value * PPM
    memory.bucket[operator] = max(credit, -DEBTS * int(memory.burst[0]) * PPM)


@shared
def credit_needed(sight: Sight, request: Request, memory: Memory) -> int:
    """The credit from which on a node's operator may take the request: its value, or the most that anyone has."""
    most = -DEBTS * int(memory.burst[0]) * PPM
    for node in range(len(sight.cap)):
        if usable(sight, node):
            most = max(most, int(memory.bucket[sight.operator[node]]))
    return min(most, request.value * PPM)
