"""A stored auction with one thing changed, fifty-odd ways, by somebody who may write every table and file.

Each kind changes a copy of the database and of the log's folder, making anew whatever digests and hashes are in reach, and says
by what the examination must find it. `python -m tests.runtime.tampering` prints them as the table of docs/log.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
import tempfile
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, NamedTuple

from engine.audit.leaf_digests import leaf_digests
from engine.audit.log.entries import Disclosed, entry_of
from engine.audit.log.proofs import LogKeys
from engine.audit.log.reader import LogReader
from engine.audit.record import hashed_part, record_hash
from engine.runtime.examination import examine
from engine.runtime.journal import LOG_FOLDER
from engine.runtime.pool import Pool
from engine.store.database import Database
from intents.errors import ClearwayError, InputError
from intents.values import canonical_bytes, content_hash
from tests.benchmarks.figures import show
from tests.runtime.service import COMMANDS, LOG_KEY, auctioneer_of

SETTLED, VOIDED = 0, 1
HEX = re.compile(r"([0-9a-f]{6})[0-9a-f]{58}")
TRUST = LogKeys(LOG_KEY.name, (LOG_KEY.verifier,))


class Stored(NamedTuple):
    """A database file and a data folder beside it; auction 0 is settled, auction 1 voided."""

    file: Path
    data: Path

    def copied(self, folder: Path) -> Stored:
        """The same, to be changed."""
        shutil.copytree(self.data, folder / "data")
        shutil.copy(self.file, folder / "db")
        return Stored(folder / "db", folder / "data")

    def sql(self, statement: str, *values: object) -> None:
        """Change the database, constraints or not; it must change something."""
        with closing(sqlite3.connect(self.file)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            if connection.execute(statement, values).rowcount < 1:
                raise AssertionError(f"nothing changed by {statement}")

    def value(self, query: str) -> Any:
        """One value."""
        with closing(sqlite3.connect(self.file)) as connection:
            (found,) = connection.execute(query).fetchone()
        return found

    def flip(self, path: str, at: int) -> None:
        """Flip a bit of a file of the log; `at` counts from the end where it is negative."""
        file = self.data / LOG_FOLDER / path
        content = bytearray(file.read_bytes())
        content[at] ^= 1
        file.write_bytes(content)

    def sign_otherwise(self) -> None:
        """Put another letter of base64 into the checkpoint's signature."""
        file = self.data / LOG_FOLDER / "checkpoint"
        text = file.read_text(encoding="utf-8")
        file.write_text(f"{text[:-9]}{'B' if text[-9] == 'A' else 'A'}{text[-8:]}", encoding="utf-8")

    def examined(self, number: int) -> str:
        """The first thing that the examination finds: place, or code and place; "" where all is as logged."""
        database = Database.open(f"sqlite:///{self.file}")
        folder = self.data / LOG_FOLDER

        def fetch(path: str) -> bytes:
            try:
                return (folder / path).read_bytes()
            except OSError as error:
                raise InputError("no_log_file", path, expected="a file of the log", actual=str(error)) from None

        try:
            with database.reading() as work:
                log = LogReader(fetch, TRUST)
                for difference in examine(work, number, log):
                    return difference.place
                for _ in log.entries():  # is what everybody reads what was signed?
                    pass
        except ClearwayError as error:
            return f"{getattr(error, 'code', '')} {getattr(error, 'where', '')}".strip()
        finally:
            database.close()
        return ""


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """An auction is left in the middle."""


def begin(file: Path, data: Path) -> Stored:
    """Run the two auctions on a new database: one to its end, one that is interrupted."""
    database = Database.open(f"sqlite:///{file}")
    database.upgrade()
    frozen = iter((False, True))

    def hooks(name: str) -> None:
        if name == "frozen" and next(frozen):
            raise Stopped

    with Pool(COMMANDS) as pool:
        auctioneer = auctioneer_of(database, pool, holder="one", data_dir=data, hooks=hooks)
        auctioneer.lead()
        auctioneer.run_once()
        with suppress(Stopped):
            auctioneer.run_once()
        auctioneer.recover()
    database.close()
    return Stored(file, data)


