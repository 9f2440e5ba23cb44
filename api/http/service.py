"""What every route needs: the store, the engine's key, the market, and the answer to a repeated request.

Guarantees
1. What changes something is handed to the one writer (`Database.hand_in`) and answered after its commit.
2. `once` answers a repeated key with the bytes of the first answer; key, act and answer are in one transaction, so a crash
   leaves all of them or none.
3. Keys of one `scope` (an owner that was proven by a signature, say) do not meet those of another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response

from api.http.intake_link import IntakeLink
from api.http.metrics import Metrics
from engine.audit.log.notes import VerifierKey
from engine.runtime.intake import Accepted, Intake, claim_of
from engine.store.database import Database
from engine.store.repositories.idempotency import Stored
from engine.store.work import Work
from intents.errors import InputError
from intents.values import Value

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """The log's folder, which the auctioneer writes, and its public key."""

    folder: Path
    key: VerifierKey

    def file(self, path: str) -> bytes:
        """A published file by its name. Raises InputError `no_log_file`."""
        try:
            return (self.folder / path).read_bytes()
        except OSError:
            raise InputError("no_log_file", "", expected="a file of the log", actual=path) from None


@dataclass(frozen=True, slots=True)
class Service:
    """One running service.

    `assets` are those of the market, which intents may name; `now_ms` is the service's time, by which validity is judged;
    `ready` gives what is missing before it can serve, "" where nothing is; `cadence_ms` is from one cut to the next;
    `private_solvers` says whether solvers may be registered at private addresses. Intents are accepted by the process at the
    other end of `link`, without one by a thread of this process.
    """

    database: Database
    engine_key: bytes
    deployment_salt: str
    code_version: str
    faucet_open: bool
    now_ms: Callable[[], int]
    assets: Container[str]
    ready: Callable[[], str]
    cadence_ms: int
    underlyings: Container[str] = ()
    private_solvers: bool = False
    metrics: Metrics = field(default_factory=Metrics)
    link: IntakeLink | None = None
    log: PublishedLog | None = None
    intake: Intake = field(init=False)

    def __post_init__(self) -> None:
        intake = Intake(self.engine_key, self.deployment_salt, self.assets, self.now_ms, self.underlyings)
        object.__setattr__(self, "intake", intake)

    async def submit(self, body: bytes, key: str | None, *route: str) -> Accepted:
        """Have an intent accepted; it is durable then. Raises InputError, StoreError."""
        if self.link is not None:
            return await self.link.submit(body, key, *route)
        submission = self.intake.read(body, key, *route)
        return await asyncio.wrap_future(self.database.hand_in(self.intake.accept, submission))


async def service_of(request: Request) -> Service:
    """The application's service."""
    service: Service = request.app.state.service
    return service


ServiceHere = Annotated[Service, Depends(service_of)]
"""The service, as a route's argument."""


async def written(service: Service, act: Callable[[Work], Result]) -> Result:
    """What the act gives, once it is durable. It may be tried more than once, and must do nothing but its work."""
    return await asyncio.wrap_future(service.database.hand_in(_each, act))


async def once(
    service: Service,
    request: Request,
    *,
    key: str | None,
    scope: str,
    body: Value,
    act: Callable[[Work], tuple[int, Value]],
) -> Response:
    """Act and answer; with a key that was used, repeat the answer given then and act not.

    Raises StoreError `idempotency_key_reused` where the key came with another request before.
    """
    claim = None if key is None else claim_of(key, scope, request.method, request.url.path, body)

    def answer(work: Work) -> Stored:
        stored = None if claim is None else work.idempotency.claim(*claim, service.now_ms())
        if stored is None:
            status, value = act(work)
            stored = Stored(status, value.model_dump_json(by_alias=True).encode())
            if claim is not None:
                work.idempotency.store(claim[0], *stored)
        return stored

    stored = await written(service, answer)
    return json_response(stored.body, stored.status)


def _each(work: Work, acts: Sequence[Callable[[Work], Result]]) -> list[Result]:
    return [act(work) for act in acts]


def json_response(content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that was written already."""
    return Response(content, status_code=status, media_type="application/json", headers=headers)


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}},
    }
    for status, text in (
        ("4XX", "Refused: `code` says why; nothing was changed."),
        ("5XX", "Our fault, or not ready. The outcome is unknown: ask again."),
    )
}
"""OpenAPI of every route's refusals."""
