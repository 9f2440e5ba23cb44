"""Reading requests: bounded, strict, and in one way.

Guarantees
1. A body is read only where its type is `application/json` without a content coding, to at most MAX_BODY_BYTES.
2. Bodies are read by `intents.values`: no lenient parser sees them.
3. Query parameters that a route does not know, or that come twice, are refused.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import Depends, Header, Request
from pydantic import BeforeValidator, WithJsonSchema
from starlette.requests import ClientDisconnect

from intents.errors import InputError
from intents.values import Value

MAX_BODY_BYTES = 64 * 1024
"""Longest body of a request."""

MAX_PAGE = 200
"""Most items of a page."""

KEY_NAME = "Idempotency-Key"
"""The header that names a request."""

KEY_DESCRIPTION = "Names this request of this owner: with the same body the same answer, with another one a refusal."

KEY_PARAMETER = {
    "name": KEY_NAME,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
    "description": KEY_DESCRIPTION,
}
"""The OpenAPI of `idempotency_key`."""

_KEY_TEXT = re.compile(r"[!-~]{1,128}", re.ASCII)
_COUNT = re.compile(r"(0|[1-9][0-9]{0,15})\Z", re.ASCII)
_JSON_TYPE = re.compile(r'application/json\s*(;\s*charset="?utf-8"?\s*)?\Z', re.IGNORECASE | re.ASCII)


async def json_body(request: Request) -> bytes:
    """The raw body. Raises InputError `unsupported_media_type`, `body_too_large` or `incomplete_body`."""
    media_type = request.headers.get("content-type", "")
    coding = request.headers.get("content-encoding", "identity")
    if not _JSON_TYPE.match(media_type) or coding.lower() != "identity":
        expected = "Content-Type: application/json, without a content coding"
        raise InputError("unsupported_media_type", "", expected=expected, actual=ascii(f"{media_type} {coding}"[:120]))
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise InputError("body_too_large", "", expected=f"at most {MAX_BODY_BYTES} bytes", actual="more")
    except ClientDisconnect:
        raise InputError("incomplete_body", "", expected="a whole body", actual="a closed connection") from None
    return bytes(body)


class ParameterError(InputError):
    """A path, query or header parameter is not what was expected; `where` is its name."""


def idempotency_key(request: Request) -> str | None:
    """The request's key, as `OptionalKey` reads it; for routes in which every microsecond counts."""
    found = request.headers.get(KEY_NAME)
    if found is not None and not _KEY_TEXT.fullmatch(found):
        raise ParameterError(
            "bad_parameter", KEY_NAME, expected="1 to 128 visible ASCII characters", actual=ascii(found)[:80]
        )
    return found


Body = Annotated[bytes, Depends(json_body)]
"""The raw body of a JSON request."""


async def known_parameters(request: Request) -> None:
    """Raise InputError `unknown_parameter` or `duplicate_parameter` unless the route knows each query parameter, once."""
    route = request.scope["route"]
    known = {field.alias for field in route.dependant.query_params}
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            expected = f"one of {sorted(known)}" if known else "no query parameters"
            raise InputError("unknown_parameter", "", expected=expected, actual=ascii(name[:80]))
        if name in seen:
            raise InputError("duplicate_parameter", "", expected="each parameter once", actual=ascii(name[:80]))
        seen.add(name)


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # a default of ours
    if isinstance(value, str) and _COUNT.match(value) and int(value) < 2**53:
        return int(value)
    raise InputError("bad_parameter", "", expected="decimal digits of an integer below 2^53", actual=ascii(value)[:80])


def _page_size(value: object) -> int:
    size = _count(value)
    if not 1 <= size <= MAX_PAGE:
        raise InputError("bad_parameter", "", expected=f"1 to {MAX_PAGE}", actual=str(size))
    return size


Number = Annotated[
    int, BeforeValidator(_count), WithJsonSchema({"type": "integer", "minimum": 0, "exclusiveMaximum": 2**53})
]
"""An integer in a path or a query: digits only."""

PageSize = Annotated[
    int, BeforeValidator(_page_size), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_PAGE})
]
"""How many items a page has at most."""

_KEY = Header(
    alias=KEY_NAME,
    min_length=1,
    max_length=128,
    pattern="^[!-~]+$",
    description=KEY_DESCRIPTION,
)

IdempotencyKey = Annotated[str, _KEY]
"""A key that must be there."""

OptionalKey = Annotated[str | None, _KEY]
"""A key that may be there."""


def request_schema(model: type[Value]) -> dict[str, Any]:
    """The part of a route's OpenAPI that states its body; `api.http.document` adds the schema it names."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}Input"}}}
    return {"requestBody": {"required": True, "content": content}}
