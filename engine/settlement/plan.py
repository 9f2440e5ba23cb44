"""From winners to a plan: a DAG of transactions over chains, with what undoes each.

Guarantees
1. Pure: the plan follows from the auction's record, the network and the time of the start. Its hash covers all of it.
2. One transaction for each (winning bid, place, stage) that moves something; its id is H("clearway/tx/1", problem hash,
   bid, place, stage), so that whoever plans again sends the same ids, which chains take once.
3. Every transaction of a stage waits for the finality of all of its bid's stage before; what a bridge brings waits for
   the bridge's stated delay beyond that. Bids do not wait for each other.
4. The bid is the atomic group. Each step has a compensation, whose id follows from the step's: it is sent where the step
   landed and its bid failed, because another step did not land or because the landed bids do not hold together.

A step is refused by its chain after `due_us`, so its fate is certain once the chain is final beyond that. Compensations
are never overdue. Money on the chain is the effects' digest; the amounts are in the record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from engine.auction.problem import Problem
from engine.auction.solution import Solution
from engine.audit.record import Record
from engine.market.venues import kind_of
from engine.network.dispatcher import MAX_VALUE
from engine.settlement.chains import Micros, Network
from intents.errors import InputError
from intents.identifiers import Digest, PlaceId, Text, place_of
from intents.values import Amount, Value, content_hash

PATIENCE_BLOCKS = 24
"""Blocks that a step is given to be included in."""

UNDO_PRICE = 8
"""A compensation may pay so many times its step's gas price: it must land."""


class Transaction(Value):
    """One transaction, the `sender`'s whose bid it is. `stage` counts from 0; `reverses` names the step that a compensation undoes.

    `value`: what its bid's fills pay, in hundredths of one numeraire at reference prices; at least 1, at most `MAX_VALUE`.
    Of gas it burns at most `gas_units` at `max_gas_price` base units of the chain's native asset each.
    """

    id: Digest
    bid: Digest
    sender: Text
    chain: PlaceId
    stage: int
    effects: Digest
    gas_units: Amount
    max_gas_price: Amount
    due_us: Micros | None
    reverses: Digest | None = None
    value: int = Field(default=1, ge=1, le=MAX_VALUE)


class Edge(Value):
    """`after` may be sent `delay_us` after `before` is final."""

    before: Digest
    after: Digest
    kind: Literal["stage", "bridge"]
    delay_us: Micros = 0


