"""The Problem: everything solvers are given, and everything verification may look at.

Invariants (`check_problem`; InputError with the JSON pointer)
1. `snapshot_hash` is the hash of `snapshot`; the snapshot passes `check_snapshot`.
2. Intent ids are unique and ascend; a signed intent's id is its digest and its signature is the owner's.
3. filled_units < units of each intent. (Whether it is valid now is judged where it is filled.)
4. Holdings of tokens are not negative and cover their reservations, but for what margin accounts owe (`may_owe`).
5. `network`, where there is one, keeps the invariants of `engine.network.state`. Without one the field is not written:
   the hash is that of a problem before there were networks. The same holds of `protocol_fees`.

The problem's hash covers all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

from pydantic import Field

from engine.auction.protocol_fees import FeeSchedule
from engine.market.snapshot import Snapshot, snapshot_hash
from engine.market.venues.base import VenueState
from engine.network.state import NetworkSnapshot
from intents.identifiers import PROTOCOL, AssetId, Bytes32, Digest, IntentId, OwnerId, Text, place_of, solver_account
from intents.outcome import Outcome, group_of
from intents.values import Amount, SignedAmount, Value, content_hash

RULES_VERSION: Literal["1"] = "1"
"""The rules of docs/rules.md that this code implements."""


class Signature(Value):
    """`eip712`: 65 bytes r, s, v. `ed25519`: 64 bytes. Hex with 0x."""

    scheme: Literal["eip712", "ed25519"]
    signature: str = Field(pattern="^0x([0-9a-f]{130}|[0-9a-f]{128})$")


class Intent(Value):
    """An outcome in an auction. `signature` is None only for imports from files, whose ids begin with `import:`."""

    id: IntentId
    outcome: Outcome
    signature: Signature | None = None
    filled_units: Amount = 0

    @cached_property
    def group(self) -> str:
        """The text of its group."""
        return group_of(self.id, self.outcome)

    @property
    def open_units(self) -> int:
        """Units not filled yet."""
        return self.outcome.units - self.filled_units


class Holding(Value):
    """A balance, and the part of it that is reserved (escrow, or positions that an escrow covers; same sign)."""

    amount: SignedAmount
    reserved: SignedAmount = 0

    @property
    def free(self) -> int:
        """What is not reserved."""
        return self.amount - self.reserved


class Problem(Value):
    """One auction's question. `holdings` is by owner, then asset; solvers are owners named `solver:<name>`."""

    format: Literal["clearway/problem/1"] = "clearway/problem/1"
    rules_version: Literal["1"] = RULES_VERSION
    auction: Text
    deadline_seconds: int = Field(ge=0, lt=2**53)
    solver_seed: Bytes32
    deployment_salt: Bytes32
    snapshot_hash: Digest
    snapshot: Snapshot
    intents: tuple[Intent, ...]
    holdings: dict[OwnerId, dict[AssetId, Holding]]
    provenance: dict[str, Any] = {}
    network: NetworkSnapshot | None = Field(default=None, exclude_if=lambda network: network is None)
    protocol_fees: FeeSchedule | None = Field(default=None, exclude_if=lambda fees: fees is None)

    @cached_property
    def hash(self) -> str:
        """The problem's hash: what is logged before any bid, and what every bid names."""
        return content_hash("clearway/problem/1", self)

    @cached_property
    def snapshot_digest(self) -> str:
        """The hash that the snapshot has, which `snapshot_hash` only states."""
        return snapshot_hash(self.snapshot)

    @cached_property
    def intents_by_id(self) -> Mapping[str, Intent]:
        """Intents by id."""
        return {intent.id: intent for intent in self.intents}

    @cached_property
    def venues_by_id(self) -> Mapping[str, VenueState]:
        """Venue states by id."""
        return {venue.id: venue for venue in self.snapshot.venues}

    @cached_property
    def groups(self) -> Mapping[str, tuple[Intent, ...]]:
        """Intents by group."""
        grouped: dict[str, list[Intent]] = {}
        for intent in self.intents:
            grouped.setdefault(intent.group, []).append(intent)
        return {group: tuple(members) for group, members in sorted(grouped.items())}

    @cached_property
    def owed(self) -> frozenset[str]:
        """The tokens that margin accounts may owe."""
        return frozenset[str]().union(*(risk.owed for risk in self.snapshot.risk.values()))

    def has_margin(self, owner: str, asset: str) -> bool:
        """Whether the owner's balance of the asset lives in a margin account; solvers and the protocol have none."""
        if not self.snapshot.risk:
            return False
        is_person = owner != PROTOCOL and not owner.startswith(solver_account(""))
        return is_person and place_of(asset) in self.snapshot.risk

    def may_owe(self, owner: str, asset: str) -> bool:
        """Whether the owner's balance of the token may be below zero, as far as margin carries it."""
        return asset in self.owed and self.has_margin(owner, asset)

    def free(self, owner: str, asset: str) -> int:
        """The owner's unreserved balance of an asset; 0 where nothing is recorded."""
        holding = self.holdings.get(owner, {}).get(asset)
        return 0 if holding is None else holding.free
