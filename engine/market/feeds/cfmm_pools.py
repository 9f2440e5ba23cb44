"""The `cfmm-pools` feed: numbered tokens and pools as benchmarks of routing write them. Synthetic, not market data.

    {"n_tokens", "m_pools", "local_indices": [[token, …]], "reserves": [[decimal, …]], "fees": [share of the input KEPT],
     "pool_types": ["product" | "weighted" | "sum"], "weights": [[decimal, …] | null], "experiment"}

Tokens are `sim:cfmm/token:<number>` with 18 decimals; reserves are rounded down to their units. Product pools of two tokens are
constant products with the fee as the ratio it is; of more, and weighted ones, weighted products of Balancer's arithmetic
(equal weights where none are stated, weights divided by their sum), whose fees have 18 places. Constant sums (`sum`) are no venue
kind. Time and height are 0; the experiment is not used.

Source of the form: pmgao/COMP6704-cfmm-routing, input/.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, exact, ratio_of, read_json
from engine.market.feeds.cow_fields import field_of, malformed
from engine.market.feeds.pool_market import PoolMarket, imported
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import VenueState, VenueStateError
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.values import AMOUNT_LIMIT

PLACE = "sim:cfmm"
DECIMALS = 18
LISTS = ("local_indices", "reserves", "fees", "pool_types", "weights")


def import_cfmm(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a list of pools. Raises FeedError, nothing being kept."""
    data = read_json(content)
    if not isinstance(data, dict):
        raise malformed(data, "", "an object")
    columns = [field_of(data, column, "") for column in LISTS]
    for column, listed in zip(LISTS, columns, strict=True):
        if not isinstance(listed, list) or len(listed) != len(columns[0]):
            raise malformed(listed, f"/{column}", "lists of one length")
    market = PoolMarket(PLACE)
    for number, (places, reserves, fee, kind, weights) in enumerate(zip(*columns, strict=True)):
        if kind not in ("product", "weighted"):
            market.tally.report(f"pool {number}", f"unsupported_kind:{str(kind)[:40]}", "pool_types")
            continue
        tokens = [_token(place, f"/local_indices/{number}") for place in _items(places, f"/local_indices/{number}")]
        amounts = _numbers(reserves, f"/reserves/{number}")
        shares = [Fraction(1)] * len(tokens) if weights is None else _numbers(weights, f"/weights/{number}")
        if not len(tokens) == len(amounts) == len(shares) or len(set(tokens)) != len(tokens):
            raise malformed(places, f"/local_indices/{number}", "different tokens, a reserve and a weight for each")
        kept = exact(str(fee), f"/fees/{number}")
        try:
            market.take(
                f"pool {number}", _state(market, number, kept, list(zip(tokens, amounts, shares, strict=True)), kind)
            )
        except VenueStateError as error:
            market.refuse(f"pool {number}", error)
    described = {
        "format": "cfmm-pools",
        "file": name,
        "time_seconds": 0,
        "height": 0,
        "notes": {"experiment_not_used": int("experiment" in data)},
    }
    return imported(market, content, described, solvers)


def _state(
    market: PoolMarket, number: int, kept: Fraction, rows: list[tuple[int, Fraction, Fraction]], kind: str
) -> VenueState:
    if not 0 < kept <= 1:
        raise VenueStateError("fees", expected="a share above 0, at most 1", actual=str(kept)[:40])
    assets = {token: market.token(f"token:{token}", DECIMALS, f"T{token}") for token, *_ in rows}
    units = {token: min(int(amount * 10**DECIMALS), AMOUNT_LIMIT - 1) for token, amount, _ in rows}
    identity = f"{PLACE}/pool:{number}"
    if kind == "product" and len(rows) == 2:
        reserves = {assets[token]: units[token] for token in units}
        return ConstantProductState(id=identity, reserves=reserves, fee=ratio_of(1 - kept, f"/fees/{number}"))
    total = sum(share for *_, share in rows)
    if not total:
        raise VenueStateError("weights", expected="a sum above 0", actual="0")
    tokens = {
        assets[token]: WeightedToken(balance=units[token], weight=int(share * ONE / total), decimals=DECIMALS)
        for token, _, share in rows
    }
    return WeightedState(id=identity, tokens=tokens, fee=int((1 - kept) * ONE))


def _items(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise malformed(value, where, "a list")
    return value


def _numbers(value: Any, where: str) -> list[Fraction]:
    items = _items(value, where)
    if any(isinstance(item, bool) or not isinstance(item, int | str) for item in items):
        raise malformed(value, where, "decimal numbers")
    return [exact(str(item), where) for item in items]


def _token(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 10**9:
        raise FeedError("malformed_field", where, expected="numbers of tokens", actual=repr(value)[:40])
    return value
