"""Perpetuals from files through the program: markets beside their book, series, and options of other formats."""

from pathlib import Path

from tests.api.program import clearway, done
from tests.data import data_path

MARKETS = "perps/venue_messages/dydx_http_get_perpetual_markets.json"
BOOK = "perps/venue_messages/dydx_http_get_orderbook.json"

BARS = """time,exchange,pair,contract,close,funding rate
2023-01-01 00:00:00,okx,BTCUSDT,perpetual,16000,0.00025
2023-01-01 08:00:00,okx,BTC/USDT,spot,16000,
"""


def test_markets_are_imported_with_a_book_and_their_margin(tmp_path: Path) -> None:
    problem = tmp_path / "problem.json"
    report = done("import", "dydx-markets", data_path(MARKETS), "--book", data_path(BOOK), "-o", problem, "--json").data
    assert (report["markets"]["kept"], report["levels"]["kept"]) == (3, 10)
    assert done("market", "inspect", problem).code == 0


def test_a_series_is_written_and_counted(tmp_path: Path) -> None:
    bars, rows = tmp_path / "bars.csv", tmp_path / "rows.json"
    bars.write_text(BARS)
    answer = done("series", "perp-bars", bars, "-o", rows, "--contracts", -2, "--json")
    assert answer.data["rows"]["reported"] == {"no_funding": 1}
    assert answer.data["received"] == {"okx/BTCUSDT/perpetual": "8.00000000"}
    assert '"rate": "0.00025"' in rows.read_text()
    assert "2 in the file = 1 kept + 1 reported" in done("series", "perp-bars", bars).out


def test_an_option_of_another_format_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "problem.json"
    for arguments in (
        ("import", "cow-instance", tmp_path / "x.json", "--at", 5, "-o", output),
        ("import", "hyperliquid", tmp_path / "x.json", "--ticker", "BTC-USD", "-o", output),
        ("series", "funding", data_path("perps/funding/BTC_bybit_2021-01-01_2024-01-01.csv.gz"), "--contracts", 1),
    ):
        answer = clearway(*arguments)
        assert (answer.code, answer.err.split()[:2]) == (2, ["error:", "not_of_format"])
