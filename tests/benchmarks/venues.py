"""Venues beside the contracts that they compute, and snapshots: `python -m tests.benchmarks.venues`.

What is compared is run in turns, one batch of each after the other; a figure is the median of the batches, in processor time, which
other work on the machine stretches less than the clock's. The machine's calls are encoded beforehand and answered undecoded: its time
is the contract's own. What the contract does less than `execute` (it does not say what the pool is afterwards) is not held against it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import typer

from engine.market.delta import SnapshotDelta, apply_delta
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot, snapshot_hash
from engine.market.venues import KINDS
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import Trade, VenueState
from engine.market.venues.concentrated import ConcentratedState, swap
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.stable import StableState
from engine.market.venues.tick_math import sqrt_price_at
from engine.market.venues.weighted import WeightedState, WeightedToken
from intents.values import canonical_bytes
from tests.benchmarks.figures import quantile, show
from tests.chain import install
from tests.chain.balancer_pools import GIVEN_IN, Balancer, Token, ask_two, weighted_2022
from tests.chain.cache import compiled, published
from tests.chain.evm import ME, calldata
from tests.chain.evm import Chain as Machine

A, B = "eip155:1/erc20:0x" + "a" * 40, "eip155:1/erc20:0x" + "b" * 40
POOLS, CHANGED, DELTAS, TICKS = 1000, 20, 10, 20
Work = Callable[[], object]


def main(rounds: int = 60, batch: int = 200, snapshots: int = 15) -> None:
    """Measure, and print the table."""
    install.main()
    product, weighted = (alternating(works, rounds, batch) for works in (product_works(), weighted_works()))
    near, far = alternating(tick_works(), rounds, batch)
    read, hashed, changed = snapshot_times(snapshots)
    rows = [
        ["constant product, execute", micro(product[0]), "", ""],
        ["UniswapV2Router02.getAmountOut", micro(product[1]), over(product[0], product[1]), "at most 1"],
        ["weighted product 70/30, execute", micro(weighted[0]), "", ""],
        ["WeightedMath of 2022, out given in", micro(weighted[1]), over(weighted[0], weighted[1]), "at most 1"],
        ["WeightedPool of 2022, onSwap", micro(weighted[2]), over(weighted[0], weighted[2]), "at most 1"],
        ["concentrated, within a tick", micro(near), "", ""],
        [f"concentrated, across {TICKS} ticks", micro(far), over(far, near), "under 10"],
        [f"snapshot of {POOLS} pools: read and check", milli(read), "", "under 150 ms"],
        ["its hash, for the first time", milli(hashed), "", ""],
        [f"delta of {CHANGED} pools: read, apply and hash", milli(changed), "", "under 5 ms"],
    ]
    notes = [
        f"Medians of {rounds} batches of {batch} calls, in turns, and of {snapshots} snapshots with {DELTAS} deltas each; processor time."
    ]
    show(columns=["", "median", "ratio", "wanted"], rows=rows, notes=notes)


def alternating(works: Sequence[Work], rounds: int, batch: int) -> list[int]:
    """Median nanoseconds of a call of each, batches in turns."""
    found: list[list[int]] = [[] for _ in works]
    for _ in range(rounds):
        for times, work in zip(found, works, strict=True):
            started = time.process_time_ns()
            for _ in range(batch):
                work()
            times.append((time.process_time_ns() - started) // batch)
    return [quantile(times, 0.5) for times in found]


def execute(state: VenueState, amount: int) -> Work:
    """A trade of A for B at a venue."""
    kind, trade = KINDS[state.kind], Trade(A, amount, B)
    return lambda: kind.execute(state, ME, trade, 0)


def product_works() -> list[Work]:
    """A constant product, and the router's quote for the same."""
    state = ConstantProductState(id="eip155:1/pool:p", reserves={A: 10**21, B: 10**24}, fee=(3, 1000))
    machine = Machine()
    code = published("@uniswap/v2-periphery/build/UniswapV2Router02.json")
    router = machine.deploy(code, "(address,address)", ME, ME)
    asked = calldata("getAmountOut(uint256,uint256,uint256)", 10**18, 10**21, 10**24)
    return [execute(state, 10**18), lambda: machine.send(router, asked)]


