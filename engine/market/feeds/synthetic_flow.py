"""The order flow of the synthetic world: who arrives before an auction, and what they deposit. See synthetic.py.

Each auction brings the same cast with drawn sizes: a seller who comes back every time with a loose limit, an opposing
pair and a ring of three that no pool could fill at their limits, transfers between chains with and without a refund, an
all-or-none and a buy order, a wish too greedy to be filled, and structures and payoffs on both option chains. Each owner
deposits what its new intents may pay and have to reserve.
"""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import Literal

from engine.auction.problem import Intent
from engine.market.demo import Deposits, demo_intent, demo_owner
from engine.market.feeds.synthetic_market import (
    ASSETS,
    CHAINS,
    EXCHANGE,
    EXPIRIES,
    LISTED,
    OPTION_DECIMALS,
    START_SECONDS,
    Draw,
    ListedOptions,
    MarketAsset,
    listed_expiries,
)
from engine.market.smile import Smile
from engine.market.snapshot import Snapshot
from engine.market.world import DEMO_SALT
from intents.instruments import Right
from intents.kinds import Terms, payoff, structure, swap
from intents.outcome import Knot, Outcome, PayoffFloor, is_derivative
from intents.values import ceil_div, shortest_decimal

VALID_SECONDS = 2 * 3600
"""Intents hold for two hours: longer than any sequence of bridges."""

ALPHA, BETA, GAMMA = CHAINS
BTC_OPTIONS, ETH_OPTIONS = LISTED


def arrivals(snapshot: Snapshot, auction: int, draw: Draw) -> tuple[list[Intent], Deposits]:
    """The new intents of an auction, and the deposits of their owners."""
    flow = _Flow(snapshot, auction, draw)
    _swaps(flow)
    _transfers(flow)
    _structures(flow)
    _payoffs(flow)
    return flow.intents, flow.deposits


class _Flow:
    """Collects signed intents and deposits."""

    def __init__(self, snapshot: Snapshot, auction: int, draw: Draw) -> None:
        self.intents: list[Intent] = []
        self.deposits: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        self.draw = draw
        self.expiries = listed_expiries(snapshot)
        self._time = snapshot.time_seconds
        self._auction = auction

    def terms(self, name: str, policy: Literal["partial", "all_or_none"] = "partial") -> Terms:
        return Terms(
            owner=demo_owner(name),
            nonce=self._auction,
            valid_from=self._time,
            valid_until=self._time + VALID_SECONDS,
            fill_policy=policy,
        )

    def add(self, name: str, outcome: Outcome) -> None:
        self.intents.append(demo_intent(outcome, name, DEMO_SALT))
        held = self.deposits[outcome.owner]
        for amounts in (outcome.pays, outcome.max_escrow):
            for asset, amount in amounts.items():
                if not is_derivative(asset):
                    held[asset] += amount

    def sell(
        self,
        name: str,
        paid: MarketAsset,
        received: MarketAsset,
        *,
        dollars: int,
        below_fair_bps: int,
        policy: Literal["partial", "all_or_none"] = "partial",
        refund: bool = False,
    ) -> None:
        """Sell about that much, at a limit below (or, negative, above) fair value."""
        value = Fraction(dollars) * self.draw.bps(2000)
        pay = (paid.id, paid.units(value))
        receive = (received.id, received.units(value * Fraction(10_000 - below_fair_bps, 10_000)))
        outcome = swap(self.terms(name, policy), "sell", pay=pay, receive=receive)
        if refund:
            outcome = outcome.model_copy(update={"refund": dict([pay])})
        self.add(name, outcome)


def _swaps(flow: _Flow) -> None:
    alpha, beta, gamma = (ASSETS[chain] for chain in CHAINS)
    flow.sell("alice", alpha["ETH"], alpha["USD"], dollars=40_000, below_fair_bps=600)
    flow.sell("bob", alpha["USD"], alpha["ETH"], dollars=30_000, below_fair_bps=5)
    flow.sell("carol", alpha["ETH"], alpha["USD"], dollars=20_000, below_fair_bps=5)
    for name, paid, received in (("dave", "ETH", "BTC"), ("erin", "BTC", "USD"), ("frank", "USD", "ETH")):
        flow.sell(name, beta[paid], beta[received], dollars=15_000, below_fair_bps=5)
    flow.sell("grace", gamma["GOV"], gamma["ETH"], dollars=4_000, below_fair_bps=250, policy="all_or_none")
    flow.sell("heidi", gamma["BTC"], gamma["USD"], dollars=10_000, below_fair_bps=-300)
    bought = beta["GOV"].units(3_000)
    limit = beta["USD"].units(3_200)
    buying = swap(flow.terms("ivan"), "buy", pay=(beta["USD"].id, limit), receive=(beta["GOV"].id, bought))
    flow.add("ivan", buying)


