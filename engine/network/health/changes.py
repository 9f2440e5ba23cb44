"""The log of membership: each change with the inputs that reproduce it, and the replay that does.

`replay_changes` shows, from the log alone, that each change follows by `decide` from its evidence and the parameters;
that the evidence agrees with the log so far (the node's state, since when, how often it was out, how many others are);
that no node changed twice within its minute; and that each shard map is the one of the members then.
It does not show that a node was silent or failed: those counts come from receipts, which have a record of their own.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import Field

from engine.auction.solution import Count
from engine.network.draws import Ints
from engine.network.health.ejection import Ejection
from engine.network.health.membership import IN, OUT, REASONS, SILENT, Decision, Evidence, Rules, decide
from engine.network.health.reducer import F, Health, Settings
from engine.network.health.shards import Owners, moved, node_seed, reassigned, shard_map
from intents.errors import InputError
from intents.identifiers import Digest, Text
from intents.values import Value, content_hash

Integer = Annotated[int, Field(gt=-(2**53), lt=2**53)]

T = TypeVar("T", Ejection, Rules, Evidence, Decision)


class Change(Value):
    """One node's change of state: evidence and decision by name, and what it did to the map of shards."""

    format: Literal["clearway/membership-change/1"] = "clearway/membership-change/1"
    node: Text
    reason: Text
    evidence: dict[Text, Integer]
    decision: dict[Text, Integer]
    shards_moved: Count
    shards: Digest
    """Hash of the map after the change."""


class ChangeLog(Value):
    """All changes of one fleet since `start_us`, when every node was in."""

    format: Literal["clearway/membership-log/1"] = "clearway/membership-log/1"
    nodes: tuple[Text, ...]
    start_us: Integer
    shard_count: Count
    ejection: dict[Text, Integer]
    rules: dict[Text, Integer]
    changes: tuple[Change, ...] = ()


class _Shards(NamedTuple):
    """The map of shards beside its members."""

    seeds: tuple[int, ...]
    members: frozenset[int]
    owners: Owners

    def after(self, node: int, state: int) -> _Shards:
        members = self.members | {node} if state == IN else self.members - {node}
        return self._replace(members=members, owners=reassigned(self.owners, self.seeds, self.members, members))


def new_log(nodes: tuple[str, ...], shard_count: int, settings: Settings, start_us: int) -> ChangeLog:
    """A log without changes. Raises InputError `duplicate_node`."""
    if len(set(nodes)) != len(nodes):
        raise InputError("duplicate_node", "/nodes", expected="different names", actual=", ".join(nodes))
    return ChangeLog(
        nodes=nodes,
        start_us=start_us,
        shard_count=shard_count,
        ejection=settings.ejection._asdict(),
        rules=settings.rules._asdict(),
    )


def shard_owners(log: ChangeLog) -> Owners:
    """For each shard the position of its node after all changes of the log, or -1."""
    states = dict.fromkeys(range(len(log.nodes)), IN)
    for change in log.changes:
        states[change.evidence["node"]] = change.decision["state"]
    seeds = [node_seed(name) for name in log.nodes]
    return shard_map(seeds, [node for node, state in states.items() if state == IN], log.shard_count)


def drained(health: Health, log: ChangeLog) -> ChangeLog:
    """The log with the changes that wait in `health`, which forgets them. A canary has no shards until it is promoted."""
    count = int(health.fleet[F.rows])
    if count == 0:
        return log
    shards = _shards_of(log)
    added = []
    for row in health.changes[:count]:
        evidence, decision = _read(row)
        after = shards.after(evidence.node, decision.state)
        added.append(_change(log, evidence, decision, shards, after))
        shards = after
    health.fleet[F.rows] = 0
    return log.model_copy(update={"changes": (*log.changes, *added)})


def _read(row: Ints) -> tuple[Evidence, Decision]:
    values = [int(value) for value in row]
    split = len(Evidence._fields)
    return Evidence(*values[:split]), Decision(*values[split:])


