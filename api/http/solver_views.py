"""What solvers send and are shown: see docs/solver-api.md. Like api.http.views it loads the base alone.

What a solver sends has a `signed`, which makes it with the private key (32 bytes, Ed25519).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from api.http.views import Milliseconds, Number
from engine.auction.sealed import Ed25519Signature, PublicKey, sign_digest
from intents.identifiers import OwnerId, Text
from intents.signing import ed25519_owner
from intents.values import Value, content_hash

if TYPE_CHECKING:
    from engine.store.repositories.solvers import RemoteSolver, StoredSolver

NAME_PATTERN = "^[a-z][-a-z0-9]{1,39}$"
"""What a solver may be called."""

NO_SIGNATURE = "0x" + "00" * 64

ChallengeText = Annotated[str, Field(pattern="^[0-9]{1,16}[.][0-9a-f]{64}$")]
"""What GET /v1/solvers/challenge gave."""


class RemoteView(Value):
    """How a registered solver stands: `failures` in a row, why it failed last, and until when it is not asked, if benched."""

    key: PublicKey
    registered_ms: Milliseconds
    failures: Number
    last_failure: str | None
    benched_until_ms: Milliseconds | None

    @classmethod
    def of(cls, solver: RemoteSolver) -> RemoteView:
        """The view of a stored solver; where it is asked stays between it and us."""
        return cls(
            key=solver.key,
            registered_ms=solver.registered_ms,
            failures=solver.failures,
            last_failure=solver.last_failure,
            benched_until_ms=solver.benched_until_ms,
        )


class SolverView(Value):
    """A solver and how often what happened; `remote` is null for built-in ones and those that left."""

    name: Text
    kind: str
    standing: dict[str, Number]
    remote: RemoteView | None

    @classmethod
    def of(cls, solver: StoredSolver) -> SolverView:
        """The view of a stored solver."""
        remote = None if solver.remote is None else RemoteView.of(solver.remote)
        return cls(name=solver.name, kind=solver.kind, standing=dict(solver.standing), remote=remote)


class SolverList(Value):
    """Who may bid, by name."""

    solvers: tuple[SolverView, ...]


class Challenge(Value):
    """What a solver signs, to show that it speaks now and has the key."""

    challenge: Text
    expires_ms: Milliseconds


class Registration(Value):
    """A solver that is asked at `url`. Signed by its key: see docs/solver-api.md."""

    name: str = Field(pattern=NAME_PATTERN)
    url: str = Field(max_length=300)
    key: PublicKey
    challenge: ChallengeText
    signature: Ed25519Signature

    @property
    def digest(self) -> str:
        """What is signed: the 32 bytes of this hash."""
        return content_hash("clearway/solver-registration/1", self.name, self.url, self.key, self.challenge)

    @classmethod
    def signed(cls, private_key: bytes, *, name: str, url: str, challenge: str) -> Registration:
        """The registration of the key's solver."""
        key = ed25519_owner(private_key)
        unsigned = cls(name=name, url=url, key=key, challenge=challenge, signature=NO_SIGNATURE)
        return unsigned.model_copy(update={"signature": sign_digest(private_key, unsigned.digest)})


class Registered(Value):
    """A registered solver. `account` is what it gains in and pays gas from."""

    name: Text
    account: OwnerId
    key: PublicKey
    registered_ms: Milliseconds


class Removal(Value):
    """A solver leaves. Signed by its key: see docs/solver-api.md."""

    challenge: ChallengeText
    signature: Ed25519Signature

    def digest(self, name: str) -> str:
        """What the solver of this name signs: the 32 bytes of this hash."""
        return content_hash("clearway/solver-removal/1", name, self.challenge)

    @classmethod
    def signed(cls, private_key: bytes, *, name: str, challenge: str) -> Removal:
        """The removal of the solver of this name."""
        unsigned = cls(challenge=challenge, signature=NO_SIGNATURE)
        return unsigned.model_copy(update={"signature": sign_digest(private_key, unsigned.digest(name))})


class Removed(Value):
    """A solver that left. `account` keeps what it holds, and the name stays its key's."""

    name: Text
    account: OwnerId
    removed_ms: Milliseconds


class KeyChange(Value):
    """A solver takes another key. `signature` is by the key that it has, `proof` by the one that it takes."""

    key: PublicKey
    challenge: ChallengeText
    signature: Ed25519Signature
    proof: Ed25519Signature

    def digest(self, name: str) -> str:
        """What the solver of this name signs with both keys: the 32 bytes of this hash."""
        return content_hash("clearway/solver-key/1", name, self.key, self.challenge)

    @classmethod
    def signed(cls, private_key: bytes, new_key: bytes, *, name: str, challenge: str) -> KeyChange:
        """The change from one private key to another of the solver of this name."""
        key = ed25519_owner(new_key)
        unsigned = cls(key=key, challenge=challenge, signature=NO_SIGNATURE, proof=NO_SIGNATURE)
        signatures = {"signature": private_key, "proof": new_key}
        made = {field: sign_digest(one, unsigned.digest(name)) for field, one in signatures.items()}
        return unsigned.model_copy(update=made)
