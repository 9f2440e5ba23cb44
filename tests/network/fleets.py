"""A fleet whose health a test drives: time, answers and reports in, caps and changes out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from engine.network.health.changes import ChangeLog, drained, new_log
from engine.network.health.reducer import Health, Settings, new_health, note_answer, note_report, note_timeout, tick
from engine.network.policies.base import blank_sight

SECOND = 1_000_000


class Fleet:
    """Nodes with reports every 5 s and a tick every half second; nodes in `dead` are silent, those `silent` from the start."""

    def __init__(
        self,
        nodes: int = 10,
        tiers: tuple[int, ...] = (),
        settings: Settings | None = None,
        silent: Collection[int] = (),
    ) -> None:
        self.settings = settings or Settings()
        self.sight = blank_sight(nodes)
        self.now_us = 0
        self.dead: set[int] = set(silent)
        layers = np.array(tiers or (0,) * nodes, dtype=np.int64)
        self.health: Health = new_health(self.sight, layers, self.settings, 0)
        for node in range(nodes):
            if node not in self.dead:
                note_report(self.health, node, 0)
        self.log: ChangeLog = new_log(tuple(f"node-{node}" for node in range(nodes)), 600, self.settings, 0)

    def wait(self, seconds: float) -> None:
        """Half a second after the other; whoever lives reports and answers a request."""
        for _ in range(round(seconds * 2)):
            self.now_us += SECOND // 2
            for node in range(len(self.sight.own)):
                if node not in self.dead:
                    note_report(self.health, node, self.now_us)
            tick(self.health, self.settings, self.now_us)
            self.log = drained(self.health, self.log)

    def answers(self, node: int, count: int, *, failed: bool = False) -> None:
        for _ in range(count):
            note_answer(self.health, self.settings, node, SECOND, failed, self.now_us)
        self.log = drained(self.health, self.log)

    def times_out(self, node: int, count: int) -> None:
        for _ in range(count):
            note_timeout(self.health, self.settings, node, self.now_us)
        self.log = drained(self.health, self.log)

    def crash(self, nodes: Collection[int]) -> None:
        self.dead |= set(nodes)

    @property
    def caps(self) -> list[int]:
        return [int(cap) for cap in self.sight.cap]

    @property
    def story(self) -> list[tuple[str, str]]:
        return [(change.node, change.reason) for change in self.log.changes]