def _shards_of(log: ChangeLog) -> _Shards:
    seeds = tuple(node_seed(name) for name in log.nodes)
    owners = shard_owners(log)
    states = {change.evidence["node"]: change.decision["state"] for change in log.changes}
    members = frozenset(node for node in range(len(seeds)) if states.get(node, IN) == IN)
    return _Shards(seeds, members, owners)


def _change(log: ChangeLog, evidence: Evidence, decision: Decision, before: _Shards, after: _Shards) -> Change:
    return Change(
        node=log.nodes[evidence.node],
        reason=REASONS[decision.reason],
        evidence=evidence._asdict(),
        decision=decision._asdict(),
        shards_moved=moved(before.owners, after.owners),
        shards=content_hash("clearway/shards/1", [str(owner) for owner in after.owners]),
    )


def replay_changes(log: ChangeLog) -> tuple[str, ...]:
    """Recompute every change; one sentence for each that does not follow, in order. Empty: all do.

    Raises InputError `malformed` where evidence, decision or parameters lack a field or have one too many.
    """
    ejection = _fields(Ejection, log.ejection, "/ejection")
    rules = _fields(Rules, log.rules, "/rules")
    last = [_start(log, rules)] * len(log.nodes)
    shards = _shards_of(log.model_copy(update={"changes": ()}))
    faults = []
    now_us = log.start_us
    for index, change in enumerate(log.changes):
        evidence = _fields(Evidence, change.evidence, f"/changes/{index}/evidence")
        decision = _fields(Decision, change.decision, f"/changes/{index}/decision")
        if not 0 <= evidence.node < len(last):
            faults.append(f"change {index}: node {evidence.node} is none of {len(last)}")
            continue
        expected = _expected(evidence, last)
        made = decide(evidence, ejection, rules)
        after = shards.after(evidence.node, made.state)
        if evidence.now_us < now_us:
            faults.append(f"change {index}: it is before the one that precedes it")
        if evidence != expected:
            faults.append(f"change {index}: the log so far says {_differences(expected, evidence)}")
        if made != decision or made.state == evidence.state:
            faults.append(f"change {index}: its evidence gives {made}, not {decision}")
        if change != _change(log, evidence, decision, shards, after):
            faults.append(f"change {index}: its node, reason or shards are not those of its decision")
        last[evidence.node] = _Known(made.state, evidence.now_us, made)
        shards, now_us = after, evidence.now_us
    return tuple(faults)


class _Known(NamedTuple):
    """What the log so far says of a node."""

    state: int
    changed_us: int
    decision: Decision


def _start(log: ChangeLog, rules: Rules) -> _Known:
    return _Known(IN, log.start_us - rules.dwell_us, Decision(IN, 0, 0, 0, 0, 0))


def _expected(evidence: Evidence, last: list[_Known]) -> Evidence:
    """The evidence with all that the log so far determines."""
    known = last[evidence.node]
    out = sum(node.state == OUT and node.decision.reason != SILENT for node in last)
    return evidence._replace(
        state=known.state,
        changed_us=known.changed_us,
        out_until_us=known.decision.out_until_us,
        times_out=known.decision.times_out,
        reason=known.decision.reason,
        burn_ppm=known.decision.burn_ppm,
        out_for_errors=out,
        nodes=len(last),
    )


def _differences(expected: Evidence, actual: Evidence) -> str:
    pairs = zip(Evidence._fields, expected, actual, strict=True)
    return ", ".join(f"{name} {right}, not {wrong}" for name, right, wrong in pairs if right != wrong)


def _fields(kind: type[T], values: dict[str, int], where: str) -> T:
    names = kind._fields
    if set(values) != set(names):
        raise InputError("malformed", where, expected=", ".join(names), actual=", ".join(sorted(values)))
    return kind(**values)
