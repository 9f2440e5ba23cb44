"""The record of one auction: every input and every decision, enough to redo all of it.

Guarantees
1. Self-contained: the problem, all proposals as submitted, the work that selection was allowed.
2. `record_bytes` are RFC 8785; the same auction gives the same bytes on every machine.
3. `record_hash` covers everything but itself and `leaf_digests`; these let an edit be located.

It proves nothing about who made it or when: that is the log's, which a record's hash goes into. Whoever can rewrite
the whole record can make one that replays; it is then the record of another auction, with another hash.
"""

from __future__ import annotations

import json
import re
from hashlib import sha256
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from engine.auction.advice import Advice
from engine.auction.problem import RULES_VERSION, Problem
from engine.auction.sealed import Seal
from engine.auction.select import Advisers, Component, Purpose
from engine.auction.solution import Count, Proposal, Solution
from engine.auction.verdict import Fault
from engine.audit.leaf_digests import leaf_digests
from intents.errors import InputError
from intents.identifiers import AssetId, Digest, IntentId, OwnerId, Text
from intents.values import Amount, Ratio, Value, canonical_bytes, content_hash, parse_json

NOT_HASHED = ("record_hash", "leaf_digests")
"""The fields that `record_hash` and `leaf_digests` do not cover."""

_INTEGER = re.compile(r"(0|-?[1-9][0-9]{0,399})\Z", re.ASCII)


