"""The `cow-instance` feed: solver instances of CoW Protocol, in both schemas, into a Problem.

Orders     one plain swap each, unsigned (id `import:cow.<uid or key>`: it can be cleared from a file, never submitted).
           A sell order's surplus is in what it receives and its units are its sell amount; a buy order's surplus is in
           what it pays and its units are its buy amount. Orders that can not be filled partially have one unit.
           The owner is inside the uid (32 bytes digest, 20 owner, 4 validTo); without a uid it is `import:cow.<key>`.
Time       the file's own where it states one, then orders past their validTo are reported as `expired`. Else the second
           before the smallest validTo, at which every order is valid; 0 where no order has one. Orders without a uid
           stay valid for ever.
Pools      constant and weighted product (Balancer V2; `v0` maths unless the file says v3Plus), stable (Balancer V2) and
           concentrated (Uniswap V3). Other kinds are counted as `unsupported_kind:<kind>`, states that can not be as
           `refused_state:<field>`.
Gas        metadata's gas price, or DEFAULT_GAS_PRICE; a pool's gas units are its stated cost / gas price, to nearest.
Numeraire  the token that costs are stated in, else metadata's native token, else the chain's wrapped native token.
           It must be priced at exactly 1. Prices are the file's, as exact decimals; null is unpriced.
Holdings   the file has none: each owner gets what its intents pay together, each solver native gas for using every
           pool GAS_ROUNDS times.

Not used: internal buffers, order fees and costs (counted in `notes`), `mandatory`. Liquidity orders are ordinary ones.
Sources: github.com/cowprotocol/solver-template-py (legacy schema), docs.cow.fi (solver engine API; order uid).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from engine.auction.problem import Holding, Intent
from engine.market.feeds.base import (
    DEFAULT_SOLVERS,
    FeedError,
    Imported,
    Tally,
    digest_of,
    imported_problem,
    ratio_of,
    read_json,
)
from engine.market.feeds.cow_pools import PoolRow
from engine.market.feeds.cow_schema import Instance, OrderRow, TokenRow, read_instance
from engine.market.feeds.cow_venues import asset_of, state_of
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues import KINDS
from engine.market.venues.base import AssetInfo, VenueState, VenueStateError
from intents.identifiers import solver_account
from intents.outcome import Outcome

DEFAULT_GAS_PRICE = 10**9
"""Base units of the native token per unit of gas where the file states no gas price."""

GAS_ROUNDS = 10
"""Each solver's gas pays for one leg at every pool this many times."""

FOREVER = 2**32 - 1
"""The largest validTo of an order; used where an order has none."""

WRAPPED_NATIVE = {
    "eip155:1": "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    "eip155:100": "0xe91d153e0b41518a2ce8dd3d7944fa863463a97d",
}
"""WETH and WXDAI, where nothing in the file names the native token."""


def import_cow(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read an instance. `name` is for the report and the auction's name only. Raises FeedError, nothing being kept."""
    instance = read_instance(read_json(content))
    place = "eip155:100" if instance.environment.lower() in ("xdai", "gnosis") else "eip155:1"
    native = _native(instance, place)
    gas_price = instance.gas_price or DEFAULT_GAS_PRICE
    time = instance.time_seconds if instance.time_seconds is not None else _first_valid(instance.orders)
    known = {token.address: token for token in instance.tokens}

    pools, pool_tally = _venues(instance.pools, known, place, gas_price)
    intents, order_tally = _intents(instance.orders, known, place, time)
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=asset_of(place, native),
        chains={place: Chain(native=asset_of(place, native), gas_price=gas_price)},
        assets={asset_of(place, t.address): Asset(decimals=t.decimals or 0, symbol=t.symbol) for t in instance.tokens},
        prices=_prices(instance.tokens, place, time),
        venues=tuple(pools),
    )
    check_snapshot(snapshot)
    digest = digest_of(content)
    report = {
        "format": "cow-instance",
        "file": name,
        "sha256": digest,
        "orders": order_tally.to_wire(),
        "pools": pool_tally.to_wire(),
        "notes": _notes(instance),
    }
    problem = imported_problem(
        f"cow.{instance.name or digest[:16]}",
        digest,
        snapshot,
        {"format": "cow-instance", "file": name, "sha256": digest},
        _holdings(intents, snapshot, place, solvers),
        intents=tuple(intents),
    )
    return Imported(problem, report)


def _native(instance: Instance, place: str) -> str:
    if len(instance.cost_tokens) > 1:
        raise FeedError(
            "mixed_costs", "/amms", expected="costs in one token", actual=", ".join(sorted(instance.cost_tokens))
        )
    native = next(iter(instance.cost_tokens), instance.native or WRAPPED_NATIVE[place])
    price = next((token.price for token in instance.tokens if token.address == native), None)
    if price != 1:
        raise FeedError(
            "bad_numeraire", f"/tokens/{native}", expected="the native token, priced at 1", actual=str(price)
        )
    return native


