"""Between calls and httpx2, for both clients: nothing here waits."""

from __future__ import annotations

import random
from typing import Any

import httpx2

from api.client.calls import Call
from api.client.exchange import Answer, NoAnswer, Pause
from intents.errors import InputError

TIMEOUT = httpx2.Timeout(30.0, connect=5.0)
"""Seconds without a byte until a try is given up."""


def checked_url(url: str) -> str:
    """The URL of a service. Raises InputError `bad_url`."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL("")
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InputError("bad_url", "", expected="http://host:port or https://host", actual=ascii(url[:120]))
    return url


def request_of(http: httpx2.Client | httpx2.AsyncClient, call: Call[Any]) -> httpx2.Request:
    """The HTTP request of a call."""
    return http.build_request(
        call.method, call.path, params=dict(call.query), headers=dict(call.headers), content=call.body
    )


def answer_of(response: httpx2.Response) -> Answer:
    """The answer in a response that was read whole."""
    return Answer(response.status_code, response.content, response.headers.get("retry-after", ""))


def no_answer(error: httpx2.RequestError) -> NoAnswer:
    """Why there is no answer."""
    return NoAnswer(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def lengthened(pause: Pause) -> float:
    """Seconds to wait: the pause and up to half of it, by chance."""
    return pause.seconds * random.uniform(1.0, 1.5)  # noqa: S311 - spreads load, guards nothing
