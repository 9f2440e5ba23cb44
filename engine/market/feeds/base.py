"""What all feeds share: the refusal, the report that counts everything, and exact numbers out of outside text.

A feed turns one outside file into a Problem. Two kinds of trouble are kept apart:

    the file is not of its format (truncated, duplicated, columns or types swapped)   FeedError, nothing is kept
    an item is of the format but can not be used (a kind not supported, an empty pool)  reported with its reason

so that for every section of the file: in == kept + sum(reported), and each item not kept is named.

Decimal text becomes exact rationals; no float is ever made. Pure: bytes and a name in, values out.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from engine.auction.problem import Holding, Intent, Problem
from engine.market.snapshot import Snapshot, snapshot_hash
from intents.errors import InputError
from intents.values import AMOUNT_LIMIT, Ratio, content_hash, parse_json

DEFAULT_SOLVERS = ("cpsat", "greedy", "lp")
"""Names of the solvers that take part where the caller names none."""

MAX_FILE_BYTES = 64 * 2**20
"""Larger files are refused unread."""

_DECIMAL = re.compile(r"([0-9]{1,60})(?:\.([0-9]{1,60}))?(?:[eE]([+-]?[0-9]{1,2}))?\Z", re.ASCII)


class FeedError(InputError):
    """An outside file is not of its format. `code` names the fault, `where` the place in the file."""


class Decimal(str):
    """The text of a JSON number with a point or an exponent, kept as written."""

    __slots__ = ()


@dataclass
class Tally:
    """Counts one section of a file. `reported` items are counted by reason and listed one by one."""

    taken: int = 0
    kept: int = 0
    reported: Counter[str] = field(default_factory=Counter)
    details: list[dict[str, str]] = field(default_factory=list)

    def keep(self) -> None:
        """One item more that is used."""
        self.taken += 1
        self.kept += 1

    def report(self, item: str, reason: str, where: str) -> None:
        """One item more that is not used: its name in the file, a reason to count by, and the field or cause."""
        self.taken += 1
        self.reported[reason] += 1
        self.details.append({"id": item, "reason": reason, "field": where})

    def to_wire(self) -> dict[str, Any]:
        """The section as plain JSON data."""
        return {
            "in": self.taken,
            "kept": self.kept,
            "reported": dict(sorted(self.reported.items())),
            "details": self.details,
        }


@dataclass(frozen=True)
class Imported:
    """A problem, and what became of every item of the file it came from.

    `report`: {"format", "file", "sha256", <section>: {"in", "kept", "reported": {reason: count}, "details": [...]},
    "notes": {text: count}}.
    """

    problem: Problem
    report: dict[str, Any]


def imported_problem(
    auction: str,
    digest: str,
    snapshot: Snapshot,
    provenance: dict[str, Any],
    holdings: dict[str, dict[str, Holding]],
    intents: Iterable[Intent] = (),
) -> Problem:
    """The problem of a file whose bytes have this digest: its seed is drawn from that, its deadline is the market's moment."""
    return Problem(
        auction=auction,
        deadline_seconds=snapshot.time_seconds,
        solver_seed="0x" + content_hash("clearway/import-seed/1", digest).removeprefix("sha256:"),
        deployment_salt="0x" + "00" * 32,
        snapshot_hash=snapshot_hash(snapshot),
        snapshot=snapshot,
        intents=tuple(intents),
        holdings=holdings,
        provenance=provenance,
    )


def decoded(content: str | bytes) -> str:
    """The text of a file. Raises FeedError `too_large` or `malformed_text` (not UTF-8; a leading byte order mark is dropped)."""
    if len(content) > MAX_FILE_BYTES:
        raise FeedError("too_large", "", expected=f"at most {MAX_FILE_BYTES} bytes", actual=str(len(content)))
    if isinstance(content, str):
        return content.removeprefix("\ufeff")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeedError("malformed_text", "", expected="UTF-8", actual=str(error)) from None


def read_json(content: str | bytes) -> Any:
    """Strict JSON whose fractional numbers are `Decimal` texts. Raises FeedError with the codes of `parse_json`."""
    text = decoded(content)
    try:
        parse_json(text)
    except InputError as error:
        raise FeedError(error.code, error.where, expected=error.expected, actual=error.actual) from None
    return json.loads(text, parse_float=Decimal)


def exact(text: str, where: str) -> Fraction:
    """The exact value of a non-negative decimal such as 0.003 or 3.81e-11. Raises FeedError `malformed_number`."""
    found = _DECIMAL.match(text)
    if not found:
        raise FeedError("malformed_number", where, expected="a plain non-negative decimal", actual=repr(text[:80]))
    whole, fraction, exponent = found[1], found[2] or "", int(found[3] or 0)
    return Fraction(int(whole + fraction)) * Fraction(10) ** (exponent - len(fraction))


def ratio_of(value: Fraction, where: str) -> Ratio:
    """The value as [numerator, denominator]. Raises FeedError `amount_out_of_range` where it does not fit into amounts."""
    if max(value.numerator, value.denominator) >= AMOUNT_LIMIT:
        raise FeedError(
            "amount_out_of_range", where, expected="a ratio of integers below 2^256", actual=str(value)[:90]
        )
    return value.numerator, value.denominator


def refuse_duplicates(names: Iterable[str], where: str) -> None:
    """Raise FeedError `duplicate` at the first name that occurs twice."""
    for name, count in Counter(names).items():
        if count > 1:
            raise FeedError("duplicate", where, expected="each once", actual=f"{name} {count} times")


def digest_of(content: str | bytes) -> str:
    """SHA-256 of the file's bytes in hex (its UTF-8 bytes where text is given)."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