def _valid_to(order: OrderRow) -> int | None:
    return None if order.uid is None else int(order.uid[-8:], 16)


def _first_valid(orders: Sequence[OrderRow]) -> int:
    return max(0, min((valid for order in orders if (valid := _valid_to(order)) is not None), default=1) - 1)


def _prices(tokens: Sequence[TokenRow], place: str, time: int) -> dict[str, ReferencePrice]:
    return {
        asset_of(place, token.address): ReferencePrice(
            ratio=ratio_of(token.price, f"/tokens/{token.address}"),
            source="the instance file",
            method="as stated in the file, exact decimal",
            time_seconds=time,
        )
        for token in tokens
        if token.price
    }


def _venues(
    pools: Sequence[PoolRow], known: dict[str, TokenRow], place: str, gas_price: int
) -> tuple[list[VenueState], Tally]:
    tally = Tally()
    kept: list[VenueState] = []
    decimals = {token.address: token.decimals for token in known.values()}
    infos = {asset_of(place, token.address): AssetInfo(token.decimals or 0) for token in known.values()}
    for pool in pools:
        stranger = next((token for token in pool.tokens if token not in known), None)
        if stranger is not None:
            tally.report(pool.name, "unknown_token", stranger)
            continue
        try:
            state = state_of(pool, decimals, place, gas_price)
            if state is None:
                tally.report(pool.name, f"unsupported_kind:{pool.kind}", "kind")
                continue
            KINDS[state.kind].check(state, infos)
        except VenueStateError as error:
            tally.report(pool.name, f"refused_state:{error.where.split('/')[0]}", error.where)
            continue
        kept.append(state)
        tally.keep()
    return sorted(kept, key=lambda state: state.id), tally


def _intents(
    orders: Sequence[OrderRow], known: dict[str, TokenRow], place: str, time: int
) -> tuple[list[Intent], Tally]:
    tally = Tally()
    kept: list[Intent] = []
    for position, order in enumerate(orders):
        name = order.uid or order.key
        fault = _order_fault(order, known, time)
        if fault is not None:
            tally.report(name, *fault)
            continue
        kept.append(Intent(id=f"import:cow.{name}", outcome=_outcome(order, position, place)))
        tally.keep()
    return sorted(kept, key=lambda intent: intent.id), tally


def _order_fault(order: OrderRow, known: dict[str, TokenRow], time: int) -> tuple[str, str] | None:
    for field in ("sell_token", "buy_token"):
        if getattr(order, field) not in known:
            return "unknown_token", field
    if order.sell_token == order.buy_token:
        return "same_token", "buy_token"
    for field in ("sell_amount", "buy_amount"):
        if getattr(order, field) == 0:
            return "zero_amount", field
    valid_to = _valid_to(order)
    return ("expired", "validTo") if valid_to is not None and valid_to <= time else None


def _outcome(order: OrderRow, position: int, place: str) -> Outcome:
    """The position in the file is the nonce: an owner's several orders stay apart."""
    sold, bought = asset_of(place, order.sell_token), asset_of(place, order.buy_token)
    owner = f"import:cow.{order.key}" if order.uid is None else "0x" + order.uid[66:106]
    whole = order.sell_amount if order.is_sell else order.buy_amount
    valid_to = _valid_to(order)
    return Outcome(
        owner=owner,
        receiver=owner,
        nonce=position,
        valid_from=0,
        valid_until=FOREVER if valid_to is None else valid_to,
        pays={sold: order.sell_amount},
        receives={bought: order.buy_amount},
        units=whole if order.is_partial else 1,
        fill_policy="partial" if order.is_partial else "all_or_none",
        surplus_asset=bought if order.is_sell else sold,
    )


def _holdings(
    intents: Sequence[Intent], snapshot: Snapshot, place: str, solvers: Sequence[str]
) -> dict[str, dict[str, Holding]]:
    paid: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for intent in intents:
        for asset, amount in intent.outcome.pays.items():
            paid[intent.outcome.owner][asset] += amount
    chain = snapshot.chains[place]
    gas = sum(venue.gas_units for venue in snapshot.venues) * chain.gas_price * GAS_ROUNDS
    for solver in solvers:
        paid[solver_account(solver)][snapshot.numeraire] = gas
    return {
        owner: {asset: Holding(amount=amount) for asset, amount in sorted(assets.items())}
        for owner, assets in sorted(paid.items())
    }


def _notes(instance: Instance) -> dict[str, Any]:
    return {
        "tokens": len(instance.tokens),
        "tokens_unpriced": sum(not token.price for token in instance.tokens),
        "tokens_without_decimals_shown_in_base_units": sum(token.decimals is None for token in instance.tokens),
        "order_fees_not_charged": sum(order.fee > 0 for order in instance.orders),
        "liquidity_orders_taken_as_ordinary": sum(order.is_liquidity for order in instance.orders),
    }
