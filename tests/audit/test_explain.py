"""What the record says to an owner who asks why."""

from __future__ import annotations

import pytest

from engine.auction.auction import clear
from engine.auction.problem import Intent
from engine.auction.solution import Solution
from engine.audit.explain import explain
from engine.audit.record import Record
from intents.errors import InputError
from intents.values import canonical_bytes
from tests.auction.builders import ANN, BOB, DAI, ETH, USD, intent, pool_sale, problem, sale
from tests.audit.records import bound, small_record


def cleared(intents: list[Intent], *solutions: Solution) -> Record:
    asked = problem(intents, holdings={BOB: {USD: 1_001}})
    return clear(asked, {ANN: bound(asked, ANN, *solutions)}, work=1_000)


def test_a_filled_intent_names_all_bids_for_it_and_what_became_of_them() -> None:
    told = explain(small_record(), "import:sale")

    assert (told.code, told.open_units) == ("filled", 0)
    assert {bid.status for bid in told.bids} >= {"won", "lost", "filtered"}
    assert all((bid.reason is None) == (bid.status == "won") for bid in told.bids)
    assert told.limit is not None
    assert canonical_bytes(told)


def test_a_broken_bid_is_why_nothing_was_filled() -> None:
    lie = pool_sale().model_copy(update={"prices": {}})

    told = explain(cleared([sale()], lie), "import:sale")

    assert told.code == "invalid"
    (bid,) = told.bids
    assert bid.reason is not None
    assert bid.reason.code == "price_missing"


def test_without_bids_money_comes_first_then_the_limit_against_the_market() -> None:
    poor = intent("poor", {USD: 2_000}, {DAI: 1}, owner=BOB, units=1)
    greedy = intent("greedy", {USD: 1}, {ETH: 10**30}, owner=BOB)
    modest = intent("modest", {USD: 1_000}, {DAI: 1}, owner=BOB)

    record = cleared([sale(), poor, greedy, modest], pool_sale())

    assert [explain(record, f"import:{name}").code for name in ("poor", "greedy", "modest")] == [
        "insufficient_balance",
        "limit_beyond_reference",
        "no_bid",
    ]
    (short,) = explain(record, "import:poor").shortages
    assert (short.asset, short.needed > short.free) == (USD, True)


def test_an_intent_of_another_auction_is_unknown() -> None:
    with pytest.raises(InputError, match="unknown_intent"):
        explain(small_record(), "import:nobody")
