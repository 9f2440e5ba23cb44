"""What the service shows of the network: what was stored with the newest settlement, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Self

from engine.network.decentralisation import measure
from engine.network.standing import ChainStanding, MembershipChange, NetworkStanding, NodeStanding
from engine.network.state import ChainState
from intents.identifiers import PlaceId, Text
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


class ChainNetworkView(Value):
    """One chain: delay until inclusion, nodes, operators, and how concentrated the plan and what was sent are.

    `planned` is null where no node may be sent to, `dispatched` where nothing was sent.
    """

    chain: PlaceId
    delay: ChainState
    nodes: tuple[NodeStanding, ...]
    operators: tuple[OperatorView, ...]
    planned: DecentralisationView | None
    dispatched: DecentralisationView | None
    changes: tuple[MembershipChange, ...]

    @classmethod
    def of(cls, chain: str, standing: ChainStanding) -> Self:
        """The view of a chain's standing."""
        operators = tuple(_operators(standing.nodes))
        return cls(
            chain=chain,
            delay=standing.delay,
            nodes=standing.nodes,
            operators=operators,
            planned=_measured(one.planned_ppm for one in operators),
            dispatched=_measured(one.sent for one in operators),
            changes=standing.changes,
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
        return cls(
            auction=standing.auction,
            at_ms=standing.at_ms,
            time_us=standing.time_us,
            chains=tuple(ChainNetworkView.of(chain, one) for chain, one in sorted(standing.chains.items())),
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
