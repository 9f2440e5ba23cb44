"""Messages of option venues: exact terms and fees, every element counted, and damaged messages that get a clear error."""

import contextlib
import json
from fractions import Fraction
from random import Random
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.market.feeds.base import FeedError, Imported
from engine.market.feeds.option_messages import import_all, import_messages
from engine.market.venues.order_book import Fee, Level, OrderBookState, cost_of
from intents.errors import InputError
from tests.data import data_path

FOLDER = "options/venue_messages"
INSTRUMENT: dict[str, Any] = {
    "instrument_name": "BTC-26DEC25-100000-C",
    "kind": "option",
    "option_type": "call",
    "strike": 100000.0,
    "instrument_type": "reversed",
    "expiration_timestamp": 1766736000000,
    "is_active": True,
    "tick_size": 0.0001,
    "tick_size_steps": [{"above_price": 0.005, "tick_size": 0.0005}],
    "min_trade_amount": 0.1,
    "base_currency": "BTC",
    "settlement_currency": "BTC",
    "maker_commission": 0.0003,
    "taker_commission": 0.0003,
}
BOOK = {"instrument_name": "BTC-26DEC25-100000-C", "timestamp": 1766554855140, "index_price": 87000.5}
BOOK |= {"bids": [[0.0041, 2.5]], "asks": [[0.0055, 0.1], [0.006, 3.0]]}


def answers(*results: Any) -> Imported:
    messages = [(f"{i}.json", json.dumps({"jsonrpc": "2.0", "result": result})) for i, result in enumerate(results)]
    return import_all(messages, "made")


def only(found: Imported) -> OrderBookState:
    check_problem(found.problem)
    (book,) = found.problem.snapshot.venues
    assert isinstance(book, OrderBookState)
    return book


def recorded(*names: str) -> Imported:
    return import_all([(name, data_path(f"{FOLDER}/{name}").read_bytes()) for name in names], "recorded")


def test_a_deribit_option_has_its_ticks_and_capped_fee() -> None:
    book = only(answers(BOOK, [INSTRUMENT]))

    assert (book.tick, book.lot) == ((1000, 1), 1)  # 0.0001 BTC a contract is 1,000 satoshi a tenth
    assert (book.bids, book.asks) == (
        (Level(price=41, size=25),),
        (Level(price=55, size=1), Level(price=60, size=30)),
    )
    assert book.taker_fee == Fee(of="size", rate=(3000, 1), cap=(1, 8))
    assert cost_of(book, book.asks[0], 1) == 55_000 + 3_000


def test_a_linear_option_pays_a_share_of_the_index() -> None:
    linear = {"instrument_type": "linear", "settlement_currency": "USDC", "tick_size": 5, "tick_size_steps": []}
    quoted = BOOK | {"bids": [[1000, 1]], "asks": []}
    book = only(answers([INSTRUMENT | linear | {"taker_commission": 0.0005}], quoted))

    # 0.0005 * 87000.5 USDC a contract, for a tenth of one, in millionths
    assert book.taker_fee is not None
    assert Fraction(*book.taker_fee.rate) == Fraction("0.0005") * Fraction("87000.5") * 10**5
    assert book.base.endswith("-100000-C-lin-coin.USDC-deribit.btc")


