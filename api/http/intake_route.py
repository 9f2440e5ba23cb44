"""The short way of POST /v1/intents: what is done for every intent, without the framework's part.

Guarantees
1. `IntakeFirst` answers as the application would, refusals and metrics included; FastAPI's stack alone costs more than all
   that is done here, and as much as the process that accepts intents needs for half of one.
2. Only a request without query parameters goes this way; the application refuses the others, and has the documentation.
"""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import DELIBERATE, internal, of_error, refused
from api.http.reading import idempotency_key, json_body
from api.http.service import Service, json_response

PATH = "/v1/intents"


async def accepted(request: Request, service: Service) -> Response:
    """Have the intent in the request's body accepted, and answer. Raises InputError, StoreError."""
    key, body = idempotency_key(request), await json_body(request)
    answer = await service.submit(body, key, "POST", PATH)
    if answer.fresh:
        service.metrics.accepted.inc()
    return json_response(answer.receipt, answer.status, {"Location": f"{PATH}/{answer.intent}"})


class IntakeFirst:
    """The application, with the short way before it."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Accept an intent; pass anything else on."""
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"] == PATH
            and not scope["query_string"]
        ):
            await self._accept(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _accept(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, metrics = time.perf_counter(), self._service.metrics
        status = 500
        try:
            try:
                response = await accepted(Request(scope, receive), self._service)
            except DELIBERATE as error:
                response = refused(of_error(error), metrics)
            except Exception:
                await refused(internal(), metrics)(scope, receive, send)
                raise  # the server logs it
            status = response.status_code
            await response(scope, receive, send)
        finally:
            metrics.answered("POST", PATH, status, time.perf_counter() - started)
