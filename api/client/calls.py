"""What can be asked of the service, and how an answer is read. No network and no clock here: see `exchange`.

Guarantees
1. Every call that changes something carries an Idempotency-Key, so that any of them may be sent again as it is.
2. The key of an intent and of a cancellation follows from what is sent: a client that forgot that it asked asks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import quote

from api.http.network_views import NetworkView
from api.http.solver_views import Challenge, KeyChange, Registered, Registration, Removal, Removed, SolverList
from api.http.views import (
    AccountMargin,
    AuctionDetail,
    AuctionPage,
    Balances,
    BidList,
    Deployment,
    Deposit,
    Deposited,
    History,
    IntentDetail,
    IntentPage,
    IntentView,
    LoggedAuction,
    LogView,
    Positions,
    ServerTime,
    SignedCancellation,
)
from engine.auction.problem import Intent
from engine.audit.explain import Explanation
from intents.lifecycle import Status
from intents.receipts import Receipt
from intents.values import Value, canonical_bytes, content_hash

T = TypeVar("T")
V = TypeVar("V", bound=Value)


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request and how its answer is read. A call with a body changes something."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


def submit(intent: Intent) -> Call[Receipt]:
    """Hand in a signed intent; the engine's receipt."""
    return _post("/v1/intents", intent, Receipt, intent.id)


def cancel(signed: SignedCancellation) -> Call[IntentView]:
    """Cancel an intent; where it stands afterwards."""
    key = content_hash("clearway/cancel-key/1", signed)
    return _post(f"/v1/intents/{_part(signed.cancellation.intent)}/cancel", signed, IntentView, key)


def deposit(asked: Deposit, key: str) -> Call[Deposited]:
    """Take money from the faucet: once for each key."""
    return _post("/v1/deposits", asked, Deposited, key)


def intent(intent_id: str) -> Call[IntentDetail]:
    """An intent and its fills."""
    return _get(f"/v1/intents/{_part(intent_id)}", IntentDetail)


def intents(owner: str | None, status: Status | None, after: int | None, limit: int) -> Call[IntentPage]:
    """A page of intents, newest first."""
    return _get("/v1/intents", IntentPage, owner=owner, status=status and status.value, after=after, limit=limit)


def history(intent_id: str) -> Call[History]:
    """Everything that happened to an intent."""
    return _get(f"/v1/intents/{_part(intent_id)}/history", History)


def why_unfilled(intent_id: str, auction_number: int | None) -> Call[Explanation]:
    """What became of an intent in an auction."""
    return _get(f"/v1/intents/{_part(intent_id)}/why-unfilled", Explanation, auction=auction_number)


def balances(owner: str) -> Call[Balances]:
    """An owner's tokens."""
    return _get(f"/v1/accounts/{_part(owner)}/balances", Balances)


def positions(owner: str) -> Call[Positions]:
    """An owner's derivatives."""
    return _get(f"/v1/accounts/{_part(owner)}/positions", Positions)


def margin(owner: str) -> Call[AccountMargin]:
    """An owner's margin accounts."""
    return _get(f"/v1/accounts/{_part(owner)}/margin", AccountMargin)


def auctions(after: int | None, limit: int) -> Call[AuctionPage]:
    """A page of auctions, newest first."""
    return _get("/v1/auctions", AuctionPage, after=after, limit=limit)


def auction(number: int) -> Call[AuctionDetail]:
    """An auction with its batch, winners and fills."""
    return _get(f"/v1/auctions/{number}", AuctionDetail)


def bids(number: int) -> Call[BidList]:
    """Every bid of an auction."""
    return _get(f"/v1/auctions/{number}/bids", BidList)


def record(number: int) -> Call[bytes]:
    """An auction's record, byte for byte."""
    return Call("GET", f"/v1/auctions/{number}/record", bytes)


def settlement(number: int) -> Call[bytes]:
    """How an auction was settled, byte for byte."""
    return Call("GET", f"/v1/auctions/{number}/settlement", bytes)


def network() -> Call[NetworkView]:
    """Nodes, load, health and delays as of the newest settlement."""
    return _get("/v1/network", NetworkView)


def log() -> Call[LogView]:
    """The log's name, key and newest checkpoint."""
    return _get("/v1/log", LogView)


def log_file(path: str) -> Call[bytes]:
    """A file of the log by its name: `checkpoint`, `tile/...`."""
    return Call("GET", f"/log/{path}", bytes)


def logged(number: int) -> Call[LoggedAuction]:
    """What the log says of an auction."""
    return _get(f"/v1/auctions/{number}/log", LoggedAuction)


def solvers() -> Call[SolverList]:
    """Who may bid."""
    return _get("/v1/solvers", SolverList)


def solver_challenge() -> Call[Challenge]:
    """What the next thing that a solver signs has in it."""
    return _get("/v1/solvers/challenge", Challenge)


def register_solver(asked: Registration) -> Call[Registered]:
    """Register a solver, or say where it moved."""
    return _post("/v1/solvers", asked, Registered, content_hash("clearway/solver-call/1", asked))


def remove_solver(name: str, asked: Removal) -> Call[Removed]:
    """Have a solver leave."""
    key = content_hash("clearway/solver-call/1", asked)
    return _post(f"/v1/solvers/{_part(name)}", asked, Removed, key, method="DELETE")


def change_solver_key(name: str, asked: KeyChange) -> Call[Registered]:
    """Give a solver another key."""
    key = content_hash("clearway/solver-call/1", asked)
    return _post(f"/v1/solvers/{_part(name)}/key", asked, Registered, key, method="PUT")


def server_time() -> Call[ServerTime]:
    """The service's clock."""
    return _get("/v1/time", ServerTime)


def deployment() -> Call[Deployment]:
    """What to sign under, and to check receipts with."""
    return _get("/v1/deployment", Deployment)


def _get(path: str, answer: type[V], **query: str | int | None) -> Call[V]:
    given = {name: str(value) for name, value in query.items() if value is not None}
    return Call("GET", path, answer.from_json, query=given)


def _post(path: str, body: Value, answer: type[V], key: str, *, method: str = "POST") -> Call[V]:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    return Call(method, path, answer.from_json, headers=headers, body=canonical_bytes(body.to_wire()))


def _part(text: str) -> str:
    """One part of a path, whatever the text holds. `.` and `..` would be taken out by who normalises paths."""
    return quote(text, safe=":").replace(".", "%2E")
