"""What happened, into the log: an entry in the transaction that it tells of, then the log's files up to it.

    journal.note(work, auction, "problem", payload)     in the transaction
    journal.publish()                                   after it, before anybody is told

Guarantees
1. An entry is in the database exactly if what it tells of is. `publish` appends all that the files lack, in order, and a
   signed checkpoint covers them when it returns; a crash in between is made good by the next `publish`.
2. Files that say more than the database, or something else, stop everything (`log_not_of_database`): a database was set back
   to an earlier state, and what the log has signed can not be taken back.
3. Salts are drawn from the system's randomness.

The folder is held by whoever leads, from the first `publish` until `release`.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.audit.log.entries import Disclosed, Kind, entry_of
from engine.audit.log.files import MOST_BATCH, LogFiles
from engine.audit.log.notes import SignerKey
from engine.store.database import Database
from engine.store.work import Work
from intents.errors import InputError

LOG_FOLDER = "log"
"""The log's folder in the data folder."""


class Journal:
    """The log of one database. Not for several threads at once."""

    def __init__(self, database: Database, folder: Path, key: SignerKey) -> None:
        """Nothing is opened before it is needed. The log's origin is the key's name."""
        self._database, self._folder, self._key = database, folder, key
        self._files: LogFiles | None = None

    def note(self, work: Work, auction: int, kind: Kind, payload: Mapping[str, Any]) -> None:
        """Add an entry, as part of the work."""
        disclosed = Disclosed(salt="0x" + secrets.token_hex(32), payload=dict(payload))
        work.log.add(entry_of(auction, kind, disclosed), disclosed)

    def publish(self) -> None:
        """Bring the files up to the database. Raises InputError `log_locked`, `log_damaged`, `log_not_of_database`; OSError."""
        if self._files is None:
            self._files = LogFiles(self._folder, self._key)
            self._compare(self._files)
        while True:
            with self._database.reading() as work:
                leaves = work.log.leaves(self._files.checkpoint.size, MOST_BATCH)
            if not leaves:
                return
            self._files.append(leaves)

    def release(self) -> None:
        """Let another process append."""
        if self._files is not None:
            self._files.close()
            self._files = None

    def _compare(self, files: LogFiles) -> None:
        """The newest entry of the files must be the database's under that number."""
        if files.checkpoint.size == 0:
            return
        newest = files.checkpoint.size - 1
        with self._database.reading() as work:
            stored = work.log.leaves(newest, 1)
        logged = files.entry(newest)
        if stored != [logged]:
            self.release()
            expected, actual = logged.decode(errors="replace"), stored[0].decode() if stored else "none"
            raise InputError("log_not_of_database", f"{self._folder}/{newest}", expected=expected, actual=actual)
