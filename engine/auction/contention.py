"""What bids contend for: which bids cannot affect each other, and which sets can never be feasible. Proofs below.

A replay (docs/rules.md, section 4) is a conjunction of conditions on single resources: a pool's legs deliver what they
state, a level or a bridge has what is taken from it, an account has what is drawn from it, an owner's escrow or margin
covers what it owes and its exposures are as signed.
The inputs of legs and all changes of accounts are stated in the bids, so no condition depends on how another resource
fares: each depends on the chosen bids that touch its resource, and on nothing else. Hence:

A. Locality. If a set breaks the condition of resource r, so does every set whose bids touching r are the same: the
   no-good (touching r inside the set, touching r outside it). And bids that share no resource and no group factorise.
B. Slack. If the takes of all bids from a stock are covered whatever disjoint bids win, its condition never fails, and
   the resource is no contention. Takes of disjoint bids are bounded by a fractional cover by cliques (engine.auction.search).
C. Stocks. What a leg takes from a level or a bridge's capacity depends on its input alone, and nothing adds to them. So a
   set that takes too much is infeasible with all its supersets. The same holds of an account's asset as long as no bid
   that adds to it joins (it only falls, so its last balance is negative).
D. Pools. Let a set's bids at a pool neither put in asset y nor take out asset x, and let no others that do join. In a
   feasible superset every leg gets at least the output it states, so before a leg of the set that trades x for y the
   reserve of x is at least today's plus the inputs of the set's earlier legs, and that of y at most today's less their
   stated outputs; legs of other bids between them only add to the one and take from the other. Output falls with the
   reserve of x and grows with that of y: exactly for constant product pools (floor of a monotonic function; so do its
   refusals), and for weighted pools up to the error of the contract's power, which is added. So if the output at those
   two reserves is below the stated one, the set is infeasible with all such supersets.

Everything that A to D say is about replays of verified bids; other venue kinds get A alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from math import ceil

from engine.auction.problem import Problem
from engine.auction.replay import Bid, replay
from engine.auction.search import clique_cover
from engine.auction.select import NoGood, Stock
from engine.auction.stages import PlannedLeg
from engine.auction.verdict import Fault
from engine.market.venues import kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.bridge import BridgeState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.order_book import OrderBookState, named_levels
from engine.market.venues.perpetual_book import PerpetualBookState
from engine.market.venues.weighted import WeightedState
from intents.identifiers import PROTOCOL, solver_account
from intents.outcome import is_derivative

WEIGHTED_ERROR = Fraction(1, 10**13)
"""More than all roundings of a weighted pool's output together, as a share of its balance (the power's is 3 * 10^-14)."""

SOLVERS = solver_account("")
"""What the accounts of solvers begin with."""

OWNER_CODES = (
    "uncovered_short",
    "escrow_over_max",
    "insufficient_margin",
    "exposure_out_of_bounds",
    "unsupported_outcome",
)
"""Faults of an owner's account as a whole; their resource begins with the owner."""


@dataclass
class _Stock:
    """What can only be drawn down: by bid what it takes, and the bids that also add."""

    capacity: int
    takes: dict[str, int] = field(default_factory=dict)
    adders: set[str] = field(default_factory=set)

    @property
    def users(self) -> frozenset[str]:
        return frozenset(self.takes.keys() | self.adders)


