"""The `curve-pools` feed: a daily table of Curve's pools, one row a pool.

Columns used: pool_address, pool_type, n_coins, is_meta, base_pool_id, pool_id, block_number, snapshot_dt, a, gamma, fee, mid_fee,
out_fee, fee_gamma, reserves, normalized_reserves, virtual_price, price_scale, token_symbols_by_index,
token_addresses_by_index. Lists are in brackets with spaces between; numbers are decimals such as 9.89E25, rounded by the source, so that
states are near what the contracts held and not it.

    main, factory, crvusd          stable pools: A, fee in units of 10^-10. A metapool's second coin has its base pool's virtual price
    crypto, factory_crypto, and what has a gamma         cryptopools: A, gamma, price scale; D is that of the balances, as the table has none
    twocryptong, factory_tricrypto                       the same with the maths of the NG pools (for two assets v2.1.0; the table
                                                         does not say, and v2.0.0 differs in the ranges of balances alone)

A coin's decimals are those by which its reserve and its normalised reserve differ. Refused, by field: `rates` (lent tokens, coins
that are counted at an oracle's or a vault's rate, and all of stableswap-NG, as the table leaves rates out), `price_scale` where it is empty,
`has_donations` where it is true (a later template than v2.1.0),
`base_pool_id` where the base pool is not in the table, and what the kinds refuse. Other types are reported by name.

Time: the latest `snapshot_dt`. Raises FeedError where the table is not of this form.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction

from engine.market.feeds.balancer_pools import whole_units
from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, decoded, exact, refuse_duplicates
from engine.market.feeds.cow_fields import address_of
from engine.market.feeds.pool_market import PoolMarket, imported
from engine.market.venues.base import VenueState, VenueStateError
from engine.market.venues.curve_crypto import CryptoCoin, CurveCryptoState, invariant_of
from engine.market.venues.curve_ng_math import COINS, Maths
from engine.market.venues.curve_stable import MAX_COINS, ONE, CurveCoin, CurveStableState

COLUMNS = (
    "chain_id",
    "pool_id",
    "pool_address",
    "pool_type",
    "n_coins",
    "is_meta",
    "base_pool_id",
    "has_donations",
    "block_number",
    "snapshot_dt",
    "a",
    "gamma",
    "fee",
    "mid_fee",
    "out_fee",
    "fee_gamma",
    "reserves",
    "normalized_reserves",
    "virtual_price",
    "price_scale",
    "token_symbols_by_index",
    "token_addresses_by_index",
)
"""Columns that must be there; others are not read."""

STABLE = ("main", "factory", "crvusd")
CRYPTO = ("crypto", "factory_crypto")
CRYPTO_NG: Mapping[str, Maths] = {"twocryptong": "twocrypto-ng-2.1", "factory_tricrypto": "tricrypto-ng-2.0"}

RATED = frozenset({"RAI", "wBETH", "ETHx", "rETH", "aETHc", "ankrETH", "wstETH", "cbETH", "sfrxETH", "sDAI"})
"""Coins that stable pools count at a rate of their own: an oracle's or their vault's."""

Row = Mapping[str, str]


def import_curve(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a table of pools. Raises FeedError, nothing being kept."""
    rows = _rows(decoded(content))
    chain = rows[0]["chain_id"]
    if any(row["chain_id"] != chain for row in rows) or not chain.isdecimal():
        raise FeedError("mixed_chains", "/chain_id", expected="one chain", actual=chain)
    market = PoolMarket(f"eip155:{int(chain)}")
    by_id = {row["pool_id"]: row for row in rows}
    for number, row in enumerate(rows):
        item = address_of(row["pool_address"], f"/{number}/pool_address")
        if row["pool_type"] not in (*STABLE, *CRYPTO, *CRYPTO_NG, NG):
            market.tally.report(item, f"unsupported_kind:{row['pool_type']}", "pool_type")
            continue
        try:
            market.take(item, _state(market, row, by_id, f"/{number}"))
        except VenueStateError as error:
            market.refuse(item, error)
    blocks = [_whole(row, "block_number", f"/{number}") for number, row in enumerate(rows)]
    described = {
        "format": "curve-pools",
        "file": name,
        "time_seconds": max(_time(row, f"/{number}") for number, row in enumerate(rows)),
        "height": max(blocks),
        "notes": {"first_block": min(blocks), "last_block": max(blocks), "states_near_the_contracts_by_rounding": 1},
    }
    return imported(market, content, described, solvers)


