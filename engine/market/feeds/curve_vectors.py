"""Cases of recorded Curve states: the virtual price of plain pools, metapools' base pools and cryptopools.

    plain pool     D(balances at 18 decimals) * 10^18 // supply of the pool token
    metapool       its `virtual_price` is the base pool's: the case is the base pool's own state
    cryptopool     geometric mean of D's shares * 10^18 // supply; and D itself from the balances

Several blocks of one pool are in `states`. A state without the supply of its pool token has no case.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from engine.market.feeds.vector_case import Case, Unsupported, each
from engine.market.venues.curve_crypto_math import newton_invariant, virtual_price
from engine.market.venues.stable_math import invariant

ONE = 10**18


def curve_cases(data: dict[str, Any]) -> Iterator[Case | Unsupported]:
    """Every virtual price of a file."""
    if "states" in data:
        pool = data.get("immutable", data)
        base = pool.get("base_pool")

        def block(place: str, state: dict[str, Any]) -> list[Case | Unsupported]:
            name = place.replace("states/", "block ")
            return [_base_state(name, state, base) if base else _plain(name, state, pool)]

        yield from each("states", data["states"], block)
        return
    if "gamma" in data:
        stated = data["price_scale"]
        scale = [int(price) for price in (stated if isinstance(stated, list) else [stated])]
        if data.get("lp_token_total_supply") is None:
            yield Unsupported("virtual price", "the supply of the pool's token is not recorded")
        else:
            compute = partial(virtual_price, int(data["d"]), scale, int(data["lp_token_total_supply"]))
            yield Case("virtual price", int(data["virtual_price"]), compute)
        yield _stored_invariant(data, scale)
        return
    base = data.get("base_pool")
    yield _plain("virtual price", data, data) if base is None else _plain("base pool", base, base)


def _stored_invariant(data: dict[str, Any], scale: list[int]) -> Case:
    """The D that the cryptopool had stored. Files state A without the multiplier of its contract, 100 (2021) or 10,000, or with it."""
    precise = _precise(data["balances"], data["tokens"])
    scaled = [precise[0], *(balance * price // ONE for balance, price in zip(precise[1:], scale, strict=True))]
    expected, a, gamma = int(data["d"]), int(data["a_coefficient"]), int(data["gamma"])

    def compute() -> int:
        found = [newton_invariant(*pool) for pool in ((100 * a, gamma, scaled, 100), (10_000 * a, gamma, scaled))]
        return min(found, key=lambda d: abs(d - expected))

    reason = "a stored D is not always that of the balances (ramps, donations, pools of another kind)"
    return Case("invariant", expected, compute, (expected // 100, reason))


def _base_state(name: str, state: dict[str, Any], base: dict[str, Any]) -> Case | Unsupported:
    """The base pool of a metapool at one block, its fields prefixed."""
    if "base_lp_token_total_supply" not in state:
        return Unsupported(name, "the supply of the base pool's token is not recorded")
    return _case(
        name,
        int(state["base_virtual_price_own"]),
        (state["base_balances"], state["base_a"], state["base_lp_token_total_supply"]),
        base["tokens"],
    )


def _plain(name: str, state: dict[str, Any], pool: dict[str, Any]) -> Case | Unsupported:
    """A plain pool; lending pools' rates are not in these files."""
    if state.get("lp_token_total_supply") is None:
        return Unsupported(name, "the supply of the pool's token is not recorded")
    if any(pool.get("use_lending", ())):
        return Unsupported(name, "the rates of lent tokens are not recorded")
    content = state["balances"], state["a_coefficient"], state["lp_token_total_supply"]
    return _case(name, int(state["virtual_price"]), content, pool["tokens"])


def _case(name: str, expected: int, content: tuple[Any, Any, Any], tokens: list[dict[str, Any]]) -> Case:
    balances, amplification, supply = content
    scaled = _precise(balances, tokens)

    def compute() -> int:
        return invariant(int(amplification), scaled, 1) * ONE // int(supply)

    return Case(name, expected, compute)


def _precise(balances: list[Any], tokens: list[dict[str, Any]]) -> list[int]:
    """Balances in units of 10^-18. ValueError for decimals that no contract of Curve takes."""
    decimals = [int(token["decimals"]) for token in tokens]
    if not all(0 <= digits <= 18 for digits in decimals):
        raise ValueError(f"decimals from 0 to 18 are expected, {decimals} found")
    return [int(balance) * int(10 ** (18 - digits)) for balance, digits in zip(balances, decimals, strict=True)]
