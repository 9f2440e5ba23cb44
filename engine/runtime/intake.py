"""Accepting intents: many in one transaction, each with a receipt that names the latest auction it will be part of.

Guarantees
1. An intent is stored once, however often it is sent, and has one receipt. A nonce belongs to one intent.
2. A repeated idempotency key gives the answer that was stored under it; a key and what it names are stored together.
3. `accept` judges each submission by what is stored and by those before it in the list, as if they had come one after the
   other; what is refused changes nothing. Where somebody else stores the same in the same moment it raises, changes
   nothing, and may be called again.

`read` comes first, outside of any transaction: it parses and checks the signature. `accept` makes few statements for many
intents, since all are waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from engine.auction.admission import check_admissible, check_signed
from engine.auction.problem import Intent
from engine.runtime.operation import check_accepting
from engine.store.errors import StoreError
from engine.store.repositories.idempotency import Stored, Used, repeated
from engine.store.repositories.intents import Claim
from engine.store.types import Written
from engine.store.work import Work
from intents.errors import InputError
from intents.receipts import sign_receipt
from intents.values import Value, content_hash

ENTRY_AUCTIONS = 2
"""An accepted intent is in the second auction after the newest one at the latest: on a database whose writers do not
wait for each other, the very next batch may be cut in the moment in which the intent is stored."""


@dataclass(frozen=True, slots=True)
class Submission:
    """An intent whose signature was checked. `fault` is why it may not be accepted as a new one, None where it may.

    `key` is the idempotency key within its scope, None without one; `request` the hash of the request under it.
    """

    intent: Intent
    at_ms: int
    fault: InputError | None = None
    key: str | None = None
    request: str = ""


class Accepted(NamedTuple):
    """What is answered: 201 where the intent is new, 200 with the same receipt where it was accepted before.

    `fresh` says whether it was stored now: not so where the answer is repeated for its key.
    """

    intent: str
    status: int
    receipt: bytes
    fresh: bool


class Intake:
    """Accepts for one engine and one market. `now_ms` is the service's time, by which validity is judged.

    `underlyings` are those that exposures may be bounded of.
    """

    def __init__(
        self,
        private_key: bytes,
        deployment_salt: str,
        assets: Container[str],
        now_ms: Callable[[], int],
        underlyings: Container[str] = (),
    ) -> None:
        self._private_key = private_key
        self._salt = deployment_salt
        self._assets = assets
        self._now_ms = now_ms
        self._underlyings = underlyings

    def read(self, body: bytes, key: str | None, *route: str) -> Submission:
        """The submission that a request's body is, `route` being its method and path. Raises InputError."""
        intent = Intent.from_json(body)
        check_signed(intent, self._salt)
        now_ms, fault = self._now_ms(), None
        try:
            check_admissible(intent, assets=self._assets, time_seconds=now_ms // 1000, underlyings=self._underlyings)
        except InputError as error:
            fault = error
        scoped, asked = (None, "") if key is None else claim_of(key, intent.outcome.owner, *route, intent)
        return Submission(intent, now_ms, fault, scoped, asked)

    def accept(self, work: Work, submissions: Sequence[Submission]) -> list[Accepted | Exception]:
        """What becomes of each, in order. Raises OvertakenError where another writer stores the same in this moment."""
        book = _Book(work, submissions)
        results: list[Accepted | Exception] = []
        for submission in submissions:
            try:
                results.append(self._accept(book, submission))
            except (InputError, StoreError) as refusal:
                results.append(refusal)
        book.store()
        return results

    def _accept(self, book: _Book, submission: Submission) -> Accepted:
        if submission.key is not None and submission.key in book.keys:
            answer = repeated(submission.key, book.keys[submission.key], submission.request)
            return Accepted(submission.intent.id, answer.status, answer.body, fresh=False)
        intent = submission.intent
        claim = book.claims.get(_nonce(submission))
        if claim is not None and claim.intent == intent.id:
            return book.answer(submission, Accepted(intent.id, 200, _receipt(claim), fresh=False))
        book.check_accepting()
        if submission.fault is not None:
            raise submission.fault
        if claim is not None:
            expected = f"a nonce that {intent.outcome.owner} has not used"
            raise InputError("nonce_used", "/nonce", expected=expected, actual=f"used by {claim.intent}")
        receipt = sign_receipt(
            intent.id,
            accepted_ms=submission.at_ms,
            latest_auction=book.newest + ENTRY_AUCTIONS,
            deployment_salt=self._salt,
            private_key=self._private_key,
        )
        book.add(submission, receipt)
        return book.answer(submission, Accepted(intent.id, 201, receipt, fresh=True))


class _Book:
    """What is stored of what the submissions name, and what is to be stored."""

    def __init__(self, work: Work, submissions: Sequence[Submission]) -> None:
        self._work = work
        self._draining: InputError | None = None
        try:
            check_accepting(work)
        except InputError as draining:
            self._draining = draining
        newest = work.auctions.latest_number()
        self.newest = -1 if newest is None else newest
        self.claims = work.intents.claims(map(_nonce, submissions))
        keys = [submission.key for submission in submissions if submission.key is not None]
        self.keys = work.idempotency.used(keys) if keys else {}
        self._new: list[tuple[Intent, int, Written]] = []
        self._answered: dict[str, tuple[Used, int]] = {}

    def check_accepting(self) -> None:
        if self._draining is not None:
            raise self._draining

    def add(self, submission: Submission, receipt: bytes) -> None:
        self._new.append((submission.intent, submission.at_ms, Written(receipt.decode())))
        self.claims[_nonce(submission)] = Claim(submission.intent.id, receipt)

    def answer(self, submission: Submission, accepted: Accepted) -> Accepted:
        if submission.key is not None:
            used = Used(submission.request, Stored(accepted.status, accepted.receipt))
            self.keys[submission.key] = used
            self._answered[submission.key] = (used, submission.at_ms)
        return accepted

    def store(self) -> None:
        self._work.intents.add_all(self._new)
        self._work.idempotency.store_all(self._answered)


def claim_of(key: str, scope: str, *request: Value | str) -> tuple[str, str]:
    """An idempotency key within its scope (an owner, say), and the hash of the request that it names."""
    return content_hash("clearway/idempotency-key/1", scope, key), content_hash("clearway/request/1", *request)


def _nonce(submission: Submission) -> tuple[str, int]:
    return submission.intent.outcome.owner, submission.intent.outcome.nonce


def _receipt(claim: Claim) -> bytes:
    if not claim.receipt:
        raise InputError("no_receipt", "", expected="an intent that was submitted here", actual="one of the order flow")
    return claim.receipt
