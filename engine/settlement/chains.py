"""The chains that settlements run on, as the coordinator knows them: nodes with keys, block times, quorums.

A place of the market (a chain's vault, an exchange's account) is a chain here. What nodes say counts by quorum: a fate is
believed when `quorum` nodes of the chain sign the same (engine.settlement.reports). With f liars among n nodes that is
safe for quorum > f, and live for quorum <= n - f - nodes that do not answer.
"""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from engine.auction.sealed import PublicKey
from engine.auction.solution import Count
from engine.network.trust.challengers import Member
from engine.network.trust.rounds import Ground, member_id
from intents.errors import InputError
from intents.identifiers import PlaceId, Text
from intents.values import Value, content_hash

Micros = Annotated[int, Field(ge=0, lt=2**53)]
"""A time or a span of time in microseconds."""


class Node(Value):
    """A validator, sequencer or relayer that takes transactions. `stake` in any one unit of its chain.

    `rtt_us` is the round trip between the engine and the node, as far as it is known. Nodes of tier 0 come first; those of
    the next take what too few well ones leave (engine.network.health.spill).
    """

    name: Text
    operator: Text
    region: Text
    key: PublicKey
    stake: Count = 1
    rtt_us: Micros = 0
    tier: int = Field(default=0, ge=0, lt=16)


class ChainSpec(Value):
    """One chain: mean time between blocks, time from a block to its finality, and who may be sent to and asked."""

    block_us: Micros
    finality_us: Micros
    quorum: Count
    nodes: tuple[Node, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        names = [node.name for node in self.nodes]
        if len(set(names)) < len(names) or not 1 <= self.quorum <= len(names) or not self.block_us:
            expected = "nodes of different names, 1 <= quorum <= their number, a block time"
            raise InputError("bad_chain", "", expected=expected, actual=f"quorum {self.quorum} of {len(names)}")
        return self


class Network(Value):
    """All chains by place. `rtt_us`: distances as round trips, by two regions in ascending order, joined by a slash.

    Without a table of distances the field is not written, and nobody's delay can be told from its distance.
    """

    chains: dict[PlaceId, ChainSpec]
    rtt_us: dict[Text, Micros] = Field(default={}, exclude_if=lambda table: not table)

    @model_validator(mode="after")
    def _check(self) -> Self:
        regions = sorted({node.region for chain in self.chains.values() for node in chain.nodes})
        wanted = {f"{one}/{other}" for one in regions for other in regions if one <= other}
        if self.rtt_us and not wanted <= self.rtt_us.keys():
            missing = ", ".join(sorted(wanted - self.rtt_us.keys()))
            raise InputError(
                "no_distance", "/rtt_us", expected="the distance of each two regions", actual=f"no {missing}"
            )
        return self

    @cached_property
    def ground(self) -> Ground:
        """What rounds of probes rest on."""
        return Ground(
            members={
                place: tuple(Member(member_id(place, node.name), node.operator, node.region) for node in chain.nodes)
                for place, chain in sorted(self.chains.items())
            },
            keys={
                member_id(place, node.name): node.key for place, chain in self.chains.items() for node in chain.nodes
            },
            rtt_us=self.rtt_us,
        )

    @property
    def content_hash(self) -> str:
        """The hash of all chains."""
        return content_hash("clearway/settlement-network/1", self)
