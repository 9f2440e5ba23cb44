"""A record says everything about an auction, in bytes that are the same everywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from engine.auction.auction import clear, next_state
from engine.auction.ids import bid_id, commitment, tie_key, tie_seed
from engine.auction.solution import Proposal
from engine.audit.record import Record, Submission, Unreadable, record_bytes
from engine.audit.replay import replay_record
from intents.identifiers import PROTOCOL
from intents.values import canonical_bytes
from tests.auction.builders import ANN, BEN, BOB, DAI, USD, output, pool_sale, venues
from tests.audit.records import WORK, bound, dai_swap, question, small_file, small_record, submissions

ROOT = Path(__file__).parents[2]


def test_every_bid_is_there_with_its_status_and_reason() -> None:
    record = small_record()

    told = {(bid.solver, bid.index): (bid.status, bid.reason.code if bid.reason else None) for bid in record.bids}

    assert told == {
        (ANN, 0): ("filtered", "below_baseline"),
        (ANN, 1): ("lost", "group_conflict"),
        (ANN, 2): ("lost", "group_conflict"),
        (ANN, 3): ("invalid", "price_mismatch"),
        (BEN, 0): ("invalid", "noncanonical_amount"),
        (BEN, 1): ("won", None),  # as good as Ann's two parts: its tie key is the first
        (BEN, 2): ("lost", "group_conflict"),
    }
    assert record.winners == (record.bids[5].id,)
    assert record.bids[5].tie_key < min(record.bids[1].tie_key, record.bids[2].tie_key)
    filtered = record.bids[0].reason
    assert filtered is not None
    assert (filtered.group, filtered.expected, filtered.actual) == (f"{USD}>{DAI}", "984", "982")


def test_ids_seeds_and_ties_are_those_of_the_rules() -> None:
    record = small_record()

    hashes = {name: [s.content_hash for s in sent.solutions] for name, sent in record.proposals.items()}
    assert record.commitments == {name: commitment(listed) for name, listed in hashes.items()}
    assert record.tie_seed == tie_seed(record.problem_hash, record.commitments)
    assert record.problem_hash == record.problem.hash
    for bid in record.bids:
        assert bid.id == bid_id(bid.solver, record.commitments[bid.solver], bid.index)
        assert bid.tie_key == tie_key(record.tie_seed, bid.id)
        assert bid.solution_hash == hashes[bid.solver][bid.index]


def test_totals_prices_and_settlement_follow_from_the_winners() -> None:
    record = small_record()
    bids = {bid.id: bid for bid in record.bids}
    won = [bids[bid] for bid in record.winners]

    assert record.total_score == sum(bid.score for bid in won) == record.winner_selection.bound
    assert record.winner_selection.optimal
    assert sorted(record.prices) == sorted(group for bid in won for group in bid.group_scores)
    assert record.settlement.filled_units == {"import:sale": 1000, "import:swap": 5_000}
    assert record.settlement.balances[BOB] == {USD: -5_000, DAI: output(venues()[1], USD, 5_000, DAI)}
    assert PROTOCOL not in record.settlement.balances


def test_what_a_pool_gives_beyond_the_promise_is_the_protocols() -> None:
    asked = question()

    record = clear(asked, {BEN: bound(asked, BEN, dai_swap(3))}, work=WORK)

    assert record.settlement.replay_gains == {DAI: 3}
    assert record.settlement.balances[PROTOCOL] == {DAI: 3}


def test_the_next_state_is_the_settlements() -> None:
    record = small_record()
    after = next_state(record)

    for owner, changes in record.settlement.balances.items():
        for asset, change in changes.items():
            before = record.problem.holdings.get(owner, {}).get(asset)
            held = after.holdings.get(owner, {}).get(asset)
            assert (held.amount if held else 0) - (before.amount if before else 0) == change
    assert after.filled_units == record.settlement.filled_units
    assert [venue.id for venue in after.venues] == [venue.id for venue in record.problem.snapshot.venues]


def test_the_order_in_which_solvers_come_changes_nothing() -> None:
    asked = question()
    sent = submissions(asked)

    assert record_bytes(clear(asked, dict(reversed(sent.items())), work=WORK)) == small_file()


def test_an_auction_without_bids_has_a_record_too() -> None:
    record = clear(question(), {ANN: Proposal(solutions=(), stopped_by="time", work=0)}, work=WORK)

    assert record.winners == ()
    assert replay_record(record_bytes(record)).identical


def test_what_cannot_be_read_is_kept_as_it_came() -> None:
    for text in (
        b"",
        b"[]",
        b'{"solutions": 3}',
        b"\xff",
        b'{"solutions": [], "work": 1e999}',
        b'{"work": 1, "work": 1}',
    ):
        sent = Submission.read(text)

        record = clear(question(), {ANN: sent}, work=WORK)

        assert [bid.status for bid in record.bids] == ["invalid"]
        assert isinstance(sent.solutions[0], Unreadable)
        assert sent.solutions[0].text == text.decode("utf-8", "backslashreplace")
        assert replay_record(record_bytes(record)).identical


def test_a_proposal_from_outside_reads_as_one_made_here() -> None:
    proposal = bound(question(), ANN, pool_sale())

    assert Submission.read(proposal.model_dump_json(by_alias=True).encode()) == Submission.of(proposal)


def test_bytes_are_canonical_and_read_back() -> None:
    content = small_file()

    assert canonical_bytes(json.loads(content)) == content
    assert Record.from_json(content) == small_record()


def test_the_same_bytes_and_replay_under_another_environment(tmp_path: Path) -> None:
    program = (
        "import sys; from tests.audit.records import small_file; from engine.audit.replay import replay_record\n"
        "content = open(sys.argv[1], 'rb').read(); assert replay_record(content).identical; assert small_file() == content"
    )
    path = tmp_path / "record.json"
    path.write_bytes(small_file())
    for changes in (
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
        {"PYTHONHASHSEED": "77", "LC_ALL": "tr_TR.UTF-8", "TZ": "America/St_Johns", "PYTHONOPTIMIZE": ""},
    ):
        run = subprocess.run(
            [sys.executable, "-c", program, str(path)],
            env={**os.environ, **changes},
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )

        assert run.returncode == 0, run.stderr
