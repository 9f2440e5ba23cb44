"""The `bridge-transfers` feed: recorded transfers of a bridge, a CSV, into bridge venues with a distribution of delays.

Columns    any order as long as COLUMNS are there; times in unix seconds, time_difference their difference.
Lanes      one distribution for each pair of chains, from all its transfers: seconds by nearest rank at QUANTILES. The
           bound is that of BOUND_PPM, and the share of transfers that took longer is `failure_ppm` (ceil).
Venues     one bridge for each pair of tokens of a lane, `<origin place>/bridge:<origin token>-<destination chain>`. The
           file has no fees (Nomad charged none: docs.nomad.xyz, "How to Bridge") and no capacity: the fee is 0, the
           capacity the largest amount that the file saw carried in one transfer.
Units      base units as in the file. It states no decimals: assets are shown in base units. Both tokens of a pair are
           taken as worth the same a unit.
Numeraire  the destination token with the most transfers; everything else is unpriced.
Time       the last arrival.

Reported: `unsupported_chain` (a domain that DOMAINS does not know), `repeated` (both hashes were there before),
`arrives_before_it_leaves`, `zero_amount`. Refused by name: as in engine.market.feeds.deribit_book, `no_rows` also where
nothing is left.

Chains are Nomad's domains: docs.nomad.xyz, "Domain Chain IDs".
"""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, Tally, decoded, digest_of, imported_problem
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues.bridge import PPM, BridgeState, DelayQuantile, expected_delay
from intents.identifiers import solver_account
from intents.values import AMOUNT_LIMIT, ceil_div

COLUMNS = (
    *("orig_chain_id", "orig_timestamp", "orig_tx_hash", "dst_chain_id", "dst_timestamp", "dst_tx_hash"),
    *("origin_token", "dst_token", "amount", "time_difference"),
)
"""What is read; every other column is left alone."""

DOMAINS = {6648936: "eip155:1", 1650811245: "eip155:1284"}
"""Ethereum ("eth") and Moonbeam ("beam")."""

QUANTILES = (10_000, 100_000, 250_000, 500_000, 750_000, 900_000)
"""Parts in a million at which seconds are stated."""

BOUND_PPM = 950_000
"""The part of transfers that arrive by the bound."""

_INTEGER = re.compile(r"[0-9]{1,78}\Z", re.ASCII)
_HASH = re.compile(r"0x[0-9a-f]{64}\Z", re.ASCII)
_TOKEN = re.compile(r"0x[0-9a-f]{40}\Z", re.ASCII)


@dataclass(frozen=True)
class _Transfer:
    lane: tuple[str, str]
    tokens: tuple[str, str]
    amount: int
    seconds: int
    arrived: int


