"""The awaiting client. It says the same as `api.client.blocking`, in the same words.

    async with AsyncClient("http://127.0.0.1:8000") as service:
        receipt = await service.submit(intent)

One client belongs to one event loop (asyncio).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self, TypeVar

import httpx2

from api.client import calls
from api.client.calls import Call
from api.client.exchange import Policy, Send, exchange
from api.client.transport import TIMEOUT, answer_of, checked_url, lengthened, no_answer, request_of
from api.http.network_views import NetworkView
from api.http.solver_views import Challenge, KeyChange, Registered, Registration, Removal, Removed, SolverList
from api.http.views import (
    AccountMargin,
    AuctionDetail,
    AuctionPage,
    AuctionView,
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

T = TypeVar("T")


class AsyncClient:
    """The service at a URL. Errors are ServiceError and UnknownOutcomeError (api.client.errors)."""

    def __init__(
        self, url: str, *, policy: Policy | None = None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """`transport` is httpx2's: in place of the network, an application for instance."""
        self._policy = policy or Policy()
        self._http = httpx2.AsyncClient(base_url=checked_url(url), timeout=TIMEOUT, transport=transport)

    async def __aenter__(self) -> Self:
        """The client, open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def submit(self, intent: Intent) -> Receipt:
        """Hand in a signed intent; the engine's receipt. The same intent twice is one, and gets the same receipt."""
        return await self._call(calls.submit(intent))

    async def cancel(self, signed: SignedCancellation) -> IntentView:
        """Cancel an intent; where it stands afterwards."""
        return await self._call(calls.cancel(signed))

    async def deposit(self, owner: str, asset: str, amount: int, *, key: str | None = None) -> Deposited:
        """Take base units from the faucet: once for each `key`, which is a new one where none is given."""
        asked = Deposit(owner=owner, asset=asset, amount=amount)
        return await self._call(calls.deposit(asked, key or secrets.token_hex(16)))

    async def intent(self, intent_id: str) -> IntentDetail:
        """An intent and its fills."""
        return await self._call(calls.intent(intent_id))

    async def intents(
        self, *, owner: str | None = None, status: Status | None = None, after: int | None = None, limit: int = 50
    ) -> IntentPage:
        """A page of intents, newest first; `after` is the `next` of the page before."""
        return await self._call(calls.intents(owner, status, after, limit))

    async def every_intent(
        self, *, owner: str | None = None, status: Status | None = None
    ) -> AsyncIterator[IntentView]:
        """All intents, newest first, page by page."""
        after: int | None = None
        while True:
            page = await self.intents(owner=owner, status=status, after=after)
            for item in page.items:
                yield item
            if page.next is None:
                return
            after = page.next

    async def history(self, intent_id: str) -> History:
        """Everything that happened to an intent."""
        return await self._call(calls.history(intent_id))

    async def why_unfilled(self, intent_id: str, auction: int | None = None) -> Explanation:
        """What became of an intent in an auction, by default the newest settled one that it was part of."""
        return await self._call(calls.why_unfilled(intent_id, auction))

    async def balances(self, owner: str) -> Balances:
        """An owner's tokens."""
        return await self._call(calls.balances(owner))

    async def positions(self, owner: str) -> Positions:
        """An owner's derivatives."""
        return await self._call(calls.positions(owner))

    async def margin(self, owner: str) -> AccountMargin:
        """An owner's margin accounts, on the risk tables of the latest auction."""
        return await self._call(calls.margin(owner))

    async def auctions(self, *, after: int | None = None, limit: int = 50) -> AuctionPage:
        """A page of auctions, newest first; `after` is the `next` of the page before."""
        return await self._call(calls.auctions(after, limit))

    async def every_auction(self) -> AsyncIterator[AuctionView]:
        """All auctions, newest first, page by page."""
        after: int | None = None
        while True:
            page = await self.auctions(after=after)
            for item in page.items:
                yield item
            if page.next is None:
                return
            after = page.next

    async def auction(self, number: int) -> AuctionDetail:
        """An auction with its batch, winners and fills."""
        return await self._call(calls.auction(number))

    async def bids(self, number: int) -> BidList:
        """Every bid of an auction."""
        return await self._call(calls.bids(number))

    async def record(self, number: int) -> bytes:
        """An auction's record, byte for byte, for `engine.audit.replay`."""
        return await self._call(calls.record(number))

    async def settlement(self, number: int) -> bytes:
        """How an auction was settled, byte for byte; `clearway replay --settlement` redoes it."""
        return await self._call(calls.settlement(number))

    async def network(self) -> NetworkView:
        """Nodes, load, health, shares and delays as of the newest settlement."""
        return await self._call(calls.network())

    async def log(self) -> LogView:
        """The log's name, key and newest checkpoint."""
        return await self._call(calls.log())

    async def log_file(self, path: str) -> bytes:
        """A file of the log by its name: `checkpoint`, `tile/...`."""
        return await self._call(calls.log_file(path))

    async def logged(self, number: int) -> LoggedAuction:
        """What the log says of an auction."""
        return await self._call(calls.logged(number))

    async def solvers(self) -> SolverList:
        """Who may bid."""
        return await self._call(calls.solvers())

    async def solver_challenge(self) -> Challenge:
        """What the next thing that a solver signs has in it."""
        return await self._call(calls.solver_challenge())

    async def register_solver(self, asked: Registration) -> Registered:
        """Register a solver, or say where it moved, which also ends its bench."""
        return await self._call(calls.register_solver(asked))

    async def remove_solver(self, name: str, asked: Removal) -> Removed:
        """Have a solver leave: it is not asked any more; its account keeps what it holds, and its key the name."""
        return await self._call(calls.remove_solver(name, asked))

    async def change_solver_key(self, name: str, asked: KeyChange) -> Registered:
        """Give a solver another key, from the next auction on."""
        return await self._call(calls.change_solver_key(name, asked))

    async def time(self) -> ServerTime:
        """The service's clock, by which the validity of intents is judged."""
        return await self._call(calls.server_time())

    async def deployment(self) -> Deployment:
        """What to sign under, and to check receipts with."""
        return await self._call(calls.deployment())

    async def _call(self, call: Call[T]) -> T:
        steps = exchange(call, self._policy)
        step = next(steps)
        try:
            while True:
                if isinstance(step, Send):
                    try:
                        outcome = answer_of(await self._http.send(request_of(self._http, call)))
                    except httpx2.RequestError as error:
                        step = steps.send(no_answer(error))
                    else:
                        step = steps.send(outcome)
                else:
                    await asyncio.sleep(lengthened(step))
                    step = next(steps)
        except StopIteration as end:
            answer: T = end.value
            return answer
