"""What every route needs: the store, the engine's key, the market, and the answer to a repeated request.

Guarantees
1. `once` answers a repeated key with the bytes of the first answer; key, act and answer are in one transaction, so a crash
   leaves all of them or none.
2. Keys of one `scope` (an owner that was proven by a signature, say) do not meet those of another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response

from api.http.metrics import Metrics
from engine.store.database import Database
from engine.store.work import Work
from intents.values import Value, content_hash


@dataclass(frozen=True, slots=True)
class Service:
    """One running service.

    `assets` are those of the market, which intents may name; `now_ms` is the service's time, by which validity is judged;
    `ready` gives what is missing before it can serve, "" where nothing is; `private_solvers` says whether solvers may be
    registered at private addresses.
    """

    database: Database
    engine_key: bytes
    deployment_salt: str
    code_version: str
    faucet_open: bool
    now_ms: Callable[[], int]
    assets: frozenset[str]
    ready: Callable[[], str]
    private_solvers: bool = False
    metrics: Metrics = field(default_factory=Metrics)


def service_of(request: Request) -> Service:
    """The application's service."""
    service: Service = request.app.state.service
    return service


ServiceHere = Annotated[Service, Depends(service_of)]
"""The service, as a route's argument."""


def once(
    service: Service,
    request: Request,
    *,
    key: str | None,
    scope: str,
    body: Value,
    act: Callable[[Work], tuple[int, Value]],
) -> Response:
    """Act in one transaction and answer; with a key that was used, repeat the answer given then and act not.

    Raises StoreError `idempotency_key_reused` where the key came with another request before.
    """
    with service.database.transaction() as work:
        scoped = None if key is None else content_hash("clearway/idempotency-key/1", scope, key)
        if scoped is not None:
            asked = content_hash("clearway/request/1", request.method, request.url.path, body)
            stored = work.idempotency.claim(scoped, asked, service.now_ms())
            if stored is not None:
                return json_response(stored.body, stored.status)
        status, answer = act(work)
        content = answer.model_dump_json(by_alias=True).encode()
        if scoped is not None:
            work.idempotency.store(scoped, status, content)
    return json_response(content, status)


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
