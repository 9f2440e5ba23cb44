"""Refusals on the wire: RFC 9457 problem documents with a stable `code`.

Guarantees
1. Every answer of 400 or above is `application/problem+json` with all fields of `ProblemDocument`.
2. `code` is stable across releases; the status follows from it by one table, 422 where the table is silent.
3. `outcome` is `rejected` where nothing was changed and the same request will fail again or may be corrected, `unknown`
   where a change may have been made: ask again with the same Idempotency-Key, or look. Of the answers of 500 and above
   those are `rejected` of which it is known: too much to do, or a database that failed before it committed.
4. No message names code, files or SQL.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from api.http.metrics import Metrics
from api.http.reading import ParameterError
from engine.store.errors import StoreError
from engine.store.faults import DatabaseFaultError
from intents.errors import InputError
from intents.lifecycle import TransitionError
from intents.values import Value

MEDIA_TYPE = "application/problem+json"

RETRY_SECONDS = "1"
"""When to ask again what could not be done now."""

STATUS = {
    "malformed_json": 400,
    "duplicate_key": 400,
    "not_finite": 400,
    "lone_surrogate": 400,
    "too_deep": 400,
    "incomplete_body": 400,
    "unknown_parameter": 400,
    "duplicate_parameter": 400,
    "faucet_closed": 403,
    "not_found": 404,
    "unknown_intent": 404,
    "unknown_auction": 404,
    "unknown_solver": 404,
    "no_log": 404,
    "no_log_file": 404,
    "bad_index": 404,
    "no_record": 404,
    "no_settlement": 404,
    "no_network": 404,
    "method_not_allowed": 405,
    "nonce_used": 409,
    "name_taken": 409,
    "key_taken": 409,
    "stale_challenge": 409,
    "too_many_solvers": 409,
    "illegal_transition": 409,
    "idempotency_key_busy": 409,
    "draining": 409,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_key_reused": 422,
    "unavailable": 503,
    "overloaded": 503,
    "database_busy": 503,
    "database_full": 503,
    "database_unavailable": 503,
    "writer_lost": 503,
}
"""HTTP status by code; every other refusal is a 422: understood, and not acceptable."""

DELIBERATE = (InputError, TransitionError, StoreError)
"""The errors that say what is wrong with a request."""

_TITLES = {400: "malformed request", 403: "not allowed", 404: "not found", 405: "method not allowed", 409: "conflict"}
_TITLES |= {
    413: "too large",
    415: "unsupported media type",
    422: "not acceptable",
    500: "our fault",
    503: "unavailable",
}
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed"}
_PARAMETER_FAULTS = {"missing": "missing_parameter", "extra_forbidden": "unknown_parameter"}


class ProblemDocument(Value):
    """Why a request was refused. `pointer` is a JSON pointer into the body, `parameter` a name in path, query or headers."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    pointer: str = ""
    parameter: str = ""
    expected: str = ""
    actual: str = ""
    outcome: Literal["rejected", "unknown"] = "rejected"


def problem(
    code: str,
    *,
    expected: str,
    actual: str,
    pointer: str = "",
    parameter: str = "",
    status: int | None = None,
    unchanged: bool = False,
) -> ProblemDocument:
    """The document of a code. `status` only where HTTP itself says it; `unchanged` where a fault of ours changed nothing."""
    number = STATUS.get(code, 422) if status is None else status
    place = f" at {pointer or parameter}" if pointer or parameter else ""
    return ProblemDocument(
        type=f"urn:clearway:problem:{code}",
        title=_TITLES.get(number, "refused"),
        status=number,
        detail=f"expected {expected}, got {actual}{place}",
        code=code,
        pointer=pointer,
        parameter=parameter,
        expected=expected,
        actual=actual,
        outcome="unknown" if number >= 500 and not unchanged else "rejected",
    )


def respond(document: ProblemDocument, headers: Mapping[str, str] | None = None) -> Response:
    """The document as a response. ASCII, so that no text in it can be one that UTF-8 lacks."""
    content = json.dumps(document.to_wire(), ensure_ascii=True).encode()
    return Response(content, status_code=document.status, headers=headers, media_type=MEDIA_TYPE)


def of_error(error: Exception) -> ProblemDocument:
    """The document of a deliberate error. One of the store that the table does not know is a fault of ours."""
    match error:
        case ParameterError():
            return problem(error.code, expected=error.expected, actual=error.actual, parameter=error.where)
        case InputError():
            where = error.where
            if where and not where.startswith("/"):  # a line and a column of what is no JSON: no pointer
                return problem(error.code, expected=error.expected, actual=f"{error.actual} at {where}")
            return problem(error.code, expected=error.expected, actual=error.actual, pointer=where)
        case TransitionError():
            return problem(error.code, expected=error.expected, actual=error.actual)
        case DatabaseFaultError():
            return problem(error.code, expected=error.expected, actual=error.actual, unchanged=not error.committing)
        case StoreError() if error.code in STATUS:
            return problem(error.code, expected=error.expected, actual=error.actual, unchanged=True)
        case _:
            return internal()


def of_parameters(error: RequestValidationError) -> ProblemDocument:
    """The document of a path, query or header parameter that FastAPI refused: of the first fault."""
    first = error.errors()[0]
    name = str(first["loc"][-1])
    inner = first.get("ctx", {}).get("error")
    if isinstance(inner, InputError):
        return problem(inner.code, expected=inner.expected, actual=inner.actual, parameter=name)
    code = _PARAMETER_FAULTS.get(first["type"], "bad_parameter")
    return problem(code, expected=first["msg"], actual=ascii(first.get("input"))[:120], parameter=name)


def internal() -> ProblemDocument:
    """A fault of ours; what it is stands in the log."""
    return problem("internal", expected="an answer", actual="a fault of the service", status=500)


def refused(document: ProblemDocument, metrics: Metrics, headers: Mapping[str, str] | None = None) -> Response:
    """The document as a response that was counted."""
    metrics.refusals.labels(document.code).inc()
    if document.status == 503:
        headers = {"Retry-After": RETRY_SECONDS} | dict(headers or {})
    return respond(document, headers)


def install(app: FastAPI, metrics: Metrics) -> None:
    """Answer every error of the application in this way, and count it."""

    async def deliberate(_request: Request, error: Exception) -> Response:
        return refused(of_error(error), metrics)

    async def parameters(_request: Request, error: Exception) -> Response:
        return refused(of_parameters(error) if isinstance(error, RequestValidationError) else internal(), metrics)

    async def http(_request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return refused(internal(), metrics)
        code = _HTTP_CODES.get(error.status_code, "refused")
        expected, actual = "a resource and a method of this API", "another"
        document = problem(code, expected=expected, actual=actual, status=error.status_code)
        return refused(document, metrics, error.headers)

    async def unexpected(_request: Request, _error: Exception) -> Response:
        return refused(internal(), metrics)  # the server logs the traceback

    for kind in DELIBERATE:
        app.add_exception_handler(kind, deliberate)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