class Contention:
    """The resources of a set of verified bids of one problem. `resources` by bid, `no_goods`, `stocks` and `judge` for selection."""

    def __init__(self, problem: Problem, bids: Iterable[Bid]) -> None:
        self._problem = problem
        self._bids = {bid.id: bid for bid in bids}
        self._rivals = self._group_rivals()
        self._stocks: dict[str, _Stock] = {}
        self._pools: dict[str, dict[str, list[PlannedLeg]]] = {}
        self._owners: dict[str, set[str]] = {}
        self._known_helpers: dict[tuple[str, str, str], frozenset[str]] = {}
        for bid in self._bids.values():
            self._add_legs(bid)
            self._add_changes(bid)
        self._users = self._contended()
        self.resources: Mapping[str, frozenset[str]] = {
            bid: frozenset(name for name, users in self._users.items() if bid in users) for bid in self._bids
        }
        self.no_goods: tuple[NoGood, ...] = tuple(self._pairs())
        # Where a bid also adds, what the others take together may exceed what there is.
        self.stocks: tuple[Stock, ...] = tuple(
            Stock(name, self._stocks[name].capacity, dict(sorted(self._stocks[name].takes.items())))
            for name in self._users
            if name in self._stocks and not self._stocks[name].adders
        )

    def judge(self, ids: frozenset[str]) -> NoGood | None:
        """None where the bids, disjoint in groups, are jointly feasible; else why not, as far as it is proved."""
        result = replay(self._problem, [self._bids[bid] for bid in ids])
        return self.explain(result, ids) if isinstance(result, Fault) else None

    def explain(self, fault: Fault, ids: frozenset[str]) -> NoGood:
        """A no-good that the refused set falls under."""
        if fault.code in OWNER_CODES:
            return self._local(self._owners[fault.resource.split()[0]], ids)
        if fault.resource in self._stocks:
            stock = self._stocks[fault.resource]
            return self._overdrawn(stock, ids & stock.users) or self._local(stock.users, ids)
        users = self._pools[fault.resource].keys()
        return self._crowded(fault.resource, ids & users) or self._local(users, ids)

    def _local(self, users: Iterable[str], ids: frozenset[str]) -> NoGood:
        touching = frozenset(users)
        return NoGood(ids & touching, touching - ids)

    def _group_rivals(self) -> dict[str, set[str]]:
        by_group: dict[str, list[str]] = {}
        for bid in self._bids.values():
            for group in bid.groups(self._problem):
                by_group.setdefault(group, []).append(bid.id)
        rivals: dict[str, set[str]] = {bid: set() for bid in self._bids}
        for ids in by_group.values():
            for each in ids:
                rivals[each].update(ids)
        return rivals

    def _add_legs(self, bid: Bid) -> None:
        time = self._problem.snapshot.time_seconds
        for leg in bid.prepared(self._problem).legs:
            state = self._problem.venues_by_id[leg.venue]
            name = kind_of(state).conflict_keys(state, leg.trade)[0]
            drawn = _drawn(state, leg.trade, time)
            if drawn is None:
                self._pools.setdefault(name, {}).setdefault(bid.id, []).append(leg)
            else:
                capacity, taken = drawn
                takes = self._stocks.setdefault(name, _Stock(capacity)).takes
                takes[bid.id] = takes.get(bid.id, 0) + taken

    def _add_changes(self, bid: Bid) -> None:
        prepared = bid.prepared(self._problem)
        for item in (*prepared.derivative_fills, *prepared.bounded_fills):
            self._owners.setdefault(item.intent.outcome.owner, set()).add(bid.id)
        for account, asset, _, delta in prepared.changes:
            if self._problem.has_margin(account, asset):
                self._owners.setdefault(account, set()).add(bid.id)
            # What people owe in derivatives, or in a margin account, is a matter of escrow and margin.
            if not account.startswith(SOLVERS) and (is_derivative(asset) or self._problem.may_owe(account, asset)):
                continue
            name = f"{account} {asset}"
            stock = self._stocks.setdefault(name, _Stock(self._problem.free(account, asset)))
            if delta < 0:
                stock.takes[bid.id] = stock.takes.get(bid.id, 0) - delta
            elif delta > 0:
                stock.adders.add(bid.id)

    def _contended(self) -> dict[str, frozenset[str]]:
        """Resources that can decide over a set of disjoint bids (B), with the bids that touch them."""
        for owner, users in self._owners.items():
            for bid in self._bids.values():
                if any(change.account == owner for change in bid.prepared(self._problem).changes):
                    users.add(bid.id)
        users_of = {f"escrow {owner}": frozenset(users) for owner, users in self._owners.items()}
        users_of |= {name: frozenset(pool) for name, pool in self._pools.items()}
        users_of |= {
            name: stock.users for name, stock in self._stocks.items() if self._most_taken(stock) > stock.capacity
        }
        return {name: users for name, users in sorted(users_of.items()) if not self._all_rivals(users)}

    def _all_rivals(self, users: frozenset[str]) -> bool:
        return all(users <= self._rivals[bid] for bid in users)

    def _most_taken(self, stock: _Stock) -> int:
        """No set of bids disjoint in groups takes more."""
        order = sorted(stock.takes, key=lambda bid: (-stock.takes[bid], bid))
        rows = [
            sum(1 << v for v, other in enumerate(order) if other != bid and other in self._rivals[bid]) for bid in order
        ]
        return clique_cover([stock.takes[bid] for bid in order], rows, (1 << len(order)) - 1, None)[0]

    def _pairs(self) -> Iterable[NoGood]:
        """Pairs of bids, disjoint in groups, that C or D refuses."""
        for name, users in self._users.items():
            for first, second in combinations(sorted(users), 2):
                if second in self._rivals[first]:
                    continue
                pair = frozenset((first, second))
                if name in self._stocks:
                    no_good = self._overdrawn(self._stocks[name], pair)
                else:
                    no_good = self._crowded(name, pair) if name in self._pools else None
                if no_good is not None:
                    yield no_good

    def _overdrawn(self, stock: _Stock, ids: frozenset[str]) -> NoGood | None:
        """C: the fewest of the bids, by size of their takes, that overdraw the stock."""
        if ids & stock.adders:
            return None
        present, taken = [], 0
        for bid in sorted(ids, key=lambda bid: (-stock.takes[bid], bid)):
            present.append(bid)
            taken += stock.takes[bid]
            if taken > stock.capacity:
                return NoGood(frozenset(present), frozenset(stock.adders))
        return None

    def _crowded(self, pool: str, ids: frozenset[str]) -> NoGood | None:
        """D, for every leg of the bids at the pool."""
        users = self._pools[pool]
        legs = sorted(leg for bid in ids for leg in users[bid])
        for position, leg in enumerate(legs):
            source, target = leg.trade.asset_in, leg.trade.asset_out
            helpers = self._helpers(pool, source, target)
            if helpers & ids:
                continue
            earlier = legs[:position]
            added = sum(before.trade.amount_in for before in earlier if before.trade.asset_in == source)
            removed = sum(before.stated for before in earlier if before.trade.asset_out == target)
            most = most_output(
                self._problem.venues_by_id[leg.venue], leg.trade, added, removed, self._problem.snapshot.time_seconds
            )
            if most is not None and most < leg.stated:
                return NoGood(ids, helpers)
        return None

    def _helpers(self, pool: str, source: str, target: str) -> frozenset[str]:
        """The bids at the pool that may improve the output of later trades from source to target."""
        key = (pool, source, target)
        if key not in self._known_helpers:
            self._known_helpers[key] = frozenset(
                bid for bid, legs in self._pools[pool].items() if any(_helps(leg.trade, source, target) for leg in legs)
            )
        return self._known_helpers[key]


