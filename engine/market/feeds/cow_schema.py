"""The two JSON schemas of CoW Protocol solver instances, read into plain rows. Nothing is judged here but the format.

    legacy   {"tokens", "orders": {key: ...}, "amms": {key: ...}, "metadata"}      (cowprotocol/solver-template-py)
    newer    {"tokens", "orders": [...], "liquidity": [...], "effectiveGasPrice", "deadline"}   (the solver engine API)

Anything that is not of the format raises FeedError with the JSON pointer: `missing_field`, `malformed_field` (another
type, a token where an amount belongs, ...), `duplicate`, `not_an_instance`. Fields that are not needed are not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any, Literal

from engine.market.feeds.base import Decimal, FeedError, exact, refuse_duplicates
from intents.errors import InputError
from intents.values import parse_amount

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}\Z", re.ASCII)
_UID = re.compile(r"0[xX][0-9a-fA-F]{112}\Z", re.ASCII)
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,60}\Z", re.ASCII)
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,12})?Z\Z", re.ASCII)


@dataclass(frozen=True)
class TokenRow:
    """`price`: wei of the numeraire per base unit, None where the file has none; `decimals` None where not stated."""

    address: str
    decimals: int | None
    symbol: str
    price: Fraction | None


@dataclass(frozen=True)
class OrderRow:
    """`uid` is the 56-byte order uid in hex where the file has one, else None and `key` alone names the order."""

    key: str
    uid: str | None
    sell_token: str
    buy_token: str
    sell_amount: int
    buy_amount: int
    is_sell: bool
    is_partial: bool
    fee: int
    is_liquidity: bool


@dataclass(frozen=True)
class PoolRow:
    """`name` is the address where the file has one, else its key.

    `gas_units` where the file states them, else None and `cost` in base units of the native token.
    `reserves`: balance by token; `weights` by token for weighted pools. Both empty for kinds that are not read.
    """

    name: str
    kind: str
    reserves: Mapping[str, int]
    weights: Mapping[str, Fraction]
    fee: Fraction
    cost: int = 0
    gas_units: int | None = None
    version: Literal["v0", "v3plus"] = "v0"


@dataclass(frozen=True)
class Instance:
    """A whole file. `cost_tokens`: every token that some cost is stated in."""

    name: str | None
    environment: str
    time_seconds: int | None
    gas_price: int | None
    native: str | None
    tokens: tuple[TokenRow, ...]
    orders: tuple[OrderRow, ...]
    pools: tuple[PoolRow, ...]
    cost_tokens: frozenset[str]


def read_instance(data: Any) -> Instance:
    """Read either schema. Raises FeedError."""
    if not isinstance(data, dict) or "orders" not in data or not ("amms" in data) ^ ("liquidity" in data):
        found = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise FeedError(
            "not_an_instance",
            "",
            expected="an object with tokens, orders and amms or liquidity",
            actual=str(found)[:120],
        )
    instance = _legacy(data) if "amms" in data else _newer(data)
    refuse_duplicates((token.address for token in instance.tokens), "/tokens")
    refuse_duplicates((order.uid or order.key for order in instance.orders), "/orders")
    refuse_duplicates((pool.name for pool in instance.pools), "/amms" if "amms" in data else "/liquidity")
    return instance


def _legacy(data: dict[str, Any]) -> Instance:
    metadata = _object(data, "metadata", "")
    costs: set[str] = set()
    tokens = tuple(
        TokenRow(
            _address(address, f"/tokens/{address}"),
            _decimals(token, where),
            _symbol(token.get("alias"), address),
            None if token.get("external_price") is None else _number(token, "external_price", where),
        )
        for address, token, where in _entries(_object(data, "tokens", ""), "/tokens")
    )
    orders = tuple(
        _legacy_order(key, order, where, costs)
        for key, order, where in _entries(_object(data, "orders", ""), "/orders")
    )
    pools = tuple(
        _legacy_pool(key, pool, where, costs) for key, pool, where in _entries(_object(data, "amms", ""), "/amms")
    )
    return Instance(
        name=str(metadata["auction_id"]) if isinstance(metadata.get("auction_id"), int) else None,
        environment=_text(metadata, "environment", "/metadata"),
        time_seconds=None,
        gas_price=None if metadata.get("gas_price") is None else _gas_price(metadata, "gas_price", "/metadata"),
        native=None if metadata.get("native_token") is None else _token(metadata, "native_token", "/metadata"),
        tokens=tokens,
        orders=orders,
        pools=pools,
        cost_tokens=frozenset(costs),
    )


def _legacy_order(key: str, order: dict[str, Any], where: str, costs: set[str]) -> OrderRow:
    fee = _object(order, "fee", where)
    cost = _object(order, "cost", where)
    costs.add(_token(cost, "token", f"{where}/cost"))
    return OrderRow(
        key=_key(key, where),
        uid=_uid(order, "id", where) if "id" in order else None,
        sell_token=_token(order, "sell_token", where),
        buy_token=_token(order, "buy_token", where),
        sell_amount=_amount(order, "sell_amount", where),
        buy_amount=_amount(order, "buy_amount", where),
        is_sell=_flag(order, "is_sell_order", where),
        is_partial=_flag(order, "allow_partial_fill", where),
        fee=_amount(fee, "amount", f"{where}/fee"),
        is_liquidity=_flag(order, "is_liquidity_order", where),
    )


def _legacy_pool(key: str, pool: dict[str, Any], where: str, costs: set[str]) -> PoolRow:
    kind = _text(pool, "kind", where)
    name = key.lower() if _ADDRESS.match(key) else _key(key, where)
    if "address" in pool:
        address = _token(pool, "address", where)
        if _ADDRESS.match(key) and address != name:
            raise FeedError("malformed_field", f"{where}/address", expected=f"the key {name}", actual=address)
        name = address
    cost = _object(pool, "cost", where)
    costs.add(_token(cost, "token", f"{where}/cost"))
    reserves: dict[str, int] = {}
    weights: dict[str, Fraction] = {}
    if kind == "ConstantProduct":
        entries = _object(pool, "reserves", where)
        reserves = {_address(t, f"{where}/reserves/{t}"): _amount(entries, t, f"{where}/reserves") for t in entries}
        _same_count(reserves, entries, where)
    elif kind == "WeightedProduct":
        entries = _object(pool, "reserves", where)
        for token, entry, place in _entries(entries, f"{where}/reserves"):
            reserves[_address(token, place)] = _amount(entry, "balance", place)
            weights[token.lower()] = _number(entry, "weight", place)
        _same_count(reserves, entries, where)
    return PoolRow(
        name=name,
        kind=kind,
        reserves=reserves,
        weights=weights,
        fee=_number(pool, "fee", where),
        cost=_amount(cost, "amount", f"{where}/cost"),
    )


def _newer(data: dict[str, Any]) -> Instance:
    tokens = tuple(
        TokenRow(
            _address(address, f"/tokens/{address}"),
            _decimals(token, where),
            _symbol(token.get("symbol"), address),
            # A referencePrice is in wei per 10^18 base units.
            None if token.get("referencePrice") is None else Fraction(_amount(token, "referencePrice", where), 10**18),
        )
        for address, token, where in _entries(_object(data, "tokens", ""), "/tokens")
    )
    return Instance(
        name=_key(_text(data, "id", ""), "/id"),
        environment="Ethereum",
        time_seconds=_time(_text(data, "deadline", "")),
        gas_price=_gas_price(data, "effectiveGasPrice", ""),
        native=None,
        tokens=tokens,
        orders=tuple(_newer_order(order, where) for order, where in _items(data, "orders")),
        pools=tuple(_newer_pool(pool, where) for pool, where in _items(data, "liquidity")),
        cost_tokens=frozenset(),
    )


def _newer_order(order: dict[str, Any], where: str) -> OrderRow:
    side = _text(order, "kind", where)
    if side not in ("sell", "buy"):
        raise FeedError("malformed_field", f"{where}/kind", expected="sell or buy", actual=side[:40])
    uid = _uid(order, "uid", where)
    return OrderRow(
        key=uid,
        uid=uid,
        sell_token=_token(order, "sellToken", where),
        buy_token=_token(order, "buyToken", where),
        sell_amount=_amount(order, "sellAmount", where),
        buy_amount=_amount(order, "buyAmount", where),
        is_sell=side == "sell",
        is_partial=_flag(order, "partiallyFillable", where),
        fee=_amount(order, "feeAmount", where),
        is_liquidity=_text(order, "class", where) == "liquidity",
    )


def _newer_pool(pool: dict[str, Any], where: str) -> PoolRow:
    kind = _text(pool, "kind", where)
    reserves: dict[str, int] = {}
    weights: dict[str, Fraction] = {}
    if kind in ("constantProduct", "weightedProduct"):
        entries = _object(pool, "tokens", where)
        for token, entry, place in _entries(entries, f"{where}/tokens"):
            reserves[_address(token, place)] = _amount(entry, "balance", place)
            if kind == "weightedProduct":
                weights[token.lower()] = _number(entry, "weight", place)
        _same_count(reserves, entries, where)
    version = pool.get("version", "v0")
    if version not in ("v0", "v3Plus"):
        raise _malformed(version, f"{where}/version", "v0 or v3Plus")
    return PoolRow(
        name=_token(pool, "address", where),
        kind=kind[:1].upper() + kind[1:],
        reserves=reserves,
        weights=weights,
        fee=_number(pool, "fee", where),
        gas_units=_amount(pool, "gasEstimate", where),
        version="v0" if version == "v0" else "v3plus",
    )


def _same_count(read: Mapping[str, Any], entries: Mapping[str, Any], where: str) -> None:
    if len(read) != len(entries):
        raise FeedError(
            "duplicate", f"{where}/reserves", expected="each token once", actual="one token in two spellings"
        )


def _entries(container: dict[str, Any], where: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    for key in container:
        yield key, _object(container, key, where), f"{where}/{key}"


def _items(data: dict[str, Any], name: str) -> Iterator[tuple[dict[str, Any], str]]:
    listed = _field(data, name, "")
    if not isinstance(listed, list):
        raise _malformed(listed, f"/{name}", "a list")
    for index, item in enumerate(listed):
        if not isinstance(item, dict):
            raise _malformed(item, f"/{name}/{index}", "an object")
        yield item, f"/{name}/{index}"


def _malformed(value: Any, where: str, expected: str) -> FeedError:
    return FeedError("malformed_field", where, expected=expected, actual=repr(value)[:90])


def _field(container: dict[str, Any], name: str, where: str) -> Any:
    if name not in container:
        raise FeedError("missing_field", f"{where}/{name}", expected="a value", actual="nothing")
    return container[name]


def _object(container: dict[str, Any], name: str, where: str) -> dict[str, Any]:
    value = _field(container, name, where)
    if not isinstance(value, dict):
        raise _malformed(value, f"{where}/{name}", "an object")
    return value


def _text(container: dict[str, Any], name: str, where: str) -> str:
    value = _field(container, name, where)
    if not isinstance(value, str) or isinstance(value, Decimal) or not 0 < len(value) <= 80:
        raise _malformed(value, f"{where}/{name}", "a text of 1 to 80 characters")
    return value


def _flag(container: dict[str, Any], name: str, where: str) -> bool:
    value = _field(container, name, where)
    if not isinstance(value, bool):
        raise _malformed(value, f"{where}/{name}", "true or false")
    return value


def _amount(container: dict[str, Any], name: str, where: str) -> int:
    value = _field(container, name, where)
    if not isinstance(value, str) or isinstance(value, Decimal):
        raise _malformed(value, f"{where}/{name}", "an integer as decimal digits in a string")
    try:
        return parse_amount(value)
    except InputError as error:
        raise FeedError(error.code, f"{where}/{name}", expected=error.expected, actual=error.actual) from None


def _number(container: dict[str, Any], name: str, where: str) -> Fraction:
    value = _field(container, name, where)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _malformed(value, f"{where}/{name}", "a decimal number")
    return exact(str(value), f"{where}/{name}")


def _gas_price(container: dict[str, Any], name: str, where: str) -> int:
    price = _number(container, name, where)
    if price.denominator != 1 or not 0 < price < 2**53:
        raise _malformed(container[name], f"{where}/{name}", "a positive whole number below 2^53")
    return int(price)


def _decimals(token: dict[str, Any], where: str) -> int | None:
    value = _field(token, "decimals", where)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 36:
        raise _malformed(value, f"{where}/decimals", "an integer from 0 to 36, or null")
    return value


def _symbol(value: Any, address: str) -> str:
    return value[:80] if isinstance(value, str) and not isinstance(value, Decimal) and value else address.lower()


def _address(text: str, where: str) -> str:
    if not _ADDRESS.match(text):
        raise _malformed(text, where, "a 20-byte address in hex")
    return text.lower()


def _token(container: dict[str, Any], name: str, where: str) -> str:
    value = _field(container, name, where)
    if not isinstance(value, str):
        raise _malformed(value, f"{where}/{name}", "a 20-byte address in hex")
    return _address(value, f"{where}/{name}")


def _uid(container: dict[str, Any], name: str, where: str) -> str:
    value = _field(container, name, where)
    if not isinstance(value, str) or not _UID.match(value):
        raise _malformed(value, f"{where}/{name}", "a 56-byte order uid in hex")
    return value.lower()


def _key(text: str, where: str) -> str:
    if not _KEY.match(text):
        raise _malformed(text, where, "a key of letters, digits, '-', '.', '_'")
    return text


def _time(text: str) -> int:
    found = _TIME.match(text)
    try:
        if found:
            return int(datetime.fromisoformat(found[1]).replace(tzinfo=UTC).timestamp())
    except ValueError:
        pass  # a date such as 2024-13-45: refused below like any other text that is no time
    raise _malformed(text, "/deadline", "a time such as 2024-04-09T07:32:52Z")