def _integer(value: object) -> int:
    if isinstance(value, str) and _INTEGER.match(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise InputError("noncanonical_amount", "", expected="canonical digits in a string", actual=repr(value)[:90])


Integer = Annotated[
    int,
    BeforeValidator(_integer),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^(0|-?[1-9][0-9]{0,399})$"}),
]
"""A sum of amounts: may exceed 2^256. Digits in a string on the wire."""


class Unreadable(Value):
    """A `part` of a submission that could not be read, as its text (bytes that are not UTF-8 as backslash escapes)."""

    part: Literal["proposal", "solution"]
    text: str

    @model_validator(mode="after")
    def _can_not_be_read(self) -> Self:
        # Else a record could pass off a good bid as one that nobody could read, and still replay.
        if self._error() is None:
            raise InputError("readable", "/text", expected=f"a text that is no {self.part}", actual=self.text[:90])
        return self

    @property
    def content_hash(self) -> str:
        """Stands for the solution's hash in the commitment."""
        return content_hash("clearway/solution/1", self.text)

    def fault(self) -> Fault:
        """Why it cannot be read."""
        error = self._error()
        if error is None:
            raise AssertionError("a text that can be read is not Unreadable")
        return Fault(error.code, error.where, error.expected, error.actual)

    def _error(self) -> InputError | None:
        try:
            (Proposal if self.part == "proposal" else Solution).from_json(self.text)
        except InputError as error:
            return error
        return None


class Submission(Value):
    """A proposal as submitted. `stopped_by` is `unknown` where the proposal as a whole could not be read.

    `sealed` is what a registered solver committed to; left out where there is none, as for built-in solvers.
    """

    solutions: tuple[Solution | Unreadable, ...]
    stopped_by: Literal["finished", "time", "work", "unknown"]
    work: Count
    unfilled: dict[str, Count] = {}
    notes: dict[str, str] = {}
    sealed: Seal | None = Field(default=None, exclude_if=lambda seal: seal is None)

    @classmethod
    def of(cls, proposal: Proposal) -> Self:
        """A proposal that was read already."""
        return cls(**{name: getattr(proposal, name) for name in Proposal.model_fields})

    @classmethod
    def read(cls, text: bytes) -> Self:
        """A proposal from outside. Never raises: what cannot be read is kept as `Unreadable`, solution by solution."""
        try:
            data = parse_json(text)
            solutions = data.get("solutions") if isinstance(data, dict) else None
            envelope = Proposal.from_wire({**data, "solutions": []} if isinstance(solutions, list) else data)
        except InputError:
            lost = Unreadable(part="proposal", text=text.decode("utf-8", "backslashreplace"))
            return cls(solutions=(lost,), stopped_by="unknown", work=0)
        return cls.of(envelope).model_copy(
            update={"solutions": tuple(_read_solution(item) for item in solutions or ())}
        )


def _read_solution(data: Any) -> Solution | Unreadable:
    try:
        return Solution.from_wire(data)
    except InputError:
        return Unreadable(part="solution", text=json.dumps(data))


class Reason(Value):
    """Why a bid did not win, by code, and the place, resource, group and other bids that it concerns.

    Invalid bids have the codes of docs/rules.md. Others: `below_baseline` (filtered, by the one of `bids`), `group_conflict` (a winner fills
    the group), `joint_infeasible` (with the winners it breaks the rule named in `cause`), `search_cut_off`.
    """

    code: str
    where: str = ""
    expected: str = ""
    actual: str = ""
    cause: str = ""
    resource: str = ""
    group: str = ""
    bids: tuple[Digest, ...] = ()


class BidRecord(Value):
    """One bid. `score` and `group_scores` are in base units of the numeraire; `unpriced` names fills that score 0 for it."""

    id: Digest
    solver: Text
    index: Count
    solution_hash: Digest
    tie_key: Digest
    status: Literal["won", "lost", "filtered", "invalid"]
    reason: Reason | None
    score: Integer
    group_scores: dict[Text, Integer]
    unpriced: tuple[IntentId, ...]


class SelectionRecord(Value):
    """How a set of bids was found: `bound` is at least the best score, `optimal` says that the set is the rules' own.

    `advice` is what the search followed, by component; left out where there was none.
    """

    method: str
    work: Count
    score: Integer
    bound: Integer
    optimal: bool
    bids: tuple[Digest, ...]
    advice: tuple[Advice, ...] = Field(default=(), exclude_if=lambda advice: not advice)


class ReservationRecord(Value):
    """What is newly reserved in an account: escrow (positive) or the positions that it covers (signed)."""

    account: OwnerId
    asset: AssetId
    amount: Integer


class Settlement(Value):
    """What the winners do: changes by account and asset (gas and fees included), and the world they leave.

    `filled_units` counts earlier auctions too. `venues_hash` is H("clearway/venues/1", all states afterwards).
    """

    balances: dict[OwnerId, dict[AssetId, Integer]]
    gas: dict[OwnerId, dict[AssetId, Integer]]
    replay_gains: dict[AssetId, Integer]
    reservations: tuple[ReservationRecord, ...]
    filled_units: dict[IntentId, Amount]
    venues_hash: Digest


class Record(Value):
    """One auction. `selection_work` is what the search was allowed; `bids` are by solver, then index."""

    format: Literal["clearway/record/1"] = "clearway/record/1"
    rules_version: Literal["1"] = RULES_VERSION
    problem: Problem
    problem_hash: Digest
    proposals: dict[Text, Submission]
    commitments: dict[Text, Digest]
    tie_seed: Digest
    selection_work: Count
    bids: tuple[BidRecord, ...]
    baselines: dict[Text, Integer]
    baseline_selection: SelectionRecord
    winner_selection: SelectionRecord
    winners: tuple[Digest, ...]
    total_score: Integer
    prices: dict[Text, Ratio]
    settlement: Settlement
    record_hash: Digest = "sha256:" + "0" * 64
    leaf_digests: str = ""

    def sealed(self) -> Self:
        """This record with its hash and leaf digests."""
        covered = hashed_part(self.to_wire())
        hashed = record_hash(canonical_bytes(covered))
        return self.model_copy(update={"record_hash": hashed, "leaf_digests": leaf_digests(covered)})


def hashed_part(data: dict[str, Any]) -> dict[str, Any]:
    """A record's data without the fields that its hash does not cover."""
    return {key: item for key, item in data.items() if key not in NOT_HASHED}


def record_hash(covered: bytes) -> str:
    """The hash of a record, given the canonical bytes of its `hashed_part`: H("clearway/record/1", that part)."""
    return "sha256:" + sha256(b'["clearway/record/1",' + covered + b"]").hexdigest()


def record_bytes(record: Record) -> bytes:
    """The file: RFC 8785 bytes."""
    return canonical_bytes(record)


class Selections(Protocol):
    """What holds the two selections of a decision."""

    @property
    def baseline_selection(self) -> SelectionRecord:
        """Of the baseline set."""

    @property
    def winner_selection(self) -> SelectionRecord:
        """Of the winners."""


def recorded_advice(record: Selections) -> Advisers:
    """The advice that a record or a reference holds, for whoever redoes its selections."""
    kept = {
        "baseline": {advice.first: advice for advice in record.baseline_selection.advice},
        "winners": {advice.first: advice for advice in record.winner_selection.advice},
    }

    def advise(purpose: Purpose, component: Component) -> Advice | None:
        return kept[purpose].get(component.first)

    return advise
