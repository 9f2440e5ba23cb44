"""A node's signed sign of life, with the state that it reports.

Guarantees: `HeartbeatBook` takes of each node only what its registered key signed, each sequence number once and in
ascending order, and only while it is fresh. What it says (queue, height) is a claim: policies let it raise a load, never
lower it (`engine.network.policies.observing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from engine.auction.solution import Count
from engine.network.trust.signed import Signed
from intents.errors import InputError
from intents.identifiers import PlaceId, Text


class Heartbeat(Signed):
    """`queue`: requests in the node's queue or in service; `height`: the chain's last block that it has; its clock."""

    format: Literal["clearway/heartbeat/1"] = "clearway/heartbeat/1"
    node: Text
    chain: PlaceId
    sequence: Count
    queue: Count
    height: Count = 0
    at_us: int = Field(ge=0, lt=2**53)


class HeartbeatBook:
    """The heartbeats of some nodes. `keys`: registered keys; `age_us`: the oldest that counts; `skew_us`: of clocks."""

    def __init__(self, keys: Mapping[str, str], *, age_us: int, skew_us: int) -> None:
        self._keys = keys
        self._age_us = age_us
        self._skew_us = skew_us
        self._last: dict[str, int] = {}

    def receive(self, heartbeat: Heartbeat, now_us: int) -> None:
        """Take a heartbeat.

        Raises InputError, and changes nothing: `unknown_node`, `bad_signature`, `replayed_heartbeat` (its sequence is not
        above the last one's), `late_heartbeat` (older than counts), `heartbeat_time` (from the future, beyond the skew).
        """
        key = self._keys.get(heartbeat.node)
        if key is None:
            raise InputError("unknown_node", "/node", expected="a registered node", actual=heartbeat.node)
        heartbeat.check(key)
        last = self._last.get(heartbeat.node)
        if last is not None and heartbeat.sequence <= last:
            expected = f"above {last}"
            raise InputError("replayed_heartbeat", "/sequence", expected=expected, actual=str(heartbeat.sequence))
        if heartbeat.at_us < now_us - self._age_us - self._skew_us:
            expected = f"from {now_us - self._age_us} us on, give or take {self._skew_us}"
            raise InputError("late_heartbeat", "/at_us", expected=expected, actual=f"{heartbeat.at_us} us")
        if heartbeat.at_us > now_us + self._skew_us:
            expected = f"by {now_us} us, give or take {self._skew_us}"
            raise InputError("heartbeat_time", "/at_us", expected=expected, actual=f"{heartbeat.at_us} us")
        self._last[heartbeat.node] = heartbeat.sequence

    @property
    def last(self) -> Mapping[str, int]:
        """The number of each node's last heartbeat."""
        return self._last

    def restore(self, last: Mapping[str, int]) -> None:
        """Go on from there: what came before does not count again."""
        self._last = dict(last)
