"""The network snapshot: what a problem without one looks like, what one must keep, what waiting costs, how it is made."""

from dataclasses import replace
from decimal import Decimal, getcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.auction.check_problem import check_problem
from engine.auction.problem import Problem
from engine.network.delay_price import PPM, YEAR_US, crowding_price_ppm, delay_price_ppm
from engine.network.outlook import ChainView, DepthView, NodeView, Outlook, network_snapshot
from engine.network.state import NetworkSnapshot
from intents.errors import InputError
from tests.solvers.small_worlds import pool, problem, swap, token

A, B = token("A"), token("B")
SERVICES = (400_000, 800_000, 1_200_000, 1_600_000)
NODES = tuple(
    NodeView(f"node{i}", f"operator{i}", "here", SERVICES, load=0, share_ppm=250_000, rtt_us=20_000) for i in range(4)
)
CALM = Outlook(
    chains={"sim:one": ChainView(NODES, arrivals_per_us=2e-6, inclusion_us=400_000), "sim:two": ChainView(NODES, 1e-6)},
    volatilities={A: 600_000, B: 0},
    depths={"sim:one/pool:ab": {A: DepthView(depth=1000, pending=100)}},
)


def question(network: NetworkSnapshot | None) -> Problem:
    plain = problem([swap("sell", A, 1000, B, 900)], [pool("ab", (A, 10**6), (B, 10**6))])
    return plain.model_copy(update={"network": network})


def test_a_problem_without_a_network_is_written_and_hashed_as_before_there_were_any() -> None:
    plain = question(None)

    assert "network" not in plain.to_wire()
    assert Problem.from_wire(plain.to_wire()).hash == plain.hash
    assert Problem.from_wire({**plain.to_wire(), "network": None}).hash == plain.hash


def test_a_network_is_part_of_the_hash_and_survives_the_wire() -> None:
    asked = question(network_snapshot(CALM, 7))

    check_problem(asked)
    read = Problem.from_wire(asked.to_wire())

    assert read == asked
    assert read.hash != question(None).hash
    assert read.hash != question(network_snapshot(CALM, 8)).hash


BROKEN: list[tuple[str, str, Any]] = [
    ("not_ascending", "/network/nodes", lambda n: n["nodes"].reverse()),
    ("unknown_chain", "/network/nodes/0/chain", lambda n: n["nodes"][0].update(chain="sim:aaa")),
    ("bad_shares", "/network/nodes", lambda n: n["nodes"][0].update(share_ppm=249_999)),
    ("bad_shares", "/network/nodes/1/share_ppm", lambda n: n["nodes"][1].update(health="ejected")),
    ("bad_interval", "/network/chains/sim:one", lambda n: n["chains"]["sim:one"].update(low_us=10**9)),
    ("unknown_chain", "/network/chains/sim:abc", lambda n: n["chains"].update({"sim:abc": n["chains"]["sim:two"]})),
    ("unknown_asset", "/network/volatilities/sim:one~1token:X", lambda n: n["volatilities"].update({token("X"): 1})),
    ("wrong_delay_price", "/network/delay_prices/sim:one~1token:A", lambda n: n["delay_prices"].update({A: 1})),
    ("wrong_delay_price", "/network/delay_prices/sim:one~1token:B", lambda n: n["delay_prices"].pop(B)),
    (
        "wrong_depth_price",
        "/network/depths/sim:one~1pool:ab/sim:one~1token:A/price_ppm",
        lambda n: n["depths"]["sim:one/pool:ab"][A].update(price_ppm=0),
    ),
    (
        "bad_depth",
        "/network/depths/sim:one~1pool:ab/sim:one~1token:A/depth",
        lambda n: n["depths"]["sim:one/pool:ab"][A].update(depth="0"),
    ),
    (
        "unknown_asset",
        "/network/depths/sim:one~1pool:ab/sim:one~1token:X",
        lambda n: n["depths"]["sim:one/pool:ab"].update({token("X"): n["depths"]["sim:one/pool:ab"][A]}),
    ),
    (
        "unknown_asset",
        "/network/derivatives/sim:one~1token:A",
        lambda n: n.update(derivatives={A: {"underlying": B, "leverage_permille": 1}}),
    ),
    (
        "unknown_underlying",
        "/network/derivatives/sim:one~1token:GAS/underlying",
        lambda n: n.update(derivatives={token("GAS"): {"underlying": token("GAS"), "leverage_permille": 1}}),
    ),
    (
        "wrong_delay_price",
        "/network/delay_prices/sim:one~1token:GAS",
        lambda n: n.update(derivatives={token("GAS"): {"underlying": A, "leverage_permille": 2000}}),
    ),
    (
        "unknown_venue",
        "/network/depths/sim:one~1pool:xy",
        lambda n: n["depths"].update({"sim:one/pool:xy": n["depths"]["sim:one/pool:ab"]}),
    ),
    ("malformed", "/network/delay_prices/sim:one~1token:A", lambda n: n["delay_prices"].update({A: PPM + 1})),
    ("unknown_field", "/network/mood", lambda n: n.update(mood="good")),
]