class Plan(Value):
    """What is to be done for one auction, from `start_us` of the chains' time on."""

    format: Literal["clearway/plan/1"] = "clearway/plan/1"
    auction: Text
    problem_hash: Digest
    record_hash: Digest
    start_us: Micros
    network: Network
    steps: tuple[Transaction, ...]
    compensations: tuple[Transaction, ...]
    edges: tuple[Edge, ...]

    @cached_property
    def hash(self) -> str:
        """The plan's hash."""
        return content_hash("clearway/plan/1", self)

    @cached_property
    def bids(self) -> Mapping[str, tuple[Transaction, ...]]:
        """The steps of each bid: its atomic group."""
        return _grouped((step.bid, step) for step in self.steps)

    @cached_property
    def before(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that each step waits for."""
        return _grouped((edge.after, edge) for edge in self.edges)

    @cached_property
    def transactions(self) -> Mapping[str, Transaction]:
        """Steps and compensations by id."""
        return {each.id: each for each in (*self.steps, *self.compensations)}

    @cached_property
    def undoing(self) -> Mapping[str, Transaction]:
        """The compensation of each step."""
        return {each.reverses: each for each in self.compensations if each.reverses is not None}


def plan_of(record: Record, network: Network, start_us: int) -> Plan:
    """The plan for a record's winners. Raises InputError `unknown_chain` where a place is none of the network's."""
    senders = {bid.id: bid.solver for bid in record.bids}
    steps: list[Transaction] = []
    edges: list[Edge] = []
    for bid, solution in winning_solutions(record).items():
        made, waits = _Planned(record.problem, bid, senders[bid], solution, network, start_us).made()
        steps += made
        edges += waits
    return Plan(
        auction=record.problem.auction,
        problem_hash=record.problem_hash,
        record_hash=record.record_hash,
        start_us=start_us,
        network=network,
        steps=tuple(steps),
        compensations=tuple(_undoing(step) for step in steps),
        edges=tuple(edges),
    )


def winning_solutions(record: Record) -> dict[str, Solution]:
    """The solution of each winning bid, ascending by bid."""
    won = {bid.id: record.proposals[bid.solver].solutions[bid.index] for bid in record.bids if bid.status == "won"}
    return {bid: solution for bid, solution in sorted(won.items()) if isinstance(solution, Solution)}


def transaction_id(problem_hash: str, bid: str, chain: str, stage: int) -> str:
    """The id of a step."""
    return content_hash("clearway/tx/1", problem_hash, bid, chain, stage)


def _undoing(step: Transaction) -> Transaction:
    return Transaction(
        id=content_hash("clearway/tx-compensation/1", step.id),
        bid=step.bid,
        sender=step.sender,
        chain=step.chain,
        stage=step.stage,
        effects=content_hash("clearway/effects-undone/1", step.effects),
        gas_units=step.gas_units,
        max_gas_price=step.max_gas_price * UNDO_PRICE,
        due_us=None,
        reverses=step.id,
        value=step.value,
    )


@dataclass(frozen=True)
class _Planned:
    """One bid on its way into the plan."""

    problem: Problem
    bid: str
    sender: str
    solution: Solution
    network: Network
    start_us: int

    def made(self) -> tuple[list[Transaction], list[Edge]]:
        """Steps by (stage, place), and their edges."""
        effects = self._effects()
        delays = self._arrivals()
        steps: list[Transaction] = []
        edges: list[Edge] = []
        before: list[Transaction] = []
        for stage in sorted({stage for stage, _ in effects}):
            here = []
            for place in sorted(place for at, place in effects if at == stage):
                name = transaction_id(self.problem.hash, self.bid, place, stage)
                waits = [self._edge(earlier, name, delays.get((stage, place), {})) for earlier in before]
                here.append(self._step(name, place, stage, effects[stage, place], zip(before, waits, strict=True)))
                edges += waits
            steps += here
            before = here
        return steps, edges

    def _step(
        self, name: str, place: str, stage: int, effects: list[Any], waits: Iterable[tuple[Transaction, Edge]]
    ) -> Transaction:
        chain = self.problem.snapshot.chains.get(place)
        spec = self.network.chains.get(place)
        if spec is None:
            expected = "a chain of the settlement network"
            raise InputError("unknown_chain", "", expected=expected, actual=place)
        ready = self.start_us
        for earlier, edge in waits:
            finality = self.network.chains[earlier.chain].finality_us
            ready = max(ready, (earlier.due_us or 0) + finality + edge.delay_us)
        venues = self.problem.venues_by_id
        legs = (leg for leg in self.solution.legs if leg.stage == stage and place_of(leg.venue) == place)
        return Transaction(
            id=name,
            bid=self.bid,
            sender=self.sender,
            chain=place,
            stage=stage,
            effects=content_hash("clearway/effects/1", effects),
            gas_units=sum(venues[leg.venue].gas_units for leg in legs),
            max_gas_price=0 if chain is None or chain.native is None else chain.gas_price,
            due_us=ready + PATIENCE_BLOCKS * spec.block_us,
            value=self._value(),
        )

    def _value(self) -> int:
        """What the fills pay, rounded down; assets without a price count as nothing."""
        snapshot = self.problem.snapshot
        paid = (moved for fill in self.solution.fills for moved in fill.ins.items())
        worth = sum(((snapshot.price(asset) or 0) * amount for asset, amount in paid), Fraction(0))
        unit: int = 10 ** snapshot.assets[snapshot.numeraire].decimals
        return min(max(worth * 100 // unit, 1), MAX_VALUE)

    def _edge(self, earlier: Transaction, after: str, arrivals: Mapping[str, int]) -> Edge:
        delay = arrivals.get(earlier.chain)
        if delay is None:
            return Edge(before=earlier.id, after=after, kind="stage")
        return Edge(before=earlier.id, after=after, kind="bridge", delay_us=delay * 1_000_000)

    def _arrivals(self) -> dict[tuple[int, str], dict[str, int]]:
        """By (stage, place) where bridges deliver: the place that it comes from, and the greatest delay in seconds."""
        found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
        for leg in self.solution.legs:
            venue = self.problem.venues_by_id[leg.venue]
            delay = kind_of(venue).delay_seconds(venue)
            if delay:
                (out,) = leg.outs
                lane = found[leg.stage + 1, place_of(out)]
                lane[place_of(leg.venue)] = max(delay, lane.get(place_of(leg.venue), 0))
        return found

    def _effects(self) -> dict[tuple[int, str], list[Any]]:
        """What happens by (stage, place), in the solution's order, as JSON data."""
        found: dict[tuple[int, str], list[Any]] = defaultdict(list)
        for stage, what, asset, amount in self._moves():
            found[stage, place_of(asset)].append([*what, asset, str(amount)])
        last = {place: stage for stage, place in sorted(found)}
        end = max(last.values(), default=0)
        for line in self.solution.lines:
            place = place_of(line.asset)
            found[last.get(place, end), place].append(["line", line.kind, line.account, line.asset, str(line.amount)])
        return found

    def _moves(self) -> Iterator[tuple[int, tuple[str, ...], str, int]]:
        """(stage, what, asset, amount) of fills, legs and transfers."""
        for fill in self.solution.fills:
            for asset, amount in fill.ins.items():
                yield 0, ("pays", fill.intent), asset, amount
            for asset, amount in fill.outs.items():
                yield fill.stage, ("receives", fill.intent), asset, amount
        for leg in self.solution.legs:
            venue = self.problem.venues_by_id[leg.venue]
            late = kind_of(venue).delay_seconds(venue) > 0
            ((given, amount),), ((wanted, least),) = leg.ins.items(), leg.outs.items()
            yield leg.stage, ("gives", leg.venue, leg.level or ""), given, amount
            yield leg.stage + late, ("arrives" if late else "takes", leg.venue), wanted, least
        for moved in self.solution.transfers:
            for asset, amount in moved.give.items():
                yield moved.stage, ("lends",), asset, amount
            for asset, amount in moved.take.items():
                yield moved.stage, ("returns",), asset, amount


def _grouped(pairs: Iterable[tuple[str, Any]]) -> dict[str, tuple[Any, ...]]:
    found: dict[str, list[Any]] = {}
    for key, item in pairs:
        found.setdefault(key, []).append(item)
    return {key: tuple(items) for key, items in found.items()}
