"""What contention finds in small worlds, told in full: resources by bid, pairs that exclude each other, explanations."""

from __future__ import annotations

import pytest

from engine.auction.contention import Contention, most_output
from engine.auction.replay import Bid
from engine.auction.select import NoGood
from engine.auction.solution import Fill, Leg, Solution, Transfer
from engine.auction.verdict import Fault
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import Trade
from engine.market.venues.bridge import BridgeState
from engine.market.venues.order_book import Level, OrderBookState
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.identifiers import solver_account
from tests.auction.builders import (
    ALICE,
    ANN,
    BETA_GAS,
    BETA_USD,
    BOB,
    BRIDGE,
    BTC,
    CAROL,
    DAI,
    ETH,
    GAS,
    NOW,
    ODD,
    POOL,
    USD,
    book,
    bridge,
    give,
    intent,
    leg,
    option,
    output,
    pool,
    problem,
    take,
)

BOOK, WEIGHTED = "sim:alpha/book:eth-usd", "sim:alpha/pool:weighted"
LEVELS = OrderBookState(
    id=BOOK,
    base=ETH,
    quote=USD,
    tick=(1, 1),
    lot=1,
    bids=(Level(price=2, size=95), Level(price=1, size=30)),
    asks=(Level(price=3, size=50), Level(price=4, size=60)),
)


