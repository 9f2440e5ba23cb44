"""Making dispatch choices so that they are recorded, and making them again from the record.

Guarantees
1. `decide` records all that a policy reads before it reads it, then what it chose.
2. `replay_choices` makes every choice of a record again, by the same code, and names the first that differs: another node
   than the policy's, or a memory that is not what the choice before left (so draws, credit and buckets cannot be picked
   to suit a node). Ceilings and the burst may change between choices: they are settings, logged as such.

A record that leaves out choices at its end is not found here; the log's root covers how many there are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from engine.network.draws import Ints
from engine.network.policies import POLICIES, choose_by_code
from engine.network.policies.base import POOL_SLOTS, Memory, Request, Sight
from engine.network.trust.dispatch_log import Choice
from intents.errors import InputError

_SETTINGS = {"ceiling_ppm", "burst"}
_SCRATCH = {"cost"}


class Dispatch(NamedTuple):
    """What is to be sent where: chain, the transaction's hash, how often it was sent before."""

    chain: str
    transaction: str
    attempt: int = 0


class Difference(NamedTuple):
    """The first choice that is not as recorded: its position, what differs, what the record says, what follows."""

    position: int
    field: str
    recorded: str
    replayed: str


def decide(
    policy: str, nodes: Sequence[str], sight: Sight, request: Request, memory: Memory, dispatch: Dispatch
) -> Choice:
    """Let the policy choose, writing to `memory`; the record of it. Raises InputError `unknown_policy`."""
    code = _code(policy)
    seen = {name: _text(row) for name, row in sight._asdict().items()}
    remembered = {name: _text(row) for name, row in memory._asdict().items() if name not in _SCRATCH}
    chosen = int(choose_by_code(code, sight, request, memory))
    return Choice(
        chain=dispatch.chain,
        transaction=dispatch.transaction,
        attempt=dispatch.attempt,
        policy=policy,
        nodes=tuple(nodes),
        sight=seen,
        memory=remembered,
        now_us=request.now_us,
        region=request.region,
        key=request.key,
        value=request.value,
        chosen=chosen,
    )


def replayed(choice: Choice) -> tuple[int, dict[str, str]]:
    """What the recorded policy chooses from the recorded inputs, and its memory afterwards.

    Raises InputError `unknown_policy`, `malformed_choice`.
    """
    count = len(choice.nodes)
    sight = Sight(
        **{name: _row(choice.sight, name, (-1, count) if name == "rtt_us" else (count,)) for name in _fields(Sight)}
    )
    memory = Memory(**{name: _memory_row(choice, name, count) for name in _fields(Memory)})
    if not 0 <= choice.region < len(sight.rtt_us):
        raise InputError("malformed_choice", "/region", expected="a region of rtt_us", actual=str(choice.region))
    request = Request(choice.now_us, choice.region, choice.key, choice.value)
    try:
        chosen = int(choose_by_code(_code(choice.policy), sight, request, memory))
    except (ArithmeticError, IndexError) as error:
        expected = "inputs that the policy can work on"
        raise InputError("malformed_choice", "", expected=expected, actual=str(error)) from None
    return chosen, {name: _text(row) for name, row in memory._asdict().items() if name not in _SCRATCH}


def memory_after(choice: Choice) -> Memory:
    """The memory that a recorded choice left: what goes on from a record. Raises as `replayed`."""
    left = choice.model_copy(update={"memory": replayed(choice)[1]})
    return Memory(**{name: _memory_row(left, name, len(choice.nodes)) for name in _fields(Memory)})


def replay_choices(choices: Iterable[Choice], seeds: Collection[int] | None = None) -> Difference | None:
    """The first recorded choice that does not follow from the record; None where all do.

    `seeds`: from which a chain's draws may start anew (signed 64-bit integers); None takes each chain's first as it is
    and allows no other.
    """
    left: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {}
    for position, choice in enumerate(choices):
        chosen, after = replayed(choice)
        if chosen != choice.chosen:
            return Difference(position, "chosen", str(choice.chosen), str(chosen))
        before = left.get(choice.chain)
        if before is not None or seeds is not None:
            nodes, memory = before or ((), {})
            broken = _broken_memory(choice, nodes, memory, seeds or ())
            if broken is not None:
                return Difference(
                    position, broken, choice.memory[broken], memory.get(broken, "draws from a known seed")
                )
        left[choice.chain] = choice.nodes, after
    return None


def _broken_memory(
    choice: Choice, nodes: tuple[str, ...], memory: Mapping[str, str], seeds: Collection[int]
) -> str | None:
    """The first field that the choice before did not leave so; of fields by node only while the nodes stay."""
    draws = choice.memory["draws"]
    if draws != memory.get("draws") and draws not in {f"{seed} 0" for seed in seeds}:
        return "draws"
    if nodes != choice.nodes:
        return None
    kept = (name for name in sorted(choice.memory) if name not in _SETTINGS and name != "draws")
    return next((name for name in kept if choice.memory[name] != memory[name]), None)


def _code(policy: str) -> int:
    if policy not in POLICIES:
        raise InputError("unknown_policy", "/policy", expected="one of " + ", ".join(POLICIES), actual=policy)
    return POLICIES[policy]


def _fields(kind: type[Sight | Memory]) -> tuple[str, ...]:
    return kind._fields


def _memory_row(choice: Choice, name: str, count: int) -> Ints:
    if name in _SCRATCH:
        return np.zeros(count, dtype=np.int64)
    if name == "pool":
        return _row(choice.memory, name, (POOL_SLOTS, 4))
    sizes = {"draws": (2,), "cursor": (1,), "burst": (1,), "credit": (count,)}
    return _row(choice.memory, name, sizes.get(name, (-1,)))


def _row(rows: dict[str, str], name: str, shape: tuple[int, ...]) -> Ints:
    try:
        return np.array(rows[name].split(), dtype=np.int64).reshape(shape)
    except (KeyError, ValueError, OverflowError):
        actual = rows.get(name, "nothing")[:80]
        raise InputError("malformed_choice", "/" + name, expected=f"integers of shape {shape}", actual=actual) from None


def _text(row: Ints) -> str:
    return " ".join(map(str, row.reshape(-1).tolist()))
