"""The Solution on the wire: fills, legs, transfers, prices and lines. Pure data; nothing in it is believed.

All amounts are integers in base units. See docs/rules.md for what each part means and how it is checked.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field

from intents.identifiers import AssetId, Digest, IntentId, OwnerId, Text, VenueId
from intents.outcome import Amounts
from intents.values import Amount, Ratio, Value, content_hash

Count = Annotated[int, Field(ge=0, lt=2**53)]
"""A number of things, small enough for a JSON number."""

MAX_STAGE = 15
"""The last stage a leg, delivery or transfer may name."""


class Fill(Value):
    """What one intent gives (`in`, at stage 0) and gets (`out`, at `stage`), fees included.

    `fee` is the part of `in` (paid asset) or withheld from `out` (received asset) that goes to the solver, `protocol_fee`
    the same of the surplus asset for the protocol; left out where it is 0.
    """

    intent: IntentId
    units: Amount
    ins: Amounts = Field(alias="in")
    outs: Amounts = Field(alias="out")
    fee: Amounts = {}
    protocol_fee: Amount = Field(default=0, exclude_if=lambda fee: fee == 0)
    stage: int = Field(default=0, ge=0, le=MAX_STAGE)


class Leg(Value):
    """One trade at one venue: one asset in, one out. `level` for books."""

    venue: VenueId
    level: str | None = Field(default=None, max_length=20)
    stage: int = Field(default=0, ge=0, le=MAX_STAGE)
    ins: dict[AssetId, Amount] = Field(alias="in", min_length=1, max_length=1)
    outs: dict[AssetId, Amount] = Field(alias="out", min_length=1, max_length=1)


class Transfer(Value):
    """Inventory of the solver: `give` enters the settlement at `stage`, `take` leaves it for the solver's account."""

    stage: int = Field(default=0, ge=0, le=MAX_STAGE)
    give: Amounts = {}
    take: Amounts = {}


class Line(Value):
    """A residue or fee that leaves the settlement after its last stage."""

    kind: Literal["fee", "protocol_fee", "dust", "cycle_gain"]
    asset: AssetId
    amount: Amount
    account: OwnerId


class Solution(Value):
    """Fills and legs proposed together. `problem`, where stated, is the hash of the problem it answers; `solver` a name."""

    fills: tuple[Fill, ...]
    legs: tuple[Leg, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    prices: dict[Text, Ratio] = {}
    lines: tuple[Line, ...] = ()
    problem: Digest | None = None
    solver: Text | None = None

    @cached_property
    def content_hash(self) -> str:
        """The hash of this solution."""
        return content_hash("clearway/solution/1", self)


class Proposal(Value):
    """What a solver returns: first one solution over everything it fills, then the same split into independent parts.

    `stopped_by`: `finished` (deterministic), `time` or `work`. `unfilled` counts intents left out, by reason.
    """

    solutions: tuple[Solution, ...]
    stopped_by: Literal["finished", "time", "work"]
    work: Count
    unfilled: dict[str, Count] = {}
    notes: dict[str, str] = {}
