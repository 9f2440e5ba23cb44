"""A small auction with every kind of bid in it: won, lost, filtered, invalid and unreadable."""

from __future__ import annotations

from functools import cache

from engine.auction.auction import clear
from engine.auction.problem import Problem
from engine.auction.solution import Proposal, Solution
from engine.audit.record import Record, Submission, record_bytes
from tests.auction.builders import (
    ANN,
    BEN,
    BOB,
    DAI,
    DAI_POOL,
    USD,
    edited,
    fill,
    intent,
    leg,
    output,
    plus,
    pool_sale,
    problem,
    sale,
    venues,
)

WORK = 10_000


def question() -> Problem:
    """Alice sells ETH for USD, Bob USD for DAI. Its provenance says things in every kind of JSON."""
    asked = problem([sale(), intent("swap", {USD: 5_000}, {DAI: 4_000}, owner=BOB)])
    said = {"file": "made é \u0001 up", "share": 0.5, "tiny": 1e-7, "rows": [1, -2, True, None, {}, []]}
    return asked.model_copy(update={"provenance": said})


def dai_swap(short: int = 0) -> Solution:
    """Bob's swap through the pool; `short` units less than the pool gives are promised (the pool's gain is the protocol's)."""
    got = output(venues()[1], USD, 5_000, DAI) - short
    return Solution(
        fills=(fill("swap", 5_000, {USD: 5_000}, {DAI: got}),),
        legs=(leg(DAI_POOL, {USD: 5_000}, {DAI: got}),),
        prices={f"{USD}>{DAI}": (got, 5_000)},
    )


def both(short: int = 0) -> Solution:
    """Both intents in one bid."""
    first, second = pool_sale(), dai_swap(short)
    return Solution(
        fills=first.fills + second.fills, legs=first.legs + second.legs, prices={**first.prices, **second.prices}
    )


def bound(asked: Problem, name: str, *solutions: Solution) -> Proposal:
    """A proposal whose solutions name the problem and the solver."""
    named = tuple(s.model_copy(update={"problem": asked.hash, "solver": name}) for s in solutions)
    return Proposal(solutions=named, stopped_by="finished", work=len(named), unfilled={"no_route": 1}, notes={"a": "é"})


def submissions(asked: Problem) -> dict[str, Proposal | Submission]:
    """What two solvers send: the second one's last solution is no solution."""
    lie = edited(dai_swap(), "fills", 0, "out", DAI, by=plus(1))
    text = bound(asked, BEN, both(), dai_swap(3)).model_dump_json(by_alias=True)
    broken = text.replace('"solutions":[', '"solutions":[{"fills":[{"intent":"import:sale","units":7}]},')
    return {ANN: bound(asked, ANN, both(2), pool_sale(), dai_swap(), lie), BEN: Submission.read(broken.encode())}


@cache
def small_record() -> Record:
    """The record of that auction."""
    asked = question()
    return clear(asked, submissions(asked), work=WORK)


@cache
def small_file() -> bytes:
    """Its bytes."""
    return record_bytes(small_record())
