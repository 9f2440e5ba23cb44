"""Solvers that see the network: the same batch goes another way when a chain congests, a node falls ill, a pool fills up."""

from dataclasses import replace

import pytest

from engine.auction.problem import Problem
from engine.auction.solution import Proposal
from engine.auction.verify import verify
from engine.market.venues.constant_product import ConstantProductState
from engine.network.outlook import ChainView, DepthView, NodeView, Outlook, network_snapshot
from solvers.cpsat import SOLVER as CPSAT
from solvers.greedy import SOLVER as GREEDY
from solvers.lp import SOLVER as LP
from solvers.protocol import Budget, Solver
from tests.solvers.small_worlds import bridge, pool, problem, swap, token

A, B = token("A"), token("B")
FAR_A, FAR_B = token("A", "two"), token("B", "two")
SOLVERS = pytest.mark.parametrize("solver", [GREEDY, LP, CPSAT], ids=["greedy", "lp", "cpsat"])

NODES = tuple(
    NodeView(f"node{i}", f"operator{i}", "here", services_us=(1_000_000,), load=0, share_ppm=250_000, service_scv=0.0)
    for i in range(4)
)
CALM = ChainView(NODES, arrivals_per_us=1e-6)
ILL = ChainView((replace(NODES[0], services_us=(60_000_000,)), *NODES[1:]), arrivals_per_us=1e-6)
HEALED = ChainView(
    (
        replace(ILL.nodes[0], share_ppm=0, health="ejected"),
        *(replace(node, share_ppm=share) for node, share in zip(NODES[1:], (333_334, 333_333, 333_333), strict=True)),
    ),
    arrivals_per_us=1e-6,
)
QUEUED = ChainView(tuple(replace(node, load=300) for node in NODES), arrivals_per_us=1e-6)


def two_chains() -> Problem:
    """Someone on chain one wants B on chain two: swap here and carry B over, or carry A over and swap there."""
    far = ConstantProductState(id="sim:two/pool:ab", reserves={FAR_A: 10**15, FAR_B: 10**15}, fee=(3, 1000))
    balances = {
        (f"solver:{name}", asset): 10**12
        for name in ("greedy", "lp", "cpsat")
        for asset in (token("GAS"), FAR_A, FAR_B)
    }
    near = pool("ab", (A, 10**15), (B, 10**15))
    return problem(
        [swap("sell", A, 10**12, FAR_B, 9 * 10**11)], [near, far, bridge("a", "A"), bridge("b", "B")], balances=balances
    )


def seen(
    plain: Problem, one: ChainView, two: ChainView, depths: dict[str, dict[str, DepthView]] | None = None
) -> Problem:
    sigma = dict.fromkeys((A, B, FAR_A, FAR_B), 900_000)
    known = {asset: value for asset, value in sigma.items() if asset in plain.snapshot.assets}
    outlook = Outlook({"sim:one": one, "sim:two": two}, known, depths=depths or {})
    return plain.model_copy(update={"network": network_snapshot(outlook, 0)})


def solved(solver: Solver, question: Problem) -> Proposal:
    """The proposal, every solution of it verified; CP-SAT need not have proven it within this work."""
    proposal = solver.solve(question, Budget(work=300_000, seconds=600, expired=lambda: False), 7)
    for solution in proposal.solutions:
        assert verify(question, solution, solver=solver.name).fault is None
    return proposal


def inputs(proposal: Proposal) -> dict[str, int]:
    """What goes into each venue."""
    return {leg.venue: sum(leg.ins.values()) for solution in proposal.solutions[:1] for leg in solution.legs}


@SOLVERS
def test_a_batch_swaps_where_waiting_costs_less(solver: Solver) -> None:
    plain = two_chains()

    here = inputs(solved(solver, seen(plain, one=CALM, two=QUEUED)))
    there = inputs(solved(solver, seen(plain, one=QUEUED, two=CALM)))

    assert here.keys() == {"sim:one/pool:ab", "sim:one/bridge:b"}
    assert there.keys() == {"sim:one/bridge:a", "sim:two/pool:ab"}


@SOLVERS
def test_a_sick_node_sends_a_batch_to_the_other_chain_until_it_is_ejected(solver: Solver) -> None:
    plain = two_chains()

    ill = inputs(solved(solver, seen(plain, one=replace(CALM, inclusion_us=2_000_000), two=ILL)))
    healed = inputs(solved(solver, seen(plain, one=replace(CALM, inclusion_us=2_000_000), two=HEALED)))

    assert "sim:one/pool:ab" in ill
    assert "sim:two/pool:ab" in healed


@SOLVERS
def test_a_pool_that_nears_its_depth_limit_loses_its_share(solver: Solver) -> None:
    pools = [pool("east", (A, 10**14), (B, 10**14)), pool("west", (A, 10**14), (B, 10**14))]
    gas = {(f"solver:{name}", token("GAS")): 10**30 for name in ("greedy", "lp", "cpsat")}
    plain = problem([swap("sell", A, 4 * 10**12, B, 3 * 10**12)], pools, balances=gas)
    east, west = "sim:one/pool:east", "sim:one/pool:west"

    def east_share(pending: int) -> float:
        depths = {
            east: {A: DepthView(depth=10**12, pending=pending), B: DepthView(depth=1, pending=1)},
            west: {A: DepthView(depth=10**12, pending=0)},
        }
        sent = inputs(solved(solver, seen(plain, CALM, CALM, depths)))
        return sent.get(east, 0) / (4 * 10**12)

    shares = [east_share(pending) for pending in (0, 5 * 10**11, 10**12)]

    assert 0.45 <= shares[0] <= 0.55
    assert shares[0] > shares[1] > shares[2] == 0


@SOLVERS
def test_waiting_is_no_part_of_verification_or_score(solver: Solver) -> None:
    plain = two_chains()
    busy = seen(plain, QUEUED, QUEUED)

    (solution,) = solved(solver, busy).solutions[:1]
    in_calm = solution.model_copy(update={"problem": None})

    assert verify(busy, in_calm, solver=solver.name).score == verify(plain, in_calm, solver=solver.name).score > 0
