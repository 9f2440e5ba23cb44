"""The network snapshot: what a Problem says of nodes, chains and pools at the moment of its cut.

Invariants (`check_network`; InputError with the JSON pointer)
1. Nodes ascend by (chain, id), each once; per chain their shares sum to one, or to nothing where none may be sent to.
2. Chains, assets and venues are the market snapshot's.
3. The price tables follow from what stands beside them: `delay_prices` from volatilities, expected delays and what moves
   derivatives, `VenueDepth.price_ppm` from depth and pending amount. So solvers may use the tables as they are, and anybody may
   check them.

Everything is an integer: microseconds, parts per million (ppm), base units. It does not show that the estimates are
good ones; how they are made is `engine.network.outlook`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from engine.auction.verdict import pointer
from engine.market.snapshot import Snapshot
from engine.network.delay_price import PPM, crowding_price_ppm, delay_price_ppm, leveraged_ppm
from intents.errors import InputError
from intents.identifiers import AssetId, PlaceId, Text, VenueId, place_of
from intents.values import Amount, Value, sorted_unique

Ppm = Annotated[int, Field(ge=0, le=PPM)]
"""A share or a price, at most one whole."""

Micros = Annotated[int, Field(ge=0, lt=2**53)]
"""A span of time in microseconds."""

Count = Annotated[int, Field(ge=0, lt=2**53)]

Health = Literal["up", "warming", "ejected", "gone"]
"""`warming`: let in again with a small share. `ejected`: not sent to, but probed. `gone`: not a member any more."""


class NodeState(Value):
    """A validator, sequencer or relayer. `load` is own sends less signed receipts; `share_ppm` what it is to be sent."""

    id: Text
    chain: PlaceId
    operator: Text
    region: Text
    health: Health = "up"
    servers: int = Field(default=1, ge=1, lt=2**20)
    service_us: Micros
    load: Count = 0
    stake_ppm: Ppm = 0
    share_ppm: Ppm = 0
    wait_us: Micros = 0


class ChainState(Value):
    """What sending a transaction to a chain means: the expected time until it is included, and a 90 % interval of it."""

    delay_us: Micros
    low_us: Micros
    high_us: Micros
    finality_us: Micros = 0


class VenueDepth(Value):
    """How full a pool is on one side. `depth`: the most that it is to be given of an asset until its makers quote anew.

    `pending`: what of that is used up, as it is under way or was taken and not refilled. `move_ppm`: the price at half of it.
    """

    depth: Amount
    move_ppm: Ppm
    pending: Amount
    price_ppm: Ppm


class Derivative(Value):
    """How a derivative's value moves: so many thousandths of a percent for each percent of its `underlying`, rounded up."""

    underlying: AssetId
    leverage_permille: int = Field(ge=0, lt=2**31)


class NetworkSnapshot(Value):
    """Nodes, chains and pools at one moment, and what waiting costs there.

    `volatilities` are annual, in ppm (600,000 is 60 %), of assets against the numeraire. `delay_prices` has what a wait for
    inclusion at an asset's place costs per value of it, for derivatives from their underlying's volatility. `k_permille` is
    k of `engine.network.delay_price`. `depths` are by venue and asset given.
    """

    format: Literal["clearway/network/1"] = "clearway/network/1"
    time_us: Micros
    nodes: tuple[NodeState, ...]
    chains: dict[PlaceId, ChainState]
    k_permille: int = Field(default=1000, ge=0, le=10_000)
    volatilities: dict[AssetId, Annotated[int, Field(ge=0, le=100 * PPM)]] = {}
    derivatives: dict[AssetId, Derivative] = Field(default={}, exclude_if=lambda table: not table)
    delay_prices: dict[AssetId, Ppm] = {}
    depths: dict[VenueId, dict[AssetId, VenueDepth]] = {}


def delay_prices(
    chains: Mapping[str, ChainState],
    volatilities: Mapping[str, int],
    derivatives: Mapping[str, Derivative],
    k_permille: int,
) -> dict[str, int]:
    """The table of delay prices, ppm by asset; an asset whose place has no entry in `chains` has none."""
    moves = {
        asset: leveraged_ppm(volatilities[one.underlying], one.leverage_permille) for asset, one in derivatives.items()
    }
    return {
        asset: delay_price_ppm(sigma, chains[place_of(asset)].delay_us, k_permille)
        for asset, sigma in sorted({**volatilities, **moves}.items())
        if place_of(asset) in chains
    }


