"""Recorded transfers become bridges with quantiles of their delays; every row is counted."""

import gzip
from collections.abc import Callable

import pytest

from engine.auction.check_problem import check_problem
from engine.market.feeds.base import FeedError, Imported
from engine.market.feeds.bridge_transfers import COLUMNS, import_transfers
from engine.market.venues.bridge import BridgeState, delay_at, expected_delay
from tests.data import data_path

BEAM, ETH = 1650811245, 6648936
HEADER = ",".join((*COLUMNS, "value_usd"))


def row(number: int, seconds: int, *, chain: int = BEAM, amount: int = 5, difference: int | None = None) -> str:
    left, token = 1_640_000_000, "0x" + "a" * 40
    cells = [chain, left, f"0x{number:064x}", ETH, left + seconds, f"0x{number:064x}", token, "0x" + "b" * 40, amount]
    return ",".join(str(cell) for cell in (*cells, seconds if difference is None else difference, ""))


def run(*rows: str) -> Imported:
    return import_transfers("".join(f"{line}\n" for line in (HEADER, *rows)), "made.csv")


def test_delays_are_ranks_of_what_was_seen() -> None:
    found = run(*(row(i, 100 * i, amount=i) for i in range(1, 101)))
    check_problem(found.problem)
    (bridge,) = found.problem.snapshot.venues
    assert isinstance(bridge, BridgeState)

    assert [quantile.seconds for quantile in bridge.delays] == [100, 1000, 2500, 5000, 7500, 9000]
    assert (bridge.delay_seconds, bridge.failure_ppm, bridge.capacity) == (9500, 50_000, 100)
    assert delay_at(bridge, 500_000) == 5000
    assert expected_delay(bridge) == 5891  # 1 + 90 + 375 + 1250 + 1875 + 1350 + 950
    assert found.problem.snapshot.time_seconds == 1_640_010_000


REPORTED = [
    ("another chain", row(2, 10, chain=1), "unsupported_chain", "orig_chain_id"),
    ("the same", row(1, 10), "repeated", "orig_tx_hash"),
    ("into the past", row(2, -10), "arrives_before_it_leaves", "time_difference"),
    ("nothing", row(2, 10, amount=0), "zero_amount", "amount"),
]


@pytest.mark.parametrize(("line", "reason", "field"), [r[1:] for r in REPORTED], ids=[r[0] for r in REPORTED])
def test_rows_that_can_not_be_used_are_reported(line: str, reason: str, field: str) -> None:
    report = run(row(1, 10), line).report["transfers"]

    assert (report["in"], report["kept"], report["reported"]) == (2, 1, {reason: 1})
    assert report["details"][0]["field"] == field


Change = Callable[[str], str]
REFUSED: list[tuple[str, Change, str]] = [
    ("cut", lambda text: text[:-3], "truncated"),
    ("cut in a row", lambda text: text[:-30] + "\n", "wrong_cell_count"),
    ("no amounts", lambda text: text.replace("amount", "sum"), "missing_column"),
    ("a column twice", lambda text: text.replace("value_usd", "amount"), "duplicate"),
    ("another difference", lambda text: text.replace(",10,\n", ",11,\n"), "malformed_field"),
    ("a fraction", lambda text: text.replace(",5,", ",5.5,"), "malformed_field"),
    ("no hash", lambda text: text.replace("0x0", "0y0"), "malformed_field"),
    ("header alone", lambda _: HEADER + "\n", "no_rows"),
    ("nothing", lambda _: "", "truncated"),
]


@pytest.mark.parametrize(("change", "code"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_no_file_of_transfers_is_refused_by_name(change: Change, code: str) -> None:
    with pytest.raises(FeedError) as refused:
        import_transfers(change(f"{HEADER}\n{row(1, 10)}\n"), "made.csv")
    assert refused.value.code == code


def test_the_recorded_transfers_of_nomad() -> None:
    content = gzip.decompress(data_path("network/bridge_transfers_2022.csv.gz").read_bytes())
    found = import_transfers(content, "recorded")
    check_problem(found.problem)
    bridges = [venue for venue in found.problem.snapshot.venues if isinstance(venue, BridgeState)]

    assert (found.report["transfers"]["kept"], len(bridges)) == (4482, 10)
    assert {(bridge.delays[3].seconds, bridge.delays[5].seconds) for bridge in bridges} == {(4677, 82283)}
    # Its window was 30 minutes: nothing came earlier (docs.nomad.xyz, "Optimistic Timeout Period").
    assert all(bridge.delays[0].seconds >= 1800 for bridge in bridges)
