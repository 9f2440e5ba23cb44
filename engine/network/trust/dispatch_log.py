"""The record of dispatch choices: everything a policy read, and what it chose.

Guarantees
1. A `Choice` holds all that its policy could see, in integers: the sight of every node, the request, the state that the
   policy may change (draws counter and the like) as it was before, and the result.
2. So a choice can be made again from the record alone, bit for bit on every machine, and a choice that was not the
   policy's is found.

It does not show that the sight was true: own sends and signed receipts, which it counts, are in the record beside it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.auction.solution import Count
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Amount, Value, content_hash

Integer = Annotated[int, Field(gt=-(2**53), lt=2**53)]
"""An integer that a JSON number holds exactly."""

NOBODY = -1
"""The result where no node may take the transaction."""


class Choice(Value):
    """One choice of a node. `sight` is by field of `Sight`, each as long as `nodes`; `state` by name, before the choice.

    `request_key` and `state` are unsigned 64-bit words (digits in strings on the wire, as amounts are).
    `attempt` counts the sends of one transaction from 0. `chosen` is an index into `nodes`, or -1: nobody may take it.
    """

    format: Literal["clearway/choice/1"] = "clearway/choice/1"
    chain: PlaceId
    transaction: Digest
    attempt: Count = 0
    policy: Text
    nodes: tuple[Text, ...]
    sight: dict[Text, tuple[Integer, ...]]
    now_us: Integer
    region: Integer
    request_key: Amount
    value: Integer
    state: dict[Text, tuple[Amount, ...]] = {}
    chosen: Integer

    @property
    def digest(self) -> str:
        """Its content address in the log."""
        return content_hash("clearway/choice/1", self)