def record_with(change: Callable[[dict[str, Any]], None], *, logged: bool = False) -> Callable[[Stored], None]:
    """Change the stored record, with its hash, digests and columns made anew; `logged`: its payload in the log's table too."""

    def edit(stored: Stored) -> None:
        whole = json.loads(zlib.decompress(stored.value("SELECT record FROM auctions WHERE number = 0")))
        snapshot = json.loads(_snapshot(stored))
        whole["problem"]["snapshot"] = snapshot
        change(whole)
        covered = hashed_part(whole)
        whole = {**covered, "record_hash": record_hash(canonical_bytes(covered)), "leaf_digests": leaf_digests(covered)}
        digest = hashlib.sha256(canonical_bytes(whole)).hexdigest()
        whole["problem"]["snapshot"] = None
        stored.sql(
            "UPDATE auctions SET record = ?, record_digest = ?, record_hash = ? WHERE number = 0",
            zlib.compress(canonical_bytes(whole)),
            digest,
            whole["record_hash"],
        )
        if logged:
            payload = json.loads(
                zlib.decompress(stored.value("SELECT payload FROM log_entries WHERE auction = 0 AND kind = 'result'"))
            )
            payload["record"] = whole["record_hash"]
            stored.sql(RESULT.format("payload"), zlib.compress(canonical_bytes(payload)))

    return edit


def _snapshot(stored: Stored) -> bytes:
    database = Database.open(f"sqlite:///{stored.file}")
    try:
        with database.reading() as work:
            auction = work.auctions.get(SETTLED)
            if auction is None:
                raise AssertionError("no auction")
            return canonical_bytes(work.snapshots.wire(auction.snapshot))
    finally:
        database.close()


RESULT = "UPDATE log_entries SET {} = ? WHERE auction = 0 AND kind = 'result'"


def settlement_with(change: Callable[[dict[str, Any]], None]) -> Callable[[Stored], None]:
    """Change the stored settlement record, with its hash made anew in record and column."""

    def edit(stored: Stored) -> None:
        whole = json.loads(zlib.decompress(stored.value("SELECT record FROM settlements WHERE auction = 0")))
        change(whole)
        del whole["settlement_hash"]
        whole["settlement_hash"] = content_hash("clearway/settlement/1", whole)
        content = zlib.compress(canonical_bytes(whole))
        stored.sql("UPDATE settlements SET record = ?, settlement_hash = ?", content, whole["settlement_hash"])

    return edit


def sql(statement: str, *values: object) -> Callable[[Stored], None]:
    """One statement."""
    return lambda stored: stored.sql(statement, *values)


def file(path: str, at: int) -> Callable[[Stored], None]:
    """One bit of a file of the log."""
    return lambda stored: stored.flip(path, at)


def _winner(whole: dict[str, Any]) -> dict[str, Any]:
    won: dict[str, Any] = next(bid for bid in whole["bids"] if bid["status"] == "won")
    return won


def _more(data: dict[str, Any], key: str) -> None:
    data[key] = str(int(data[key]) + 1)


def _first(data: dict[str, Any]) -> Any:
    return next(iter(data.values()))


NOTHING = Disclosed(salt="0x" + "11" * 32, payload={})
OTHER = "sha256:" + "5" * 64
ONE = "rowid = (SELECT min(rowid) FROM {} WHERE auction = 0)"


def one(table: str, change: str) -> Callable[[Stored], None]:
    """Change one row of the settled auction in a table."""
    return sql(f"UPDATE {table} SET {change} WHERE {ONE.format(table)}")  # noqa: S608 - of our own words


def gone(table: str) -> Callable[[Stored], None]:
    """Delete one row of the settled auction in a table."""
    return sql(f"DELETE FROM {table} WHERE {ONE.format(table)}")  # noqa: S608 - of our own words


