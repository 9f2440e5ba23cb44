"""Deribit's public HTTP API, read politely: the instruments of a coin and each one's order book, as raw messages.

Guarantees
1. At most `per_second` requests a second. A request that was refused for now (429, 5xx, error 10028, no answer) is sent
   again after a growing pause, or the one the server asks for, until all pauses together exceed `patience_seconds`.
2. Every answer is appended to the file `kept` at once. Another call goes on from what is there if it is of the same coin
   and its first answer is younger than `fresh_seconds`, and starts anew otherwise; a last line that was cut is dropped.
   So an interruption loses at most the request under way, and the books are never further apart than that.
3. What the exchange does not know any more (an instrument that expired meanwhile) is left out and named.

The lines are read by `engine.market.feeds.option_messages`; nothing is parsed here but what is needed to go on. Books
are taken one after another: they are not of one instant. The exchange allows 20 requests a second to everybody
(support.deribit.com, "Rate Limits").
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx2

from api.cli.files import read_bytes, write_atomically
from api.client.transport import TIMEOUT, checked_url
from intents.errors import ClearwayError, InputError
from intents.values import parse_json

DERIBIT = "https://www.deribit.com"
"""Where the exchange's API is."""

TOO_MANY_REQUESTS = 10028
"""The exchange's own code for what HTTP calls 429."""

LONGEST_PAUSE = 10.0
"""No pause before another try is longer, but where the server asks for one."""

_COIN = re.compile(r"[A-Z]{2,10}\Z", re.ASCII)
_BOOKED = ("option", "future")


class VenueUnavailableError(ClearwayError):
    """The exchange does not answer, or not with what was asked for."""

    code = "venue_unavailable"


@dataclass(frozen=True)
class Pace:
    """How fast and how patiently."""

    per_second: float = 10.0
    patience_seconds: float = 60.0
    fresh_seconds: float = 300.0
    depth: int = 20


@dataclass
class Fetched:
    """The messages, the names that were gone, and how many answers were there from an earlier call."""

    messages: list[tuple[str, str]]
    gone: list[str] = field(default_factory=list)
    resumed: int = 0


