"""Files of perpetuals: exact conversions, every item counted, each fault named by its field."""

import gzip
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.market.feeds.base import FeedError
from engine.market.feeds.dydx_markets import import_dydx, ticker_of
from engine.market.feeds.hyperliquid import import_hyperliquid
from engine.market.feeds.perp_series import Kind, read_series, received
from engine.market.margin.account import Tier
from engine.market.snapshot import check_snapshot
from engine.market.venues.base import Trade, VenueStateError
from engine.market.venues.perpetual_book import PerpetualBook, PerpetualBookState, coming_funding
from intents.errors import InputError
from tests.data import data_path

USDC = "dydx:main/token:USDC"


def load(path: str) -> bytes:
    content = data_path(f"perps/{path}").read_bytes()
    return gzip.decompress(content) if path.endswith(".gz") else content


def test_dydx_parameters_become_ticks_lots_prices_and_tiers_exactly() -> None:
    book = load("venue_messages/dydx_http_get_orderbook.json")
    found = import_dydx(load("dydx_v4_genesis_markets.json"), "genesis.json", book=book)
    check_problem(found.problem)
    snapshot = found.problem.snapshot
    (state,) = snapshot.venues
    assert isinstance(state, PerpetualBookState)

    markets = found.report["markets"]
    assert (markets["in"], markets["kept"]) == (33, 32)
    assert markets["details"] == [{"id": "PEPE-USD", "reason": "malformed_field", "field": "atomic_resolution"}]
    assert found.report["levels"]["kept"] == len(state.bids) + len(state.asks) == 10
    assert snapshot.price(state.base) == Fraction("28688.19524") * 10**6 / 10**10
    assert snapshot.risk["dydx:main"].rules.tiers[state.base] == (Tier(above=0, initial_bps=500, maintenance_bps=300),)
    assert ticker_of(state.base) == "BTC-USD"
    assert snapshot.time_seconds == 1_765_210_320
    # 0.1177 BTC at 89,958 with the taker's 500 ppm, in micro-dollars.
    cost = PerpetualBook().input_for(state, USDC, 1_177_000_000, state.base, "ask:0")
    assert cost == 10_588_056_600 + 5_294_029  # the fee is 5,294,028.3, rounded up
    assert PerpetualBook().execute(state, "a", Trade(USDC, cost, state.base, "ask:0"), 0)[0] == 1_177_000_000


