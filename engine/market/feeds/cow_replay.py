"""Recorded CoW competitions as auctions of ours: the orders that bids name, and every bid against quotes of its own.

Orders    those that a bid names become intents, unsigned (`import:cow.<number>.<uid>`), one plain swap each, with what
          was executed before as filled. Owner and end of validity are in the uid. A sell order's surplus is in what it
          receives and its units are its sell amount, a buy order's in what it pays and its buy amount; one that can not
          be filled in parts has one unit. Every owner holds what its open units pay.
Bids      a recorded bid becomes a solution of its solver, in the order of the file. Each of its trades fills the order at
          the executed amounts and sells them to a quote (kind `rfq`) that takes and gives exactly those, once, and
          trades with this solver alone. So bids compete for orders, never for liquidity.
Prices    the auction's, exact, of the assets that the orders trade; the numeraire is wrapped ether.
Time      the second before the first order ends: the file has none.

`number` is in the ids of the auction and of all its intents, and gives the seed and the salt: the same competition under
two numbers is two auctions that share no id and no hash. Left out, counted by reason: bids with a trade that no order or no
quote can be made of. Whether a bid keeps the rules is for the auction to say: recorded ones may break ours.

Not taken over: signatures (of another protocol's domain), protocol fees (scores here are the owners' surplus), gas.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.auction.problem import Holding, Intent, Problem
from engine.auction.score_cow_2024 import ONE, Order
from engine.auction.solution import Fill, Leg, Proposal, Solution
from engine.market.feeds.base import FeedError
from engine.market.feeds.cow_competitions import Auction, Bid, BookOrder, Competition
from engine.market.feeds.cow_fields import ADDRESS, amount_of, flag_of, uid_of
from engine.market.feeds.cow_instance import WRAPPED_NATIVE
from engine.market.feeds.cow_venues import asset_of
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, snapshot_hash
from engine.market.venues.rfq import QuoteRange, RfqState
from intents.identifiers import is_identifier, solver_account
from intents.outcome import Outcome
from intents.values import AMOUNT_LIMIT, content_hash

PLACE = "eip155:1"
"""Where the recorded competitions were held."""

NUMERAIRE = asset_of(PLACE, WRAPPED_NATIVE[PLACE])
"""What prices are in: wei."""

LAST_SECOND = 2**32 - 1
"""Quotes outlive every order."""

_OTHERS = re.compile(r"[^-._a-z0-9]", re.ASCII)

METHOD = "the auction's price, exact"


@dataclass(frozen=True, slots=True)
class RecordedAuction:
    """What `clear` takes, and how many recorded bids are not in it, by reason."""

    problem: Problem
    proposals: Mapping[str, Proposal]
    left_out: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Entered:
    """A bid that can be made: its solver's name here, and its place among that solver's bids."""

    bid: Bid
    solver: str
    index: int


def recorded_auction(auction: Auction, competition: Competition, number: int) -> RecordedAuction:
    """The competition as auction `number`. Raises FeedError where an order's uid, a token or a solver's name is none."""
    left_out: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    entered: list[_Entered] = []
    for bid in competition.bids:
        fault = next(
            (fault for trade in bid.trades if (fault := _fault(auction, trade.order, trade.sold, trade.bought))), ""
        )
        if fault or not bid.trades:
            left_out[fault or "no_trade"] += 1
            continue
        name = _solver(bid.solver)
        entered.append(_Entered(bid, name, counts[name]))
        counts[name] += 1
    named = sorted({trade.order for item in entered for trade in item.bid.trades})
    intents = tuple(_intent(auction, auction.orders[uid], number, position) for position, uid in enumerate(named))
    snapshot = _snapshot(auction, named, entered)
    problem = Problem(
        auction=f"cow.{auction.id}.{number}",
        deadline_seconds=snapshot.time_seconds,
        solver_seed=_bytes32("clearway/cow-replay-seed/1", auction.id, number),
        deployment_salt=_bytes32("clearway/cow-replay-salt/1", auction.id, number),
        snapshot_hash=snapshot_hash(snapshot),
        snapshot=snapshot,
        intents=tuple(sorted(intents, key=lambda intent: intent.id)),
        holdings=_holdings(intents, counts),
        provenance={"format": "cow-replay", "auction": auction.id, "number": number},
    )
    by_uid = {intent.id.rsplit(".", 1)[1]: intent for intent in intents}
    solutions: dict[str, list[Solution]] = defaultdict(list)
    for item in entered:
        solutions[item.solver].append(_solution(problem, item, by_uid))
    proposals = {
        solver: Proposal(solutions=tuple(made), stopped_by="finished", work=0) for solver, made in solutions.items()
    }
    return RecordedAuction(problem, proposals, dict(sorted(left_out.items())))


def _fault(auction: Auction, uid: str, sold: int, bought: int) -> str:
    """Why no fill or quote can be made of a trade; empty where one can."""
    book = auction.orders.get(uid)
    if book is None:
        return "order_not_in_auction"
    if book.order is None:
        return book.reason
    if book.sell_token == book.buy_token:
        return "same_token"
    if not min(sold, bought) > 0 or max(sold, bought, book.order.sell, book.order.buy) >= AMOUNT_LIMIT:
        return "amount_out_of_range"
    return "order_filled" if _filled(auction, book) >= _whole(book.order) else ""


def _whole(order: Order) -> int:
    return order.sell if order.kind == "sell" else order.buy


def _filled(auction: Auction, book: BookOrder) -> int:
    return amount_of({book.id: auction.executed.get(book.id)}, book.id, f"/{auction.id}/orders")


def _solver(name: str) -> str:
    """The name in the spelling of accounts: lowered, other characters as %xx."""
    spelled = _OTHERS.sub(lambda found: "".join(f"%{byte:02x}" for byte in found[0].encode()), name.lower())
    if not is_identifier("owner", solver_account(spelled)):
        raise FeedError("malformed", "/solver", expected="a name of 1 to 128 characters", actual=repr(name)[:60])
    return spelled


def _bytes32(tag: str, auction: int, number: int) -> str:
    return "0x" + content_hash(tag, str(auction), str(number)).removeprefix("sha256:")


def _asset(token: str) -> str:
    if not ADDRESS.match(token):
        raise FeedError("malformed", "/orders", expected="a 20-byte address in hex", actual=repr(token)[:60])
    return asset_of(PLACE, token)


def _valid_until(uid: str) -> int:
    return int(uid[-8:], 16)


def _intent(auction: Auction, book: BookOrder, number: int, position: int) -> Intent:
    """The position among the orders is the nonce: an owner's several orders stay apart."""
    uid, order = uid_of({"uid": book.id}, "uid", "/orders"), book.order
    assert order is not None  # noqa: S101 - _fault let none through
    divisible = flag_of({"partiallyFillable": book.divisible}, "partiallyFillable", f"/orders/{uid}")
    sold, bought = _asset(book.sell_token), _asset(book.buy_token)
    outcome = Outcome(
        owner="0x" + uid[66:106],
        receiver="0x" + uid[66:106],
        nonce=position,
        valid_from=0,
        valid_until=_valid_until(uid),
        pays={sold: order.sell},
        receives={bought: order.buy},
        units=_whole(order) if divisible else 1,
        fill_policy="partial" if divisible else "all_or_none",
        surplus_asset=bought if order.kind == "sell" else sold,
    )
    filled = _filled(auction, book) if divisible else 0
    return Intent(id=f"import:cow.{number}.{uid}", outcome=outcome, filled_units=filled)


