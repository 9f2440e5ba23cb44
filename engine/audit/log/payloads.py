"""The payloads of an auction's entries, made from what happened, and compared with a record.

Everything large is in them as its hash: the problem, the solutions, the record, the settlement. The ids of the batch and the
commitments are there in full, so that who was left out can show it with the entry alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.auction.ids import commitment
from engine.auction.problem import Problem
from engine.auction.sealed import Seal
from engine.audit.record import Record
from intents.errors import InputError


def problem_payload(problem: Problem) -> dict[str, Any]:
    """Logged before any bid: the problem's hash, and whose intents are in it."""
    return {"intents": [intent.id for intent in problem.intents], "problem": problem.hash}


def commitments_payload(problem: str, sealed: Mapping[str, tuple[str, int]]) -> dict[str, Any]:
    """Logged at the close: by solver key its commitment and sequence number (0 for built-in solvers, which have one)."""
    return {
        "commitments": {key: {"commitment": value, "sequence": str(number)} for key, (value, number) in sealed.items()},
        "problem": problem,
    }


def result_payload(record: Record) -> dict[str, Any]:
    """Logged when the winners are decided: the record's hash, and the winning bids with their scores."""
    return {
        "record": record.record_hash,
        "winners": {bid.id: str(bid.score) for bid in record.bids if bid.status == "won"},
    }


def settlement_payload(settlement: str, landed: Sequence[str], failed: Mapping[str, str]) -> dict[str, Any]:
    """Logged when the settlement is final: its record's hash, which winners had their effect, and why others had none."""
    return {"failed": dict(failed), "landed": list(landed), "settlement": settlement}


def voided_payload(reason: str) -> dict[str, Any]:
    """Logged where an auction came to nothing."""
    return {"reason": reason}


def committed(name: str, seal: Seal | None, solution_hashes: Sequence[str]) -> tuple[str, tuple[str, int]]:
    """A solver's key, its commitment and sequence number: as sealed, or else what follows from what it gave."""
    if seal is None:
        return name, (commitment(solution_hashes), 0)
    return seal.key, (seal.commitment, seal.sequence)


def check_record(record: Record, payloads: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError `not_as_logged` at the first thing in a record that its auction's payloads say otherwise."""
    sealed = dict(
        committed(name, given.sealed, [solution.content_hash for solution in given.solutions])
        for name, given in record.proposals.items()
    )
    expected: dict[str, Mapping[str, Any]] = {
        "problem": problem_payload(record.problem),
        "commitments": commitments_payload(record.problem.hash, sealed),
        "result": result_payload(record),
    }
    for kind, payload in expected.items():
        if kind not in payloads:
            raise InputError("not_logged", f"/{kind}", expected="an entry of this kind", actual="none")
        for name, value in payload.items():
            logged = payloads[kind].get(name)
            if logged != value:
                where, said = f"/{kind}/{name}", str(logged)[:200]
                raise InputError("not_as_logged", where, expected=said, actual=str(value)[:200])
