"""The two JSON schemas of CoW Protocol solver instances, read into plain rows. Nothing is judged here but the format.

    legacy   {"tokens", "orders": {key: ...}, "amms": {key: ...}, "metadata"}      (cowprotocol/solver-template-py)
    newer    {"tokens", "orders": [...], "liquidity": [...], "effectiveGasPrice", "deadline"}   (the solver engine API)

Anything that is not of the format raises FeedError with the JSON pointer: `missing_field`, `malformed_field` (another
type, a token where an amount belongs, ...), `duplicate`, `not_an_instance`. Fields that are not needed are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import FeedError, refuse_duplicates
from engine.market.feeds.cow_fields import (
    address_of,
    amount_of,
    decimals_of,
    entries_of,
    flag_of,
    gas_price_of,
    items_of,
    key_of,
    number_of,
    object_of,
    symbol_of,
    text_of,
    time_of,
    token_of,
    uid_of,
)
from engine.market.feeds.cow_pools import PoolRow, legacy_pool, newer_pool


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
    metadata = object_of(data, "metadata", "")
    costs: set[str] = set()
    tokens = tuple(
        TokenRow(
            address_of(address, f"/tokens/{address}"),
            decimals_of(token, where),
            symbol_of(token.get("alias"), address),
            None if token.get("external_price") is None else number_of(token, "external_price", where),
        )
        for address, token, where in entries_of(object_of(data, "tokens", ""), "/tokens")
    )
    orders = tuple(
        _legacy_order(key, order, where, costs)
        for key, order, where in entries_of(object_of(data, "orders", ""), "/orders")
    )
    pools = tuple(
        legacy_pool(key, pool, where, costs) for key, pool, where in entries_of(object_of(data, "amms", ""), "/amms")
    )
    return Instance(
        name=str(metadata["auction_id"]) if isinstance(metadata.get("auction_id"), int) else None,
        environment=text_of(metadata, "environment", "/metadata"),
        time_seconds=None,
        gas_price=None if metadata.get("gas_price") is None else gas_price_of(metadata, "gas_price", "/metadata"),
        native=None if metadata.get("native_token") is None else token_of(metadata, "native_token", "/metadata"),
        tokens=tokens,
        orders=orders,
        pools=pools,
        cost_tokens=frozenset(costs),
    )


def _legacy_order(key: str, order: dict[str, Any], where: str, costs: set[str]) -> OrderRow:
    fee = object_of(order, "fee", where)
    cost = object_of(order, "cost", where)
    costs.add(token_of(cost, "token", f"{where}/cost"))
    return OrderRow(
        key=key_of(key, where),
        uid=uid_of(order, "id", where) if "id" in order else None,
        sell_token=token_of(order, "sell_token", where),
        buy_token=token_of(order, "buy_token", where),
        sell_amount=amount_of(order, "sell_amount", where),
        buy_amount=amount_of(order, "buy_amount", where),
        is_sell=flag_of(order, "is_sell_order", where),
        is_partial=flag_of(order, "allow_partial_fill", where),
        fee=amount_of(fee, "amount", f"{where}/fee"),
        is_liquidity=flag_of(order, "is_liquidity_order", where),
    )


def _newer(data: dict[str, Any]) -> Instance:
    tokens = tuple(
        TokenRow(
            address_of(address, f"/tokens/{address}"),
            decimals_of(token, where),
            symbol_of(token.get("symbol"), address),
            # A referencePrice is in wei per 10^18 base units.
            None
            if token.get("referencePrice") is None
            else Fraction(amount_of(token, "referencePrice", where), 10**18),
        )
        for address, token, where in entries_of(object_of(data, "tokens", ""), "/tokens")
    )
    return Instance(
        name=key_of(text_of(data, "id", ""), "/id"),
        environment="Ethereum",
        time_seconds=time_of(text_of(data, "deadline", "")),
        gas_price=gas_price_of(data, "effectiveGasPrice", ""),
        native=None,
        tokens=tokens,
        orders=tuple(_newer_order(order, where) for order, where in items_of(data, "orders")),
        pools=tuple(newer_pool(pool, where) for pool, where in items_of(data, "liquidity")),
        cost_tokens=frozenset(),
    )


def _newer_order(order: dict[str, Any], where: str) -> OrderRow:
    side = text_of(order, "kind", where)
    if side not in ("sell", "buy"):
        raise FeedError("malformed_field", f"{where}/kind", expected="sell or buy", actual=side[:40])
    uid = uid_of(order, "uid", where)
    return OrderRow(
        key=uid,
        uid=uid,
        sell_token=token_of(order, "sellToken", where),
        buy_token=token_of(order, "buyToken", where),
        sell_amount=amount_of(order, "sellAmount", where),
        buy_amount=amount_of(order, "buyAmount", where),
        is_sell=side == "sell",
        is_partial=flag_of(order, "partiallyFillable", where),
        fee=amount_of(order, "feeAmount", where),
        is_liquidity=text_of(order, "class", where) == "liquidity",
    )
