"""What a solver or a forger who may rewrite everything, digests included, can not make a replay say."""

from __future__ import annotations

import json
from typing import Any

from engine.auction.auction import clear
from engine.auction.solution import Proposal, Solution
from engine.audit.leaf_digests import leaf_digests
from engine.audit.record import Submission, hashed_part, record_bytes, record_hash
from engine.audit.replay import replay_record
from intents.identifiers import PROTOCOL
from intents.values import canonical_bytes
from tests.auction.builders import ANN, DAI, DAI_POOL, ETH, USD, fill, intent, leg, line, output, problem, venues
from tests.audit.records import WORK, bound, small_file


def resealed(data: dict[str, Any]) -> bytes:
    """The file of a forger: hash and digests made anew."""
    covered = hashed_part(data)
    return canonical_bytes(
        {**covered, "record_hash": record_hash(canonical_bytes(covered)), "leaf_digests": leaf_digests(covered)}
    )


def test_a_good_bid_can_not_be_passed_off_as_unreadable() -> None:
    """The forger clears the auction anew with the winner's text in place of the winner."""
    data = json.loads(small_file())
    (winner,) = [bid for bid in data["bids"] if bid["status"] == "won"]
    solutions = data["proposals"][winner["solver"]]["solutions"]
    solutions[winner["index"]] = {"part": "solution", "text": json.dumps(solutions[winner["index"]])}

    report = replay_record(resealed(data))

    assert report.step == "format"
    assert str(report.difference).startswith(f"/proposals/ben/solutions/{winner['index']}/")


def test_no_decision_can_be_rewritten() -> None:
    """Of what was decided (all but the inputs) every third value is changed in turn, and all hashes with it."""
    inputs = {"format", "rules_version", "problem", "proposals", "selection_work", "record_hash", "leaf_digests"}
    decided = {field: value for field, value in json.loads(small_file()).items() if field not in inputs}
    for path in _paths(decided)[1::3]:
        data = json.loads(small_file())
        place: Any = data
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = _other(place[path[-1]])

        assert not replay_record(resealed(data)).identical, path


def _paths(data: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of a value and of all in it."""
    items = list(data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ())
    return [at, *(path for key, item in items for path in _paths(item, (*at, key)))]


def _other(value: Any) -> Any:
    """Another value of the same shape where there is one."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str() if value.isdecimal():
            return str(int(value) + 1)
        case str():
            return value[:-1] + ("0" if value[-1:] == "1" else "1")
        case list():
            return value[:-1] if value else ["sha256:" + "0" * 64]
        case dict():
            return dict(list(value.items())[:-1]) if value else {"sim:alpha/token:USD": "1"}
    return {"code": "search_cut_off"}


def test_how_a_solver_orders_its_keys_does_not_matter() -> None:
    """A record is in canonical order, so a bid that had two faults in another order would replay to the other fault."""
    asked = problem([intent("swap", {USD: 5_000}, {DAI: 4_000})])
    twice = fill("swap", 5_000, {USD: 1}, {"sim:zed/token:Z": 1, "sim:aaa/token:A": 1})

    record = clear(asked, {ANN: bound(asked, ANN, Solution(fills=(twice,)))}, work=WORK)

    assert replay_record(record_bytes(record)).identical
    assert record.bids[0].reason is not None
    assert record.bids[0].reason.actual == "sim:aaa/token:A"


def test_bids_that_spend_the_protocols_money_twice_do_not_stop_the_auction() -> None:
    asked = problem(
        [
            intent("one", {USD: 1000}, {DAI: 1}, owner=PROTOCOL),
            intent("two", {USD: 1000}, {ETH: 0}, owner=PROTOCOL, surplus=ETH),
        ],
        holdings={PROTOCOL: {USD: 1000}},
    )
    got = output(venues()[1], USD, 1000, DAI)
    swapped = Solution(
        fills=(fill("one", 1000, {USD: 1000}, {DAI: got}),),
        legs=(leg(DAI_POOL, {USD: 1000}, {DAI: got}),),
        prices={f"{USD}>{DAI}": (got, 1000)},
    )
    given = Solution(
        fills=(fill("two", 1000, {USD: 10}, {}),),
        lines=(line("cycle_gain", USD, 10),),
        prices={f"{USD}>{ETH}": (1, 1000)},
    )

    record = clear(asked, {ANN: bound(asked, ANN, swapped, given)}, work=WORK)

    assert [bid.status for bid in record.bids] == ["won", "lost"]


def test_a_proposal_whose_solutions_are_no_list_is_kept_as_it_came() -> None:
    text = Proposal(solutions=(), stopped_by="finished", work=1).model_dump_json().replace("[]", '"none"')

    submission = Submission.read(text.encode())

    assert [kept.model_dump() for kept in submission.solutions] == [{"part": "proposal", "text": text}]
