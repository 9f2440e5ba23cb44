"""Recorded scores are the oracle of `cow-2024`; whatever else a file holds is counted, or named with its line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.app import app
from engine.market.feeds.base import FeedError
from engine.market.feeds.cow_competitions import read_auctions, read_competitions, read_orders
from engine.market.feeds.cow_rescoring import Agreement, rescore
from tests.data import data_path

KEYS = ["auctions", "bids", "exact", "within_1e-9", "within_1e-6", "within_1e-2", "max_relative_error"]

ORDER: dict[str, Any] = {
    "uid": "0xA1",
    "kind": "sell",
    "sellToken": "0xAA",
    "buyToken": "0xBB",
    "sellAmount": "1000",
    "buyAmount": "2000",
    "protocolFees": [{"surplus": {"factor": 0.5, "maxVolumeFactor": 0.01}}],
}
AUCTION: dict[str, Any] = {"id": 7, "prices": {"0xbb": "1000000000000000000"}, "orders": [[0, "0"]]}
TRADE = {"id": "0xa1", "sellAmount": "1000", "buyAmount": 2010}
BID: dict[str, Any] = {"solver": "s", "score": "20", "orders": [TRADE]}


def lines(*rows: Any) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows) + b"\n"


def judged(*, order: Any = ORDER, auction: Any = AUCTION, bid: Any = BID) -> Agreement:
    orders = read_orders("o", lines(order))
    return rescore(
        read_auctions("a", lines(auction), orders),
        read_competitions("c", lines({"solutions": [bid], "auctionId": 7}, {"solutions": [], "auctionId": 8})),
    )


def test_the_recorded_scores_are_exact_but_for_two_which_are_explained() -> None:
    names = {name: data_path(f"cow/mainnet_2024/{name}.jsonl.gz") for name in ("auctions", "competitions", "orders")}
    files = [part for name, path in names.items() for part in (f"--{name}", str(path))]

    done = CliRunner().invoke(app, ["bench", "cow-scores", *files, "--json", "--explain"])
    data = json.loads(done.stdout)

    assert [data[key] for key in KEYS[:-1]] == [50, 341, 339, 340, 340, 341]
    assert 0.001 < data["max_relative_error"] < 0.0011
    assert [bid["cause"] for bid in data["not_exact"]] == ["stated_fees"] * 2
    assert data["unpaired"] == {"auctions": 0, "competitions": 69}


def test_json_has_seven_keys_and_files_may_be_plain(tmp_path: Path) -> None:
    arguments = ["bench", "cow-scores", "--json"]
    for name, row in (("orders", ORDER), ("auctions", AUCTION), ("competitions", {"auctionId": 7, "solutions": [BID]})):
        content, path = lines(row), tmp_path / (f"{name}.jsonl.gz" if name == "orders" else f"{name}.jsonl")
        path.write_bytes(gzip.compress(content) if name == "orders" else content)
        arguments += [f"--{name}", str(path)]

    data = json.loads(CliRunner().invoke(app, arguments).stdout)

    assert list(data) == KEYS
    assert list(data.values()) == [1, 1, 1, 1, 1, 1, 0.0]


def test_what_can_not_be_rescored_is_counted_by_its_reason() -> None:
    odd = {**ORDER, "protocolFees": [{"surplus": {"factor": 0.5, "maxVolumeFactor": 0.01}}, {"tip": {"factor": 0.1}}]}
    quote = {"sellAmount": "0", "buyAmount": "5", "fee": "0"}
    unquoted = {"priceImprovement": {"factor": 0.5, "maxVolumeFactor": 0.01, "quote": quote}}
    cases: dict[str, Agreement] = {
        "unknown_policy": judged(order=odd),
        "unknown_kind": judged(order={**ORDER, "kind": "swap"}),
        "bad_factor": judged(order={**ORDER, "protocolFees": [{"volume": {"factor": 1.0}}]}),
        "zero_limit": judged(order={**ORDER, "buyAmount": "0"}),
        "zero_quote": judged(order={**ORDER, "protocolFees": [unquoted]}),
        "missing_price": judged(auction={**AUCTION, "prices": {}}),
        "order_not_in_auction": judged(bid={**BID, "orders": [{**TRADE, "id": "0xb2"}]}),
    }
    for reason, found in cases.items():
        assert (dict(found.skipped), found.bids, found.exact) == ({reason: 1}, 1, 0)
        assert found.summary()["max_relative_error"] is None
    assert judged().summary()["exact"] == 1
    assert (judged().unpaired_competitions, judged(auction={**AUCTION, "id": 9}).unpaired_auctions) == (1, 1)


def test_a_score_that_differs_is_measured_and_not_called_explained() -> None:
    found = judged(bid={**BID, "score": "25", "clearingPrices": {"0xaa": "2011", "0xbb": "1000"}})

    assert found.summary()["max_relative_error"] == 0.2
    assert found.not_exact[0].to_wire()["cause"] == "unexplained"
    assert judged(bid={**BID, "score": "0"}).summary()["max_relative_error"] == 20.0


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([b'{"id": 7'], "x:1/"),
        ([b"[]"], "x:1"),
        ([json.dumps(AUCTION).encode(), b"", json.dumps({**AUCTION, "orders": [[5, "0"]]}).encode()], "x:3"),
        ([json.dumps({**AUCTION, "id": 8, "orders": [[9, "0"]]}).encode()], "x:1/orders/0"),
        ([json.dumps({**AUCTION, "prices": {"0xBB": "many"}}).encode()], "x:1/prices/0xBB"),
        ([json.dumps({**AUCTION, "prices": []}).encode()], "x:1/prices"),
        ([json.dumps(AUCTION).encode()] * 2, "x:2/id"),
    ],
)
def test_a_malformed_line_is_named(rows: list[bytes], place: str) -> None:
    with pytest.raises(FeedError) as raised:
        read_auctions("x", b"\n".join(rows), read_orders("o", lines(ORDER)))

    assert raised.value.where.startswith(place.rstrip("/"))
