"""The errors of the value layer.

    ClearwayError            every error this project raises on purpose
    +-- InputError           a text, file or value from outside is not what was expected
        +-- FeedError        an outside file is not of its format (engine.market.feeds)
        +-- VenueStateError  a venue's state can not be (engine.market.venues)

Each carries a stable machine-readable `code`, the JSON pointer or name of the place (`where`), what was
expected and what was found.
"""

from __future__ import annotations

from typing import Any


class ClearwayError(Exception):
    """Base of all deliberate errors; `code` is stable across releases."""

    code = "error"

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders whole, whatever their constructors take."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[ClearwayError], args: tuple[Any, ...], state: dict[str, Any]) -> ClearwayError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(ClearwayError, ValueError):
    """Something from outside is not what was expected. A ValueError, so that pydantic reports its place."""

    def __init__(self, code: str, where: str, *, expected: str, actual: str) -> None:
        self.code = code
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code} at {where or '/'}: expected {expected}, got {actual}")
