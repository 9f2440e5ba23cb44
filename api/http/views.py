"""What the API says: the values in its answers. Amounts are digit strings, times Unix milliseconds unless named otherwise.

The client reads answers into the same values, so what this module loads is in the base: no store, no server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from engine.auction.problem import Intent, Signature
from engine.audit.log.entries import Disclosed
from engine.audit.record import BidRecord, Integer
from engine.audit.standing import BidStanding
from engine.market.margin.report import MarginReport
from intents.identifiers import AssetId, Bytes32, Digest, IntentId, OwnerId, PlaceId, Text
from intents.instruments import Instrument, Option
from intents.lifecycle import Status
from intents.receipts import Receipt
from intents.signing import Cancellation
from intents.values import Amount, SignedAmount, Value

if TYPE_CHECKING:
    from engine.store.repositories.auctions import StoredAuction, StoredFill
    from engine.store.repositories.intents import HistoryLine, StoredIntent

Milliseconds = Annotated[int, Field(ge=0, lt=2**53)]
Number = Annotated[int, Field(ge=0, lt=2**53)]


class IntentView(Value):
    """An accepted intent and where it stands. `auction` is the running one while SETTLING.

    `receipt` is null for intents that the embedded world brought by itself.
    """

    intent: Intent
    status: Status
    cancel_waits: bool
    auction: Number | None
    accepted_ms: Milliseconds
    receipt: Receipt | None

    @classmethod
    def of(cls, stored: StoredIntent) -> IntentView:
        """The view of a stored intent."""
        return cls(
            intent=stored.intent,
            status=stored.status,
            cancel_waits=stored.cancel_waits,
            auction=stored.auction,
            accepted_ms=stored.accepted_ms,
            receipt=Receipt.from_wire(stored.receipt) if stored.receipt else None,
        )


class FillView(Value):
    """What an auction filled of an intent: paid by its owner and received by its receiver, fees included."""

    auction: Number
    intent: IntentId
    bid: Digest
    solver: Text
    units: Amount
    paid: dict[AssetId, Amount]
    received: dict[AssetId, Amount]
    fee: dict[AssetId, Amount]
    stage: Number

    @classmethod
    def of(cls, fill: StoredFill) -> FillView:
        """The view of a stored fill."""
        return cls(
            auction=fill.auction,
            intent=fill.intent,
            bid=fill.bid,
            solver=fill.solver,
            units=fill.units,
            paid=dict(fill.paid),
            received=dict(fill.received),
            fee=dict(fill.fee),
            stage=fill.stage,
        )


class IntentDetail(IntentView):
    """One intent with its fills, oldest first."""

    fills: tuple[FillView, ...]

    @classmethod
    def of_all(cls, stored: StoredIntent, fills: list[StoredFill]) -> IntentDetail:
        """The view of a stored intent and its fills."""
        return cls(**dict(IntentView.of(stored)), fills=tuple(FillView.of(fill) for fill in fills))


class IntentPage(Value):
    """Newest first. `next` is the `after` of the following page; null on the last."""

    items: tuple[IntentView, ...]
    next: Number | None


class EventView(Value):
    """One event of an intent's life; `status` and `filled_units` are those afterwards."""

    event: str
    status: Status
    filled_units: Amount
    at_ms: Milliseconds
    auction: Number | None
    detail: dict[str, Any]

    @classmethod
    def of(cls, line: HistoryLine) -> EventView:
        """The view of a line of history."""
        return cls(
            event=line.event,
            status=line.status,
            filled_units=line.filled_units,
            at_ms=line.at_ms,
            auction=line.auction,
            detail=dict(line.detail),
        )


class History(Value):
    """Everything that happened to an intent, oldest first."""

    intent: IntentId
    events: tuple[EventView, ...]


class SignedCancellation(Value):
    """A cancellation and its owner's signature."""

    cancellation: Cancellation
    signature: Signature


class Deposit(Value):
    """Money asked of the faucet, at the place where the asset lives."""

    owner: OwnerId
    asset: AssetId
    amount: Amount


class BalanceView(Value):
    """`free` is the amount less what is reserved."""

    amount: SignedAmount
    reserved: SignedAmount
    free: SignedAmount


class Deposited(Value):
    """A deposit that was made, its number in the ledger, and the balance it left."""

    entry: Number
    owner: OwnerId
    asset: AssetId
    amount: Amount
    balance: BalanceView


class Balances(Value):
    """Tokens, by asset."""

    owner: OwnerId
    balances: dict[AssetId, BalanceView]


