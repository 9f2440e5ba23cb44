"""What the store refuses, by code.

StoreError
+-- LeaseLostError       another holder leads now; whoever sees this must stop
+-- OvertakenError       another writer stored the same in this moment; look again
+-- DatabaseFaultError   the database could not do it (engine.store.faults)
"""

from __future__ import annotations

from sqlalchemy.exc import DontWrapMixin

from intents.errors import ClearwayError


class StoreError(ClearwayError, DontWrapMixin):
    """Something stored is not as the caller thinks. `code` is stable; `where` names the row."""

    # DontWrapMixin: a column type that refuses a value is heard as it speaks, not inside an error of SQLAlchemy's.

    def __init__(self, code: str, where: str, *, expected: str, actual: str) -> None:
        self.code = code
        self.where = where
        self.expected = expected
        self.actual = actual
        super().__init__(f"{code} at {where}: expected {expected}, got {actual}")


class LeaseLostError(StoreError):
    """The fence is not the lease's any more: code `lease_lost`."""


class OvertakenError(StoreError):
    """Somebody else stored the same between our look and our writing: code `overtaken`. Undo, and look again."""
