"""The record of dispatch choices: everything a policy read, and what it chose.

Guarantees
1. A `Choice` holds all that its policy could see, in integers: the sight of every node, the request, what the policy
   remembered (draws, credit, probes, buckets) as it was before, and the result.
2. So a choice can be made again from the record alone, bit for bit on every machine
   (`engine.network.trust.choice_replay`), and one that was not the policy's is found.

It does not show that the sight was true: own sends and signed receipts, which it counts, are in the record beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.auction.solution import Count
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Amount, Value, content_hash

Numbers = Annotated[str, Field(pattern=r"^(-?[0-9]{1,19}( -?[0-9]{1,19})*)?$", max_length=2**20)]
"""Signed 64-bit integers, decimal, one space between; arrays of two dimensions row by row. JSON numbers end at 2^53."""

NOBODY = -1
"""The result where no node may take the transaction."""


class Choice(Value):
    """One choice of a node. `sight` and `memory` are the fields of `Sight` and `Memory` by name, before the choice.

    `attempt` counts the sends of one transaction from 0. `chosen` is a position in `nodes`, or -1: nobody may take it.
    `caps` are those of health; those in the sight are `engine.network.trust.fall_through.narrowed` for this send.
    """

    format: Literal["clearway/choice/1"] = "clearway/choice/1"
    chain: PlaceId
    transaction: Digest
    attempt: Count = 0
    policy: Text
    nodes: tuple[Text, ...]
    sight: dict[Text, Numbers]
    memory: dict[Text, Numbers]
    caps: Numbers = ""
    now_us: Count
    region: Count
    key: Amount
    value: Amount
    chosen: int = Field(ge=NOBODY, lt=2**31)

    @property
    def digest(self) -> str:
        """Its content address in the log."""
        return content_hash("clearway/choice/1", self)
