"""What feeds of pools share: a market of pools without orders, as a Problem that intents can be added to.

The files state no prices and no gas. The numeraire is the asset that most kept pools trade (the first by name among equals),
priced at 1; everything else is unpriced, since a price taken from a pool would be one that a trade can set. Gas costs
nothing. Solvers that take part hold nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from engine.auction.problem import Holding
from engine.market.feeds.base import FeedError, Imported, Tally, digest_of, imported_problem
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from engine.market.venues import kind_of
from engine.market.venues.base import AssetInfo, VenueState, VenueStateError
from intents.identifiers import solver_account


class PoolMarket:
    """Pools kept and reported, and the assets that they name. `take` is handed each item's state, or `report` its reason."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.assets: dict[str, Asset] = {}
        self.kept: dict[str, VenueState] = {}
        self._infos: dict[str, AssetInfo] = {}
        self.tally = Tally()

    def name(self, address: str, decimals: int, symbol: str) -> str:
        """The asset of a token, known from now on. VenueStateError `decimals` where it had others before."""
        return self.token(f"erc20:{address.lower()}", decimals, symbol)

    def token(self, name: str, decimals: int, symbol: str) -> str:
        """As `name`, for an asset by the name that it has at its place."""
        asset = f"{self.place}/{name}"
        known = self.assets.setdefault(asset, Asset(decimals=decimals, symbol=symbol[:80] or name.partition(":")[2]))
        if known.decimals != decimals:
            raise VenueStateError(
                f"decimals/{name.partition(':')[2]}", expected=str(known.decimals), actual=str(decimals)
            )
        self._infos[asset] = AssetInfo(decimals)
        return asset

    def take(self, item: str, state: VenueState) -> None:
        """Keep a pool that its kind accepts. VenueStateError where it does not."""
        kind_of(state).check(state, self._infos)
        if state.id in self.kept:
            self.tally.report(item, "repeated", "id")
            return
        self.kept[state.id] = state
        self.tally.keep()

    def refuse(self, item: str, error: VenueStateError) -> None:
        """Report a pool that can not be, by the field."""
        field = error.where.lstrip("/")
        self.tally.report(item, f"refused_state:{field.split('/')[0]}", field)


def imported(
    market: PoolMarket, content: str | bytes, described: Mapping[str, Any], solvers: Sequence[str]
) -> Imported:
    """The market as a problem without intents. `described`: format, file, time_seconds, height, notes.

    Raises FeedError `no_pools` where none was kept.
    """
    if not market.kept:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(market.tally.reported.items()))
        raise FeedError("no_pools", "", expected="at least one pool that its kind accepts", actual=reasons or "none")
    traded: Counter[str] = Counter()
    for state in market.kept.values():
        traded.update({asset for pair in kind_of(state).pairs(state) for asset in pair})
    numeraire = min(traded, key=lambda asset: (-traded[asset], asset))
    time, digest = int(described["time_seconds"]), digest_of(content)
    price = ReferencePrice(ratio=(1, 1), source="the feed", method="numeraire", time_seconds=time)
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=numeraire,
        chains={market.place: Chain(height=int(described["height"]))},
        assets={asset: info for asset, info in sorted(market.assets.items()) if asset in traded},
        prices={numeraire: price},
        venues=tuple(state for _, state in sorted(market.kept.items())),
    )
    check_snapshot(snapshot)
    file = {"format": described["format"], "file": described["file"], "sha256": digest}
    problem = imported_problem(
        f"{described['format']}.{digest[:16]}",
        digest,
        snapshot,
        file,
        {solver_account(solver): {numeraire: Holding(amount=0)} for solver in sorted(solvers)},
    )
    notes = {**described["notes"], "assets": len(snapshot.assets), "assets_unpriced": len(snapshot.assets) - 1}
    return Imported(problem, {**file, "pools": market.tally.to_wire(), "notes": notes})
