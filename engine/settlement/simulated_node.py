"""A simulated node at one moment: until when it is down, grey, slow or busy, and what it still has to answer. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.settlement.simulated_world import SimulatedNode, SimulatedWorld


@dataclass
class NodeState:
    """`carries`: sequence numbers of sends whose receipts are due, by transaction. `beat`: the number of the last heartbeat."""

    spec: SimulatedNode
    chain: str
    busy_until_us: int = 0
    down_until_us: int = 0
    grey_until_us: int = 0
    ill_until_us: int = 0
    slow_until_us: int = 0
    carries: dict[str, int] | None = None
    first_receipt: dict[str, Any] | None = None
    first_report: dict[str, Any] | None = None
    first_beat: dict[str, Any] | None = None
    first_measurement: dict[str, Any] | None = None
    beat: int = 0

    def queue(self, now_us: int) -> int:
        """Transactions that it has not passed on."""
        return max(0, self.busy_until_us - now_us) // max(self.spec.service_us, 1)

    def key(self, world: SimulatedWorld) -> bytes:
        """What it signs with."""
        return world.node_key(f"{self.spec.name} forged" if self.spec.lie == "forger" else self.spec.name)

    def dump(self) -> dict[str, Any]:
        """All that changes."""
        return {name: getattr(self, name) for name in _CHANGING}

    def load(self, data: dict[str, Any]) -> None:
        """What `dump` gave; what an earlier version did not know of stays as it begins."""
        for name in _CHANGING:
            setattr(self, name, data.get(name, getattr(self, name)))


_CHANGING = tuple(name for name in NodeState.__dataclass_fields__ if name not in {"spec", "chain"})
