"""What a simulated network is made of: chains, nodes in regions, and how often what goes wrong. Values only.

Rates are parts per million of what is named, times are microseconds of the network's own time. Round-trip times between
regions are rounded from public measurements between cloud regions; everything else is invented.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from pydantic import Field

from engine.market.snapshot import Snapshot
from engine.settlement.chains import ChainSpec, Micros, Network, Node
from intents.identifiers import PlaceId, Text
from intents.signing import ed25519_owner
from intents.values import Amount, Value

Ppm = Annotated[int, Field(ge=0, le=1_000_000)]
Lie = Literal["", "forger", "replayer", "early", "censor"]
"""What a node does: `forger` signs with another key, `replayer` repeats its first answers, `early` calls everything final
at once and whomever it measures far away, `censor` drops its victims and calls them absent."""


class Faults(Value):
    """How often something goes wrong.

    Of each block: a reorganisation, the crash of a node, a node that turns grey, a missed slot, a surge of demand, an
    outage, a node that turns slow (it takes `slow_factor` times as long). The last two are long and hit a chain only
    while none of its nodes is in such a spell, so that they alone never cost it its quorum. Of each message: its loss. Of
    each transaction at a grey node: its silent loss (else it is refused).
    """

    reorganised: Ppm = 0
    crashed: Ppm = 0
    crash_us: Micros = 20_000_000
    grey: Ppm = 0
    grey_us: Micros = 20_000_000
    grey_drops: Ppm = 500_000
    missed: Ppm = 0
    surge: Ppm = 0
    surge_us: Micros = 5_000_000
    outage: Ppm = 0
    outage_us: Micros = 4_000_000_000
    slowed: Ppm = 0
    slowed_us: Micros = 4_000_000_000
    slow_factor: int = Field(default=600, ge=1, le=100_000)
    lost: Ppm = 0
    censored: Ppm = 0
    """Of all senders those that a censor drops."""


class SimulatedNode(Value):
    """A node: it passes on one transaction every `service_us`; a round trip takes `lag_us` longer than its distance."""

    name: Text
    operator: Text
    region: Text
    stake: int = Field(default=1, ge=1, lt=2**31)
    service_us: Micros = 5_000
    lag_us: Micros = 0
    lie: Lie = ""
    tier: int = Field(default=0, ge=0, lt=16)


class SimulatedChain(Value):
    """A chain. A block is final when `depth` blocks are on top of it; `base_fee` 0 is a chain without gas."""

    block_us: Micros
    depth: int = Field(ge=1, le=64)
    gas_limit: int = Field(default=30_000_000, ge=1, lt=2**31)
    base_fee: Amount = 0
    nodes: tuple[SimulatedNode, ...]


class SimulatedWorld(Value):
    """All of it. `rtt_us` by two regions in ascending order, joined by a slash; the engine stands at `home`.

    Every `beat_us` each node sends a heartbeat; 0 is nodes that sign neither these nor measurements.
    """

    seed: int = Field(ge=0, lt=2**53)
    home: Text
    rtt_us: dict[Text, Micros]
    chains: dict[PlaceId, SimulatedChain]
    faults: Faults = Faults()
    beat_us: Micros = 0

    def network(self) -> Network:
        """What the coordinator knows of it: no rates, no lies. The quorum is the smallest majority."""
        return Network(
            chains={
                place: ChainSpec(
                    block_us=chain.block_us,
                    finality_us=(chain.depth + 1) * chain.block_us,
                    quorum=len(chain.nodes) // 2 + 1,
                    nodes=tuple(
                        Node(
                            name=node.name,
                            operator=node.operator,
                            region=node.region,
                            key=ed25519_owner(self.node_key(node.name)),
                            stake=node.stake,
                            rtt_us=2 * self.latency_us(node.region),
                            tier=node.tier,
                        )
                        for node in chain.nodes
                    ),
                )
                for place, chain in self.chains.items()
            },
            rtt_us=self.rtt_us,
        )

    def node_key(self, name: str) -> bytes:
        """The private key of a node of this name; as good as public, like all of the simulation."""
        return hashlib.sha256(f"clearway/simulated-node/1 {self.seed} {name}".encode()).digest()

    def latency_us(self, region: str) -> int:
        """One way between the engine and a region."""
        first, second = sorted((self.home, region))
        return self.rtt_us[f"{first}/{second}"] // 2


REGIONS = ("ap", "eu", "us")
"""Asia-Pacific, Europe, North America."""

RTT_US = {
    "ap/ap": 2_000,
    "ap/eu": 220_000,
    "ap/us": 160_000,
    "eu/eu": 2_000,
    "eu/us": 80_000,
    "us/us": 2_000,
}
"""Between and inside them."""

BEAT_US = 5_000_000
"""Between two heartbeats of a node of the embedded world."""

LAG_US = 90_000
"""Of the node of every second chain that stands where it says, behind a bad line."""

BLOCKS_US = (400_000, 600_000, 1_000_000, 200_000)
"""Block times that chains get in turn, in order of their places."""


def simulated_world(snapshot: Snapshot, seed: int, *, nodes: int = 5, faults: Faults | None = None) -> SimulatedWorld:
    """A network with a chain for every place of a snapshot: nodes of unequal speed and stake in three regions.

    On every second chain one node lies; the others have one more, of tier 1, that stands by (a liar's chain needs no larger
    quorum). Gas is at first half of what the snapshot lets transactions pay.
    """
    lies: tuple[Lie, ...] = ("early", "", "censor", "", "forger", "", "replayer", "")
    chains = {}
    for position, (place, chain) in enumerate(sorted(snapshot.chains.items())):
        word = place.replace(":", ".")
        chains[place] = SimulatedChain(
            block_us=BLOCKS_US[position % len(BLOCKS_US)],
            depth=3,
            base_fee=0 if chain.native is None else chain.gas_price // 2,
            nodes=tuple(
                SimulatedNode(
                    name=f"{word}.{number}",
                    operator=f"operator.{(position + number) % (nodes + 1)}",
                    region=REGIONS[(position + number) % len(REGIONS)],
                    stake=1 + number * number,
                    service_us=3_000 * (1 + number % 3),
                    lag_us=LAG_US if position % 2 and number == 1 else 0,
                    lie=lies[position % len(lies)] if number == nodes - 1 else "",
                    tier=number // nodes,
                )
                for number in range(nodes + position % 2)
            ),
        )
    usual = Faults(
        reorganised=20_000,
        crashed=2_000,
        grey=4_000,
        missed=20_000,
        surge=500,
        outage=150,
        slowed=100,
        lost=5_000,
        censored=300_000,
    )
    return SimulatedWorld(
        seed=seed,
        home="eu",
        rtt_us=RTT_US,
        chains=chains,
        faults=usual if faults is None else faults,
        beat_us=BEAT_US,
    )
