"""The `dydx-markets` feed: dYdX v4's market parameters, and an order book, into a Problem without intents.

Either the chain's parameters (genesis: `perpetuals`, `clob`, `prices`, `feetiers`) or the indexer's answer to
`/v4/perpetualMarkets` (`markets`, with or without the envelope `result`); the book is its answer to `/v4/orderbooks`.

Exact conversions (x/clob/types/quantums.go, price_to_subticks.go, lib/quantums.go): one coin is 10^-atomic_resolution
base quantums, the position's base units; one USDC is 10^6 quote quantums; a subtick is 10^quantum_conversion_exponent
quote quantums for a base quantum, so a tick is subticks_per_tick of those; the lot is step_base_quantums. The indexer
states tick and step in whole units too: where the two differ the market is reported (`contradicts`).

Margin is one tier: initial_margin_ppm, and maintenance_fraction_ppm of it, in basis points rounded up. Caps on open
interest raise dYdX's initial margin (funding.scaled_initial_ppm); the raised rate is used where the file has both.
Fees are those of the lowest tier (genesis); the indexer's answer has none. The book's kind is `perpetual_book`, with open
interest (genesis: none yet) and the rate of the coming hour (genesis: an eighth of default_funding_ppm). Markets not ACTIVE are reported by status
(genesis ones are all still initialising, and are kept).

Refused whole (FeedError): `malformed_json` and the like, `unknown_format`, `duplicate`, `no_markets`, `unknown_ticker`
(the book is of a market that was not kept). Names: BTC-USD is `dydx:main/perp:BTC-lin-token.USDC-dydx.btc`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, NamedTuple

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, Tally, read_json, refuse_duplicates
from engine.market.feeds.perp_fields import PRICE_PLACES, decimal, integer, member, positive, text, within
from engine.market.feeds.perp_snapshot import (
    MOST_DECIMALS,
    SETTLEMENT_DECIMALS,
    Fees,
    PerpMarket,
    Source,
    checked_book,
    imported,
    levels_of,
    perpetual_terms,
    single_tier,
)
from engine.market.funding import MILLION, scaled_initial_ppm
from engine.market.venues.order_book import Fee
from intents.errors import InputError
from intents.futures import parse_perpetual, perpetual_asset
from intents.values import Ratio

PLACE = "dydx:main"
USDC = f"{PLACE}/token:USDC"
INDEX = "dydx."

_TICKER = re.compile(r"([A-Z0-9]{1,20})-USD", re.ASCII)
_FIELDS = ("initial_margin_ppm", "maintenance_fraction_ppm")


class _Terms(NamedTuple):
    """A market's book: ratio of a tick and lot, both in quantums, and its fees."""

    tick: Ratio
    lot: int
    fees: Fees


class _Found(NamedTuple):
    market: PerpMarket
    terms: _Terms


def import_dydx(
    content: str | bytes,
    name: str,
    solvers: Sequence[str] = DEFAULT_SOLVERS,
    *,
    book: str | bytes | None = None,
    ticker: str = "BTC-USD",
    time_seconds: int | None = None,
) -> Imported:
    """Read markets, and the book of one of them. The time is the book's or the answer's where none is given, else 0."""
    data, message = read_json(content), None if book is None else read_json(book)
    is_genesis = isinstance(data, dict) and "perpetuals" in data
    markets = Tally()
    rows = _genesis_rows(data) if is_genesis else _indexer_rows(data)
    refuse_duplicates((label for label, _ in rows), "/markets")
    found: dict[str, _Found] = {}
    for label, row in rows:
        try:
            found[label] = _from_genesis(row, label) if is_genesis else _from_indexer(row, label)
            markets.keep()
        except FeedError as error:
            markets.report(label, error.code, error.where)
    sections = {"markets": markets}
    stated = (_time_of(message), _time_of(data))
    time = next((known for known in (time_seconds, *stated) if known is not None), 0)
    if message is not None:
        sections["levels"] = Tally()
        found[ticker] = _with_book(found, ticker, message, sections["levels"], time)
    source = Source("dydx-markets", name, content, PLACE, USDC, time)
    notes = {"fees_not_stated": sum(entry.terms.fees.taker is None for entry in found.values())}
    return imported(source, [entry.market for entry in found.values()], sections, notes, solvers)