def test_the_recorded_perpetual_is_a_book_of_dollars() -> None:
    book = only(recorded("deribit_http_get_instruments.json", "deribit_http_get_order_book.json"))

    assert (book.base, book.inverse, book.lot) == ("deribit:main/perp:BTC-inv-coin.BTC-deribit.btc", True, 10)
    assert (len(book.bids), len(book.asks)) == (20, 20)
    # Who sells the contract at 87,002.5 holds this base: 50 of its dollars for 50 / 87002.5 coins and 0.05 %.
    assert cost_of(book, book.asks[0], 50) == -(-50 * 10**8 * 10005 * 2 // (174005 * 10**4))


def test_the_recorded_derive_ticker_states_terms_prices_and_fees() -> None:
    book = only(recorded("derive_options_http_ticker_eth_snapshot.json"))

    assert (book.bids, book.asks) == ((Level(price=11800, size=500),), (Level(price=12050, size=1000),))
    assert book.taker_fee == Fee(of="size", rate=(35_000, 1), cap=(1, 8), fixed=1_000_000)


def test_okx_sizes_are_contracts_of_a_hundredth() -> None:
    instruments = data_path(f"{FOLDER}/okx_http_get_instruments_option.json").read_bytes()
    levels = {"bids": [["0.0512", "7", "0", "1"]], "asks": [], "ts": "1734166000000"}
    book = {"arg": {"channel": "books", "instId": "BTC-USD-241217-92000-C"}, "data": [levels]}
    found = only(import_all([("a.json", json.dumps(book)), ("b.json", instruments)], "okx"))

    assert (found.tick, found.lot, found.bids) == ((10**4 // 100, 1), 1, (Level(price=512, size=7),))
    assert found.base == "okx:main/option:BTC-20241217T08-92000-C-inv-coin.BTC-okx.btc"


def test_the_recorded_bybit_ticker_has_an_ask_alone() -> None:
    book = only(recorded("bybit_ws_ticker_option.json"))

    assert (book.bids, book.asks, book.taker_fee) == ((), (Level(price=2, size=510),), None)


def test_every_element_of_all_recorded_messages_is_counted() -> None:
    names = sorted(path.name for path in data_path(FOLDER).iterdir())
    report = recorded(*names).report
    counted = {name: (part["in"], part["kept"], part["reported"]) for name, part in report.items() if "in" in part}

    assert counted == {
        "books": (12, 1, {"expired": 6, "refused_state:asks": 1, "repeated": 4}),
        "combos": (6, 0, {"unsupported_kind:combo": 6}),
        "instruments": (11, 9, {"contradicting": 1, "unsupported_kind:future_combo": 1}),
        "summaries": (6, 0, {"no_prices": 6}),
        "trades": (11, 0, {"no_book": 11}),
    }
    tardis = recorded("tardis_options_chain.csv").report["books"]
    assert (tardis["in"], tardis["kept"], tardis["reported"]) == (
        *(7, 1),
        {"empty_book": 1, "refused_state:bids": 3, "repeated": 2},
    )


REPORTED: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("no terms", {}, {"instrument_name": "BTC-1JAN27-1-P"}, "books", "no_instrument"),
    ("expired", {"expiration_timestamp": 1766552400000}, {}, "books", "expired"),
    ("empty", {}, {"bids": [], "asks": []}, "books", "empty_book"),
    ("off tick", {}, {"bids": [[0.00415, 1]]}, "books", "refused_state:bids"),
    ("off lot", {}, {"asks": [[0.0055, 0.15]]}, "books", "refused_state:asks"),
    ("crossed", {}, {"bids": [[0.0055, 1]]}, "books", "refused_state:bids"),
    ("between hours", {"expiration_timestamp": 1766736060000}, {}, "instruments", "refused_state:instrument"),
    ("another coin", {"settlement_currency": "DOGE"}, {}, "instruments", "unsupported_settlement"),
    ("closed", {"is_active": False}, {}, "instruments", "not_active"),
    ("spot", {"kind": "spot"}, {}, "instruments", "unsupported_kind:spot"),
]


@pytest.mark.parametrize(
    ("instrument", "book", "section", "reason"), [row[1:] for row in REPORTED], ids=[row[0] for row in REPORTED]
)
def test_what_can_not_be_used_is_reported(
    instrument: dict[str, Any], book: dict[str, Any], section: str, reason: str
) -> None:
    other = INSTRUMENT | {"instrument_name": "BTC-26DEC25-90000-C", "strike": 90000}
    report = answers([other, INSTRUMENT | instrument], BOOK | book).report[section]

    assert report["reported"] == {reason: 1}
    assert report["in"] == report["kept"] + 1


REFUSED = [
    ("nothing known", "[]", "no_books"),
    ("an error", '{"error": {"code": 1, "message": "x"}}', "venue_error"),
    ("another message", '{"result": {"a": 1}}', "unknown_message"),
    ("a number", "1", "malformed_field"),
    ("cut", '{"result": [', "malformed_json"),
    ("a price below 0", json.dumps({"result": BOOK | {"bids": [[-1, 1]]}}), "malformed_number"),
    ("a size of 0", json.dumps({"result": BOOK | {"bids": [[1, 0]]}}), "malformed_field"),
    ("a right that is no text", json.dumps({"result": [INSTRUMENT | {"option_type": {}}]}), "malformed_field"),
    ("steps that are no list", json.dumps({"result": [INSTRUMENT | {"tick_size_steps": 5}]}), "malformed_field"),
    ("no name", json.dumps({"result": BOOK | {"instrument_name": "../x"}}), "malformed_field"),
]


@pytest.mark.parametrize(("text", "code"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_what_is_no_message_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_messages(text, "made.json")
    assert refused.value.code == code


def test_damaged_messages_get_an_error_and_never_a_traceback() -> None:
    random = Random(11)
    junk: list[Any] = [
        None,
        True,
        -1,
        2**300,
        1.5,
        "",
        "x",
        "9" * 90,
        [],
        {},
        [[]],
        ["1", "2"],
        {"a": 1},
        "1e99",
        "1e-60",
    ]
    texts = {path.name: path.read_text() for path in data_path(FOLDER).iterdir()}
    for _ in range(200):
        name, text = random.choice(sorted(texts.items()))
        if name.endswith(".csv") or random.random() < 0.2:
            start = random.randrange(len(text))
            damaged = text[:start] + random.choice(["", ",", "0", '"', "\n"]) + text[start + random.randrange(9) :]
        else:
            data = json.loads(text)
            place = data
            while isinstance(place, dict | list) and place:
                key = random.choice(list(place) if isinstance(place, dict) else range(len(place)))
                if not isinstance(place[key], dict | list) or not place[key] or random.random() < 0.15:
                    place[key] = random.choice(junk)
                    break
                place = place[key]
            damaged = json.dumps(data)
        others = [(other, texts[other]) for other in ("deribit_http_get_instruments.json", name) if other != name]
        with contextlib.suppress(InputError):  # any other error is a traceback
            check_problem(import_all([(name, damaged), *others], "damaged").problem)
