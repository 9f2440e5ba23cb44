"""What the service shows of the network: what was stored with the newest settlement, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import Self

from engine.network.decentralisation import measure
from engine.network.delay_price import PPM
from engine.network.standing import ChainStanding, MembershipChange, NetworkStanding, NodeStanding
from engine.network.state import ChainState
from engine.network.trust.challengers import capture_probability, round_seed
from engine.network.trust.rounds import LIARS, VANTAGES, Round
from intents.identifiers import Digest, PlaceId, Text
from intents.values import Value


class DecentralisationView(Value):
    """How concentrated operators' shares are. `nakamoto`: how many operators have more than 1/3, 1/2 and 2/3 together.

    `hhi` sums squared shares, `gini` is 0 where all are equal, `entropy` is in nats. Not part of any record.
    """

    hhi: float
    gini: float
    entropy: float
    nakamoto: tuple[int, int, int]


class OperatorView(Value):
    """One operator's share of what the chain's nodes are to be sent, and what they were sent."""

    operator: Text
    planned_ppm: int
    sent: int


class ProbesView(Value):
    """The round of probes whose delays the settlement's choices counted with: all that is needed to redo it but the keys.

    Its pairs follow from its `root`, the hash of the settlement of auction `number`, by `seed`; `least` of a node's
    measurements make a median. `capture_ppm`: how likely liars are at least half of a node's challengers where a fifth of the other operators lie.
    """

    seed: Digest
    least: int
    capture_ppm: int
    round: Round

    @classmethod
    def of(cls, made: Round, operators: int) -> Self:
        """The view of a round among so many operators."""
        others = operators - 1
        captured = capture_probability(others, ceil(others / 5), min(VANTAGES, others))
        return cls(
            seed=round_seed(made.root, made.number),
            least=2 * LIARS + 1,
            capture_ppm=ceil(captured * PPM),
            round=made,
        )


class ChainNetworkView(Value):
    """One chain: delay until inclusion, nodes, operators, and how concentrated the plan and what was sent are.

    `planned` is null where no node may be sent to, `dispatched` where nothing was sent. `heartbeats`: whether nodes sign
    them; `probes` is null before the first round, and where nodes do not measure each other.
    """

    chain: PlaceId
    delay: ChainState
    nodes: tuple[NodeStanding, ...]
    operators: tuple[OperatorView, ...]
    planned: DecentralisationView | None
    dispatched: DecentralisationView | None
    changes: tuple[MembershipChange, ...]
    heartbeats: bool
    probes: ProbesView | None

    @classmethod
    def of(cls, chain: str, standing: ChainStanding, everywhere: int) -> Self:
        """The view of a chain's standing, in a network of so many operators."""
        operators = tuple(_operators(standing.nodes))
        return cls(
            chain=chain,
            delay=standing.delay,
            nodes=standing.nodes,
            operators=operators,
            planned=_measured(one.planned_ppm for one in operators),
            dispatched=_measured(one.sent for one in operators),
            changes=standing.changes,
            heartbeats=standing.heartbeats,
            probes=None if standing.round is None else ProbesView.of(standing.round, everywhere),
        )


class NetworkView(Value):
    """The network when `auction` was settled: `at_ms` in the service's time, `time_us` in the network's, as in changes."""

    auction: int
    at_ms: int
    time_us: int
    chains: tuple[ChainNetworkView, ...]

    @classmethod
    def of(cls, standing: NetworkStanding) -> Self:
        """The view of a standing, chains in ascending order."""
        everywhere = len({node.operator for one in standing.chains.values() for node in one.nodes})
        return cls(
            auction=standing.auction,
            at_ms=standing.at_ms,
            time_us=standing.time_us,
            chains=tuple(ChainNetworkView.of(chain, one, everywhere) for chain, one in sorted(standing.chains.items())),
        )


def _operators(nodes: Sequence[NodeStanding]) -> Iterable[OperatorView]:
    for operator in sorted({node.operator for node in nodes}):
        own = [node for node in nodes if node.operator == operator]
        planned, sent = sum(node.planned_ppm for node in own), sum(node.sent for node in own)
        yield OperatorView(operator=operator, planned_ppm=planned, sent=sent)


def _measured(amounts: Iterable[int]) -> DecentralisationView | None:
    listed = list(amounts)
    if not any(listed):
        return None
    found = measure(listed)
    gini = round(found.gini, 6) + 0.0  # the sum may round to a negative zero
    return DecentralisationView(
        hhi=round(found.hhi, 6), gini=gini, entropy=round(found.entropy, 6), nakamoto=found.nakamoto
    )
