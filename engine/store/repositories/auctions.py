"""Auctions: opened before any solver sees the problem, then decided and settled, or voided, each once.

Guarantees
1. An open auction's problem hash, snapshot and batch do not change; `decide` refuses a record of another problem.
2. The record comes back byte for byte (`record_bytes` checks its digest). Its snapshot, most of which repeats from one
   auction to the next, is stored as a snapshot and put back in.
3. Every bid of the record is a row, won or not; every winner's groups are rows, and the fills of winners that landed.

It moves neither intents nor balances: whoever settles does that in the same transaction.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, Table, func, insert, select, update

from engine.auction.solution import Solution
from engine.audit.record import BidRecord, Reason, Record, record_bytes
from engine.store.compare import Difference, differences
from engine.store.errors import StoreError
from engine.store.repositories.snapshots import Snapshots
from engine.store.tables import auction_intents, auctions, bid_intents, bids, fills, winners
from intents.values import canonical_bytes

_SUMMARY = [column for column in auctions.c if column.name != "record"]


@dataclass(frozen=True, slots=True)
class StoredAuction:
    """An auction. What comes with the decision or the end is None before; `total_score` is in the numeraire's base units."""

    number: int
    status: Literal["open", "settling", "settled", "void"]
    problem_hash: str
    snapshot: str
    rules_version: str
    solver_seed: str
    tie_seed: str | None
    code_version: str
    cut_ms: int
    deadline_ms: int
    ended_ms: int | None
    void_reason: str | None
    timings: Mapping[str, Any] | None
    total_score: int | None
    record_hash: str | None


@dataclass(frozen=True, slots=True)
class StoredFill:
    """What a winner filled of an intent; amounts by asset in base units, fees included."""

    auction: int
    intent: str
    bid: str
    solver: str
    units: int
    paid: Mapping[str, int]
    received: Mapping[str, int]
    fee: Mapping[str, int]
    stage: int


@dataclass(frozen=True, slots=True)
class Mention:
    """A bid that would fill units of an intent, and what became of the bid; `reason` is None where it won."""

    auction: int
    bid: str
    solver: str
    units: int
    status: str
    reason: Reason | None


@dataclass(frozen=True, slots=True)
class StoredWinner:
    """Who won a group; scores in base units of the numeraire, `price` as [numerator, denominator]."""

    group: str
    bid: str
    score: int
    baseline: int
    price: tuple[int, int] | None