NG = "stableswapng"


def _rows(text: str) -> list[Row]:
    if not text.endswith("\n"):
        raise FeedError("truncated", "", expected="a line end at the end of the table", actual=repr(text[-20:]))
    try:
        lines = list(csv.reader((f"{line}\n" for line in text.removesuffix("\n").split("\n")), strict=True))
    except csv.Error as error:
        raise FeedError("malformed_csv", "", expected="rows of cells", actual=str(error)[:100]) from None
    header = lines[0] if lines else []
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise FeedError("missing_field", "/0", expected="a column " + missing[0], actual=",".join(header)[:200])
    refuse_duplicates(header, "/0")
    for number, line in enumerate(lines[1:]):
        if len(line) != len(header):
            raise FeedError("bad_row", f"/{number}", expected=f"{len(header)} cells", actual=str(len(line)))
    rows: list[Row] = [dict(zip(header, line, strict=True)) for line in lines[1:]]
    if not rows:
        raise FeedError("no_pools", "", expected="at least one row", actual="none")
    refuse_duplicates((row["pool_id"] for row in rows), "/pool_id")
    return rows


def _state(market: PoolMarket, row: Row, by_id: Mapping[str, Row], where: str) -> VenueState:
    """The pool's state. Raises VenueStateError where it can not be, FeedError where a cell is malformed."""
    count = _whole(row, "n_coins", where)
    if not 2 <= count <= MAX_COINS:
        raise VenueStateError("n_coins", expected=f"2 to {MAX_COINS}", actual=str(count))
    addresses = [
        address_of(a, f"{where}/token_addresses_by_index") for a in _list(row, "token_addresses_by_index", where)
    ]
    symbols = _list(row, "token_symbols_by_index", where)
    meta = row["is_meta"] == "true"
    crypto = row["pool_type"] in (*CRYPTO, *CRYPTO_NG) or row["gamma"] != ""
    if row["pool_type"] == NG or (not crypto and RATED.intersection(symbols[:count])):
        raise VenueStateError("rates", expected="the rates of its coins", actual="not in the table")
    if len(addresses) > count and not meta:
        raise VenueStateError("rates", expected="the rates of lent tokens", actual="not in the table")
    if min(len(addresses), len(symbols)) < count:
        raise VenueStateError("token_addresses_by_index", expected=f"{count} coins", actual=str(len(addresses)))
    reserves = [_exact(x, where) for x in _list(row, "reserves", where)[:count]]
    normal = [_exact(x, where) for x in _list(row, "normalized_reserves", where)[:count]]
    if len(reserves) < count or len(normal) < count or not all((*reserves, *normal)):
        raise VenueStateError("reserves", expected=f"{count} reserves above 0", actual=row["reserves"][:90])
    decimals = [_decimals(a, b) for a, b in zip(reserves, normal, strict=True)]
    assets = [market.name(*coin) for coin in zip(addresses, decimals, symbols, strict=False)][:count]
    balances = [whole_units(Fraction(int(x)), "reserves") for x in reserves]
    identity = f"{market.place}/pool:{row['pool_address'].lower()}"
    if crypto:
        return _crypto(row, identity, list(zip(assets, balances, decimals, strict=True)), where)
    rates = [10 ** (36 - digits) for digits in decimals]
    if meta:
        base = by_id.get(row["base_pool_id"].removesuffix(".0"))
        if base is None:
            raise VenueStateError("base_pool_id", expected="a pool of the table", actual=row["base_pool_id"] or "none")
        rates[-1] = int(_number(base, "virtual_price", where))
    coins = [
        CurveCoin(asset=asset, balance=balance, rate=rate)
        for asset, balance, rate in zip(assets, balances, rates, strict=True)
    ]
    amplification = whole_units(_number(row, "a", where) * 100, "a")
    fee = _fee(row, "fee", where)
    return CurveStableState(id=identity, coins=tuple(coins), amplification=amplification, fee=fee, admin_fee=ADMIN_FEE)