def ticker_of(asset: str) -> str:
    """The venue's name of a position: BTC-USD. Raises InputError `bad_instrument` where the asset is none of dYdX's."""
    terms = parse_perpetual(asset)
    ticker = f"{terms.underlying}-USD"
    if _asset_of(ticker) != asset:
        raise InputError("bad_instrument", "", expected="a perpetual of dYdX", actual=asset[:200])
    return ticker


def tick_of(subticks_per_tick: int, exponent: int) -> Ratio:
    """Quote quantums for a base quantum that one tick is."""
    ratio = subticks_per_tick * Fraction(10) ** exponent
    return ratio.numerator, ratio.denominator


def _asset_of(ticker: str) -> str:
    match = _TICKER.fullmatch(ticker)
    if match is None:
        raise FeedError("unnamed", "ticker", expected="<coin>-USD", actual=ticker[:80])
    return perpetual_asset(perpetual_terms(PLACE, match[1], INDEX + match[1].lower(), USDC))


def _genesis_rows(data: Any) -> list[tuple[str, dict[str, Any]]]:
    """Each perpetual with its tier, book, price and the fees of the lowest tier, joined by their ids."""
    tables = {}
    for key, path, label in (
        ("tier", ("perpetuals", "liquidity_tiers"), "id"),
        ("price", ("prices", "market_prices"), "id"),
        ("clob", ("clob", "clob_pairs"), None),
    ):
        rows = member(member(data, path[0], dict), path[1], list)
        ids = [
            integer(member(row, "perpetual_clob_metadata", dict), "perpetual_id", low=0, high=2**32)
            if label is None
            else integer(row, label, low=0, high=2**32)
            for row in rows
        ]
        refuse_duplicates((str(number) for number in ids), f"/{'/'.join(path)}")
        tables[key] = dict(zip(ids, rows, strict=True))
    fees = member(member(member(data, "feetiers", dict), "params", dict), "tiers", list)
    joined = []
    for row in member(member(data, "perpetuals", dict), "perpetuals", list):
        params = member(row, "params", dict)
        own = {
            "params": params,
            "tier": _joined(tables["tier"], params, "liquidity_tier"),
            "price": _joined(tables["price"], params, "market_id"),
            "clob": _joined(tables["clob"], params, "id"),
            "fees": fees[0] if fees else None,
        }
        joined.append((text(params, "ticker"), {key: value for key, value in own.items() if value is not None}))
    return joined


def _joined(table: dict[int, Any], params: Any, field: str) -> Any:
    found = params.get(field)
    return table.get(found) if isinstance(found, int) else None


def _from_genesis(row: dict[str, Any], label: str) -> _Found:
    tier, price, clob = (member(row, key, dict) for key in ("tier", "price", "clob"))
    asset, decimals = _asset_of(label), _decimals(row["params"], "atomic_resolution")
    initial, part = (Fraction(integer(tier, field, low=0, high=MILLION), MILLION) for field in _FIELDS)
    exponent = integer(price, "exponent", low=-30, high=30)
    value = within(integer(price, "price", low=1, high=2**64 - 1) * Fraction(10) ** exponent, "exponent", PRICE_PLACES)
    fees = member(row, "fees", dict)
    taker, maker = (integer(fees, field, low=-MILLION, high=MILLION) for field in ("taker_fee_ppm", "maker_fee_ppm"))
    rate = Fraction(integer(row["params"], "default_funding_ppm", low=-MILLION, high=MILLION), 8 * MILLION)
    tick, lot = _steps(clob, "step_base_quantums", "subticks_per_tick", "quantum_conversion_exponent")
    terms = _Terms(tick, lot, Fees(Fee(rate=(taker, MILLION)), Fee(rate=(maker, MILLION))))
    tiers = single_tier(initial, initial * part, _FIELDS)
    return _Found(PerpMarket(label, asset, decimals, value, tiers, rate, interest=0), terms)


