"""One auction's tables, record and settlement, held against its entries in the log.

`examine` gives every difference by table, key and column, or raises InputError or StoreError with the place of what can not
be believed at all (an entry that is not in the log, bytes that are damaged). The log is the measure: the record must be the one
logged, rows must follow from the record, postings from the settlement's, and both are redone from their inputs.

It does not look at what belongs to no auction: deposits, leases, idempotency keys.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.audit.fairness import Logged, Payloads, check_logged, check_replays
from engine.audit.log.payloads import check_record, settlement_payload
from engine.audit.log.reader import LogReader
from engine.audit.record import Record
from engine.ledger.settlement_entries import settlement_entry
from engine.settlement.record import SettlementRecord, check_settlement
from engine.store.compare import Difference
from engine.store.work import Work
from intents.errors import InputError


def examine(work: Work, number: int, log: LogReader) -> Iterator[Difference]:
    """Where an auction that has ended differs from what was logged. What is dear, the replays, comes last."""
    stored = work.auctions.get(number)
    if stored is None:
        raise InputError("unknown_auction", str(number), expected="an auction that was opened", actual="none")
    payloads = check_logged(log, number, [Logged(*each) for each in work.log.of_auction(number)])
    if "problem" not in payloads:
        raise InputError("not_logged", f"/{number}/problem", expected="an entry with its payload", actual="none")
    if "voided" in payloads:
        yield from _of_voided(stored.status, stored.void_reason, payloads, number)
        return
    content = work.auctions.record_bytes(number)
    if content is None:
        yield Difference(f"auctions[{number}].record", "a record, as logged", "none")
        return
    record = Record.from_json(content)
    try:
        check_record(record, payloads)
    except InputError as error:
        if error.where == "/result/record":
            check_replays(content)  # names the field, where what was changed follows from what was not
        raise
    settled = _settled(work, number, payloads)
    yield from work.auctions.differences(number, record, None if settled is None else settled.landed)
    yield from work.intents.differences(record.problem.intents)
    if settled is not None:
        landed, failed = settled.landed, settled.failed
        hashes = settled.settlement_hash, settled.plan_hash
        yield from work.settlements.differences(number, *hashes, landed=landed, failed=failed)
        outcome = check_settlement(record, settled)
        yield from work.accounts.differences(settlement_entry(record.problem, outcome.replayed, record.problem.auction))
    check_replays(content)


def _of_voided(status: str, reason: str | None, payloads: Payloads, number: int) -> Iterator[Difference]:
    logged = payloads["voided"]["reason"]
    if status != "void":
        yield Difference(f"auctions[{number}].status", "void", status)
    if reason != logged:
        yield Difference(f"auctions[{number}].void_reason", str(logged), str(reason))


def _settled(work: Work, number: int, payloads: Payloads) -> SettlementRecord | None:
    """The settlement record, which must be the one logged; None before the end."""
    content = work.settlements.record_bytes(number)
    if content is None or "settlement" not in payloads:
        if (content is None) == ("settlement" not in payloads):
            return None
        where = f"settlements[{number}].record"
        raise InputError("not_as_logged", where, expected="settlement and its entry", actual="one without the other")
    settled = SettlementRecord.from_json(content)
    again = settled.sealed().settlement_hash
    logged, said = payloads["settlement"], settlement_payload(again, settled.landed, settled.failed)
    if dict(logged) != said:
        where = f"settlements[{number}].record"
        raise InputError("not_as_logged", where, expected=str(logged["settlement"]), actual=again)
    return settled