@pytest.mark.parametrize(("code", "where", "damage"), BROKEN, ids=[f"{code} {where[9:]}" for code, where, _ in BROKEN])
def test_a_network_that_can_not_be_is_refused_with_its_place(code: str, where: str, damage: Any) -> None:
    wire = question(network_snapshot(CALM, 7)).to_wire()
    damage(wire["network"])

    with pytest.raises(InputError) as refusal:
        check_problem(Problem.from_wire(wire))

    assert (refusal.value.code, refusal.value.where) == (code, where)


def test_delay_prices_are_those_of_the_reference_page() -> None:
    # sigma 60 % a year, in basis points: .54 at .4 s, .85 at 1 s, 1.21 at 2 s, 2.95 at 12 s, 6.6 at 60 s.
    prices = [delay_price_ppm(600_000, seconds) for seconds in (400_000, 10**6, 2 * 10**6, 12 * 10**6, 60 * 10**6)]

    assert prices == [54, 86, 121, 296, 661]


@settings(max_examples=200, derandomize=True, deadline=None)
@given(st.integers(0, 10**8), st.integers(0, 2**50), st.integers(0, 10_000))
def test_a_delay_price_is_the_formula_rounded_up(sigma_ppm: int, delay_us: int, k_permille: int) -> None:
    getcontext().prec = 60
    two_over_pi = Decimal("0.636619772367581343075535053490057448137838582961825794990669")
    exact = Decimal(k_permille) / 1000 * sigma_ppm * (Decimal(delay_us) / YEAR_US * two_over_pi).sqrt()

    price = delay_price_ppm(sigma_ppm, delay_us, k_permille)

    assert price == PPM or exact <= price < exact + 1 + exact * Decimal("1e-14")


@settings(max_examples=100, derandomize=True, deadline=None)
@given(st.integers(0, PPM), st.integers(1, 10**12), st.data())
def test_crowding_costs_little_at_first_ever_more_then_and_all_at_the_depth(
    move: int, depth: int, data: st.DataObject
) -> None:
    less, more = sorted(data.draw(st.tuples(st.integers(0, depth), st.integers(0, depth))))

    assert crowding_price_ppm(move, 0, depth) == 0
    assert crowding_price_ppm(move, less, depth) <= crowding_price_ppm(move, more, depth)
    assert crowding_price_ppm(move, depth, depth) == PPM
    if more < depth:
        assert crowding_price_ppm(move, more, depth) >= min(PPM, move * more // depth)


def delay_of(outlook: Outlook) -> int:
    return network_snapshot(outlook, 0).chains["sim:one"].delay_us


def with_nodes(*nodes: NodeView, arrivals_per_us: float = 2e-6) -> Outlook:
    return replace(CALM, chains={**CALM.chains, "sim:one": ChainView(nodes, arrivals_per_us, inclusion_us=400_000)})


def test_queues_arrivals_and_sick_nodes_lengthen_a_chains_delay_and_its_price() -> None:
    calm = network_snapshot(CALM, 0)
    chain = calm.chains["sim:one"]
    # Four nodes at a load of 1/2: service 1 s, wait .152 s (one queue: .087, shorter of two: .266), .02 s of distance, .4 s to
    # the block.
    assert 1_571_990 <= chain.delay_us <= 1_572_010
    assert chain.low_us < chain.delay_us < chain.high_us

    busier = with_nodes(*NODES, arrivals_per_us=3.6e-6)
    queued = with_nodes(*(replace(node, load=10) for node in NODES))
    ill = with_nodes(replace(NODES[0], services_us=tuple(8 * s for s in SERVICES)), *NODES[1:])
    flooded = with_nodes(*NODES, arrivals_per_us=5e-6)
    nobody = with_nodes(*(replace(node, share_ppm=0, health="ejected") for node in NODES))

    delays = [delay_of(outlook) for outlook in (CALM, busier, queued, flooded, nobody)]
    assert delays == sorted(delays)
    assert delay_of(ill) > 10 * delay_of(CALM)
    for outlook in (busier, queued, ill, flooded, nobody):
        made = network_snapshot(outlook, 0)
        check_problem(question(made))
        assert made.delay_prices[A] > calm.delay_prices[A]
        assert made.delay_prices[B] == 0
