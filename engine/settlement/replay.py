"""Replay of a settlement, from the bytes of the auction's record and of its own."""

from __future__ import annotations

from engine.audit.record import Record
from engine.audit.replay import ReplayReport
from engine.settlement.record import SettlementRecord, check_settlement, settlement_bytes
from intents.errors import ClearwayError, InputError


def replay_settlement(record: bytes, settlement: bytes) -> ReplayReport:
    """Redo a settlement. The auction's record must have replayed; never raises for what is in the settlement's bytes."""
    try:
        settled = SettlementRecord.from_json(settlement)
    except InputError as error:
        return ReplayReport(error.where, error.expected, f"{error.actual} ({error.code})", "format")
    try:
        check_settlement(Record.from_json(record), settled)
    except InputError as error:
        return ReplayReport(error.where, error.expected, f"{error.actual} ({error.code})", "recomputed")
    except ClearwayError as error:
        return ReplayReport("", "a settlement that can be redone", str(error), "recomputed")
    if settlement_bytes(settled) != settlement:
        return ReplayReport("", "canonical bytes", "the same data, written in another way", "canonical")
    return ReplayReport()