def _snapshot(auction: Auction, named: Sequence[str], entered: Sequence[_Entered]) -> Snapshot:
    books = [auction.orders[uid] for uid in named]
    tokens = sorted({token for book in books for token in (book.sell_token, book.buy_token)})
    time = max(0, min((_valid_until(uid) for uid in named), default=1) - 1)

    def price(wei: int, units: int) -> ReferencePrice:
        return ReferencePrice(ratio=(wei, units), source=f"auction {auction.id}", method=METHOD, time_seconds=time)

    prices = {
        _asset(token): price(wei, ONE)
        for token in tokens
        if (wei := auction.prices.get(token)) is not None and 0 < wei < AMOUNT_LIMIT
    }
    venues = [
        RfqState(
            id=_quote_id(item, position),
            maker="import:quotes",
            asset_in=_asset(auction.orders[trade.order].sell_token),
            asset_out=_asset(auction.orders[trade.order].buy_token),
            ranges=(QuoteRange(least=trade.sold, most=trade.sold, price=(trade.bought, trade.sold)),),
            expiry_seconds=LAST_SECOND,
            exclusive_to=(solver_account(item.solver),),
        )
        for item in entered
        for position, trade in enumerate(item.bid.trades)
    ]
    assets = {NUMERAIRE, *map(_asset, tokens)}
    return Snapshot(
        time_seconds=time,
        numeraire=NUMERAIRE,
        chains={PLACE: Chain()},
        assets={asset: Asset(decimals=0, symbol=asset.rsplit(":", 1)[1]) for asset in sorted(assets)},
        prices={**prices, NUMERAIRE: price(1, 1)},
        venues=tuple(sorted(venues, key=lambda venue: venue.id)),
    )


def _quote_id(item: _Entered, position: int) -> str:
    return f"{PLACE}/rfq:{item.solver}.{item.index}.{position}"


def _holdings(intents: Sequence[Intent], solvers: Mapping[str, int]) -> dict[str, dict[str, Holding]]:
    paid: dict[str, Counter[str]] = defaultdict(Counter)
    for intent in intents:
        outcome = intent.outcome
        for asset, amount in outcome.pays.items():
            paid[outcome.owner][asset] += amount
    for solver in solvers:
        paid[solver_account(solver)] = Counter()
    return {
        owner: {asset: Holding(amount=amount) for asset, amount in sorted(held.items())}
        for owner, held in sorted(paid.items())
    }


def _solution(problem: Problem, item: _Entered, by_uid: Mapping[str, Intent]) -> Solution:
    """A pair's price is that of its first trade: a bid that has two is one that our rules refuse."""
    fills, legs = [], []
    prices: dict[str, tuple[int, int]] = {}
    for position, trade in enumerate(item.bid.trades):
        intent = by_uid[trade.order]
        outcome = intent.outcome
        (sold,), (bought,) = outcome.pays, outcome.receives
        units = trade.sold if outcome.surplus_asset == bought else trade.bought
        ins, outs = {sold: trade.sold}, {bought: trade.bought}
        fills.append(Fill(intent=intent.id, units=1 if outcome.units == 1 else units, ins=ins, outs=outs))
        legs.append(Leg(venue=_quote_id(item, position), ins=ins, outs=outs))
        prices.setdefault(intent.group, (trade.bought, trade.sold))
    return Solution(fills=tuple(fills), legs=tuple(legs), prices=prices, problem=problem.hash, solver=item.solver)