def weighted(*, eth: int = 10**14, usd: int = 3 * 10**14 + 1, dai: int = 2 * 10**14) -> WeightedState:
    """Three tokens of one weight."""
    balances = {ETH: eth, USD: usd, DAI: dai}
    tokens = {asset: WeightedToken(balance=n, weight=10**18 // 4, decimals=6) for asset, n in balances.items()}
    return WeightedState(id=WEIGHTED, tokens=tokens, fee=10**15)


Offer = tuple[tuple[str, ...], Solution]
"""The wishes that it fills, and how."""


def offer(wishes: str, *parts: Leg | Transfer) -> Offer:
    """Fills each wish with what nobody is short of."""
    names = tuple(wishes.split())
    return names, Solution(
        fills=tuple(Fill(intent=f"import:{wish}", units=1, ins={DAI: 1}, outs={ODD: 1}) for wish in names),
        legs=tuple(part for part in parts if isinstance(part, Leg)),
        transfers=tuple(part for part in parts if isinstance(part, Transfer)),
    )


def found(states: list[AnyVenueState], offers: dict[str, Offer]) -> Contention:
    """The contention of the bids, each wish being a group of its own: the same whatever the order of bids."""
    wishes = [
        intent(wish, {DAI: 1}, {ODD: 1}, owner=f"import:owner-{wish}", allowed_venues=("sim:alpha",))
        for wish in sorted({wish for names, _ in offers.values() for wish in names})
    ]
    rich = {GAS: 10**6, BETA_GAS: 10**6, USD: 30}
    question = problem(wishes, states=states, holdings={solver_account(ANN): rich})
    bids = [Bid(name, ANN, solution) for name, (_, solution) in offers.items()]
    contention, reverse = Contention(question, bids), Contention(question, bids[::-1])
    assert (contention.resources, contention.no_goods) == (reverse.resources, reverse.no_goods)
    return contention


def buy(paid: int) -> Leg:
    """From the second ask, four USD for one ETH."""
    return leg(BOOK, {USD: paid}, {ETH: 1}, level="ask:1")


def sell(amount: int, level: str) -> Leg:
    """To a bid of the book."""
    return leg(BOOK, {ETH: amount}, {USD: 1}, level=level)


def carry(amount: int) -> Leg:
    """Over the bridge."""
    return leg(BRIDGE, {USD: amount}, {BETA_USD: 1})


def no_good(present: str, absent: str = "") -> NoGood:
    """By bids of one letter."""
    return NoGood(frozenset(present), frozenset(absent))


def at(resource: str, code: str = "output_overstated") -> Fault:
    """A fault of a joint replay."""
    return Fault(code, "", "", "", resource=resource)


def contended(contention: Contention) -> dict[str, str]:
    """By resource the bids, of one letter each."""
    names = {name for touched in contention.resources.values() for name in touched}
    return {n: "".join(sorted(bid for bid, own in contention.resources.items() if n in own)) for n in sorted(names)}


# -- The most that a trade can give -----------------------------------------------------------------------------------


def test_the_most_of_a_constant_product_pool_is_its_output_after_what_is_certain() -> None:
    state, trade = pool(POOL, {ETH: 5_000, USD: 7_000}), Trade(ETH, 900, USD)

    assert most_output(state, trade, 0, 0, NOW) == output(state, ETH, 900, USD)
    assert most_output(state, trade, 700, 400, NOW) == output(pool(POOL, {ETH: 5_700, USD: 6_600}), ETH, 900, USD)


def test_the_most_of_a_weighted_pool_has_a_margin_for_the_power() -> None:
    state, after = weighted(), weighted(eth=10**14 + 7 * 10**12, usd=3 * 10**14 + 1 - 5 * 10**12)

    most = most_output(state, Trade(ETH, 10**12, USD), 7 * 10**12, 5 * 10**12, NOW)

    assert most == output(after, ETH, 10**12, USD) + 31 + 2


def test_what_a_pool_refuses_it_gives_nothing_for_unless_more_could_change_that() -> None:
    small, large = pool(POOL, {ETH: 5_000, USD: 7}), pool(POOL, {ETH: 2**112 - 100, USD: 2**100})

    assert most_output(small, Trade(ETH, 3, USD), 0, 0, NOW) == 0
    assert most_output(large, Trade(ETH, 2**100, USD), 0, 0, NOW) == 0
    assert most_output(weighted(usd=10**14), Trade(ETH, 1, USD), 10**15, 0, NOW) == 10 + 2
    assert most_output(weighted(), Trade(ETH, 10**14, USD), 0, 0, NOW) is None
    for state in (small, weighted()):
        most = most_output(state, Trade(ETH, 10**5, USD), 0, 10**15, NOW)
        assert most is not None
        assert most <= 0


def test_nothing_is_said_of_other_kinds() -> None:
    assert most_output(LEVELS, Trade(ETH, 10, USD, "bid:0"), 0, 0, NOW) is None
    assert most_output(bridge(), Trade(USD, 10_000, BETA_USD), 0, 0, NOW) is None


# -- Stocks -----------------------------------------------------------------------------------------------------------


def test_levels_are_contended_where_takes_can_exceed_them() -> None:
    contention = found(
        [LEVELS],
        {
            "a": offer("a", buy(80), buy(83)),
            "b": offer("b", buy(80)),
            "c": offer("c", buy(4)),
            "d": offer("d", buy(100)),
            "e": offer("e", sell(90, "bid:0")),
            "f": offer("f", sell(5, "bid:0")),
            "g": offer("g", sell(20, "bid:1")),
            "h": offer("h", sell(11, "bid:1")),
        },
    )

    assert contended(contention) == {f"{BOOK}#ask:1": "abcd", f"{BOOK}#bid:1": "gh"}
    assert contention.no_goods == (no_good("ad"), no_good("gh"))
    overdrawn = at(f"{BOOK}#ask:1", "level_overdrawn")
    assert contention.explain(overdrawn, frozenset("abce")) == no_good("abc")
    assert contention.explain(overdrawn, frozenset("abcd")) == no_good("ad")
    assert contention.judge(frozenset("abce")) == no_good("abc")


def test_a_bridge_is_contended_by_its_outputs() -> None:
    state = bridge().model_copy(update={"capacity": 2_997})
    assert isinstance(state, BridgeState)

    one = found([state], {"a": offer("a", carry(1_000), carry(1_000)), "b": offer("b", carry(1_000))})
    two = found([state], {"a": offer("a", carry(1_000), carry(1_000)), "b": offer("b", carry(1_002))})

    assert (contended(one), one.no_goods) == ({}, ())
    assert (contended(two), two.no_goods) == ({BRIDGE: "ab"}, (no_good("ab"),))


def test_rivals_for_a_group_never_take_together() -> None:
    even = {"a": offer("x", buy(160)), "b": offer("x", buy(160)), "c": offer("y", buy(80))}
    over = even | {"c": offer("y", buy(84)), "d": offer("x y", buy(240))}

    assert contended(found([LEVELS], even)) == {}
    # Cliques from the heaviest bid on show that at most 60 is taken; from the lightest on they would say 66.
    chain = {
        "a": offer("ab ad", buy(48)),
        "b": offer("ab", buy(48)),
        "c": offer("cd", buy(168)),
        "d": offer("ad cd", buy(192)),
    }
    assert contended(found([LEVELS], chain)) == {}
    contention = found([LEVELS], over)
    assert contended(contention) == {f"{BOOK}#ask:1": "abcd"}
    assert contention.no_goods == (no_good("ac"), no_good("bc"))


def test_the_coins_of_a_solver_are_a_stock_that_others_may_add_to() -> None:
    stock = f"{solver_account(ANN)} {USD}"
    contention = found(
        [LEVELS],
        {
            "a": offer("a", give(USD, 10), give(USD, 10, stage=1)),
            "b": offer("b", give(USD, 11)),
            "c": offer("c", take(USD, 20, stage=2)),
            "d": offer("d", give(USD, 5), take(USD, 5)),
            "e": offer("e", give(USD, 10)),
            "f": offer("f", give(USD, 1), take(USD, 1, stage=1)),
        },
    )

    assert contended(contention) == {stock: "abcef"}
    assert contention.no_goods == (no_good("ab", "cf"),)
    short = at(stock, "insufficient_balance")
    assert contention.explain(short, frozenset("abde")) == no_good("ab", "cf")
    assert contention.explain(short, frozenset("abcd")) == no_good("abc", "ef")
    assert contention.explain(short, frozenset("ae")) == no_good("ae", "bcf")


def test_the_derivatives_of_solvers_are_stocks_and_those_of_others_a_matter_of_escrow() -> None:
    call = option(9000)
    sells = intent("w", {call: 10}, {BTC: 1}, owner=ALICE, surplus=BTC)
    pays, other = intent("x", {BTC: 20}, {ETH: 1}, owner=ALICE), intent("y", {BTC: 20}, {ETH: 1}, owner=BOB)
    gets = intent("z", {DAI: 1}, {call: 10}, owner=CAROL, surplus=DAI)
    again = intent("v", {call: 10}, {BTC: 1}, owner=ALICE, surplus=BTC, allowed_venues=("deribit:main",))
    question = problem(
        [sells, pays, other, gets, again],
        states=[book(call, asks=[(90, 2000)])],
        holdings={solver_account(ANN): {call: 15}, ALICE: {BTC: 100, call: 10}},
    )
    bids = [
        Bid(
            name,
            ANN,
            Solution(
                fills=tuple(
                    Fill(intent=each.id, units=1, ins=each.outcome.pays, outs=each.outcome.receives) for each in filled
                ),
                transfers=(give(call, amount),) if amount else (),
            ),
        )
        for name, filled, amount in (
            ("a", [sells], 10),
            ("b", [pays], 10),
            ("c", [other], 0),
            ("d", [gets], 0),
            ("e", [again], 0),
        )
    ]

    contention = Contention(question, bids)

    assert contended(contention) == {f"escrow {ALICE}": "abe", f"{solver_account(ANN)} {call}": "ab"}
    assert contention.no_goods == (no_good("ab"),)
    for code in ("uncovered_short", "escrow_over_max"):
        assert contention.explain(at(f"{ALICE} {BTC}", code), frozenset("acd")) == no_good("a", "be")
    assert contention.explain(at(f"{CAROL} {BTC}", "uncovered_short"), frozenset("acd")) == no_good("d")


# -- Pools ------------------------------------------------------------------------------------------------------------


def through(state: AnyVenueState, *trades: tuple[str, int, str], more: int = 0) -> list[Leg]:
    """Legs one after the other, each stating all that the pool gives to them alone; the last states `more`."""
    legs = []
    for source, amount, target in trades:
        got, state = kind_of(state).execute(state, "anyone", Trade(source, amount, target), NOW)
        legs.append(leg(state.id, {source: amount}, {target: got}))
    last = legs[-1]
    ((target, got),) = last.outs.items()
    return [*legs[:-1], last.model_copy(update={"outs": {target: got + more}})]


def after(state: AnyVenueState, *trades: tuple[str, int, str]) -> AnyVenueState:
    """The pool after trades."""
    for source, amount, target in trades:
        state = kind_of(state).execute(state, "anyone", Trade(source, amount, target), NOW)[1]
    return state


def test_a_pool_crowded_from_one_side_refuses_what_its_output_cannot_bear() -> None:
    """Bids with two legs; the later bid states exactly what the first leaves to its second leg, or one unit more."""
    state = pool(POOL, {ETH: 5_000, USD: 9_000})
    first, second = [(ETH, 300, USD), (ETH, 200, USD)], [(ETH, 100, USD), (ETH, 50, USD)]
    back = through(state, (USD, 40, ETH), (USD, 30, ETH))

    def with_second(more: int) -> Contention:
        return found(
            [state],
            {
                "a": offer("a", *through(state, *first)),
                "b": offer("b", *through(after(state, *first), *second, more=more)),
                "c": offer("a", *through(state, *first)),
                "h": offer("h", *back[:1]),
                "m": offer("m", *through(state, (ETH, 1, USD)), *back),
                "z": offer("z"),
            },
        )

    assert with_second(0).no_goods == ()
    contention = with_second(1)
    assert contended(contention) == {POOL: "abchm"}
    assert contention.no_goods == (no_good("ab", "hm"), no_good("bc", "hm"))
    refused = at(POOL)
    assert contention.explain(refused, frozenset("abz")) == no_good("ab", "hm")
    assert contention.explain(refused, frozenset("abhz")) == no_good("abh", "cm")
    assert contention.explain(refused, frozenset("az")) == no_good("a", "bchm")
    assert contention.judge(frozenset("abz")) == no_good("ab", "hm")


def test_either_side_of_a_pool_can_be_crowded() -> None:
    state = pool(POOL, {ETH: 9_000, USD: 5_000})
    contention = found(
        [state],
        {
            "a": offer("a", *through(state, (USD, 900, ETH))),
            "b": offer("b", *through(state, (USD, 50, ETH))),
            "c": offer("c", *through(state, (USD, 20, ETH))),
            "d": offer("d", *through(state, (ETH, 7, USD))),
        },
    )

    assert contention.no_goods == (no_good("ab", "d"), no_good("ac", "d"))
    assert contention.explain(at(POOL), frozenset("bc")) == no_good("bc", "ad")


@pytest.mark.parametrize("more", [0, 1])
def test_at_a_pool_of_three_tokens_other_pairs_crowd_and_help_too(more: int) -> None:
    state = weighted()
    before = [(ETH, 10**12, DAI), (DAI, 2 * 10**12, USD)]
    legs = through(state, *before)
    (removed,) = legs[1].outs.values()
    trade = Trade(ETH, 10**11, USD)
    most = most_output(state, trade, 10**12, removed, NOW)
    assert most is not None
    contention = found(
        [state],
        {
            "a": offer("a", *legs),
            "b": offer("b", leg(WEIGHTED, {ETH: 10**11}, {USD: most + more})),
            "p": offer("p", leg(WEIGHTED, {USD: 1000}, {DAI: 1})),
            "q": offer("q", leg(WEIGHTED, {DAI: 1000}, {ETH: 1})),
            "r": offer("r", leg(WEIGHTED, {ETH: 1000}, {DAI: 1})),
        },
    )

    assert contended(contention) == {WEIGHTED: "abpqr"}
    assert contention.no_goods == ((no_good("ab", "pq"),) if more else ())
