"""Signed intents of made-up people, and things done by several threads at once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from engine.auction.problem import Intent
from engine.market.demo import demo_intent, demo_owner
from engine.market.world import DEMO_SALT
from engine.store.work import Work
from intents.kinds import Terms, swap
from tests.auction.builders import ETH, USD

T = TypeVar("T")


def wish(name: str, nonce: int = 0, *, units: int = 10, valid_from: int = 0, valid_until: int = 1_000) -> Intent:
    """The person's signed wish to sell `units` of ETH for at least as many of USD."""
    terms = Terms(demo_owner(name), nonce, valid_from, valid_until)
    return demo_intent(swap(terms, "sell", pay=(ETH, units), receive=(USD, units)), name, DEMO_SALT)


def at_once(times: int, action: Callable[[int], T]) -> list[T]:
    """What the action gives for 0 .. times-1, each in a thread of its own, started together."""
    start = Barrier(times)

    def run(number: int) -> T:
        start.wait()
        return action(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def open_auction(
    work: Work, number: int, snapshot: str, *intents: str, problem_hash: str = "sha256:" + "0" * 64
) -> None:
    """Store an auction of these intents; the snapshot is stored already."""
    work.auctions.open(
        number,
        problem_hash=problem_hash,
        snapshot_hash=snapshot,
        cut_ms=1_000,
        deadline_ms=2_000,
        rules_version="1",
        solver_seed="0x" + "0" * 64,
        code_version="0.1.0",
        intent_ids=intents,
    )