def _helps(trade: Trade, source: str, target: str) -> bool:
    """Whether a trade may improve the output of later ones from source to target."""
    return trade.asset_in == target or trade.asset_out == source


def _drawn(state: VenueState, trade: Trade, time_seconds: int) -> tuple[int, int] | None:
    """(capacity, taken) where the venue has a stock that trades only draw down (C), else None."""
    # A perpetual's book may refuse by open interest, which trades the other way add to.
    if not isinstance(state, OrderBookState | BridgeState) or isinstance(state, PerpetualBookState):
        return None
    output, _ = kind_of(state).execute(state, PROTOCOL, trade, time_seconds)
    if isinstance(state, BridgeState):
        return state.capacity, output
    levels = (*named_levels(state, "ask"), *named_levels(state, "bid"))
    sizes: dict[str | None, int] = {name: level.size for name, level in levels}
    return sizes[trade.level], output if trade.asset_out == state.base else trade.amount_in


def most_output(state: VenueState, trade: Trade, added: int, removed: int, time_seconds: int) -> int | None:
    """The most that a trade gives once at least `added` came in and `removed` went out, nothing the other way (D).

    None where nothing is proved for the kind.
    """
    after: VenueState
    if isinstance(state, ConstantProductState):
        margin = 0
        more, less = state.reserves[trade.asset_in] + added, state.reserves[trade.asset_out] - removed
        after = state.model_copy(update={"reserves": {trade.asset_in: more, trade.asset_out: less}})
    elif isinstance(state, WeightedState):
        source, target = state.tokens[trade.asset_in], state.tokens[trade.asset_out]
        margin = ceil(target.balance * WEIGHTED_ERROR) + 2
        fuller = source.model_copy(update={"balance": source.balance + added})
        emptier = target.model_copy(update={"balance": target.balance - removed})
        after = state.model_copy(update={"tokens": {trade.asset_in: fuller, trade.asset_out: emptier}})
    else:
        return None
    try:
        return kind_of(state).execute(after, PROTOCOL, trade, time_seconds)[0] + margin
    except TradeRefusedError as error:
        # A weighted pool takes more at once when it holds more, so its capacity proves nothing.
        return None if margin and error.code == "venue_capacity" else margin


__all__ = ["Contention", "most_output"]
