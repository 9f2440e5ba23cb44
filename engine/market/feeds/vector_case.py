"""One recorded output and how to compute it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from intents.errors import ClearwayError

MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, ClearwayError)
"""What reading a file of another form raises: fields that are missing, of another type or out of range."""


@dataclass(frozen=True, slots=True)
class Case:
    """`compute` gives what should equal `expected`; ValueError where the contract would refuse.

    `inexact`: (largest difference, reason) where the file does not determine the last units.
    """

    name: str
    expected: int
    compute: Callable[[], int]
    inexact: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something in a file that is not replayed; without a name it is the whole file."""

    name: str
    reason: str


def malformed(error: Exception) -> str:
    """The reason for something that can not be read."""
    return f"not of a known format: {type(error).__name__} {error}"[:300]


def each(
    name: str, items: Any, read: Callable[[str, Any], Iterable[Case | Unsupported]]
) -> Iterator[Case | Unsupported]:
    """The cases of every item of a list (or object, by key), named `name/<position or key>`; one that can not be read costs no other."""
    if isinstance(items, dict):
        pairs: Iterable[tuple[Any, Any]] = items.items()
    elif isinstance(items, list | tuple):
        pairs = enumerate(items)
    else:
        yield Unsupported(name, f"not of a known format: a list is expected, {type(items).__name__} found")
        return
    for key, item in pairs:
        place = f"{name}/{key}"
        try:
            yield from list(read(place, item))
        except MALFORMED as error:
            yield Unsupported(place, malformed(error))