ADMIN_FEE = 5 * 10**9
"""Half of the fee leaves a stable pool; the table does not say, it is so in every pool of the template."""


def _crypto(row: Row, identity: str, coins: list[tuple[str, int, int]], where: str) -> CurveCryptoState:
    scale = tuple(int(_exact(x, where)) for x in _list(row, "price_scale", where))
    if len(scale) != len(coins) - 1:
        raise VenueStateError("price_scale", expected=f"{len(coins) - 1} prices", actual=row["price_scale"] or "none")
    maths = CRYPTO_NG.get(row["pool_type"])
    if maths is not None and row["has_donations"] != "false":
        raise VenueStateError("has_donations", expected="false", actual=row["has_donations"] or "none")
    if maths is not None and COINS[maths] != len(coins):
        raise VenueStateError("n_coins", expected=f"{COINS[maths]} coins", actual=str(len(coins)))
    state = CurveCryptoState(
        id=identity,
        coins=tuple(CryptoCoin(asset=asset, balance=balance, decimals=digits) for asset, balance, digits in coins),
        price_scale=scale,
        amplification=whole_units(_number(row, "a", where), "a"),
        gamma=whole_units(_number(row, "gamma", where), "gamma"),
        invariant=0,
        mid_fee=_fee(row, "mid_fee", where),
        out_fee=_fee(row, "out_fee", where),
        fee_gamma=min(whole_units(_number(row, "fee_gamma", where), "fee_gamma"), ONE),
        maths=maths,
    )
    try:
        found = invariant_of(state)
    except (ValueError, ZeroDivisionError) as error:
        raise VenueStateError("reserves", expected="balances with an invariant", actual=str(error)) from None
    return state.model_copy(update={"invariant": found})


def _fee(row: Row, column: str, where: str) -> int:
    fee = whole_units(_number(row, column, where), column)
    if fee >= 10**10:
        raise VenueStateError(column, expected="a fee below 10^10", actual=str(fee))
    return fee


def _decimals(reserve: Fraction, normal: Fraction) -> int:
    """By how many places the two differ, both being rounded to about 16 digits."""
    for digits in range(19):
        if abs(reserve - normal * 10**digits) * 10**6 < reserve:
            return digits
    raise VenueStateError("normalized_reserves", expected="the reserve by a power of ten", actual=str(normal)[:40])


def _number(row: Row, column: str, where: str) -> Fraction:
    return exact(row[column], f"{where}/{column}")


def _whole(row: Row, column: str, where: str) -> int:
    """A whole number below 2^53."""
    found = _number(row, column, where)
    if found.denominator != 1 or found >= 2**53:
        raise FeedError("malformed_field", f"{where}/{column}", expected="a whole number", actual=row[column][:60])
    return int(found)


def _exact(text: str, where: str) -> Fraction:
    return exact(text, f"{where}/reserves")


_LIST = re.compile(r'\[((?:"[^"]*"|[^"\[\]\s]+)?(?:\s+(?:"[^"]*"|[^"\[\]\s]+))*)\]\Z')
_ITEM = re.compile(r'"([^"]*)"|([^"\s]+)')


def _list(row: Row, column: str, where: str) -> list[str]:
    """The items of a bracketed list; none where the cell is empty."""
    cell = row[column]
    if not cell:
        return []
    found = _LIST.match(cell)
    if not found:
        raise FeedError("malformed_field", f"{where}/{column}", expected="a list in brackets", actual=repr(cell)[:90])
    return [quoted or plain for quoted, plain in _ITEM.findall(found[1])]


def _time(row: Row, where: str) -> int:
    try:
        return int(datetime.fromisoformat(row["snapshot_dt"]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise FeedError(
            "malformed_field", f"{where}/snapshot_dt", expected="a time", actual=repr(row["snapshot_dt"])[:60]
        ) from None