class PositionView(Value):
    """A position in a derivative, with what its id says. A perpetual has no expiry; strike and right are an option's."""

    asset: AssetId
    balance: BalanceView
    underlying: str
    index: str
    expiry_seconds: Number | None
    strike: str | None
    right: Literal["C", "P"] | None
    style: Literal["linear", "inverse"]
    settlement: AssetId
    issuer: str

    @classmethod
    def of(cls, asset: str, balance: BalanceView, instrument: Instrument) -> PositionView:
        """The view of a position."""
        option = instrument if isinstance(instrument, Option) else None
        return cls(
            asset=asset,
            balance=balance,
            underlying=instrument.underlying,
            index=instrument.index,
            expiry_seconds=instrument.expiry_seconds,
            strike=option and option.strike,
            right=option and option.right,
            style=instrument.style,
            settlement=instrument.settlement,
            issuer=instrument.issuer,
        )


class Positions(Value):
    """Derivatives, ascending by id."""

    owner: OwnerId
    positions: tuple[PositionView, ...]


class MarginChanges(Value):
    """What a hypothetical fill would change in an owner's balances, by asset: what it gets, less what it gives."""

    changes: dict[AssetId, SignedAmount]


class AccountMargin(Value):
    """An owner's margin accounts by place, on the risk tables of that auction."""

    owner: OwnerId
    auction: Number
    places: dict[PlaceId, MarginReport]


class AuctionView(Value):
    """An auction. What comes with its end is null before it; `total_score` is in base units of the numeraire."""

    number: Number
    status: Literal["open", "settling", "settled", "void"]
    problem_hash: Digest
    snapshot_hash: Digest
    rules_version: str
    solver_seed: Bytes32
    tie_seed: Digest | None
    code_version: str
    cut_ms: Milliseconds
    deadline_ms: Milliseconds
    ended_ms: Milliseconds | None
    void_reason: str | None
    timings: dict[str, Any] | None
    total_score: Integer | None
    record_hash: Digest | None

    @classmethod
    def of(cls, auction: StoredAuction) -> AuctionView:
        """The view of a stored auction."""
        return cls(
            number=auction.number,
            status=auction.status,
            problem_hash=auction.problem_hash,
            snapshot_hash=auction.snapshot,
            rules_version=auction.rules_version,
            solver_seed=auction.solver_seed,
            tie_seed=auction.tie_seed,
            code_version=auction.code_version,
            cut_ms=auction.cut_ms,
            deadline_ms=auction.deadline_ms,
            ended_ms=auction.ended_ms,
            void_reason=auction.void_reason,
            timings=None if auction.timings is None else dict(auction.timings),
            total_score=auction.total_score,
            record_hash=auction.record_hash,
        )


class WinnerView(Value):
    """Who won a group; scores in base units of the numeraire, `price` as [numerator, denominator] for groups of swaps."""

    group: Text
    bid: Digest
    score: Integer
    baseline: Integer
    price: tuple[Amount, Amount] | None


class AuctionDetail(AuctionView):
    """An auction with its batch, its winners by group and its fills by intent."""

    intents: tuple[IntentId, ...]
    winners: tuple[WinnerView, ...]
    fills: tuple[FillView, ...]


class AuctionPage(Value):
    """Newest first. `next` is the `after` of the following page; null on the last."""

    items: tuple[AuctionView, ...]
    next: Number | None


class BidList(Value):
    """Every bid of an auction, by solver and index, with its scores and, unless it won, its reason; then rank and gap of each."""

    auction: Number
    bids: tuple[BidRecord, ...]
    standings: tuple[BidStanding, ...]


class ServerTime(Value):
    """The service's time, by which the validity of intents is judged, and the newest auction, null before the first."""

    now_ms: Milliseconds
    latest_auction: Number | None


class LogView(Value):
    """The log: `key` is a verifier key (C2SP signed-note), `root` hex, `checkpoint` the signed note."""

    origin: str
    key: str
    size: int
    root: str
    checkpoint: str


class EntryView(Value):
    """An entry: its index in the log, its bytes as text, and what is under its hash unless that was erased."""

    number: int
    leaf: str
    disclosed: Disclosed | None


class LoggedAuction(Value):
    """What the log says of an auction."""

    auction: int
    entries: tuple[EntryView, ...]


class Deployment(Value):
    """What clients need to sign and to check: the salt of signatures, the key of receipts, versions.

    A batch is cut whenever the service's time is a multiple of `cadence_ms`, unless an auction still runs then.
    """

    deployment_salt: Bytes32
    engine: OwnerId
    rules_version: str
    code_version: str
    cadence_ms: Milliseconds
    faucet: bool


class Health(Value):
    """`ok`."""

    status: Literal["ok"]
