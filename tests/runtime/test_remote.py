"""Registered solvers in one exchange: what an honest one enters, and what becomes of slow, huge, lying and silent ones."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from engine.auction.auction import clear
from engine.auction.ids import bid_id
from engine.auction.problem import Problem
from engine.audit.record import record_bytes
from engine.audit.replay import replay_record
from engine.runtime.contest import Run
from engine.runtime.remote import MAX_SOLUTIONS, Gateway, Round
from engine.store.repositories.solvers import RemoteSolver
from intents.errors import InputError
from intents.values import content_hash
from tests.auction.builders import ANN, pool_sale, problem, sale
from tests.runtime.stand_in import KEY, PUBLIC, Answers, Request, entrant, proposal, seal, serving

SECONDS = 0.4
LATE = 2.0
"""What a noisy machine may add; a solver that is waited for adds far more."""
GATEWAY = Gateway(engine_key=b"\x07" * 32, private=True, reveal_seconds=SECONDS, reveal_bytes=20_000)
ASKED = problem([sale()])
SOLUTION = pool_sale().model_copy(update={"problem": ASKED.hash, "solver": None})


def exchange(solver: RemoteSolver, gateway: Gateway = GATEWAY, asked: Problem = ASKED) -> Run:
    """The run of one solver; it never takes longer than the close and the window."""
    text = asked.model_dump_json(by_alias=True).encode()
    began = time.monotonic()
    round_ = Round([solver], asked, text, gateway, closes=began + SECONDS)
    closed = round_.close()
    assert time.monotonic() - began < SECONDS + LATE
    began = time.monotonic()
    (run,) = round_.reveal(closed)
    assert time.monotonic() - began < SECONDS + LATE
    return run


def giving(content: bytes) -> Answers:
    return lambda request, _: request.reply(content)


def sealing(**changes: Any) -> Answers:
    return giving(seal(ASKED, SOLUTION, **changes).model_dump_json().encode())


def test_what_was_sealed_and_revealed_is_entered_under_the_solvers_key() -> None:
    with serving(sealing(), giving(proposal(SOLUTION))) as server:
        run = exchange(entrant(server.url, ANN))

    assert (run.no_bid, run.submission.solutions) == ("", (SOLUTION,))
    (path, text, headers), (reveal_path, reveal, _) = server.asked
    assert (path, reveal_path) == ("/solve", "/reveal")
    assert content_hash("clearway/problem/1", json.loads(text)) == headers["Clearway-Problem"] == ASKED.hash
    assert 0 < float(headers["Clearway-Seconds"]) <= SECONDS
    assert json.loads(reveal)["commitment"] == seal(ASKED, SOLUTION).commitment

    record = clear(ASKED, {ANN: run.submission}, work=1000)
    (bid,) = record.bids
    assert (bid.status, bid.solver) == ("won", ANN)
    assert bid.id == bid_id(PUBLIC, seal(ASKED, SOLUTION).commitment, 0)
    assert replay_record(record_bytes(record)).identical


def test_the_seal_with_the_greatest_number_counts() -> None:
    none = seal(ASKED, sequence=1)
    lines = [none, seal(ASKED, SOLUTION, sequence=2), seal(ASKED, sequence=2), none]
    with serving(
        giving(b"\n".join(line.model_dump_json().encode() for line in lines)), giving(proposal(SOLUTION))
    ) as one:
        assert exchange(entrant(one.url)).no_bid == ""


def test_a_seal_counts_although_the_answer_goes_on_after_the_close() -> None:
    done = Event()

    def solve(request: Request, _: bytes) -> None:
        request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + seal(ASKED, SOLUTION).model_dump_json().encode() + b"\n")
        request.wfile.write(seal(ASKED, sequence=1).model_dump_json().encode())  # never ended: not a line
        done.wait(2)

    with serving(solve, giving(proposal(SOLUTION))) as server:
        assert exchange(entrant(server.url)).submission.solutions == (SOLUTION,)
        done.set()


def slowly(request: Request, _: bytes) -> None:
    """One byte at a time, so that no single wait is long."""
    request.wfile.write(b"HTTP/1.0 200 OK\r\n")
    for _byte in range(40):
        request.wfile.write(b"A")
        time.sleep(0.05)


def hugely(request: Request, _: bytes) -> None:
    request.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    for _block in range(100_000):
        request.wfile.write(b"x" * 10_000)


def elsewhere(request: Request, _: bytes) -> None:
    request.reply(b"", 307, Location=f"http://127.0.0.1:{request.server.server_port}/elsewhere")


def cut_short(request: Request, _: bytes) -> None:
    request.wfile.write(b"HTTP/1.0 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"{}")


BEFORE: dict[str, tuple[Answers, str]] = {
    "slow": (slowly, "late"),
    "huge": (hugely, "too_large"),
    "redirecting": (elsewhere, "redirected"),
    "failing": (lambda request, _: request.reply(b"", 500), "bad_status"),
    "cut short": (cut_short, "unreachable"),
    "hanging up": (lambda request, _: request.connection.close(), "unreachable"),
    "another auction's": (sealing(auction="another"), "bad_seal"),
    "another problem's": (sealing(problem="sha256:" + "1" * 64), "bad_seal"),
    "another's key": (sealing(key=b"\x0c" * 32), "bad_seal"),
    "signed by nobody": (
        giving(seal(ASKED, SOLUTION).model_copy(update={"sequence": 7}).model_dump_json().encode()),
        "bad_seal",
    ),
}


@pytest.mark.parametrize("name", BEFORE)
def test_without_a_seal_there_is_no_bid(name: str) -> None:
    solve, failure = BEFORE[name]
    with serving(solve, giving(proposal(SOLUTION))) as server:
        run = exchange(entrant(server.url))
    assert (run.failure, run.submission.solutions, run.submission.sealed) == (failure, (), None)
    assert run.submission.notes["no_bid"] == run.no_bid != ""
    assert [path for path, _, _ in server.asked] == ["/solve"]


def test_to_bid_nothing_is_no_failure() -> None:
    with serving(giving(b"")) as server:
        run = exchange(entrant(server.url))
    assert (run.failure, run.no_bid) == ("", "declined")


AFTER: dict[str, tuple[Answers, str]] = {
    "lying": (giving(proposal()), "reveal_mismatch"),
    "silent": (lambda *_: time.sleep(2 * SECONDS), "not_revealed"),
    "huge": (hugely, "not_revealed"),
    "redirecting": (elsewhere, "not_revealed"),
    "not JSON": (giving(b"\xff{"), "unreadable"),
    "not a solution": (giving(b'{"solutions": [{"fills": 7}], "stopped_by": "finished", "work": 0}'), "unreadable"),
    "too many": (
        giving(b'{"solutions": [' + b"1," * MAX_SOLUTIONS + b'1], "stopped_by": "finished", "work": 0}'),
        "too_many_solutions",
    ),
}


@pytest.mark.parametrize("name", AFTER)
def test_a_seal_that_is_not_revealed_stays_in_the_record_without_a_bid(name: str) -> None:
    reveal, failure = AFTER[name]
    with serving(sealing(), reveal) as server:
        run = exchange(entrant(server.url, ANN))
    assert (run.failure, run.submission.solutions) == (failure, ())
    assert run.submission.notes["no_bid"] == run.no_bid

    record = clear(ASKED, {ANN: run.submission}, work=1000)
    assert record.commitments == {ANN: seal(ASKED, SOLUTION).commitment}
    assert record.bids == ()
    assert replay_record(record_bytes(record)).identical


@pytest.mark.parametrize(
    ("host", "failure"), [("127.0.0.1", "bad_url"), ("localhost", "forbidden_address"), ("[::1]", "forbidden_address")]
)
def test_private_targets_are_not_even_connected_to_unless_allowed(host: str, failure: str) -> None:
    closed = Gateway(engine_key=KEY, private=False, reveal_seconds=SECONDS, reveal_bytes=1000)
    scheme = "http" if failure == "bad_url" else "https"
    with serving(sealing()) as server:
        run = exchange(entrant(f"{scheme}://{host}:{server.server_port}"), closed)
    assert (run.failure, server.asked) == (failure, [])


def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with serving(sealing()) as server:
        url = server.url
    server.server_close()
    assert exchange(entrant(url)).failure == "unreachable"


TAMPERED: dict[str, Callable[[], dict[str, object]]] = {
    "reveal_mismatch": lambda: {"solutions": (SOLUTION, SOLUTION)},
    "bad_signature": lambda: {"sealed": seal(ASKED, SOLUTION).model_copy(update={"sequence": 9})},
    "wrong_auction": lambda: {"sealed": seal(ASKED, SOLUTION, auction="another")},
}


@pytest.mark.parametrize("code", TAMPERED)
def test_a_record_whose_seal_does_not_hold_is_refused(code: str) -> None:
    with serving(sealing(), giving(proposal(SOLUTION))) as server:
        run = exchange(entrant(server.url, ANN))
    honest = clear(ASKED, {ANN: run.submission}, work=1000)
    changed = run.submission.model_copy(update=TAMPERED[code]())
    with pytest.raises(InputError) as caught:
        clear(ASKED, {ANN: changed}, work=1000)
    assert caught.value.code == code

    forged = honest.model_copy(update={"proposals": {ANN: changed}}).sealed()
    report = replay_record(record_bytes(forged))
    assert (report.identical, report.step) == (False, "format")
    assert code in report.actual
