"""What is in a snapshot and what is wrong with it: `clearway market inspect`.

Reads a snapshot or a problem whose venues may be bad: each venue is read and checked by itself, so that one that can not be
is listed with its field instead of hiding the rest. Then

    kinds      venues of each kind, in the file and usable
    unusable   refused as malformed or by the kind's check (field, expected, actual); or every pair refuses any trade (code)
    stale      prices observed more than `max_age` seconds before the snapshot, or after it
    crossed    a book whose bid meets its ask; two venues of one pair that show a gain there and back, with its proof
    arbitrage  longer cycles (engine.market.inspect_cycles)
    unpriced   assets without a reference price, and how many venues trade them

Gains are exact base units; values are rounded down to whole base units of the numeraire. Pure: bytes in, a report out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.market.inspect_cycles import Cycle, Edge, edges_of, find_cycles, prove
from engine.market.snapshot import Snapshot, check_snapshot
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from intents.errors import InputError
from intents.values import Value, parse_json

MAX_CYCLES = 100
"""Searches for one cycle more."""

PROBES = 24
"""Amounts tried at a venue before it counts as taking no trade: all that it shows, then a sixteenth of the one before."""


class _Venue(Value):
    """One venue by itself."""

    venue: AnyVenueState


@dataclass(frozen=True)
class Market:
    """A snapshot of the venues that can be, and the others by what is wrong with them."""

    snapshot: Snapshot
    stated: Counter[str]
    refused: list[dict[str, str]]


def snapshot_data(content: bytes) -> Any:
    """The JSON of a snapshot, or of the one inside a problem; not checked. Raises InputError where it is no JSON."""
    data = parse_json(content)
    return data["snapshot"] if isinstance(data, dict) and "snapshot" in data else data


def read_market(content: bytes) -> Market:
    """Read a snapshot, or the one inside a problem. Raises InputError where more than single venues is wrong."""
    data = snapshot_data(content)
    listed = data.get("venues") if isinstance(data, dict) else None
    if not isinstance(listed, list):
        raise InputError("not_a_snapshot", "", expected="a snapshot or a problem", actual=type(data).__name__)
    empty = Snapshot.from_wire({**data, "venues": []})
    check_snapshot(empty)
    kept: dict[str, VenueState] = {}
    refused: list[dict[str, str]] = []
    for position, item in enumerate(listed):
        kind, name = (_text(item, field) for field in ("kind", "id"))
        try:
            venue = _read(item, kept, empty)
        except InputError as error:
            field = error.where.removeprefix("/venue").removeprefix(f"/{kind}").lstrip("/")
            found = {"id": name or f"/venues/{position}", "kind": kind, "reason": error.code, "field": field}
            refused.append({**found, "expected": error.expected, "actual": error.actual})
        else:
            kept[venue.id] = venue
    snapshot = empty.model_copy(update={"venues": tuple(venue for _, venue in sorted(kept.items()))})
    return Market(snapshot, Counter(_text(item, "kind") or "none" for item in listed), refused)


def _read(item: Any, kept: dict[str, VenueState], snapshot: Snapshot) -> VenueState:
    """One venue, checked. Raises InputError; `repeated` where its id was there before."""
    venue = _Venue.from_wire({"venue": item}).venue
    if venue.id in kept:
        raise InputError("repeated", "id", expected="each venue once", actual=venue.id)
    kind_of(venue).check(venue, snapshot.asset_infos)
    return venue


def inspect_market(market: Market, *, max_age_seconds: int, max_cycles: int = MAX_CYCLES) -> dict[str, Any]:
    """The report as plain JSON data."""
    snapshot = market.snapshot
    shown: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges_of(snapshot.venues):
        shown[edge.venue.id].append(edge)
    dead = {v.id: fault for v in snapshot.venues if (fault := _dead(v, shown[v.id], snapshot.time_seconds))}
    usable = [venue for venue in snapshot.venues if venue.id not in dead]
    edges = [edge for venue in usable for edge in shown[venue.id]]
    crossed = _crossed(snapshot, edges)
    cycles, unproved, complete = find_cycles(edges, snapshot.time_seconds, frozenset(snapshot.prices), max_cycles)
    kinds: Counter[str] = Counter(venue.kind for venue in usable)
    return {
        "time_seconds": snapshot.time_seconds,
        "assets": len(snapshot.assets),
        "venues": sum(market.stated.values()),
        "usable": len(usable),
        "directed_pairs": len({(edge.asset_in, edge.asset_out) for edge in edges}),
        "kinds": {kind: {"stated": count, "usable": kinds[kind]} for kind, count in sorted(market.stated.items())},
        "unusable": [*market.refused, *dead.values()],
        "stale": _stale(snapshot, max_age_seconds),
        "crossed": {"within": _crossed_within(market.refused), "across": crossed},
        "arbitrage": {
            "cycles": [_told(snapshot, cycle) for cycle in cycles],
            "unproved": unproved,
            "search": "complete" if complete else f"stopped after {max_cycles} cycles",
        },
        "unpriced": _unpriced(snapshot, usable),
    }


def _text(item: Any, field: str) -> str:
    value = item.get(field) if isinstance(item, dict) else None
    return value[:200] if isinstance(value, str) else ""


def _dead(venue: VenueState, edges: Sequence[Edge], time_seconds: int) -> dict[str, str] | None:
    """Why no pair of a venue takes any trade: the refusal of the last one tried, or that it shows nothing. None where one does."""
    code, detail = "nothing_offered", "nothing for any pair"
    for edge in edges:
        for amount in dict.fromkeys((edge.lot, *(edge.reach >> (4 * i) for i in range(PROBES)))):
            trade = Trade(edge.asset_in, amount, edge.asset_out, edge.segment.level)
            try:
                kind_of(venue).execute(venue, "", trade, time_seconds)
            except TradeRefusedError as error:
                code, detail = error.code, str(error)
            else:
                return None
    found = {"id": venue.id, "kind": venue.kind, "reason": code, "field": ""}
    return {**found, "expected": "a trade that it takes", "actual": detail[:200]}


def _stale(snapshot: Snapshot, max_age_seconds: int) -> list[dict[str, Any]]:
    ages = ((asset, snapshot.time_seconds - price.time_seconds) for asset, price in sorted(snapshot.prices.items()))
    return [{"asset": asset, "age_seconds": age} for asset, age in ages if not 0 <= age <= max_age_seconds]


def _crossed_within(refused: Sequence[dict[str, str]]) -> list[str]:
    """Books that were refused because their best bid meets their best ask."""
    return [
        fault["id"]
        for fault in refused
        if fault["kind"] in ("order_book", "perpetual_book") and fault["field"] == CROSSED_FIELD
    ]


CROSSED_FIELD = "bids/0/price"
"""The field that the order book kind names where a book is crossed."""


def _crossed(snapshot: Snapshot, edges: Sequence[Edge]) -> list[dict[str, Any]]:
    """For each pair the two venues that show the most there and back, where that is a gain in integers."""
    best: dict[tuple[str, str], list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge.instant:
            best[edge.asset_in, edge.asset_out].append(edge)
    told = []
    for (a, b), there in sorted(best.items()):
        back = best.get((b, a), [])
        if a > b or not back:
            continue
        cycle = [max(side, key=lambda edge: (edge.segment.rate, edge.venue.id)) for side in (there, back)]
        if cycle[0].segment.rate * cycle[1].segment.rate > 1:
            if b in snapshot.prices and a not in snapshot.prices:
                cycle.reverse()
            found = prove(cycle, snapshot.time_seconds)
            if found is not None:
                told.append(_told(snapshot, found))
    return told


def _told(snapshot: Snapshot, cycle: Cycle) -> dict[str, Any]:
    price = snapshot.price(cycle.asset)
    return {
        "asset": cycle.asset,
        "amount": str(cycle.amount),
        "gain": str(cycle.gain),
        "value": None if price is None else str(int(price * cycle.gain)),
        "excess_ppm": int(cycle.excess * Fraction(10**6)),
        "legs": [
            {
                "venue": leg.venue,
                "level": leg.level,
                "asset_in": leg.asset_in,
                "amount_in": str(leg.amount_in),
                "asset_out": leg.asset_out,
                "amount_out": str(leg.amount_out),
            }
            for leg in cycle.legs
        ],
    }


def _unpriced(snapshot: Snapshot, venues: Sequence[VenueState]) -> list[dict[str, Any]]:
    traded: Counter[str] = Counter()
    for venue in venues:
        traded.update({asset for pair in kind_of(venue).pairs(venue) for asset in pair})
    return [
        {"asset": asset, "venues": traded[asset]} for asset in sorted(snapshot.assets) if asset not in snapshot.prices
    ]