def fetch(
    coin: str,
    kept: Path,
    *,
    url: str = DERIBIT,
    pace: Pace | None = None,
    tell: Callable[[int, int], None] | None = None,
    wait: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Fetched:
    """Everything of one coin. `tell` is called after each book with how many are done and wanted.

    Raises InputError (`bad_url`, `bad_coin`, `unwritable_file`) and VenueUnavailableError.
    """
    if not _COIN.match(coin):
        raise InputError("bad_coin", "--live", expected="a coin such as BTC", actual=repr(coin[:20]))
    pace = pace or Pace()
    with httpx2.Client(base_url=checked_url(url), timeout=TIMEOUT) as http:
        asker = _Asker(http, pace, wait)
        lines = _resumed(kept, coin, clock() - pace.fresh_seconds)
        fetched = Fetched([], resumed=len(lines))
        if not lines:
            listed = asker.ask("get_instruments", {"currency": coin, "expired": "false"})
            lines = [_line(listed, coin, clock())]
            write_atomically(kept, lines[0].encode())
        names = _names(lines[0])
        done = {json.loads(line)["result"]["instrument_name"] for line in lines[1:]}
        for i, name in enumerate(names):
            if name not in done:
                try:
                    answer = asker.ask("get_order_book", {"instrument_name": name, "depth": str(pace.depth)})
                except _UnknownError:
                    fetched.gone.append(name)
                    continue
                lines.append(_line(answer, coin, clock()))
                _append(kept, lines[-1])
            if tell is not None:
                tell(i + 1, len(names))
    fetched.messages = [(f"{kept.name} line {i}", line) for i, line in enumerate(lines, start=1)]
    return fetched


class _UnknownError(Exception):
    """The exchange does not know what was asked about."""


class _Asker:
    """Sends requests at the pace; keeps what is left of the patience."""

    def __init__(self, http: httpx2.Client, pace: Pace, wait: Callable[[float], None]) -> None:
        self._http, self._wait = http, wait
        self._between = 1 / pace.per_second
        self._left = pace.patience_seconds
        self._asked = False

    def ask(self, method: str, query: dict[str, str]) -> str:
        """The text of an answer that has a result. Raises _UnknownError, VenueUnavailableError."""
        pause, why = 0.5, ""
        while True:
            if self._asked:
                self._wait(self._between)
            self._asked = True
            retry_after = ""
            try:
                response = self._http.get(f"/api/v2/public/{method}", params=query)
                retry_after, why = response.headers.get("retry-after", ""), f"HTTP {response.status_code}"
                answer = _answer(response)
                if answer is not None:
                    return answer
            except httpx2.TransportError as error:
                why = f"{type(error).__name__}: {error}"
            wanted = float(retry_after) if retry_after.isdecimal() and len(retry_after) < 6 else pause
            if wanted > self._left:
                raise VenueUnavailableError(f"{method} {query} was not answered: {why}; what came before is kept")
            self._left -= wanted
            self._wait(wanted)
            pause = min(2 * pause, LONGEST_PAUSE)


def _answer(response: httpx2.Response) -> str | None:
    """The text of an answer that has a result; None where asking again may help. Raises _UnknownError, VenueUnavailableError."""
    if response.status_code == httpx2.codes.TOO_MANY_REQUESTS or response.status_code >= 500:
        return None
    try:
        data = parse_json(response.content)
    except InputError as error:
        raise VenueUnavailableError(f"{response.url} answered no JSON: {error}") from None
    if not isinstance(data, dict):
        raise VenueUnavailableError(f"{response.url} answered {str(data)[:80]}, not an object")
    fault = data.get("error")
    if isinstance(fault, dict):
        if fault.get("code") == TOO_MANY_REQUESTS:
            return None
        if "instrument_name" in response.url.params:
            raise _UnknownError
    if fault is not None or "result" not in data:
        raise VenueUnavailableError(f"{response.url} answered {str(data)[:200]}")
    return response.text


def _line(answer: str, coin: str, now: float) -> str:
    """The answer's own text in one line, with the coin and the time of the call in front."""
    # The text is kept, never a float of it: what is written is what the exchange sent. No string of JSON has line ends.
    text = answer.replace("\r", " ").replace("\n", " ").strip()
    return f'{{"fetched": {{"coin": "{coin}", "unix": {int(now)}}}, {text.removeprefix("{")}\n'


def _names(line: str) -> list[str]:
    """What the instruments' answer lists that has a book, in its order."""
    listed = json.loads(line)["result"]
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    names = [row.get("instrument_name") for row in rows if row.get("kind") in _BOOKED and row.get("is_active", True)]
    found = [name for name in names if isinstance(name, str)]
    if not found:
        raise VenueUnavailableError(f"the exchange lists no instrument: {str(listed)[:80]}")
    return found


def _resumed(kept: Path, coin: str, not_before: float) -> list[str]:
    """The lines of an earlier call that may be used; none where it is of another coin, too old or not ours."""
    if not kept.is_file():
        return []
    whole, _, _ = read_bytes(kept).decode("utf-8", errors="replace").rpartition("\n")
    lines = [f"{line}\n" for line in whole.split("\n") if line]
    try:
        heads = [json.loads(line) for line in lines]
        usable = all(head["fetched"]["coin"] == coin and "result" in head for head in heads)
        if not heads or not usable or heads[0]["fetched"]["unix"] < not_before:
            return []
        for head in heads[1:]:
            head["result"]["instrument_name"]
    except (ValueError, TypeError, KeyError):
        return []
    if f"{whole}\n".encode() != read_bytes(kept):
        write_atomically(kept, "".join(lines).encode())
    return lines


def _append(kept: Path, line: str) -> None:
    try:
        with kept.open("a", encoding="utf-8") as stream:
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise InputError("unwritable_file", str(kept), expected="a writable place", actual=str(error)) from None