NOT_LOGGED = "not_as_logged /"
KINDS: dict[str, tuple[Callable[[Stored], None], str]] = {
    # The auction's row.
    "problem hash": (sql("UPDATE auctions SET problem_hash = ? WHERE number = 0", OTHER), "auctions[0].problem_hash"),
    "rules version": (sql("UPDATE auctions SET rules_version = '2' WHERE number = 0"), "auctions[0].rules_version"),
    "solver seed": (sql("UPDATE auctions SET solver_seed = '0x00' WHERE number = 0"), "auctions[0].solver_seed"),
    "tie seed": (sql("UPDATE auctions SET tie_seed = ? WHERE number = 0", OTHER), "auctions[0].tie_seed"),
    "total score": (sql("UPDATE auctions SET total_score = '1' WHERE number = 0"), "auctions[0].total_score"),
    "record hash": (sql("UPDATE auctions SET record_hash = ? WHERE number = 0", OTHER), "auctions[0].record_hash"),
    "record digest": (sql("UPDATE auctions SET record_digest = 'aa' WHERE number = 0"), "damaged_record 0"),
    "status": (sql("UPDATE auctions SET status = 'open' WHERE number = 0"), "auctions[0].status"),
    "an auction voided afterwards": (
        sql("UPDATE auctions SET status = 'void', void_reason = 'so' WHERE number = 0"),
        "auctions[0].status",
    ),
    # The record, with every hash in reach made anew.
    "a bid's score": (record_with(lambda whole: _more(_winner(whole), "score")), "not_identical /bids/"),
    "a winner": (record_with(lambda whole: _winner(whole).update(status="lost")), "not_identical /bids/"),
    "a clearing price": (
        record_with(lambda whole: _first(whole["prices"]).__setitem__(0, "1")),
        "not_identical /prices/",
    ),
    "the record's tie seed": (record_with(lambda whole: whole.update(tie_seed=OTHER)), "not_identical /tie_seed"),
    "a baseline": (
        record_with(lambda whole: whole["baselines"].update(dict.fromkeys(whole["baselines"], "0"))),
        "not_identical /baselines/",
    ),
    "the bound of selection": (
        record_with(lambda whole: _more(whole["winner_selection"], "bound")),
        "not_identical /winner_selection/bound",
    ),
    "a solver's proposal": (record_with(lambda whole: _first(whole["proposals"]).update(work=7)), NOT_LOGGED),
    "a commitment": (
        record_with(lambda whole: whole["commitments"].update(greedy=OTHER)),
        "not_identical /commitments/greedy",
    ),
    "a solver's note": (record_with(lambda whole: _first(whole["proposals"])["notes"].update(a="b")), NOT_LOGGED),
    "an intent of the problem": (record_with(lambda whole: whole["problem"]["intents"].pop()), NOT_LOGGED),
    "the problem's seed": (
        record_with(lambda whole: whole["problem"].update(solver_seed="0x" + "00" * 32)),
        NOT_LOGGED,
    ),
    "record and payload": (
        record_with(lambda whole: _more(_winner(whole), "score"), logged=True),
        "wrong_payload /0/result",
    ),
    # Rows that follow from it.
    "batch row": (gone("auction_intents"), "auction_intents[0, "),
    "bid score": (one("bids", "score = '1'"), "].score"),
    "bid status": (one("bids", "status = 'invalid', reason = '{}'"), "].status"),
    "bid without a price": (one("bids", "unpriced = '[1]'"), "].unpriced"),
    "bid tie key": (one("bids", "tie_key = 'x'"), "].tie_key"),
    "bid solver": (one("bids", "solver = 'mine'"), "].solver"),
    "bid index": (one("bids", "solution_index = 99"), "].solution_index"),
    "bid solution": (one("bids", "solution_hash = 'x'"), "].solution_hash"),
    "bid groups": (one("bids", "group_scores = '{}'"), "].group_scores"),
    "bid order": (one("bids", "position = 99"), "].position"),
    "bid gone": (gone("bids"), "bids[0, "),
    "units of a bid": (one("bid_intents", "units = '1'"), "].units"),
    "winner's bid": (one("winners", "bid = 'x'"), "].bid"),
    "winner's score": (one("winners", "score = '1'"), "].score"),
    "winner's baseline": (one("winners", "baseline = '-1'"), "].baseline"),
    "winner's price": (one("winners", "price_num = '1'"), "].price_num"),
    "winner gone": (gone("winners"), "winners[0, "),
    "fill's units": (one("fills", "units = '1'"), "].units"),
    "fill's payment": (one("fills", "paid = '{}'"), "].paid"),
    "fill's receipt": (one("fills", "received = '{}'"), "].received"),
    "fill's stage": (one("fills", "stage = 9"), "].stage"),
    "fill gone": (gone("fills"), "fills[0, "),
    # Intents, settlement, books.
    "a signed outcome": (
        sql(
            "UPDATE intents SET outcome = replace(outcome, '\"units\"', '\"unit\"') WHERE id IN (SELECT intent FROM fills)"
        ),
        "].outcome",
    ),
    "a signature": (sql("UPDATE intents SET signature = '0x00' WHERE id IN (SELECT intent FROM fills)"), "].signature"),
    "an owner": (sql("UPDATE intents SET owner = 'me' WHERE id = (SELECT min(intent) FROM fills)"), "].owner"),
    "settlement hash": (sql("UPDATE settlements SET settlement_hash = ?", OTHER), "settlements[0].settlement_hash"),
    "plan hash": (sql("UPDATE settlements SET plan_hash = ?", OTHER), "settlements[0].plan_hash"),
    "who landed": (settlement_with(lambda whole: whole["landed"].pop()), "not_as_logged settlements[0].record"),
    "a node's report": (settlement_with(lambda whole: whole["reports"].pop()), "not_as_logged settlements[0].record"),
    "what became of a winner": (one("settled_bids", "failure = 'expired'"), "].failure"),
    "a posting": (
        sql("UPDATE postings SET amount = '1' WHERE entry IN (SELECT number FROM entries WHERE kind = 'settlement')"),
        "].amount",
    ),
    "a posting's owner": (
        sql(
            "UPDATE postings SET owner = 'me' WHERE position = 0 AND entry IN (SELECT number FROM entries WHERE kind = 'settlement')"
        ),
        "].owner",
    ),
    "a posting gone": (
        sql(
            "DELETE FROM postings WHERE position = 1 AND entry IN (SELECT number FROM entries WHERE kind = 'settlement')"
        ),
        "postings[",
    ),
    "the entry gone": (sql("DELETE FROM entries WHERE kind = 'settlement'"), "entries[settlement"),
    # The log itself.
    "a leaf": (sql(RESULT.format("entry"), canonical_bytes(entry_of(0, "result", NOTHING))), "bad_root /root"),
    "a salt": (sql(RESULT.format("salt"), NOTHING.salt), "wrong_payload /0/result"),
    "an entry gone": (sql("DELETE FROM log_entries WHERE auction = 0 AND kind = 'problem'"), "not_logged /0/problem"),
    "a bundle's bit": (file("tile/entries/000.p/7", 40), "bad_entry /0"),
    "a tile's bit": (file("tile/0/000.p/7", 0), "bad_root /root"),
    "the checkpoint's size": (file("checkpoint", len(LOG_KEY.name) + 1), "bad_signature /signatures"),
    "the checkpoint's signature": (Stored.sign_otherwise, "bad_signature /signatures"),
}
"""By name: the change, and what must be in the place that the examination names."""


def main() -> None:
    """Do each and print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        whole = begin(folder / "db", folder / "data")
        rows = []
        for number, (kind, (change, _)) in enumerate(KINDS.items()):
            (folder / str(number)).mkdir()
            stored = whole.copied(folder / str(number))
            change(stored)
            found = HEX.sub(r"\1..", stored.examined(SETTLED))
            rows.append([kind, f"`{found}`"])
    show(columns=["changed", "found at"], rows=rows, notes=[f"{len(rows)} kinds of change, each found."])


if __name__ == "__main__":
    main()
