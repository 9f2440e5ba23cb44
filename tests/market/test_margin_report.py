"""`clearway margin`: the page's example, its exit codes, and tables that come with a portfolio."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from engine.market.margin.report import Portfolio, report_on
from engine.market.margin.tables import build_tables
from tests.api.program import Answer, clearway, done

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "portfolio.json"


@pytest.fixture
def portfolio() -> Any:
    return json.loads(EXAMPLE.read_text())


def asked(folder: Path, portfolio: Any, *options: str) -> Answer:
    path = folder / "portfolio.json"
    path.write_text(json.dumps(portfolio))
    return clearway("margin", path, *options)


def test_the_page_shows_what_the_program_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    command, _, shown = (
        (ROOT / "docs" / "margin.md").read_text().split("```console\n$ ")[1].split("```")[0].partition("\n")
    )

    assert done(*shlex.split(command)[1:]).out == shown


def test_the_report_is_that_of_the_engine_and_the_tables_can_come_along(tmp_path: Path, portfolio: Any) -> None:
    tables = build_tables(Portfolio.from_wire(portfolio).market)
    expected = report_on(Portfolio.from_wire(portfolio)).to_wire()

    with_tables = asked(tmp_path, {**portfolio, "tables": tables.to_wire()}, "--json")

    assert with_tables.data == expected == asked(tmp_path, portfolio, "--json").data


def test_tables_of_another_market_or_with_a_wrong_cell_are_refused(tmp_path: Path, portfolio: Any) -> None:
    tables = build_tables(Portfolio.from_wire(portfolio).market).to_wire()
    asset = min(tables["rows"])
    mark = tables["rows"][asset]["mark"]
    tables["rows"][asset]["mark"] = str(int(mark) + 10)

    wrong = asked(tmp_path, {**portfolio, "tables": tables})
    portfolio["market"]["time"] += 1
    other = asked(tmp_path, {**portfolio, "tables": tables})

    assert (wrong.code, other.code) == (2, 2)
    assert "wrong_risk_tables" in wrong.err
    assert f"expected {mark} within 1" in wrong.err
    assert "/tables/inputs" in other.err


def test_the_exit_code_is_the_answer(tmp_path: Path, portfolio: Any) -> None:
    portfolio["fill"]["positions"] = dict.fromkeys(portfolio["fill"]["positions"], "-1000000")
    refused = asked(tmp_path, portfolio)
    fault = asked(tmp_path, portfolio, "--json").data["fill"]["fault"]
    del portfolio["fill"]
    healthy = asked(tmp_path, portfolio)
    portfolio["account"]["balances"] = {}
    bare = asked(tmp_path, portfolio)

    assert (refused.code, healthy.code, bare.code) == (1, 0, 1)
    assert fault == "insufficient_margin"
    assert "not allowed: insufficient_margin" in refused.out
    assert "not healthy" in bare.out


def test_an_unreadable_portfolio_is_one_line_and_exit_code_2(tmp_path: Path, portfolio: Any) -> None:
    asset = next(iter(portfolio["market"]["instruments"]))
    portfolio["market"]["instruments"][asset]["volatility"] = "0"

    answer = asked(tmp_path, portfolio)

    assert answer.code == 2
    assert answer.err.startswith("error: bad_volatility")
    assert "/volatility" in answer.err
