"""What a database can do to a unit of work, as errors with stable codes.

DatabaseFaultError
    database_busy          locked by others for too long, or chosen to give way to them
    database_full          no room on its disk
    database_unavailable   not reachable, not readable, or failing

Guarantees
1. `committing` is False where the fault came before the commit: then nothing was changed. Where it is True nobody knows.
2. Faults of ours (a broken constraint, wrong SQL) are none of these and stay what they are.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from engine.store.errors import StoreError

_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_BUSY_STATES = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available
_FULL_STATES = {"53100"}


class DatabaseFaultError(StoreError):
    """The database could not do it. `committing` says whether it failed while it committed."""

    def __init__(self, code: str, *, committing: bool, actual: str) -> None:
        super().__init__(code, "", expected="a database that answers", actual=actual)
        self.committing = committing

    @property
    def gave_way(self) -> bool:
        """Whether others held what was needed, and nothing was changed: the same may succeed the next time."""
        return self.code == "database_busy" and not self.committing


def fault_of(error: DBAPIError, *, committing: bool) -> DatabaseFaultError | None:
    """What the driver's error says about the database; None where it says something about us."""
    if isinstance(error, IntegrityError | DataError | ProgrammingError):
        return None
    number = getattr(error.orig, "sqlite_errorcode", None)
    code = _sqlite_code(number & 0xFF) if number is not None else _other_code(error.orig)
    return None if code is None else DatabaseFaultError(code, committing=committing, actual=_ACTUAL[code])


_ACTUAL = {
    "database_busy": "one that is locked by others",
    "database_full": "one without room on its disk",
    "database_unavailable": "one that is not reachable",
}


def _sqlite_code(number: int) -> str | None:
    if number in _BUSY:
        return "database_busy"
    if number == sqlite3.SQLITE_ERROR:
        return None  # wrong SQL or a missing table, which this driver calls operational
    return "database_full" if number == sqlite3.SQLITE_FULL else "database_unavailable"


def _other_code(original: Any) -> str:
    state = getattr(original, "sqlstate", None)
    if state in _BUSY_STATES:
        return "database_busy"
    return "database_full" if state in _FULL_STATES else "database_unavailable"
