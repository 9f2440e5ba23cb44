"""How far a settlement is: what was sent to whom, what was proved, what was decided. Stored before anything is done."""

from __future__ import annotations

from engine.auction.solution import Count
from engine.network.health.admission import Admission
from engine.network.shares import Shares
from engine.network.trust.dispatch_log import Choice
from engine.settlement.chains import Micros
from engine.settlement.reports import Report
from intents.identifiers import Digest, Text
from intents.values import Value


class Attempt(Value):
    """One send. `sequence` is what its receipt repeats; `choice` is what the policy saw and chose, where it says."""

    transaction: Digest
    node: Text
    sequence: Count
    at_us: Micros
    choice: Choice | None = None


class Progress(Value):
    """Grows only. `decision` is the landed bids, ascending, and None until every step's fate is known.

    `shares`: what the choices of the sends were bound to, anew whenever somebody goes on with it.
    `admissions`: every verdict on a send that asked to be made, in order; those that admitted are the attempts'.
    """

    attempts: tuple[Attempt, ...] = ()
    admissions: tuple[Admission, ...] = ()
    shares: tuple[Shares, ...] = ()
    reports: tuple[Report, ...] = ()
    refused: Count = 0
    decision: tuple[Digest, ...] | None = None

    def to_json(self) -> bytes:
        """What `from_json` reads. Not canonical: it is stored in every round, and never hashed."""
        return self.model_dump_json(by_alias=True).encode()
