"""The gnosis-v1 feed: both shapes of its batches, limits by price, and what becomes of every order."""

import contextlib
import gzip
import json
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.market.feeds.base import FeedError
from engine.market.feeds.gnosis_v1 import import_gnosis
from intents.errors import InputError
from tests.data import data_path

ANN, BOB = "0x" + "aB" * 20, "0x285b"
OWNER = "0x" + "ab" * 20
BATCH: dict[str, Any] = {
    "tokens": {
        "T0": {"alias": "OWL", "decimals": 18, "externalPrice": 10**18},
        "T1": {"alias": "USDC", "decimals": 6, "externalPrice": 2 * 10**30},
        "T2": None,
    },
    "refToken": "T0",
    "fee": {"token": "T0", "ratio": 0.001},
    "accounts": {ANN: {"T0": "100", "T1": "7"}, BOB: {"T0": "0"}},
    "orders": [
        {"accountID": ANN, "orderID": 1, "sellToken": "T0", "buyToken": "T1", "sellAmount": "90", "buyAmount": "61"},
        {
            "accountID": ANN,
            "orderID": 2,
            "sellToken": "T0",
            "buyToken": "T1",
            "sellAmount": str(2**128 - 1),
            "buyAmount": str(2**128 // 3),
        },
    ],
}


def a(token: str) -> str:
    return f"gnosis:v1/token:{token}"


def test_an_order_is_a_price_for_at_most_its_accounts_balance() -> None:
    found = import_gnosis(json.dumps(BATCH), "made")
    problem = found.problem
    check_problem(problem)
    first, second = problem.intents

    assert (first.id, first.outcome.owner) == (f"import:gnosis.{OWNER}.1", OWNER)
    assert (first.outcome.pays, first.outcome.receives, first.outcome.units) == ({a("T0"): 90}, {a("T1"): 61}, 90)
    assert (second.outcome.pays, second.outcome.receives) == ({a("T0"): 100}, {a("T1"): 34})
    assert problem.free(OWNER, a("T1")) == 7
    assert problem.snapshot.price(a("T1")) == Fraction(2 * 10**12)
    assert problem.snapshot.price(a("T2")) is None
    assert found.report["notes"]["orders_cut_to_their_account's_balance"] == 1
    assert problem.provenance["fee_not_charged"] == "1/1000 in T0"


def test_the_shape_with_a_list_of_tokens() -> None:
    batch = {
        "tokens": ["GNO", "USD", "XTZ.S"],
        "fee": {"token": "GNO", "ratio": 0.001},
        "pricesPrev": {"USD": str(10**18), "GNO": str(5 * 10**18), "XTZ.S": None},
        "accounts": {BOB: {"USD": "40"}},
        "orders": [{"accountID": BOB, "ID": "4b5a", "sellToken": "USD", "buyToken": "GNO", "sellAmount": "20"}],
        "metadata": {"timestamp": 1578933525},
    }
    batch["orders"][0]["buyAmount"] = "3"  # type: ignore[index] # the value of another key is a text
    problem = import_gnosis(json.dumps(batch), "made").problem

    assert (problem.snapshot.numeraire, problem.snapshot.time_seconds) == (a("USD"), 1578933525)
    assert problem.snapshot.price(a("GNO")) == 5
    assert [(intent.id, intent.outcome.owner) for intent in problem.intents] == [
        (f"import:gnosis.{BOB}.4b5a", f"import:gnosis.{BOB}")
    ]


REPORTED: list[tuple[str, dict[str, Any], str]] = [
    ("nothing to sell", {"sellToken": "T2"}, "no_balance"),
    ("zero", {"buyAmount": "0"}, "zero_amount"),
    ("unknown", {"buyToken": "T9"}, "unknown_token"),
    ("for itself", {"buyToken": "T0"}, "same_token"),
    ("a stranger", {"accountID": "0x99"}, "unknown_account"),
    ("twice", {"orderID": 1}, "repeated"),
]


@pytest.mark.parametrize(("change", "reason"), [row[1:] for row in REPORTED], ids=[row[0] for row in REPORTED])
def test_orders_that_can_not_be_used_are_reported(change: dict[str, Any], reason: str) -> None:
    orders = [BATCH["orders"][0], BATCH["orders"][1] | change]
    report = import_gnosis(json.dumps(BATCH | {"orders": orders}), "made").report["orders"]

    assert (report["in"], report["kept"], report["reported"]) == (2, 1, {reason: 1})


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("no tokens", {"tokens": []}, "/tokens"),
    ("a token twice", {"tokens": ["T0", "T0"]}, "/tokens"),
    ("an account twice", {"accounts": {ANN: {}, ANN.lower(): {}}}, "/accounts"),
    ("a balance out of range", {"accounts": {ANN: {"T0": str(2**255)}}}, f"/accounts/{ANN}/T0"),
    ("a float", {"accounts": {ANN: {"T0": 1.5}}}, f"/accounts/{ANN}/T0"),
    ("over 128 bits", {"orders": [BATCH["orders"][0] | {"sellAmount": str(2**128)}]}, "/orders/0/sellAmount"),
    ("another reference", {"refToken": "T9"}, "/refToken"),
    ("no orders", {"orders": {}}, "/orders"),
    ("a fee in no token", {"fee": {"token": "T9", "ratio": 1}}, "/fee/token"),
    ("a fee in a list", {"fee": {"token": [], "ratio": 1}, "refToken": None}, "/fee/token"),
]


@pytest.mark.parametrize(("change", "where"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_batch_is_refused_with_its_field(change: dict[str, Any], where: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_gnosis(json.dumps(BATCH | change), "made")
    assert refused.value.where == where


COUNTS = {
    "best-token-pair__does-not-crash-match-best-pair__instance_1": (813, 334),
    "viz_dfusion_input": (157, 157),
    "viz_kraken_input": (500, 500),
}


@pytest.mark.parametrize("name", COUNTS)
def test_recorded_batches_are_counted_whole(name: str) -> None:
    content = gzip.decompress(data_path(f"cow/gnosis_v1_2020/{name}.json.gz").read_bytes())
    found = import_gnosis(content, name)
    check_problem(found.problem)
    orders = found.report["orders"]

    assert (orders["in"], orders["kept"], set(orders["reported"]) - {"no_balance"}) == (*COUNTS[name], set())


def test_damaged_batches_get_an_error_and_never_a_traceback() -> None:
    random = Random(5)
    junk: list[Any] = [None, True, -1, 2**300, 1.5, "", "x", "9" * 90, [], {}, [[]], {"a": 1}, "0x" + "AB" * 20]
    for _ in range(300):
        place: Any = (whole := json.loads(json.dumps(BATCH)))
        while isinstance(place, dict | list) and place:
            key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
            if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.2:
                place[key] = random.choice(junk)
                break
            place = place[key]
        with contextlib.suppress(InputError):  # any other error is a traceback
            check_problem(import_gnosis(json.dumps(whole), "damaged").problem)
