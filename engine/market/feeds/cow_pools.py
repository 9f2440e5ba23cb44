"""Pools of CoW instances, in both schemas, as plain rows. Nothing is judged here but the format.

    kind                    legacy (amms)                                newer (liquidity)
    constant product        reserves {token: int}                        tokens {token: {balance}}
    weighted product        reserves {token: {balance, weight}}          tokens {token: {balance, weight}}
    stable                  reserves {token: int}, scaling_rates,        tokens {token: {balance, scalingFactor}},
                            amplification_parameter                      amplificationParameter
    concentrated liquidity  pool {tokens, state {sqrt_price, liquidity,  tokens [two], sqrtPrice, liquidity, tick,
                            tick, liquidity_net {tick: int}}}            liquidityNet {tick: int}

A legacy scaling rate is 10^36 / scaling factor, rounded down, the factor being units of 10^-18 to a base unit
(cowprotocol/services, the legacy HTTP solver's model); a newer scaling factor is the factor itself. Other kinds are rows
with a kind and no content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from engine.market.feeds.base import FeedError
from engine.market.feeds.cow_fields import (
    ADDRESS,
    address_of,
    amount_of,
    entries_of,
    field_of,
    key_of,
    malformed,
    number_of,
    object_of,
    refuse_two_spellings,
    signed_of,
    text_of,
    token_of,
)

NEWER_KINDS = {
    "constantProduct": "ConstantProduct",
    "weightedProduct": "WeightedProduct",
    "stable": "Stable",
    "concentratedLiquidity": "Concentrated",
}
"""The newer schema's kinds by the legacy names, which rows carry."""


@dataclass(frozen=True)
class RangesRow:
    """Concentrated liquidity: Q64.96 root of token1 per token0, the tick it is in, liquidity there, and nets by tick."""

    token0: str
    token1: str
    sqrt_price: int
    tick: int
    liquidity: int
    nets: Mapping[int, int]


@dataclass(frozen=True)
class PoolRow:
    """`name` is the address where the file has one, else its key.

    `gas_units` where the file states them, else None and `cost` in base units of the native token.
    `reserves`: balance by token; `weights` by token for weighted pools; `scaling`, scaled units (10^-18) per base unit,
    and `amplification` for stable ones; `ranges` for concentrated ones. All empty for kinds that are not read.
    """

    name: str
    kind: str
    fee: Fraction
    reserves: Mapping[str, int] = field(default_factory=dict)
    weights: Mapping[str, Fraction] = field(default_factory=dict)
    scaling: Mapping[str, Fraction] = field(default_factory=dict)
    amplification: Fraction = Fraction(0)
    ranges: RangesRow | None = None
    cost: int = 0
    gas_units: int | None = None
    version: Literal["v0", "v3plus"] = "v0"

    @property
    def tokens(self) -> tuple[str, ...]:
        """Every token that the pool names."""
        return (*self.reserves, *((self.ranges.token0, self.ranges.token1) if self.ranges else ()))


def legacy_pool(key: str, pool: dict[str, Any], where: str, costs: set[str]) -> PoolRow:
    """One of `amms`; the token of its cost is added to `costs`. Raises FeedError."""
    name = key.lower() if ADDRESS.match(key) else key_of(key, where)
    if "address" in pool:
        address = token_of(pool, "address", where)
        if ADDRESS.match(key) and address != name:
            raise FeedError("malformed_field", f"{where}/address", expected=f"the key {name}", actual=address)
        name = address
    cost = object_of(pool, "cost", where)
    costs.add(token_of(cost, "token", f"{where}/cost"))
    kind = text_of(pool, "kind", where)
    return PoolRow(
        name=name,
        kind=kind,
        fee=number_of(pool, "fee", where),
        cost=amount_of(cost, "amount", f"{where}/cost"),
        **(_LEGACY_CONTENT[kind](pool, where) if kind in _LEGACY_CONTENT else {}),
    )


def newer_pool(pool: dict[str, Any], where: str) -> PoolRow:
    """One of `liquidity`. Raises FeedError."""
    kind = text_of(pool, "kind", where)
    version = pool.get("version", "v0")
    if version not in ("v0", "v3Plus"):
        raise malformed(version, f"{where}/version", "v0 or v3Plus")
    return PoolRow(
        name=token_of(pool, "address", where),
        kind=NEWER_KINDS.get(kind, kind),
        fee=number_of(pool, "fee", where),
        gas_units=amount_of(pool, "gasEstimate", where),
        version="v0" if version == "v0" else "v3plus",
        **(_NEWER_CONTENT[kind](pool, where) if kind in _NEWER_CONTENT else {}),
    )


def _legacy_balances(pool: dict[str, Any], where: str) -> dict[str, Any]:
    entries = object_of(pool, "reserves", where)
    reserves = {address_of(t, f"{where}/reserves/{t}"): amount_of(entries, t, f"{where}/reserves") for t in entries}
    refuse_two_spellings(reserves, entries, where)
    return {"reserves": reserves}


