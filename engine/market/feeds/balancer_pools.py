"""The `balancer-pools` feed: Balancer's pools as its subgraph lists them.

    {"tradeInfo": {"RefTimeStamp"}, "pools": [{"id", "poolType", "swapFee", "totalWeight", "amp"?, "swapEnabled"?,
        "tokens": [{"address", "balance", "decimals", "weight"}]}]}        decimal texts in whole tokens

Weighted and Stable pools become venues of Balancer V2's arithmetic, whose units are exact: a balance is base units if it has no
more places than the token, a fee units of 10^-18, a weight its share of `totalWeight` in such units, rounded down. Pools
of the first version (ids of 20 bytes; counted in the notes) had another power function: of them it is the
curve, not the contract's last digits. `swapEnabled` false is reported as `swap_disabled`, other types by name.

Time: tradeInfo's RefTimeStamp where the file has one, else 0. Tokens' names are not in the file: symbols are addresses.
Source of the form: balancer/balancer-sor, test/testData; thegraph.com, balancer-v2 subgraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from engine.market.feeds.base import DEFAULT_SOLVERS, FeedError, Imported, read_json, refuse_duplicates
from engine.market.feeds.cow_fields import field_of, items_of, malformed, number_of, object_of, text_of, token_of
from engine.market.feeds.pool_market import PoolMarket, imported
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import VenueState, VenueStateError
from engine.market.venues.stable import AMP_PRECISION, StableState, StableToken
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.values import AMOUNT_LIMIT

PLACE = "eip155:1"
"""The files name no chain; these are Ethereum's."""


def import_balancer(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a list of pools. Raises FeedError, nothing being kept."""
    data = read_json(content)
    if not isinstance(data, dict):
        raise malformed(data, "", "an object with pools")
    market, old = PoolMarket(PLACE), 0
    rows = list(items_of(data, "pools"))
    names = [text_of(pool, "id", where).lower() for pool, where in rows]
    refuse_duplicates(names, "/pools")
    for item, (pool, where) in zip(names, rows, strict=True):
        kind = text_of(pool, "poolType", where)
        if kind not in ("Weighted", "Stable"):
            market.tally.report(item, f"unsupported_kind:{kind}", "poolType")
            continue
        if pool.get("swapEnabled") is False:
            market.tally.report(item, "swap_disabled", "swapEnabled")
            continue
        tokens = _tokens(pool, where)
        try:
            market.take(item, _state(market, item, pool, where, tokens))
        except VenueStateError as error:
            market.refuse(item, error)
            continue
        old += len(item) == 42
    info = object_of(data, "tradeInfo", "") if "tradeInfo" in data else {}
    time = number_of(info, "RefTimeStamp", "/tradeInfo") if "RefTimeStamp" in info else Fraction(0)
    described = {
        "format": "balancer-pools",
        "file": name,
        "time_seconds": int(min(time, Fraction(2**53 - 1))),
        "height": 0,
        "notes": {"pools_of_the_first_version_by_id": old, "reference_trades_not_used": int(bool(info))},
    }
    return imported(market, content, described, solvers)


def _tokens(pool: dict[str, Any], where: str) -> list[tuple[str, int, Fraction, Fraction]]:
    """Address, decimals, balance in whole tokens and stated weight of each token."""
    listed = field_of(pool, "tokens", where)
    if not isinstance(listed, list) or not all(isinstance(token, dict) for token in listed):
        raise malformed(listed, f"{where}/tokens", "a list of objects")
    found = []
    for i, token in enumerate(listed):
        place = f"{where}/tokens/{i}"
        decimals = field_of(token, "decimals", place)
        if isinstance(decimals, bool) or not isinstance(decimals, int) or not 0 <= decimals <= 36:
            raise malformed(decimals, f"{place}/decimals", "an integer from 0 to 36")
        weight = number_of(token, "weight", place) if token.get("weight") is not None else Fraction(0)
        found.append((token_of(token, "address", place), decimals, number_of(token, "balance", place), weight))
    if len({address for address, *_ in found}) != len(found):
        raise FeedError("duplicate", f"{where}/tokens", expected="each token once", actual="one token twice")
    return found


def _state(
    market: PoolMarket, item: str, pool: dict[str, Any], where: str, tokens: list[tuple[str, int, Fraction, Fraction]]
) -> VenueState:
    fee = whole_units(number_of(pool, "swapFee", where) * ONE, "swapFee")
    for address, decimals, *_ in tokens:
        if decimals > 18:
            raise VenueStateError(f"decimals/{address}", expected="at most 18", actual=str(decimals))
    balances = {a: whole_units(balance * 10**d, f"balance/{a}") for a, d, balance, _ in tokens}
    assets = {a: market.name(a, d, a) for a, d, *_ in tokens}
    identity = f"{market.place}/pool:{item}"
    if pool["poolType"] == "Stable":
        amplification = whole_units(number_of(pool, "amp", where) * AMP_PRECISION, "amp")
        scaled = {assets[a]: StableToken(balance=balances[a], decimals=d, rate=ONE) for a, d, *_ in tokens}
        return StableState(id=identity, tokens=scaled, amplification=amplification, fee=fee)
    total = number_of(pool, "totalWeight", where)
    if total == 0:
        raise VenueStateError("totalWeight", expected="above 0", actual="0")
    weighted = {
        assets[a]: WeightedToken(balance=balances[a], weight=int(weight * ONE / total), decimals=d)
        for a, d, _, weight in tokens
    }
    return WeightedState(id=identity, tokens=weighted, fee=fee)


def whole_units(scaled: Fraction, field: str) -> int:
    """A number of the file as an integer of its units. VenueStateError where it has more places than they do."""
    if scaled.denominator != 1 or scaled >= AMOUNT_LIMIT:
        raise VenueStateError(field, expected="whole units below 2^256", actual=str(scaled)[:90])
    return int(scaled)
