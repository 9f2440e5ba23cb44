"""Small problems for solver tests, told in few words: pools, books, bridges and people, all on one or two chains."""

from collections.abc import Iterable

from engine.auction.problem import Holding, Intent, Problem
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, snapshot_hash
from engine.market.venues import AnyVenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import Level, OrderBookState
from intents.outcome import Outcome, is_derivative

NOW = 1_600_000_000
SOLVER = "test"


def token(name: str, chain: str = "one") -> str:
    """An asset of the small world."""
    return f"sim:{chain}/token:{name}"


def pool(
    name: str, one: tuple[str, int], other: tuple[str, int], *, fee: tuple[int, int] = (3, 1000), gas: int = 0
) -> ConstantProductState:
    """A constant product pool on chain one."""
    return ConstantProductState(id=f"sim:one/pool:{name}", reserves=dict([one, other]), fee=fee, gas_units=gas)


def book(
    name: str,
    base: str,
    quote: str,
    *,
    bids: Iterable[tuple[int, int]] = (),
    asks: Iterable[tuple[int, int]] = (),
    lot: int = 1,
    place: str = "sim:one",
    tick: tuple[int, int] = (1, 1),
) -> OrderBookState:
    """An order book; levels are (price, size)."""
    levels = {side: tuple(Level(price=p, size=s) for p, s in rows) for side, rows in (("bids", bids), ("asks", asks))}
    return OrderBookState(id=f"{place}/book:{name}", base=base, quote=quote, tick=tick, lot=lot, **levels)


def bridge(name: str, asset: str, *, capacity: int = 10**30, fee: tuple[int, int] = (1, 1000)) -> BridgeState:
    """A bridge of a token from chain one to chain two."""
    return BridgeState(
        id=f"sim:one/bridge:{name}",
        asset_in=token(asset),
        asset_out=token(asset, "two"),
        fee=fee,
        capacity=capacity,
        delay_seconds=600,
    )


def swap(
    name: str,
    paid: str,
    pays: int,
    received: str,
    receives: int,
    *,
    buy: bool = False,
    units: int | None = None,
    whole: bool = False,
    owner: int = 0,
    refund: bool = False,
    until: int = NOW + 3600,
) -> Intent:
    """A plain swap; `whole`: all or none; `units` defaults to the amount whose size is fixed."""
    units = units or (receives if buy else pays)
    outcome = Outcome(
        owner=f"0x{owner or abs(hash_of(name)):040x}",
        receiver=f"0x{owner or abs(hash_of(name)):040x}",
        nonce=0,
        valid_from=0,
        valid_until=until,
        pays={paid: pays},
        receives={received: receives},
        units=units,
        min_units=units if whole else 1,
        fill_policy="all_or_none" if whole else "partial",
        surplus_asset=paid if buy else received,
        refund={paid: pays} if refund else {},
    )
    return Intent(id=f"import:{name}", outcome=outcome)


def hash_of(name: str) -> int:
    """A number of a short name, the same in every process."""
    return int.from_bytes(name.encode()[:19], "big")


def problem(
    intents: Iterable[Intent],
    venues: Iterable[AnyVenueState] = (),
    *,
    balances: dict[tuple[str, str], int] | None = None,
    extra_assets: Iterable[str] = (),
    decimals: int = 0,
    gas_price: int = 0,
) -> Problem:
    """A problem in which each owner holds what its intents pay (or what `balances` says) and everything costs 1."""
    intents = tuple(sorted(intents, key=lambda intent: intent.id))
    venues = tuple(sorted(venues, key=lambda venue: venue.id))
    assets = {asset for i in intents for asset in (*i.outcome.pays, *i.outcome.receives, *i.outcome.max_escrow)}
    for venue in venues:
        assets |= set(getattr(venue, "reserves", ())) | {
            getattr(venue, field) for field in ("base", "quote", "asset_in", "asset_out") if hasattr(venue, field)
        }
    assets |= {*extra_assets, token("GAS"), token("USD")}
    held: dict[str, dict[str, int]] = {
        f"solver:{SOLVER}": {token("GAS"): 10**30},
        "solver:greedy": {token("GAS"): 10**30},
    }
    for intent in intents:
        for asset, amount in (*intent.outcome.pays.items(), *intent.outcome.max_escrow.items()):
            if not is_derivative(asset):
                own = held.setdefault(intent.outcome.owner, {})
                own[asset] = own.get(asset, 0) + amount
    for (owner, asset), amount in (balances or {}).items():
        held.setdefault(owner, {})[asset] = amount
    price = {"source": "test", "method": "test", "time_seconds": NOW}
    snapshot = Snapshot(
        time_seconds=NOW,
        numeraire=token("USD"),
        chains={
            "sim:one": Chain(native=token("GAS"), gas_price=gas_price),
            "sim:two": Chain(),
            "deribit:main": Chain(),
        },
        assets={asset: Asset(decimals=decimals, symbol=asset[-20:]) for asset in sorted(assets)},
        prices={asset: ReferencePrice(ratio=(1, 1), **price) for asset in sorted(assets) if not is_derivative(asset)},
        venues=venues,
    )
    return Problem(
        auction="small",
        deadline_seconds=NOW + 60,
        solver_seed="0x" + "00" * 32,
        deployment_salt="0x" + "00" * 32,
        snapshot_hash=snapshot_hash(snapshot),
        snapshot=snapshot,
        intents=intents,
        holdings={o: {a: Holding(amount=v) for a, v in sorted(h.items())} for o, h in sorted(held.items())},
    )