class Auctions:
    """Stored auctions."""

    def __init__(self, connection: Connection, snapshots: Snapshots) -> None:
        self._connection = connection
        self._snapshots = snapshots

    def open(
        self,
        number: int,
        *,
        problem_hash: str,
        snapshot_hash: str,
        cut_ms: int,
        deadline_ms: int,
        rules_version: str,
        solver_seed: str,
        code_version: str,
        intent_ids: Iterable[str],
    ) -> None:
        """Store an auction and its batch. The snapshot and the intents must be stored already."""
        row = {
            "number": number,
            "status": "open",
            "problem_hash": problem_hash,
            "snapshot": snapshot_hash,
            "rules_version": rules_version,
            "solver_seed": solver_seed,
            "code_version": code_version,
            "cut_ms": cut_ms,
            "deadline_ms": deadline_ms,
        }
        self._connection.execute(insert(auctions).values(**row))
        self._insert(auction_intents, ({"auction": number, "intent": intent} for intent in intent_ids))

    def decide(self, number: int, record: Record, timings: Mapping[str, Any]) -> None:
        """Store who won. Raises StoreError `auction_not_open` or `wrong_problem`."""
        opened = self._locked(number, "open")
        if (record.problem_hash, record.problem.snapshot_hash) != (opened.problem_hash, opened.snapshot):
            raise StoreError("wrong_problem", str(number), expected=opened.problem_hash, actual=record.problem_hash)
        data = record.to_wire()
        data["problem"]["snapshot"] = None
        values = {
            "status": "settling",
            "timings": dict(timings),
            "total_score": record.total_score,
            "tie_seed": record.tie_seed,
            "record_hash": record.record_hash,
            "record_digest": hashlib.sha256(record_bytes(record)).hexdigest(),
            "record": canonical_bytes(data),
        }
        self._connection.execute(update(auctions).where(auctions.c.number == number).values(**values))
        self._insert(bids, _bid_rows(number, record))
        self._insert(bid_intents, _mention_rows(number, record))
        self._insert(winners, _winner_rows(number, record))

    def settle(self, number: int, record: Record, landed: Collection[str], at_ms: int) -> None:
        """Store which of the record's winners had effect, and that this is the end. Raises StoreError `auction_not_open`."""
        self._locked(number, "settling")
        values = {"status": "settled", "ended_ms": at_ms}
        self._connection.execute(update(auctions).where(auctions.c.number == number).values(**values))
        self._insert(fills, _fill_rows(number, record, landed))

    def differences(self, number: int, record: Record, landed: Collection[str] | None) -> Iterator[Difference]:
        """Where the tables say something else of the auction than its record does; `landed` is None before its settlement."""
        problem = record.problem
        row = {"number": number, "status": "settling" if landed is None else "settled", "void_reason": None}
        row |= {
            name: getattr(record, name)
            for name in ("problem_hash", "rules_version", "tie_seed", "total_score", "record_hash")
        }
        row |= {"snapshot": problem.snapshot_hash, "solver_seed": problem.solver_seed}
        batch = ({"auction": number, "intent": intent.id} for intent in problem.intents)
        expected: list[tuple[Table, Iterable[Mapping[str, Any]]]] = [
            (auction_intents, batch),
            (bids, _bid_rows(number, record)),
            (bid_intents, _mention_rows(number, record)),
            (winners, _winner_rows(number, record)),
            (fills, _fill_rows(number, record, landed or ())),
        ]
        yield from differences(self._connection, auctions, auctions.c.number == number, [row])
        for table, rows in expected:
            yield from differences(self._connection, table, table.c.auction == number, rows)

    def void(self, number: int, reason: str, at_ms: int) -> None:
        """End an auction without effect. Raises StoreError `auction_not_open`."""
        self._locked(number, "open")
        values = {"status": "void", "ended_ms": at_ms, "void_reason": reason}
        self._connection.execute(update(auctions).where(auctions.c.number == number).values(**values))

    def get(self, number: int) -> StoredAuction | None:
        """The auction with this number."""
        row = self._connection.execute(select(*_SUMMARY).where(auctions.c.number == number)).first()
        return None if row is None else _auction(row)

    def latest(self) -> StoredAuction | None:
        """The auction with the greatest number, whatever its status."""
        row = self._connection.execute(select(*_SUMMARY).order_by(auctions.c.number.desc()).limit(1)).first()
        return None if row is None else _auction(row)

    def latest_number(self) -> int | None:
        """The greatest number; None before the first auction."""
        number: int | None = self._connection.scalar(select(func.max(auctions.c.number)))
        return number

    def unfinished(self, *statuses: Literal["open", "settling"]) -> list[StoredAuction]:
        """Auctions under way, where statuses are named those that stand so: at most one, unless something stopped."""
        wanted = auctions.c.status.in_(statuses or ("open", "settling"))
        query = select(*_SUMMARY).where(wanted).order_by(auctions.c.number)
        return [_auction(row) for row in self._connection.execute(query)]

    def page(self, after: int | None, limit: int) -> tuple[list[StoredAuction], int | None]:
        """Newest first, at most `limit` with numbers below the cursor `after`; and the next cursor, if more follow."""
        query = select(*_SUMMARY).order_by(auctions.c.number.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(auctions.c.number < after)
        found = [_auction(row) for row in self._connection.execute(query)]
        return found[:limit], found[limit - 1].number if len(found) > limit else None

    def batch(self, number: int) -> list[str]:
        """Ids of the intents in the auction's batch, ascending."""
        query = select(auction_intents.c.intent).where(auction_intents.c.auction == number)
        return sorted(self._connection.scalars(query))

    def record_bytes(self, number: int) -> bytes | None:
        """The record's canonical bytes; None before winners are decided. Raises StoreError `damaged_record`."""
        query = select(auctions.c.record, auctions.c.record_digest, auctions.c.snapshot)
        row = self._connection.execute(query.where(auctions.c.number == number)).first()
        if row is None or row.record is None:
            return None
        data = json.loads(row.record)
        data["problem"]["snapshot"] = self._snapshots.wire(row.snapshot)
        whole = canonical_bytes(data)
        digest = hashlib.sha256(whole).hexdigest()
        if digest != row.record_digest:
            raise StoreError("damaged_record", str(number), expected=row.record_digest, actual=digest)
        return whole

    def bids(self, number: int) -> list[BidRecord]:
        """Every bid of a decided auction, in the record's order."""
        query = select(bids).where(bids.c.auction == number).order_by(bids.c.position)
        return [
            BidRecord(
                id=row.id,
                solver=row.solver,
                index=row.solution_index,
                solution_hash=row.solution_hash,
                tie_key=row.tie_key,
                status=row.status,
                reason=_reason(row.reason),
                score=row.score,
                group_scores={group: int(score) for group, score in row.group_scores.items()},
                unpriced=tuple(row.unpriced),
            )
            for row in self._connection.execute(query)
        ]

    def winners(self, number: int) -> list[StoredWinner]:
        """What was won in a decided auction, by group."""
        query = select(winners).where(winners.c.auction == number)
        found = [
            StoredWinner(
                group=row.group,
                bid=row.bid,
                score=row.score,
                baseline=row.baseline,
                price=None if row.price_num is None else (row.price_num, row.price_den),
            )
            for row in self._connection.execute(query)
        ]
        return sorted(found, key=lambda winner: winner.group)

    def fills(self, number: int) -> list[StoredFill]:
        """What was filled in an auction, by intent."""
        return sorted(self._fills(fills.c.auction == number), key=lambda fill: fill.intent)

    def fills_of(self, intent: str) -> list[StoredFill]:
        """What was filled of an intent, oldest first."""
        return sorted(self._fills(fills.c.intent == intent), key=lambda fill: fill.auction)

    def mentions(self, intent: str, limit: int = 100) -> list[Mention]:
        """Bids of decided auctions that would fill the intent, the newest auction first, at most `limit`."""
        query = (
            select(bid_intents, bids.c.solver, bids.c.status, bids.c.reason)
            .join(bids, (bids.c.auction == bid_intents.c.auction) & (bids.c.id == bid_intents.c.bid))
            .where(bid_intents.c.intent == intent)
            .order_by(bid_intents.c.auction.desc(), bids.c.position)
            .limit(limit)
        )
        return [
            Mention(row.auction, row.bid, row.solver, row.units, row.status, _reason(row.reason))
            for row in self._connection.execute(query)
        ]

    def _locked(self, number: int, status: str) -> Row[Any]:
        query = select(*_SUMMARY).where(auctions.c.number == number).with_for_update()
        row = self._connection.execute(query).first()
        if row is None or row.status != status:
            actual = "none" if row is None else row.status
            raise StoreError("auction_not_open", str(number), expected=f"an auction that is {status}", actual=actual)
        return row

    def _fills(self, condition: Any) -> list[StoredFill]:
        query = (
            select(fills, bids.c.solver)
            .join(bids, (bids.c.auction == fills.c.auction) & (bids.c.id == fills.c.bid))
            .where(condition)
        )
        return [
            StoredFill(
                auction=row.auction,
                intent=row.intent,
                bid=row.bid,
                solver=row.solver,
                units=row.units,
                paid=_amounts(row.paid),
                received=_amounts(row.received),
                fee=_amounts(row.fee),
                stage=row.stage,
            )
            for row in self._connection.execute(query)
        ]

    def _insert(self, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
        listed = list(rows)
        if listed:
            self._connection.execute(insert(table), listed)


def _auction(row: Row[Any]) -> StoredAuction:
    return StoredAuction(**{name: getattr(row, name) for name in StoredAuction.__dataclass_fields__})


def _reason(data: dict[str, Any] | None) -> Reason | None:
    return None if data is None else Reason.from_wire(data)


def _amounts(data: Mapping[str, str]) -> dict[str, int]:
    return {asset: int(amount) for asset, amount in data.items()}


def _digits(amounts: Mapping[str, int]) -> dict[str, str]:
    return {asset: str(amount) for asset, amount in amounts.items()}


def _solution(record: Record, bid: BidRecord) -> Solution | None:
    solution = record.proposals[bid.solver].solutions[bid.index]
    return solution if isinstance(solution, Solution) else None


def _bid_rows(number: int, record: Record) -> Iterator[dict[str, Any]]:
    for position, bid in enumerate(record.bids):
        data = bid.to_wire()
        yield {
            **{name: data[name] for name in ("id", "solver", "solution_hash", "tie_key", "status", "reason")},
            "auction": number,
            "solution_index": bid.index,
            "position": position,
            "score": bid.score,
            "group_scores": data["group_scores"],
            "unpriced": data["unpriced"],
        }


def _mention_rows(number: int, record: Record) -> Iterator[dict[str, Any]]:
    batch = record.problem.intents_by_id
    for bid in record.bids:
        solution = _solution(record, bid)
        units: dict[str, int] = {}
        for fill in () if solution is None else solution.fills:
            # A bid may name anything, and anything twice; a row is an intent of the batch, once.
            if fill.intent in batch:
                units[fill.intent] = units.get(fill.intent, 0) + fill.units
        for intent, wanted in units.items():
            yield {"auction": number, "bid": bid.id, "intent": intent, "units": wanted}


def _fill_rows(number: int, record: Record, landed: Collection[str]) -> Iterator[dict[str, Any]]:
    for bid in record.bids:
        solution = _solution(record, bid) if bid.id in landed else None
        for fill in () if solution is None else solution.fills:
            yield {
                "auction": number,
                "intent": fill.intent,
                "bid": bid.id,
                "units": fill.units,
                "paid": _digits(fill.ins),
                "received": _digits(fill.outs),
                "fee": _digits(fill.fee),
                "stage": fill.stage,
            }


def _winner_rows(number: int, record: Record) -> Iterator[dict[str, Any]]:
    for bid in record.bids:
        for group, score in bid.group_scores.items() if bid.status == "won" else ():
            price = record.prices.get(group)
            yield {
                "auction": number,
                "group": group,
                "bid": bid.id,
                "score": score,
                "baseline": record.baselines[group],
                "price_num": None if price is None else price[0],
                "price_den": None if price is None else price[1],
            }