def _indexer_rows(data: Any) -> list[tuple[str, dict[str, Any]]]:
    body = _result(data)
    if not isinstance(body, dict) or not isinstance(body.get("markets"), dict):
        expected = "a genesis (`perpetuals`) or the indexer's `markets`"
        raise FeedError("unknown_format", "", expected=expected, actual=str(type(data).__name__))
    return list(body["markets"].items())


def _from_indexer(row: Any, label: str) -> _Found:
    if text(row, "ticker") != label:
        raise FeedError("contradicts", "ticker", expected=label, actual=text(row, "ticker"))
    if text(row, "status") != "ACTIVE":
        raise FeedError("not_active", "status", expected="ACTIVE", actual=text(row, "status"))
    asset, decimals = _asset_of(label), _decimals(row, "atomicResolution")
    tick, lot = _steps(row, "stepBaseQuantums", "subticksPerTick", "quantumConversionExponent")
    stated = {
        "tickSize": Fraction(*tick) * 10**decimals / 10**SETTLEMENT_DECIMALS,
        "stepSize": Fraction(lot, 10**decimals),
    }
    for field, exact in stated.items():
        if decimal(row, field) != exact:
            raise FeedError("contradicts", field, expected=str(exact), actual=text(row, field))
    fields = ("initialMarginFraction", "maintenanceMarginFraction")
    price = positive(row, "oraclePrice")
    initial, maintenance = (decimal(row, field) for field in fields)
    caps = [int(decimal(row, field) * 10**SETTLEMENT_DECIMALS) for field in _CAPS]
    interest = decimal(row, "openInterest")
    notional = int(interest * price * 10**SETTLEMENT_DECIMALS)
    raised = Fraction(scaled_initial_ppm(int(initial * MILLION), notional, *caps), MILLION)
    tiers = single_tier(max(initial, raised), maintenance, fields)
    market = PerpMarket(label, asset, decimals, price, tiers, _rate(row), interest=int(interest * 10**decimals))
    return _Found(market, _Terms(tick, lot, Fees(None, None)))


def _rate(row: Any) -> Fraction:
    """The rate of the coming hour, within one."""
    rate = decimal(row, "nextFundingRate", signed=True)
    if abs(rate) > 1:
        raise FeedError("malformed_field", "nextFundingRate", expected="a rate within one", actual=str(rate))
    return rate


_CAPS = ("openInterestLowerCap", "openInterestUpperCap")


def _steps(row: Any, step: str, subticks: str, exponent: str) -> tuple[Ratio, int]:
    lot = integer(row, step, low=1, high=2**64 - 1)
    return tick_of(integer(row, subticks, low=1, high=2**32 - 1), integer(row, exponent, low=-30, high=30)), lot


def _decimals(row: Any, field: str) -> int:
    return -integer(row, field, low=-MOST_DECIMALS, high=0)


def _with_book(found: dict[str, _Found], ticker: str, message: Any, tally: Tally, time_seconds: int) -> _Found:
    if ticker not in found:
        expected = "a market that was kept: " + ", ".join(sorted(found))
        raise FeedError("unknown_ticker", "--ticker", expected=expected[:200], actual=ticker[:80])
    (market, terms), body = found[ticker], _result(message)
    tick, lot, fees = terms
    empty = market.empty_book(PLACE, USDC, tick=tick, lot=lot, fees=fees, time_seconds=time_seconds)
    sides = {}
    for side in ("bids", "asks"):
        rows = [(positive(row, "price"), decimal(row, "size")) for row in member(body, side, list)]
        sides[side] = levels_of(rows, empty, market.decimals, side, tally)
    book = checked_book(empty.model_copy(update=sides), market.decimals)
    return _Found(replace(market, book=book), terms)


def _result(data: Any) -> Any:
    return data["result"] if isinstance(data, dict) and isinstance(data.get("result"), dict) else data


def _time_of(data: Any) -> int | None:
    stamp = data.get("isoTimestamp") if isinstance(data, dict) else None
    if stamp is None:
        return None
    try:
        return int(datetime.fromisoformat(str(stamp)).astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise FeedError("malformed_field", "isoTimestamp", expected="an ISO time", actual=repr(stamp)[:80]) from None