def import_transfers(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a file of transfers. `name` is for the report only. Raises FeedError, nothing being kept."""
    tally = Tally()
    transfers = _transfers(decoded(content), tally)
    if not transfers:
        raise FeedError("no_rows", "", expected="at least one transfer", actual=f"{tally.taken} that can not be used")
    lanes: dict[tuple[str, str], list[int]] = defaultdict(list)
    for transfer in transfers:
        lanes[transfer.lane].append(transfer.seconds)
    delays = {lane: _delays(sorted(seconds)) for lane, seconds in lanes.items()}
    bridges = _bridges(transfers, delays)
    snapshot = _snapshot(transfers, bridges)
    digest = digest_of(content)
    problem = imported_problem(
        f"bridges.{digest[:16]}",
        digest,
        snapshot,
        {"format": "bridge-transfers", "file": name, "sha256": digest},
        {solver_account(solver): {} for solver in sorted(solvers)},
    )
    report: dict[str, Any] = {"format": "bridge-transfers", "file": name, "sha256": digest}
    report["transfers"] = tally.to_wire()
    report["notes"] = {"bridges": len(bridges)} | _told(lanes, bridges)
    return Imported(problem, report)


def _transfers(text: str, tally: Tally) -> list[_Transfer]:
    if not text.endswith("\n"):
        raise FeedError("truncated", "", expected="a line end after the last row", actual=repr(text[-40:]))
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    try:
        header = next(reader, [])
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise FeedError(
            "malformed_csv", f"line {reader.line_num}", expected="whole CSV cells", actual=str(error)
        ) from None
    for column in COLUMNS:
        if header.count(column) != 1:
            code = "duplicate" if column in header else "missing_column"
            raise FeedError(code, "line 1", expected=f"the column {column} once", actual=", ".join(header)[:300])
    places = {column: header.index(column) for column in COLUMNS}
    seen: set[tuple[str, str]] = set()
    kept = []
    for number, cells in lines:
        where = f"line {number}"
        if len(cells) != len(header):
            raise FeedError("wrong_cell_count", where, expected=f"{len(header)} cells", actual=str(len(cells)))
        row = {column: cells[place] for column, place in places.items()}
        transfer, fault = _transfer(row, where)
        key = row["orig_tx_hash"], row["dst_tx_hash"]
        if fault is None and key in seen:
            fault = "repeated", "orig_tx_hash"
        seen.add(key)
        if fault is not None:
            tally.report(row["orig_tx_hash"], *fault)
        else:
            kept.append(transfer)
            tally.keep()
    return kept


def _transfer(row: Mapping[str, str], where: str) -> tuple[_Transfer, tuple[str, str] | None]:
    """The transfer, and why it can not be used. Raises FeedError where a cell can not be of its column."""
    for column, pattern in (
        ("orig_tx_hash", _HASH),
        ("dst_tx_hash", _HASH),
        ("origin_token", _TOKEN),
        ("dst_token", _TOKEN),
    ):
        if not pattern.match(row[column]):
            raise _malformed(where, column, pattern.pattern, row[column])
    left, arrived = _integer(row, "orig_timestamp", where), _integer(row, "dst_timestamp", where)
    amount = _integer(row, "amount", where)
    if row["time_difference"] != str(arrived - left):
        raise _malformed(where, "time_difference", f"the difference {arrived - left}", row["time_difference"])
    chains = [DOMAINS.get(_integer(row, column, where), "") for column in ("orig_chain_id", "dst_chain_id")]
    transfer = _Transfer(
        (chains[0], chains[1]), (row["origin_token"], row["dst_token"]), amount, arrived - left, arrived
    )
    if not all(chains) or chains[0] == chains[1]:
        return transfer, ("unsupported_chain", "orig_chain_id" if not chains[0] else "dst_chain_id")
    if transfer.seconds <= 0:
        return transfer, ("arrives_before_it_leaves", "time_difference")
    return transfer, None if amount else ("zero_amount", "amount")


def _integer(row: Mapping[str, str], column: str, where: str) -> int:
    limit = AMOUNT_LIMIT if column == "amount" else 2**31
    if not _INTEGER.match(row[column]) or int(row[column]) >= limit:
        raise _malformed(where, column, f"digits of an integer below {limit}", row[column])
    return int(row[column])


def _malformed(where: str, column: str, expected: str, actual: str) -> FeedError:
    return FeedError("malformed_field", f"{where} {column}", expected=expected, actual=repr(actual[:80]))


def _delays(seconds: Sequence[int]) -> dict[str, Any]:
    """The fields of a bridge that say how long it takes; `seconds` ascend."""

    def at(ppm: int) -> int:
        return seconds[ceil_div(ppm * len(seconds), PPM) - 1]

    bound = at(BOUND_PPM)
    late = sum(taken > bound for taken in seconds)
    return {
        "delay_seconds": bound,
        "delays": tuple(DelayQuantile(ppm=ppm, seconds=at(ppm)) for ppm in QUANTILES),
        "failure_ppm": ceil_div(late * PPM, len(seconds)),
    }


def _asset(place: str, token: str) -> str:
    return f"{place}/erc20:{token}"


def _bridges(transfers: Sequence[_Transfer], delays: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[BridgeState]:
    largest: dict[tuple[tuple[str, str], tuple[str, str]], int] = {}
    for transfer in transfers:
        key = transfer.lane, transfer.tokens
        largest[key] = max(transfer.amount, largest.get(key, 0))
    bridges = [
        BridgeState(
            id=f"{source}/bridge:{token}-{target.replace(':', '.')}-{other}",
            asset_in=_asset(source, token),
            asset_out=_asset(target, other),
            fee=(0, 1),
            capacity=capacity,
            **delays[source, target],
        )
        for ((source, target), (token, other)), capacity in largest.items()
    ]
    return sorted(bridges, key=lambda bridge: bridge.id)


def _snapshot(transfers: Sequence[_Transfer], bridges: Sequence[BridgeState]) -> Snapshot:
    time = max(transfer.arrived for transfer in transfers)
    used = Counter(_asset(transfer.lane[1], transfer.tokens[1]) for transfer in transfers)
    numeraire = min(used, key=lambda asset: (-used[asset], asset))
    assets = sorted({asset for bridge in bridges for asset in (bridge.asset_in, bridge.asset_out)})
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=numeraire,
        chains={place: Chain() for place in sorted({place for transfer in transfers for place in transfer.lane})},
        assets={asset: Asset(decimals=0, symbol=asset.rsplit(":", 1)[-1]) for asset in assets},
        prices={
            numeraire: ReferencePrice(ratio=(1, 1), source=numeraire, method="numeraire", time_seconds=time),
        },
        venues=tuple(bridges),
    )
    check_snapshot(snapshot)
    return snapshot


def _told(lanes: Mapping[tuple[str, str], Sequence[int]], bridges: Sequence[BridgeState]) -> dict[str, str]:
    """Each lane's distribution in words."""
    told = {}
    for (source, target), seconds in sorted(lanes.items()):
        state = next(
            bridge
            for bridge in bridges
            if bridge.id.startswith(f"{source}/") and f"-{target.replace(':', '.')}-" in bridge.id
        )
        steps = ", ".join(f"{quantile.ppm / 10_000:g} % {quantile.seconds}" for quantile in state.delays)
        told[f"seconds from {source} to {target}, {len(seconds)} transfers"] = (
            f"{steps}; bound {state.delay_seconds}, later {state.failure_ppm} ppm, expected {expected_delay(state)}"
        )
    return told
