"""The service's own database and log, opened to hold one against the other: `clearway audit database`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from engine.audit.log.notes import SignerKey
from engine.audit.log.proofs import LogKeys
from engine.audit.log.reader import LogReader
from engine.runtime.examination import examine
from engine.runtime.journal import LOG_FOLDER
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.settings import Settings
from engine.store.compare import Difference
from engine.store.database import Database
from intents.errors import ClearwayError, InputError

PAGE = 1000


@dataclass(frozen=True, slots=True)
class Examination:
    """A database beside its log."""

    database: Database
    log: LogReader

    def ended(self) -> Sequence[int]:
        """The numbers of all auctions that have ended and are in the log, ascending; the log's files are read whole before."""
        for _ in self.log.entries():
            pass
        numbers: list[int] = []
        after: int | None = None
        with self.database.reading() as work:
            while True:
                found, after = work.auctions.page(after, PAGE)
                numbers += [one.number for one in found if one.ended_ms is not None and work.log.of_auction(one.number)]
                if after is None:
                    return sorted(numbers)

    def of(self, number: int) -> list[Difference]:
        """What is wrong with an auction; what can not be believed at all is a difference too."""
        with self.database.reading() as work:
            try:
                return list(examine(work, number, self.log))
            except ClearwayError as error:
                return [
                    Difference(f"{getattr(error, 'code', '')} {getattr(error, 'where', '')}".strip(), *_said(error))
                ]


@contextmanager
def opened(settings: Settings, trust: LogKeys | None) -> Iterator[Examination]:
    """The database and the log that the settings name. Without keys to trust the service's own key is taken."""
    folder = settings.data_dir / LOG_FOLDER
    if trust is None:
        verifier = SignerKey(settings.log_origin, engine_key(settings.data_dir / KEY_FILE)).verifier
        trust = LogKeys(verifier.name, (verifier,))

    def fetch(path: str) -> bytes:
        try:
            return (folder / path).read_bytes()
        except OSError as error:
            raise InputError(
                "no_log_file", path, expected="a file of the log", actual=error.strerror or "none"
            ) from None

    with closing(Database.open(settings.database_url)) as database:
        yield Examination(database, LogReader(fetch, trust))


def _said(error: ClearwayError) -> tuple[str, str]:
    return getattr(error, "expected", ""), getattr(error, "actual", str(error))