def _legacy_stable(pool: dict[str, Any], where: str) -> dict[str, Any]:
    rates = object_of(pool, "scaling_rates", where)
    scaling: dict[str, Fraction] = {}
    for token in rates:
        rate = amount_of(rates, token, f"{where}/scaling_rates")
        if rate == 0:
            raise malformed(rates[token], f"{where}/scaling_rates/{token}", "a positive integer")
        scaling[address_of(token, f"{where}/scaling_rates/{token}")] = Fraction(10**36 // rate, 10**18)
    content = _legacy_balances(pool, where)
    if content["reserves"].keys() != scaling.keys():
        raise malformed(sorted(rates), f"{where}/scaling_rates", "a rate for each reserve")
    return {**content, "scaling": scaling, "amplification": number_of(pool, "amplification_parameter", where)}


def _legacy_ranges(pool: dict[str, Any], where: str) -> dict[str, Any]:
    inner, place = object_of(pool, "pool", where), f"{where}/pool"
    tokens = field_of(inner, "tokens", place)
    if not isinstance(tokens, list) or len(tokens) != 2 or not all(isinstance(token, dict) for token in tokens):
        raise malformed(tokens, f"{place}/tokens", "two tokens")
    pair = [token_of(token, "id", f"{place}/tokens/{i}") for i, token in enumerate(tokens)]
    state = object_of(inner, "state", place)
    return _ranges(pair, state, f"{place}/state", ("sqrt_price", "liquidity_net"))


def _newer_balances(pool: dict[str, Any], where: str, extra: str | None = None) -> dict[str, dict[str, Any]]:
    entries = object_of(pool, "tokens", where)
    reserves: dict[str, int] = {}
    extras: dict[str, Fraction] = {}
    for token, entry, place in entries_of(entries, f"{where}/tokens"):
        address = address_of(token, place)
        reserves[address] = amount_of(entry, "balance", place)
        if extra is not None:
            extras[address] = number_of(entry, extra, place)
    refuse_two_spellings(reserves, entries, where)
    return {"reserves": reserves} if extra is None else {"reserves": reserves, _EXTRAS[extra]: extras}


def _legacy_weighted(pool: dict[str, Any], where: str) -> dict[str, Any]:
    # The same entries as in the newer schema, under another name.
    return _newer_balances({"tokens": object_of(pool, "reserves", where)}, where, "weight")


def _newer_stable(pool: dict[str, Any], where: str) -> dict[str, Any]:
    amplification = number_of(pool, "amplificationParameter", where)
    return {**_newer_balances(pool, where, "scalingFactor"), "amplification": amplification}


def _newer_ranges(pool: dict[str, Any], where: str) -> dict[str, Any]:
    tokens = field_of(pool, "tokens", where)
    if not isinstance(tokens, list) or len(tokens) != 2 or not all(isinstance(token, str) for token in tokens):
        raise malformed(tokens, f"{where}/tokens", "two tokens")
    pair = [address_of(token, f"{where}/tokens/{i}") for i, token in enumerate(tokens)]
    return _ranges(pair, pool, where, ("sqrtPrice", "liquidityNet"))


def _ranges(pair: list[str], state: dict[str, Any], where: str, names: tuple[str, str]) -> dict[str, Any]:
    price, nets = names
    listed = object_of(state, nets, where)
    by_tick = {_tick(tick, f"{where}/{nets}/{tick}"): signed_of(listed, tick, f"{where}/{nets}") for tick in listed}
    row = RangesRow(
        token0=pair[0],
        token1=pair[1],
        sqrt_price=amount_of(state, price, where),
        tick=_tick(str(field_of(state, "tick", where)), f"{where}/tick"),
        liquidity=amount_of(state, "liquidity", where),
        nets=by_tick,
    )
    return {"ranges": row}


def _tick(text: str, where: str) -> int:
    tick = signed_of({"tick": text}, "tick", where)
    if abs(tick) >= 2**31:
        raise malformed(text, where, "a tick")
    return tick


_EXTRAS = {"weight": "weights", "scalingFactor": "scaling"}

_Reader = Callable[[dict[str, Any], str], dict[str, Any]]

_LEGACY_CONTENT: dict[str, _Reader] = {
    "ConstantProduct": _legacy_balances,
    "WeightedProduct": _legacy_weighted,
    "Stable": _legacy_stable,
    "Concentrated": _legacy_ranges,
}

_NEWER_CONTENT: dict[str, _Reader] = {
    "constantProduct": _newer_balances,
    "weightedProduct": lambda pool, where: _newer_balances(pool, where, "weight"),
    "stable": _newer_stable,
    "concentratedLiquidity": _newer_ranges,
}
