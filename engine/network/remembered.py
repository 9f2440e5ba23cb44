"""What dispatchers know, as it is stored: so that whoever leads next goes on from there. Values only.

Guarantees: everything that health, choices and the test for censorship read is in it, in integers: loads, caps and
latencies, each node's record of health, sends whose receipts are due, policies' memory, the last heartbeats, evidence so
far, convictions, the newest rounds of probes. Changes of membership are stored beside it, one by one; `log` is their head.

Not in it: estimated rates of arrival and the counts that watchers see, which begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from engine.auction.solution import Count
from engine.network.draws import Ints
from engine.network.health.changes import ChangeLog
from engine.network.state import Micros
from engine.network.trust.censorship import Conviction, Evidence
from engine.network.trust.dispatch_log import Numbers
from engine.network.trust.rounds import Round
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Value


class Due(Value):
    """A send whose receipt is due; `late`: after its attempt's time-out already."""

    sequence: Count
    node: Text
    transaction: Digest
    at_us: Micros
    late: bool


class DispatcherMemory(Value):
    """One chain's dispatcher. `rows`: arrays by name; `beats`: the number of each node's last heartbeat."""

    rows: dict[Text, Numbers]
    due: tuple[Due, ...]
    sequence: Count
    beats: dict[Text, Count]
    log: ChangeLog


class NetworkMemory(Value):
    """All chains; evidence by `member_id`. `first`: where in the stored changes of a chain its log begins."""

    format: Literal["clearway/network-memory/1"] = "clearway/network-memory/1"
    chains: dict[PlaceId, DispatcherMemory]
    rounds: dict[PlaceId, Round]
    evidence: Evidence
    convictions: dict[PlaceId, tuple[Conviction, ...]]
    first: dict[PlaceId, Count] = {}


def written(rows: Mapping[str, Ints]) -> dict[str, str]:
    """Arrays as decimal integers, row by row."""
    return {name: " ".join(map(str, row.ravel().tolist())) for name, row in rows.items()}


def read_into(rows: Mapping[str, Ints], texts: Mapping[str, str]) -> bool:
    """Write the integers into the arrays, all or none; whether names and sizes were theirs."""
    numbers = {name: [int(word) for word in text.split()] for name, text in texts.items()}
    if {name: row.size for name, row in rows.items()} != {name: len(row) for name, row in numbers.items()}:
        return False
    for name, row in rows.items():
        row[...] = np.array(numbers[name], dtype=np.int64).reshape(row.shape)
    return True
