"""An auction with five winners over three places, and networks that treat their settlement badly."""

from functools import cache

from engine.auction.auction import clear
from engine.auction.solution import Proposal, Solution
from engine.audit.record import Record
from engine.market.snapshot import Snapshot
from engine.settlement.simulated_world import RTT_US, Faults, Lie, SimulatedChain, SimulatedNode, SimulatedWorld
from tests.auction.builders import (
    ANN,
    BEN,
    BETA_GAS,
    BETA_POOL,
    BETA_USD,
    BOB,
    BRIDGE,
    CAROL,
    DAI,
    ETH,
    GAS,
    USD,
    fill,
    give,
    intent,
    leg,
    output,
    pool_sale,
    problem,
    sale,
    take,
    venues,
)

ALPHA, BETA, EXCHANGE = "sim:alpha", "sim:beta", "deribit:main"


def swap(name: str, paid: str, amount: int, got: str, pool: int) -> Solution:
    """A swap through one of the usual pools."""
    state = venues()[pool]
    out = output(state, paid, amount, got)
    return Solution(
        fills=(fill(name, amount, {paid: amount}, {got: out}),),
        legs=(leg(state.id, {paid: amount}, {got: out}),),
        prices={f"{paid}>{got}": (out, amount)},
    )


def crossing() -> Solution:
    """Bob's dollars go to beta: delivered from inventory at once, which the bridge repays."""
    return Solution(
        fills=(fill("cross", 100_000, {USD: 100_000}, {BETA_USD: 99_900}),),
        legs=(leg(BRIDGE, {USD: 100_000}, {BETA_USD: 99_900}),),
        transfers=(give(BETA_USD, 99_900), take(BETA_USD, 99_900, stage=1)),
        prices={f"{USD}>{BETA_USD}": (999, 1000)},
    )


def staged() -> Solution:
    """Carol's dollars go over the bridge and through a pool there: three stages, two places."""
    got = output(venues()[3], BETA_USD, 49_950, BETA_GAS)
    return Solution(
        fills=(fill("far", 50_000, {USD: 50_000}, {BETA_GAS: got}, stage=2),),
        legs=(
            leg(BRIDGE, {USD: 50_000}, {BETA_USD: 49_950}),
            leg(BETA_POOL, {BETA_USD: 49_950}, {BETA_GAS: got}, stage=2),
        ),
        prices={f"{USD}>{BETA_GAS}": (got, 50_000)},
    )


@cache
def five_winners() -> Record:
    """Bob can pay `swap` and `cross` together only out of what `sale` brings him; the other two depend on nobody."""
    asked = problem(
        [
            sale(owner=BOB),
            intent("swap", {USD: 5_000}, {DAI: 4_000}, owner=BOB),
            intent("cross", {USD: 100_000}, {BETA_USD: 99_000}, owner=BOB),
            intent("back", {DAI: 7_000}, {USD: 6_000}, owner=CAROL),
            intent("far", {USD: 50_000}, {BETA_GAS: 1}, owner=CAROL, refund={USD: 50_000}),
        ],
        holdings={
            BOB: {ETH: 1000, USD: 100_000},
            f"solver:{ANN}": {GAS: 2_000, BETA_GAS: 2_000, BETA_USD: 99_900},
            f"solver:{BEN}": {GAS: 400, BETA_GAS: 200},
        },
    )
    offered = {
        ANN: (pool_sale(), swap("swap", USD, 5_000, DAI, 1), crossing()),
        BEN: (swap("back", DAI, 7_000, USD, 1), staged()),
    }
    proposals = {
        name: Proposal(
            solutions=tuple(each.model_copy(update={"problem": asked.hash, "solver": name}) for each in solutions),
            stopped_by="finished",
            work=1,
        )
        for name, solutions in offered.items()
    }
    return clear(asked, proposals, work=10_000)


def network_of(
    seed: int,
    *,
    faults: Faults | None = None,
    lies: dict[str, Lie] | None = None,
    nodes: int = 3,
    market: Snapshot | None = None,
) -> SimulatedWorld:
    """A chain for each place, with so many nodes in three regions; `lies` by place are told by its first node."""
    snapshot = five_winners().problem.snapshot if market is None else market
    chains = {}
    for position, (place, chain) in enumerate(sorted(snapshot.chains.items())):
        lie = (lies or {}).get(place, "")
        chains[place] = SimulatedChain(
            block_us=(1_000_000, 400_000, 600_000)[position % 3],
            depth=3,
            base_fee=0 if chain.native is None else chain.gas_price // 2,
            gas_limit=1000,
            nodes=tuple(
                SimulatedNode(
                    name=f"{place.replace(':', '.')}.{number}",
                    operator=f"operator.{number}",
                    region=("ap", "eu", "us")[number % 3],
                    lie=lie if number == 0 else "",
                )
                for number in range(nodes)
            ),
        )
    return SimulatedWorld(seed=seed, home="eu", rtt_us=RTT_US, chains=chains, faults=faults or Faults())