def weighted_works() -> list[Work]:
    """A weighted product, the formula alone, and a whole pool's answer."""
    balances, weights, fee = (10**21, 10**24), (7 * ONE // 10, 3 * ONE // 10), 10**15
    tokens = {
        asset: WeightedToken(balance=balance, weight=weight, decimals=18)
        for asset, balance, weight in zip((A, B), balances, weights, strict=True)
    }
    state = WeightedState(id="eip155:1/pool:w", tokens=tokens, fee=fee, version="v3plus")
    balancer = Balancer()
    machine = balancer.chain
    maths = machine.deploy(compiled()["2022/BalancerWeighted"])
    formula = "outGivenIn(uint256,uint256,uint256,uint256,uint256)"
    numbers = calldata(formula, balances[0], weights[0], balances[1], weights[1], 10**18)
    addresses = sorted(address for address, decimals in balancer.addresses.items() if decimals == 18)
    pool = weighted_2022(balancer, [Token(a, 18, w) for a, w in zip(addresses, weights, strict=False)], fee)
    asked = ask_two(pool, GIVEN_IN, 0, 1, 10**18, balances)
    return [
        execute(state, 10**18),
        lambda: machine.send(maths, numbers),
        lambda: machine.send(balancer.vault, asked),
    ]


def tick_works() -> list[Work]:
    """A swap within a tick, and one that crosses TICKS, in one pool."""
    state = laddered("eip155:1/pool:c", A, B, Random(1), 3 * TICKS)
    last = state.ticks[len(state.ticks) // 2 - TICKS][0]
    within = swap(state, 2**255, down=True, sqrt_price_limit=sqrt_price_at(state.tick - 2))
    across = swap(state, 2**255, down=True, sqrt_price_limit=sqrt_price_at(last - 30))
    if (within.crossed, across.crossed) != (0, TICKS):
        raise SystemExit(f"expected 0 and {TICKS} ticks crossed, got {within.crossed} and {across.crossed}")
    return [execute(state, within.amount_in), execute(state, across.amount_in)]


def laddered(venue_id: str, asset0: str, asset1: str, chance: Random, ticks: int) -> ConcentratedState:
    """Positions one inside the other, an initialised tick every 60, the price in the middle of them."""
    half = ticks // 2
    nets = [chance.randrange(10**18, 10**20) for _ in range(half)]
    below = [(60 * (tick - half), net) for tick, net in enumerate(nets)]
    above = [(60 * (half - tick), -net) for tick, net in enumerate(nets)]
    fields = {"id": venue_id, "asset0": asset0, "asset1": asset1, "gas_units": 110_000, "tick_spacing": 60, "fee": 3000}
    place = {"sqrt_price": sqrt_price_at(5) + 7, "tick": 5, "liquidity": sum(nets)}
    return ConcentratedState.model_validate({**fields, **place, "ticks": (*below, *reversed(above))})


def some_pool(number: int, assets: Sequence[str], chance: Random) -> VenueState:
    """Half of the pools are constant products, a fifth weighted, a fifth concentrated with TICKS ticks, a tenth stable."""
    fields: dict[str, Any] = {"id": f"eip155:1/pool:0x{chance.getrandbits(160):040x}", "gas_units": 100_000}
    held = {
        asset: {"balance": chance.randrange(10**22, 10**24), "decimals": 18}
        for asset in sorted(chance.sample(assets, 3 if number % 10 == 5 else 2))
    }
    if number % 10 < 5:
        reserves = {asset: token["balance"] for asset, token in held.items()}
        return ConstantProductState.model_validate({**fields, "reserves": reserves, "fee": (3, 1000)})
    if number % 10 < 6:
        return StableState.model_validate({**fields, "tokens": held, "amplification": 200_000, "fee": 4 * 10**14})
    if number % 10 < 8:
        tokens = {asset: {**token, "weight": ONE // 2} for asset, token in held.items()}
        return WeightedState.model_validate({**fields, "tokens": tokens, "fee": 3 * 10**15})
    asset0, asset1 = held
    return laddered(fields["id"], asset0, asset1, chance, TICKS)


def some_snapshot() -> Snapshot:
    """POOLS pools over 150 assets, all of them priced."""
    chance = Random(1)
    assets = sorted(f"eip155:1/erc20:0x{chance.getrandbits(160):040x}" for _ in range(150))
    price = ReferencePrice(ratio=(1, 1), source="benchmark", method="none", time_seconds=0)
    return Snapshot(
        time_seconds=0,
        numeraire=assets[0],
        chains={"eip155:1": Chain(native=assets[0])},
        assets=dict.fromkeys(assets, Asset(decimals=18, symbol="T")),
        prices=dict.fromkeys(assets, price),
        venues=tuple(sorted((some_pool(n, assets, chance) for n in range(POOLS)), key=lambda venue: venue.id)),
    )


def snapshot_times(rounds: int) -> tuple[int, int, int]:
    """Median nanoseconds of reading and checking a snapshot, of its hash, and of each of DELTAS one after the other."""
    chance, encoded = Random(2), canonical_bytes(some_snapshot())
    reads, hashes, deltas = [], [], []
    for _ in range(rounds):
        started = time.process_time_ns()
        snapshot = Snapshot.from_json(encoded)
        check_snapshot(snapshot)
        read = time.process_time_ns()
        snapshot_hash(snapshot)
        hashes.append(time.process_time_ns() - read)
        reads.append(read - started)
        for _ in range(DELTAS):
            wire = canonical_bytes(some_delta(snapshot, chance))
            started = time.process_time_ns()
            snapshot = apply_delta(snapshot, SnapshotDelta.from_json(wire))
            snapshot_hash(snapshot)
            deltas.append(time.process_time_ns() - started)
    return quantile(reads, 0.5), quantile(hashes, 0.5), quantile(deltas, 0.5)


def some_delta(snapshot: Snapshot, chance: Random) -> SnapshotDelta:
    """CHANGED of the pools, each after a trade."""
    changed = []
    for venue in chance.sample(snapshot.venues, CHANGED):
        kind = KINDS[venue.kind]
        source, target = kind.pairs(venue)[0]
        changed.append(kind.execute(venue, ME, Trade(source, 10**15, target), 0)[1])
    changed.sort(key=lambda venue: venue.id)
    return SnapshotDelta(base=snapshot_hash(snapshot), time_seconds=snapshot.time_seconds + 1, venues=tuple(changed))


def micro(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e3:.1f} us"


def milli(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms"


def over(ours: int, theirs: int) -> str:
    return f"{ours / theirs:.2f}"


if __name__ == "__main__":
    typer.run(main)