def answer(**changes: Any) -> dict[str, Any]:
    """The indexer's answer, with fields of ETH-USD changed (None: without the field)."""
    data: dict[str, Any] = json.loads(load("venue_messages/dydx_http_get_perpetual_markets.json"))
    market = data["result"]["markets"]["ETH-USD"]
    market.update(changes)
    for field in [field for field, value in changes.items() if value is None]:
        del market[field]
    return data


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"status": "FINAL_SETTLEMENT"}, "not_active", "status"),
        ({"ticker": "ETH-EUR"}, "contradicts", "ticker"),
        ({"tickSize": "0.01"}, "contradicts", "tickSize"),
        ({"stepSize": "0.01"}, "contradicts", "stepSize"),
        ({"oraclePrice": "0"}, "malformed_field", "oraclePrice"),
        ({"oraclePrice": "-1"}, "malformed_field", "oraclePrice"),
        ({"oraclePrice": None}, "missing_field", "oraclePrice"),
        ({"atomicResolution": 1}, "malformed_field", "atomicResolution"),
        ({"atomicResolution": "x"}, "malformed_field", "atomicResolution"),
        ({"stepBaseQuantums": 0}, "malformed_field", "stepBaseQuantums"),
        ({"initialMarginFraction": "1.5"}, "malformed_field", "initialMarginFraction"),
        ({"maintenanceMarginFraction": "0.03"}, "malformed_field", "maintenanceMarginFraction"),
        ({"openInterestUpperCap": True}, "malformed_field", "openInterestUpperCap"),
    ],
)
def test_a_market_of_dydx_that_can_not_be_used_is_reported_by_its_field(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    found = import_dydx(json.dumps(answer(**changes)), "markets.json")
    assert found.report["markets"]["details"] == [{"id": "ETH-USD", "reason": reason, "field": field}]
    assert found.report["markets"]["kept"] == 2


def test_open_interest_between_its_caps_raises_the_initial_margin() -> None:
    """Halfway between two caps: 2 % and half of the other 98 %."""
    data = answer(
        openInterest="1000", oraclePrice="3000", openInterestLowerCap="2000000", openInterestUpperCap="4000000"
    )
    tiers = import_dydx(json.dumps(data), "markets.json").problem.snapshot.risk["dydx:main"].rules.tiers
    (tier,) = next(tiers[asset] for asset in tiers if "ETH" in asset)
    assert (tier.initial_bps, tier.maintenance_bps) == (5100, 120)


@pytest.mark.parametrize(
    ("book", "ticker", "code"),
    [
        ("{}", "BTC-USD", "missing_field"),
        ('{"bids": [], "asks": [{"price": "1", "size": "x"}]}', "BTC-USD", "malformed_field"),
        ('{"bids": [{"price": "9", "size": "1"}], "asks": [{"price": "8", "size": "1"}]}', "BTC-USD", "refused_state"),
        ('{"bids": [], "asks": []}', "X-USD", "unknown_ticker"),
        ("[", "BTC-USD", "malformed_json"),
    ],
)
def test_a_book_that_can_not_be_is_refused(book: str, ticker: str, code: str) -> None:
    with pytest.raises(FeedError) as caught:
        import_dydx(json.dumps(answer()), "markets.json", book=book, ticker=ticker)
    assert caught.value.code == code


def test_levels_off_tick_or_lot_are_reported() -> None:
    rows = [("89958.5", "1"), ("89959", "0.00001"), ("89960", "0"), ("89961", "0.5")]
    book = {"bids": [], "asks": [{"price": price, "size": size} for price, size in rows]}
    levels = import_dydx(json.dumps(answer()), "markets.json", book=json.dumps(book)).report["levels"]
    assert (levels["in"], levels["kept"], levels["reported"]) == (4, 1, {"off_lot": 2, "off_tick": 1})


def test_hyperliquids_contexts_are_counted_and_quoted_at_impact_prices() -> None:
    found = import_hyperliquid(load("hyperliquid_contexts.json.gz"), "contexts.json", time_seconds=5)
    check_problem(found.problem)
    markets = found.report["markets"]
    assert (markets["in"], markets["kept"]) == (412, 179)
    assert markets["reported"] == {"empty_book": 51, "settlement_not_stated": 182}
    state = found.problem.venues_by_id["hyper:main/book:A0"]
    assert isinstance(state, PerpetualBookState)
    # 20,000 dollars at 77,558, in steps of 0.00001 coins.
    assert (state.bids[0].price, state.bids[0].size) == (775_580, 25_787)
    # A coin long of a negative rate is paid: 77,605 dollars times 0.0000015186, rounded down.
    assert coming_funding(state, {"a": 10**5, "b": -(10**5)}) == ({"a": 117_850, "b": -117_851}, 1)
    assert (state.open_interest, state.funding_next_seconds) == (2_735_317_682, 3600)
    assert (
        PerpetualBook().execute(state, "a", Trade(state.base, 25_787, state.quote, "bid:0"), 5)[0]
        == 19_999_881_460 - 8_999_947
    )


def contexts(**changes: Any) -> str:
    row = {
        "funding": "-0.00001", "openInterest": "2.5", "prevDayPx": "9", "dayNtlVlm": "1", "dayBaseVlm": "1",
        "premium": "-0.1", "oraclePx": "10", "markPx": "10", "midPx": "10", "impactPxs": ["9.99", "10.01"],
    }  # fmt: skip
    return json.dumps({"data": {"ctxs": [["", [row, row | changes]]]}})


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"impactPxs": None}, "empty_book", "impactPxs"),
        ({"impactPxs": ["1"]}, "malformed_field", "impactPxs"),
        ({"impactPxs": ["10.01", "9.99"]}, "refused_state", "bids/0/price"),
        ({"impactPxs": ["0", "1"]}, "malformed_field", "impactPxs"),
        ({"impactPxs": ["9.0000001", "10"]}, "malformed_field", "impactPxs"),
        ({"oraclePx": 0}, "malformed_field", "oraclePx"),
        ({"funding": "often"}, "malformed_field", "funding"),
        ({"funding": []}, "malformed_field", "funding"),
        ({"premium": None}, "malformed_field", "premium"),
        ({"openInterest": "-1"}, "malformed_field", "openInterest"),
    ],
)
def test_a_context_that_can_not_be_used_is_reported_by_its_field(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    found = import_hyperliquid(contexts(**changes), "contexts.json")
    assert found.report["markets"]["details"] == [{"id": "main/1", "reason": reason, "field": field}]


@pytest.mark.parametrize(
    ("read", "text", "code"),
    [
        (import_hyperliquid, "[]", "missing_field"),
        (import_hyperliquid, '{"data": {"ctxs": [[""]]}}', "unknown_format"),
        (import_hyperliquid, '{"data": {"ctxs": [["", []], ["", []]]}}', "duplicate"),
        (import_hyperliquid, '{"data": {"ctxs": []}}', "no_markets"),
        (import_dydx, "[]", "unknown_format"),
        (import_dydx, '{"perpetuals": {}}', "missing_field"),
        (import_dydx, '{"markets": {}}', "no_markets"),
        (import_dydx, '{"markets": {"BTC-USD": 5}}', "no_markets"),
        (import_dydx, '{"isoTimestamp": "noon", "markets": {}}', "malformed_field"),
    ],
)
def test_a_file_of_another_format_is_refused(read: Callable[[str, str], Any], text: str, code: str) -> None:
    with pytest.raises(FeedError) as caught:
        read(text, "file.json")
    assert caught.value.code == code


def test_only_dydxs_positions_have_its_names() -> None:
    with pytest.raises(InputError, match="bad_instrument"):
        ticker_of("deribit:main/perp:BTC-inv-coin.BTC-deribit.btc")


@pytest.mark.parametrize(
    ("kind", "path", "market", "rows", "interval", "holes"),
    [
        ("funding", "funding/BTC_binance_2020-01-01_2024-01-01.csv.gz", "BTC-USDT", 4383, 28_800, 0),
        ("hyperliquid-depth", "hyperliquid_btc_depth_6h.jsonl.gz", "hyperliquid/BTC", 2734, 21_600, 6),
    ],
)
def test_recorded_series_are_whole_and_in_order(
    kind: Kind, path: str, market: str, rows: int, interval: int, holes: int
) -> None:
    found = read_series(kind, load(path), path)
    series = found.file.series[market]
    assert found.report["rows"]["in"] == found.report["rows"]["kept"] == len(series.rows) == rows
    assert (series.interval_seconds, series.holes) == (interval, holes)
    assert all(low.time_seconds < high.time_seconds for low, high in zip(series.rows, series.rows[1:], strict=False))


BARS = """time,exchange,pair,contract,open,close,funding rate
2023-01-01 08:00:00,okx,BTCUSDT,perpetual,1,20000,-0.0001
2023-01-01 00:00:00,okx,BTCUSDT,perpetual,1,16000,0.00025
2023-01-01 00:00:00,okx,BTCUSDT,perpetual,1,16000,0.00025
2023-01-01 00:00:00,okx,BTC/USDT,spot,1,16000,
2023-01-01 16:00:00,okx,BTCUSDT,perpetual,1,0,0.1
2023-01-01 16:00:00,okx,BTCUSDT,perpetual,1,1,
noon,okx,BTCUSDT,perpetual,1,1,0.1
2023-01-02 00:00:00,okx
"""


def test_bars_say_what_a_position_received() -> None:
    found = read_series("perp-bars", BARS, "bars.csv")
    assert found.report["rows"]["in"] == 8
    assert found.report["rows"]["kept"] == 2
    assert [(row["reason"], row["field"]) for row in found.report["rows"]["details"]] == [
        ("repeated", "time"),
        ("no_funding", "contract"),
        ("malformed_field", "close"),
        ("malformed_field", "funding rate"),
        ("malformed_field", "time"),
        ("missing_field", "exchange"),
    ]
    series = found.file.series["okx/BTCUSDT/perpetual"]
    assert received(series, "linear", 1) == (-4 + 2) * 10**8
    assert received(series, "linear", -3) == (12 - 6) * 10**8
    # 16,000 dollars: 1 coin at 0.025 % paid, 0.8 coins at 0.01 % got.
    assert received(series, "inverse", 16_000) == -25_000 + 8_000


@pytest.mark.parametrize(
    ("kind", "text", "code"),
    [
        ("funding", "Symbol,Date\nX,2023-01-01\n", "missing_column"),
        ("funding", "", "missing_column"),
        ("funding", "Symbol,Date,Funding Rate\n", "no_rows"),
        ("funding", 'Symbol,Date,Funding Rate\n"X,1,2\n', "malformed_csv"),
        ("hyperliquid-depth", "{", "malformed_json"),
        ("hyperliquid-depth", "[]", "no_rows"),
    ],
)
def test_a_series_of_another_format_is_refused(kind: Kind, text: str, code: str) -> None:
    with pytest.raises(FeedError) as caught:
        read_series(kind, text, "series.csv")
    assert caught.value.code == code


@pytest.mark.parametrize("junk", [None, True, [], {}, "x", "", "-5", "1e90", 10**90, "0." + "0" * 40 + "1", 1.5])
def test_junk_in_any_field_costs_one_market_and_names_the_field(junk: Any) -> None:
    data = answer()
    market = data["result"]["markets"]["ETH-USD"]
    for field, value in list(market.items()):
        market[field] = junk
        found = import_dydx(json.dumps(data), "markets.json").report["markets"]
        market[field] = value
        assert found["kept"] == 3 - len(found["details"])
        # Another resolution may be read, and contradicts the sizes of tick and step.
        assert {detail["field"] for detail in found["details"]} <= {field, "tickSize", "stepSize"}


def test_a_venue_that_states_other_tiers_than_its_place_is_refused() -> None:
    book = load("venue_messages/dydx_http_get_orderbook.json")
    snapshot = import_dydx(json.dumps(answer()), "markets.json", book=book).problem.snapshot
    check_snapshot(snapshot)
    (venue,) = snapshot.venues
    other = venue.model_copy(update={"tiers": (Tier(above=0, initial_bps=1, maintenance_bps=1),)})
    with pytest.raises(VenueStateError) as caught:
        check_snapshot(snapshot.model_copy(update={"venues": (other,)}))
    assert caught.value.where == "/venues/dydx:main/book:BTC-USD/tiers"