def check_network(network: NetworkSnapshot, snapshot: Snapshot) -> None:
    """Raise InputError at the first broken invariant.

    Codes: `not_ascending`, `unknown_chain`, `unknown_asset`, `unknown_venue`, `bad_shares`, `bad_interval`, `bad_depth`,
    `unknown_underlying`, `wrong_delay_price`, `wrong_depth_price`.
    """
    _check_nodes(network)
    for place, chain in sorted(network.chains.items()):
        if place not in snapshot.chains:
            raise InputError(
                "unknown_chain", pointer("chains", place), expected="a chain of the snapshot", actual=place
            )
        if chain.low_us > chain.high_us:
            raise InputError(
                "bad_interval", pointer("chains", place), expected=f"at least {chain.low_us}", actual=str(chain.high_us)
            )
    for asset in sorted(network.volatilities):
        if asset not in snapshot.assets:
            raise InputError("unknown_asset", pointer("volatilities", asset), expected="a known asset", actual=asset)
    for asset, derivative in sorted(network.derivatives.items()):
        if asset not in snapshot.assets or asset in network.volatilities:
            expected = "a known asset without a volatility of its own"
            raise InputError("unknown_asset", pointer("derivatives", asset), expected=expected, actual=asset)
        if derivative.underlying not in network.volatilities:
            where = pointer("derivatives", asset) + "/underlying"
            raise InputError(
                "unknown_underlying", where, expected="an asset of /volatilities", actual=derivative.underlying
            )
    _check_prices(network)
    _check_depths(network, snapshot)


def _check_nodes(network: NetworkSnapshot) -> None:
    if not sorted_unique(f"{node.chain} {node.id}" for node in network.nodes):
        raise InputError("not_ascending", "/nodes", expected="unique nodes by chain and id", actual="another order")
    shares: dict[str, int] = {}
    for i, node in enumerate(network.nodes):
        if node.chain not in network.chains:
            raise InputError(
                "unknown_chain", pointer("nodes", i, "chain"), expected="a chain of /chains", actual=node.chain
            )
        shares[node.chain] = shares.get(node.chain, 0) + node.share_ppm
        if node.share_ppm and node.health in ("ejected", "gone"):
            where = pointer("nodes", i, "share_ppm")
            raise InputError("bad_shares", where, expected=f"0 while {node.health}", actual=str(node.share_ppm))
    for chain, total in sorted(shares.items()):
        if total not in (0, PPM):
            raise InputError("bad_shares", "/nodes", expected=f"{PPM} or 0 in sum at {chain}", actual=str(total))


def _check_prices(network: NetworkSnapshot) -> None:
    expected = delay_prices(network.chains, network.volatilities, network.derivatives, network.k_permille)
    for asset in sorted(expected.keys() | network.delay_prices.keys()):
        price, found = expected.get(asset), network.delay_prices.get(asset)
        if price != found:
            where = pointer("delay_prices", asset)
            raise InputError("wrong_delay_price", where, expected=str(price), actual=str(found))


def _check_depths(network: NetworkSnapshot, snapshot: Snapshot) -> None:
    venues = {venue.id for venue in snapshot.venues}
    for venue, sides in sorted(network.depths.items()):
        if venue not in venues:
            where = pointer("depths", venue)
            raise InputError("unknown_venue", where, expected="a venue of the snapshot", actual=venue)
        for asset, depth in sorted(sides.items()):
            _check_depth(depth, asset in snapshot.assets, asset, pointer("depths", venue, asset))


def _check_depth(depth: VenueDepth, known: bool, asset: str, where: str) -> None:  # noqa: FBT001  # a fact of the asset
    if not known:
        raise InputError("unknown_asset", where, expected="a known asset", actual=asset)
    if depth.depth == 0:
        raise InputError("bad_depth", where + "/depth", expected="more than 0", actual="0")
    price = crowding_price_ppm(depth.move_ppm, depth.pending, depth.depth)
    if depth.price_ppm != price:
        raise InputError("wrong_depth_price", where + "/price_ppm", expected=str(price), actual=str(depth.price_ppm))
