"""Recorded competitions through our mechanism: bids at the recorded amounts, auctions that share nothing, replays."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.app import app
from engine.auction.auction import clear
from engine.auction.check_problem import check_problem
from engine.audit.record import Record, record_bytes
from engine.audit.replay import replay_record
from engine.market.feeds.base import FeedError
from engine.market.feeds.cow_competitions import read_auctions, read_competitions, read_orders
from engine.market.feeds.cow_replay import RecordedAuction, recorded_auction
from tests.data import data_path

ETHER, DOLLAR = "0x" + "EE" * 20, "0x" + "dd" * 20
SELL = {
    "uid": "0x" + "a1" * 32 + "b1" * 20 + "66000000",
    "kind": "sell",
    "sellToken": ETHER,
    "buyToken": DOLLAR,
    "sellAmount": "1000",
    "buyAmount": "2000",
    "partiallyFillable": True,
    "protocolFees": [],
}
BUY = {**SELL, "uid": "0x" + "a2" * 32 + "b2" * 20 + "66000001", "kind": "buy", "partiallyFillable": False}
BUY |= {"sellToken": DOLLAR, "buyToken": ETHER, "sellAmount": "900", "buyAmount": "300"}
PRICES = {ETHER: "1000000000000000000", DOLLAR: "500000000000000000"}


def trade(order: dict[str, Any], sold: int, bought: int) -> dict[str, Any]:
    return {"id": order["uid"], "sellAmount": str(sold), "buyAmount": str(bought)}


def recorded(*bids: dict[str, Any], number: int = 0, executed: object = "100") -> RecordedAuction:
    def lines(*rows: Any) -> bytes:
        return b"\n".join(json.dumps(row).encode() for row in rows)

    orders = read_orders("o", lines(SELL, BUY))
    (auction,) = read_auctions("a", lines({"id": 7, "prices": PRICES, "orders": [[0, executed], [1, "0"]]}), orders)
    (competition,) = read_competitions(
        "c", lines({"auctionId": 7, "solutions": [{"score": "1", **bid} for bid in bids]})
    )
    return recorded_auction(auction, competition, number)


BIDS: list[dict[str, Any]] = [
    {"solver": "Low", "orders": [trade(SELL, 900, 1900)]},
    {"solver": "High ~", "orders": [trade(SELL, 900, 1950), trade(BUY, 880, 300)]},
    {"solver": "Low", "orders": [trade(BUY, 890, 300)]},
]


def cleared(auction: RecordedAuction) -> Record:
    check_problem(auction.problem)
    return clear(auction.problem, auction.proposals, work=1000)


def test_a_bid_trades_what_was_recorded_and_the_best_wins() -> None:
    record = cleared(recorded(*BIDS))

    assert {(bid.solver, bid.index): (bid.status, bid.score) for bid in record.bids} == {
        ("high%20%7e", 0): ("won", 150 // 2 + 20 // 2),
        ("low", 0): ("lost", 100 // 2),
        ("low", 1): ("lost", 10 // 2),
    }
    owner, seller = "0x" + "b1" * 20, "0x" + "b2" * 20
    moved = {account: sorted(changes.values()) for account, changes in record.settlement.balances.items()}
    assert moved == {owner: [-900, 1950], seller: [-880, 300]}
    assert replay_record(record_bytes(record)).identical


def test_two_numbers_are_two_auctions_that_share_nothing() -> None:
    one, other = (cleared(recorded(*BIDS, number=number)) for number in (1, 2))

    for field in ("auction", "solver_seed", "deployment_salt", "hash"):
        assert getattr(one.problem, field) != getattr(other.problem, field)
    assert {intent.id for intent in one.problem.intents}.isdisjoint(intent.id for intent in other.problem.intents)
    for name in ("id", "solution_hash", "tie_key"):
        assert {getattr(b, name) for b in one.bids}.isdisjoint(getattr(b, name) for b in other.bids)
    assert one.total_score == other.total_score


def test_what_is_no_bid_of_ours_is_counted_and_a_false_file_refused() -> None:
    strange = {"id": "0x00", "sellAmount": "1", "buyAmount": "1"}
    bids = [
        {"solver": "a", "orders": listed} for listed in ([], [strange], [trade(SELL, 0, 1)], [trade(SELL, 2**256, 1)])
    ]

    found = recorded(*bids, BIDS[2])
    assert found.left_out == {"amount_out_of_range": 2, "no_trade": 1, "order_not_in_auction": 1}
    assert recorded(BIDS[0], executed="1000").left_out == {"order_filled": 1}
    for executed in (None, 5, "x"):
        with pytest.raises(FeedError, match="/7/orders/0xa1"):
            recorded(BIDS[0], executed=executed)


def test_the_recorded_competitions_replay() -> None:
    names = {name: data_path(f"cow/mainnet_2024/{name}.jsonl.gz") for name in ("auctions", "competitions", "orders")}
    files = [part for name, path in names.items() for part in (f"--{name}", str(path))]

    done = CliRunner().invoke(app, ["bench", "cow-replay", *files, "--count", "55", "--jobs", "1", "--json"])
    data = json.loads(done.stdout)

    assert data["auctions"] == 50
    assert data["replayed"] == data["identical"] == 55
    # As derived from the recorded scores: 36 bids below the best bid on one of their pairs alone. The three hold two prices of one pair.
    assert data["bids"] == {"won": 75, "lost": 227, "filtered": 36, "invalid price_mismatch": 3}
