"""What contention claims about sets of bids is what their replays say, over random crowded worlds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from random import Random
from typing import Any

import pytest

from engine.auction.contention import Contention
from engine.auction.problem import Intent, Problem
from engine.auction.replay import Bid, Replayed, replay
from engine.auction.select import Candidate, NoGood, decide
from engine.auction.solution import Fill, Leg, Solution, Transfer
from engine.auction.verdict import Fault
from engine.market.margin.place import PlaceRisk
from engine.market.venues import AnyVenueState, kind_of
from engine.market.venues.base import Trade, TradeRefusedError, VenueState
from engine.market.venues.order_book import Level, OrderBookState
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.identifiers import solver_account
from intents.outcome import ExposureBound
from tests.auction.builders import (
    ALICE,
    ANN,
    BEN,
    BOB,
    BTC,
    CAROL,
    DAI,
    ETH,
    GAS,
    NOW,
    USD,
    book,
    intent,
    option,
    place_risk,
    pool,
    problem,
    row,
)

C9, C10 = option(9000), option(10_000)
BOUNDS = tuple(ExposureBound(underlying="BTC", measure="delta", low=-size, high=size) for size in (3, 15))
BOOK, WEIGHTED, POOLS = (
    "sim:alpha/book:eth-usd",
    "sim:alpha/pool:weighted",
    ("sim:alpha/pool:one", "sim:alpha/pool:two"),
)


def states(depth: int = 10**6) -> list[AnyVenueState]:
    """Two pools, a weighted pool of three tokens and a book, all shallow."""
    tokens = {asset: WeightedToken(balance=depth, weight=10**18 // 4, decimals=6) for asset in (ETH, USD, DAI)}
    return [
        pool(POOLS[0], {ETH: 5_000, USD: 5_000}),
        pool(POOLS[1], {USD: 900, DAI: 900}),
        WeightedState(id=WEIGHTED, gas_units=100, tokens=tokens, fee=10**15),
        OrderBookState(
            id=BOOK,
            gas_units=100,
            base=ETH,
            quote=USD,
            tick=(1, 1),
            lot=1,
            bids=(Level(price=1, size=95),),
            asks=(Level(price=2, size=50),),
        ),
    ]


Place = tuple[str, str | None, tuple[str, str]]
PLACES: tuple[Place, ...] = (
    (POOLS[0], None, (ETH, USD)),
    (POOLS[0], None, (ETH, USD)),
    (POOLS[0], None, (USD, ETH)),
    (POOLS[1], None, (USD, DAI)),
    (POOLS[1], None, (DAI, USD)),
    (WEIGHTED, None, (ETH, USD)),
    (WEIGHTED, None, (USD, DAI)),
    (WEIGHTED, None, (USD, ETH)),
    (BOOK, "bid:0", (ETH, USD)),
    (BOOK, "ask:0", (USD, ETH)),
)
"""Where an intent may be served."""


PILE = (PLACES[3], *((WEIGHTED, None, pair) for pair in ((ETH, USD), (ETH, DAI), (DAI, USD), (DAI, USD))))
"""Two pools that everybody wants."""


def crowded(
    seed: int,
    *,
    count: int,
    places: Sequence[Place] = PLACES,
    most: int = 2,
    held: Sequence[int] = (90, 1000),
    depth: int = 10**6,
) -> tuple[Problem, list[Bid]]:
    """A problem whose owners hold too little for all their intents, and bids that are feasible one by one."""
    random = Random(seed)
    wishes: list[Intent] = []
    served = {}
    for number in range(count):
        venue, level, (paid, received) = random.choice(places[:: random.choice((1, 1, 2))])
        owner = random.choice((ALICE, BOB, CAROL))
        receiver = random.choice((owner, owner, ALICE))
        amount = random.choice((20, 60, 90, random.randint(1, 150)))
        # A wish that restricts venues is no plain swap, so it is a group of its own.
        wish = intent(
            str(number), {paid: amount}, {received: 1}, owner=owner, receiver=receiver, allowed_venues=("sim:alpha",)
        )
        wishes.append(wish)
        served[wish.id] = (venue, level, paid, received, amount)
    holdings = {owner: {asset: random.choice(held) for asset in (ETH, USD, DAI)} for owner in (ALICE, BOB, CAROL)}
    gas = {solver_account(name): {GAS: random.choice((500, 2_000)), USD: 30} for name in (ANN, BEN)}
    question = problem(wishes, states=states(depth), holdings=holdings | gas)
    bids = []
    for number in range(count):
        chosen = random.sample(wishes, random.choice((1, 1, most)))
        solution = _serve(random, question, [(wish, *served[wish.id]) for wish in chosen])
        bid = Bid(f"{random.randrange(100):02}-{number}", random.choice((ANN, BEN)), solution)
        if isinstance(replay(question, [bid]), Replayed):
            bids.append(bid)
    return question, bids


def _serve(random: Random, question: Problem, served: list[tuple[Intent, str, str | None, str, str, int]]) -> Solution:
    """Each wish through its venue, promising what the venue gives to it alone, or a little less."""
    fills, legs, states = [], [], dict[str, VenueState]()
    for wish, venue, level, paid, received, amount in served:
        state = states.get(venue, question.venues_by_id[venue])
        try:
            output, states[venue] = kind_of(state).execute(state, "anyone", Trade(paid, amount, received, level), NOW)
        except TradeRefusedError:
            output = 1
        stated = max(1, output - random.choice((0, 0, 1, 2)))
        fills.append(Fill(intent=wish.id, units=amount, ins={paid: amount}, outs={received: stated}))
        legs.append(Leg(venue=venue, level=level, ins={paid: amount}, outs={received: stated}))
    lent = Transfer(give={USD: 20}, take={USD: 20}, stage=0)
    later = Transfer(give={USD: 20}), Transfer(take={USD: 20}, stage=1)
    return Solution(fills=tuple(fills), legs=tuple(legs), transfers=random.choice(((), (), (lent,), later)))


def piled(seed: int, *, count: int) -> tuple[Problem, list[Bid]]:
    """Bids with up to three legs, all at two pools."""
    return crowded(seed, count=count, places=PILE, most=3, held=(10_000,), depth=600)


def disjoint_sets(question: Problem, bids: list[Bid]) -> dict[frozenset[str], Fault | None]:
    """Every set that is disjoint in groups, with its fault."""
    sets: dict[frozenset[str], Fault | None] = {}
    for size in range(len(bids) + 1):
        for chosen in combinations(bids, size):
            groups = [group for bid in chosen for group in bid.groups(question)]
            if len(groups) == len(set(groups)):
                result = replay(question, chosen)
                sets[frozenset(bid.id for bid in chosen)] = result if isinstance(result, Fault) else None
    return sets


def escrowed(seed: int, *, count: int, risk: PlaceRisk | None = None) -> tuple[Problem, list[Bid]]:
    """Two people write and buy calls at two books, and lean on the same coins and on each other's hedges."""
    random = Random(seed)
    books = [book(asset, asks=[(90, 2000)], bids=[(80, 700)], lot=100) for asset in (C9, C10)]
    if risk is not None:
        books.append(book(BTC, asks=[], bids=[(1000, 2000)], lot=10, quote=DAI, name="coins"))
    wishes, solutions = [], []
    for number in range(count):
        state = random.choice(books)
        assert isinstance(state, OrderBookState)
        sells, amount = random.random() < 0.6, random.choice((100, 200, 400))
        coins = amount * 80 // 1000 if sells else amount * 90 // 1000
        give, get = ((state.base, amount), (BTC, coins)) if sells else ((BTC, coins), (state.base, amount))
        if state.base == BTC:  # takes collateral away
            sells, give, get = True, (BTC, amount // 10), (DAI, amount // 10)
        owner = random.choice((ALICE, BOB))
        most = {BTC: random.choice((10, 40, 400))}
        receiver = random.choice((owner, owner, ALICE))
        more: dict[str, Any] = (
            {"exposure_bounds": (random.choice(BOUNDS),)} if risk is not None and random.random() < 0.3 else {}
        )
        wish = intent(
            str(number),
            dict([give]),
            dict([get]),
            owner=owner,
            receiver=receiver,
            surplus=BTC,
            max_escrow=most,
            **more,
        )
        wishes.append(wish)
        level = "bid:0" if sells else "ask:0"
        solutions.append(
            Solution(
                fills=(Fill(intent=wish.id, units=wish.outcome.units, ins=dict([give]), outs=dict([get])),),
                legs=(Leg(venue=state.id, level=level, ins=dict([give]), outs=dict([get])),),
            )
        )
    coins_held = {owner: {BTC: random.choice((90, 400)), C9: random.choice((0, 200))} for owner in (ALICE, BOB)}
    question = problem(wishes, states=books, holdings=coins_held, risk=risk)
    bids = [Bid(f"{random.randrange(100):02}-{i}", ANN, solution) for i, solution in enumerate(solutions)]
    return question, [bid for bid in bids if isinstance(replay(question, [bid]), Replayed)]


def margined(seed: int, *, count: int) -> tuple[Problem, list[Bid]]:
    """The same two people with margin accounts, and some with bounds on their delta."""
    rows = {
        C9: row(-300_000, 500_000, mark=85_000, greeks=(500_000, 0, 0)),
        C10: row(-200_000, 700_000, mark=85_000, greeks=(300_000, 0, 0)),
    }
    return escrowed(seed, count=count, risk=place_risk(rows, haircut_bps=100))


WORLDS = {crowded: 40, piled: 40, escrowed: 40, margined: 16}
"""How many of each."""


@pytest.mark.parametrize(("world", "seed"), [(world, seed) for world, most in WORLDS.items() for seed in range(most)])
def test_every_no_good_is_true_and_selection_equals_brute_force(
    world: Callable[..., tuple[Problem, list[Bid]]], seed: int
) -> None:
    question, bids = world(seed, count=7)
    contention = Contention(question, bids)
    sets = disjoint_sets(question, bids)
    explained = [contention.explain(fault, ids) for ids, fault in sets.items() if fault is not None]

    for no_good in (*contention.no_goods, *explained):
        for ids, fault in sets.items():
            if no_good.present <= ids and not no_good.absent & ids:
                assert fault is not None, f"{no_good} refuses {ids}"
    for ids, fault in sets.items():
        assert fault is None or falls_under(contention.explain(fault, ids), ids)

    random = Random(seed)
    candidates = [
        Candidate(
            bid.id,
            f"{random.random():.12f}",
            {group: random.randint(0, 9) for group in bid.groups(question)},
            contention.resources[bid.id],
        )
        for bid in bids
    ]
    decision = decide(candidates, contention.judge, contention.no_goods, work=100_000)

    kept = {c.id: c for c in candidates if c.id not in decision.filtered}
    feasible = [ids for ids, fault in sets.items() if fault is None and ids <= kept.keys()]
    best = max(sum(kept[i].score for i in ids) for ids in feasible)
    ties = [ids for ids in feasible if sum(kept[i].score for i in ids) == best]
    first = min(ties, key=lambda ids: [*sorted(kept[i].tie_key for i in ids), "~"])
    assert decision.winners.ids == tuple(sorted(first))


def falls_under(no_good: NoGood, ids: frozenset[str]) -> bool:
    return no_good.present <= ids and not no_good.absent & ids


def test_the_worlds_above_contend_for_everything() -> None:
    codes = set()
    pairs = 0
    for seed in range(40):
        question, bids = crowded(seed, count=7)
        codes |= {fault.code for fault in disjoint_sets(question, bids).values() if fault is not None}
        pairs += len(Contention(question, bids).no_goods)

    assert codes == {"output_overstated", "insufficient_balance", "level_overdrawn"}
    assert pairs > 20
    several = 0
    for seed in range(40):
        question, bids = piled(seed, count=7)
        pools = Contention(question, bids).no_goods
        several += sum(len(bid.solution.legs) > 1 for bid in bids if any(bid.id in pair.present for pair in pools))
    assert several > 20
    for seed in range(20):
        question, bids = escrowed(seed, count=7)
        codes |= {fault.code for fault in disjoint_sets(question, bids).values() if fault is not None}
        if seed < 8:
            question, bids = margined(seed, count=7)
            codes |= {fault.code for fault in disjoint_sets(question, bids).values() if fault is not None}
    assert codes >= {"uncovered_short", "escrow_over_max", "insufficient_margin", "exposure_out_of_bounds"}


def test_collateral_is_taken_away_once_where_margin_needs_the_rest() -> None:
    """Neither bid touches a derivative; alone each leaves 500 for the 499 that the short call needs."""
    state = book(BTC, asks=[], bids=[(1000, 2000)], lot=10, quote=DAI, name="coins")
    wishes = [intent(name, {BTC: 90}, {DAI: 90}, allowed_venues=("deribit:main",)) for name in ("a", "b")]
    risk = place_risk({C9: row(0, 4_989)})
    held = {ALICE: {BTC: 5_100, C9: -(10**6)}}
    question = problem(wishes, states=[state], holdings=held, extra_assets=(C9,), risk=risk)
    bids = [
        Bid(
            wish.id,
            ANN,
            Solution(
                fills=(Fill(intent=wish.id, units=90, ins={BTC: 90}, outs={DAI: 90}),),
                legs=(Leg(venue=state.id, level="bid:0", ins={BTC: 90}, outs={DAI: 90}),),
            ),
        )
        for wish in wishes
    ]
    both = frozenset(bid.id for bid in bids)

    contention = Contention(question, bids)

    assert [contention.judge(frozenset({bid.id})) for bid in bids] == [None, None]
    assert contention.judge(both) == NoGood(both)
    assert all(names == {f"escrow {ALICE}"} for names in contention.resources.values())


def test_what_cannot_run_short_is_no_contention() -> None:
    wishes = [
        intent(name, {ETH: 10}, {USD: 1}, owner=owner, allowed_venues=("sim:alpha",))
        for name, owner in (("a", ALICE), ("b", BOB))
    ]
    question = problem(wishes, states=states())
    bids = [
        Bid(
            wish.id,
            ANN,
            Solution(
                fills=(Fill(intent=wish.id, units=10, ins={ETH: 10}, outs={USD: 10}),),
                legs=(Leg(venue=BOOK, level="bid:0", ins={ETH: 10}, outs={USD: 10}),),
            ),
        )
        for wish in wishes
    ]

    contention = Contention(question, bids)

    assert set(contention.resources.values()) == {frozenset()}
    assert contention.no_goods == ()