def _transfers(flow: _Flow) -> None:
    usd, eth = ({chain: ASSETS[chain][symbol] for chain in CHAINS} for symbol in ("USD", "ETH"))
    flow.sell("judy", usd[ALPHA], usd[BETA], dollars=5_000, below_fair_bps=60)
    flow.sell("kim", eth[BETA], eth[GAMMA], dollars=8_000, below_fair_bps=80, refund=True)
    flow.sell("leo", usd[GAMMA], eth[ALPHA], dollars=6_000, below_fair_bps=200, refund=True)
    exchange = ASSETS[EXCHANGE]["USD"]
    flow.sell("mia", usd[ALPHA], exchange, dollars=5_000, below_fair_bps=100, refund=True)


def _structures(flow: _Flow) -> None:
    near, far = flow.expiries
    _structure(flow, "nina", BTC_OPTIONS, near, [("C", 65_000, 1), ("C", 75_000, -1)], flow.draw.between(5, 20))
    _structure(flow, "olaf", ETH_OPTIONS, near, [("P", 2_300, -1), ("P", 1_900, 1)], flow.draw.between(10, 40))
    _structure(flow, "pia", ETH_OPTIONS, far, [("C", 2_500, 1), ("P", 2_500, 1)], flow.draw.between(5, 20))


def _structure(
    flow: _Flow, name: str, listed: ListedOptions, expiry: int, legs: list[tuple[Right, int, int]], quantity: int
) -> None:
    quote = ASSETS[EXCHANGE][listed.quote]
    bought = sum(_fair(flow, listed, expiry, strike, right) * ratio for right, strike, ratio in legs if ratio > 0)
    sold = sum(_fair(flow, listed, expiry, strike, right) * -ratio for right, strike, ratio in legs if ratio < 0)
    named = {listed.asset(expiry, strike, right): ratio for right, strike, ratio in legs}
    decimals = {quote.id: quote.decimals, **dict.fromkeys(named, OPTION_DECIMALS)}
    outcome = structure(
        flow.terms(name),
        legs=named,
        quantity=quantity,
        premium=quote.id,
        net_price=round(bought * Fraction(115, 100) - sold * Fraction(85, 100)),
        decimals=decimals,
    )
    flow.add(name, outcome)


def _fair(flow: _Flow, listed: ListedOptions, expiry: int, strike: int, right: Right) -> Fraction:
    """The smile's premium of one base unit of an option, in base units of its quote."""
    forward = ASSETS[ALPHA][listed.underlying].usd
    begun = START_SECONDS + flow.expiries[0] - EXPIRIES[0]  # what is quoted is as far ahead as at the start
    premium = Smile(forward, expiry - begun, *listed.smile).premium(Fraction(strike), right)
    whole = premium / forward if listed.style == "inverse" else premium
    return whole * Fraction(10) ** (ASSETS[EXCHANGE][listed.quote].decimals - OPTION_DECIMALS)


def _payoffs(flow: _Flow) -> None:
    near, far = flow.expiries
    lots = 10 * flow.draw.between(1, 3)
    # No listed put has this strike: a portfolio of the neighbours must be found.
    floor = [(0, 52_500), (52_500, 0)]
    _payoff(flow, "quinn", BTC_OPTIONS, near, corners=floor, slope=0, lots=lots, legs=[("P", 55_000)])
    wings = [(0, 2_200), (2_200, 0), (2_800, 0)]
    _payoff(flow, "rosa", ETH_OPTIONS, near, corners=wings, slope=1, lots=lots, legs=[("P", 2_300), ("C", 2_700)])
    collar = [(0, 50_000), (50_000, 0), (70_000, 0)]
    _payoff(flow, "sam", BTC_OPTIONS, far, corners=collar, slope=-1, lots=lots, legs=[("P", 50_000)])


def _payoff(
    flow: _Flow,
    name: str,
    listed: ListedOptions,
    expiry: int,
    *,
    corners: list[tuple[int, int]],
    slope: int,
    lots: int,
    legs: list[tuple[Right, int]],
) -> None:
    """A floor for `lots` options' worth of the underlying; the budget is a quarter above the fair price of the legs."""
    quote = ASSETS[EXCHANGE][listed.quote]
    scale = lots * 10**quote.decimals // 10**OPTION_DECIMALS
    fair = sum(_fair(flow, listed, expiry, strike, right) for right, strike in legs)
    floor = PayoffFloor(
        underlying=listed.underlying,
        index=f"simx.{listed.underlying.lower()}",
        fixing_seconds=expiry,
        settlement=quote.id,
        style=listed.style,
        knots=tuple(Knot(at=shortest_decimal(Fraction(at)), value=value * scale) for at, value in corners),
        slope=slope * scale,
    )
    outcome = payoff(
        flow.terms(name),
        floor=floor,
        budget=ceil_div(int(fair * lots * 5), 4),
        premium=quote.id,
        floor_units=lots,
        # A payoff that falls for ever beyond its last corner loses, in the coin, at most that slope.
        max_escrow={quote.id: -slope * scale} if slope < 0 else {},
    )
    flow.add(name, outcome)
