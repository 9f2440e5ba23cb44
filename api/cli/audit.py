"""`clearway audit`: whether everything was done as the log says, and the log still says what it said before.

    audit keep        a checkpoint, to hold the log to later
    audit verify      the log continues every checkpoint kept, and its entries are what was signed
    audit auction     one auction: entries in the log, in order; the record as logged and replayed; what became of an intent
    audit receipt     the promise of a receipt: the auction that the intent was in, or the proof that it was left out
    audit proof       a proof file, checked with keys alone
    audit export      a range of auctions as one file, and
    audit check       the same, checked with keys alone

They believe the log's key alone: give `--key` (GET /v1/log says it; keep it), else the key is the one that the service names now,
which proves nothing about who that is. They need the extra `client` where a service is asked.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import track

from api.cli.extras import needed
from api.cli.files import read_bytes, write_atomically
from api.cli.output import ERR, EXIT_NO, print_json, remark, say
from engine.audit.explain import explain
from engine.audit.export import auction_line, check_export, header_line
from engine.audit.fairness import Logged, Payloads, check_auction, check_logged, entered, omitted
from engine.audit.log.notes import COSIGNATURE, VerifierKey
from engine.audit.log.proofs import LogKeys, check_proof, read_proof
from engine.audit.log.reader import LogReader
from intents.errors import InputError
from intents.receipts import Receipt, verify_receipt

if TYPE_CHECKING:
    from api.client.blocking import Client

audit_app = typer.Typer(help="Check what a service says against its log.", no_args_is_help=True)

LOCAL = "http://127.0.0.1:8000"
LOOK_BACK = 10
"""Auctions before a receipt's latest in which its intent may have been; more than any receipt of this service allows."""

Url = Annotated[str, typer.Option(envvar="CLEARWAY_URL", help="Where the service is.")]
Key = Annotated[str | None, typer.Option(envvar="CLEARWAY_LOG_KEY", help="The log's verifier key, name+id+key.")]
Kept = Annotated[
    list[Path] | None, typer.Option("--kept", help="A checkpoint kept before; may be given again.", dir_okay=False)
]
Witness = Annotated[list[str] | None, typer.Option("--witness", help="A witness's verifier key; may be given again.")]
Quorum = Annotated[int, typer.Option(min=0, help="How many of the witnesses must have cosigned.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@audit_app.command()
def keep(
    file: Annotated[Path, typer.Option("-o", "--output", help="Where to keep it.", dir_okay=False)],
    *,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Keep the newest checkpoint, once its signature is checked."""
    with _client(url) as service:
        log = _log(service, key, (), 0)
    write_atomically(file, str(log.note).encode())
    say(f"{log.checkpoint.origin}: {log.checkpoint.size} entries under {log.checkpoint.root.hex()}, kept in {file}")


@audit_app.command()
def verify(
    *,
    url: Url = LOCAL,
    key: Key = None,
    kept: Kept = None,
    witness: Witness = None,
    quorum: Quorum = 0,
    entries: Annotated[bool, typer.Option(help="Read every entry and compute the root anew.")] = True,
    as_json: AsJson = False,
) -> None:
    """The log is signed, continues each checkpoint kept, and its entries are those under the signed root."""
    with _client(url) as service:
        log = _log(service, key, witness or (), quorum)
        old = [log.continues(read_bytes(path)) for path in kept or ()]
        if entries:
            whole = track(
                log.entries(),
                "reading",
                total=log.checkpoint.size,
                console=ERR,
                transient=True,
                disable=not ERR.is_terminal,
            )
            for _ in whole:
                pass
    found: dict[str, Any] = {
        "origin": log.checkpoint.origin,
        "size": log.checkpoint.size,
        "root": log.checkpoint.root.hex(),
        "continues": [checkpoint.size for checkpoint in old],
        "witnesses": sorted(log.witnesses),
        "entries_read": entries,
    }
    if as_json:
        print_json(found)
        return
    say(f"{found['origin']}: {found['size']} entries under {found['root']}")
    for path, checkpoint in zip(kept or (), old, strict=True):
        say(f"continues {path}, kept at {checkpoint.size} entries")
    say("every entry is under the signed root" if entries else "entries not read")
    say(
        f"cosigned by {', '.join(found['witnesses'])}"
        if log.witnesses
        else "no witness asked for: who kept nothing sees one view"
    )


@audit_app.command()
def auction(
    number: Annotated[int, typer.Argument(min=0, metavar="NUMBER", help="The auction.")],
    *,
    url: Url = LOCAL,
    key: Key = None,
    kept: Kept = None,
    witness: Witness = None,
    quorum: Quorum = 0,
    intent: Annotated[str | None, typer.Option(help="An intent: what became of it.")] = None,
    proofs: Annotated[Path | None, typer.Option(help="A folder for the entries' proof files.", file_okay=False)] = None,
) -> None:
    """Was this auction run as was logged? Entries, their order, the record and its replay; exit code 1 where not."""
    with _client(url) as service:
        log = _log(service, key, witness or (), quorum)
        for path in kept or ():
            say(f"log continues {path}, kept at {log.continues(read_bytes(path)).size} entries")
        entries = _entries(service, number)
        payloads = check_logged(log, number, entries)
        for each in entries:
            say(f"entry {each.number} is in the log: {each.leaf.decode()}")
            if proofs is not None:
                proofs.mkdir(parents=True, exist_ok=True)
                write_atomically(
                    proofs / f"{each.number}.tlog-proof", str(log.includes(each.number, each.leaf)).encode()
                )
        if "voided" in payloads:
            say(f"voided: {payloads['voided']['reason']}")
            return
        record = check_auction(payloads, service.record(number))
    say(f"record {record.record_hash} is the one logged, and replays identical")
    if intent is not None:
        if not entered(payloads, intent):
            say(f"{intent} was not in this auction's batch, as logged before anybody bid")
            raise typer.Exit(EXIT_NO)
        found = explain(record, intent)
        say(f"{intent}: {found.code}")
        for attempt in found.bids:
            why = "" if attempt.reason is None else f", {attempt.reason.code}"
            say(
                f"  bid {attempt.bid} of {attempt.solver}: {attempt.status}{why}, scores {attempt.group_score} for its group"
            )


@audit_app.command()
def receipt(
    file: Annotated[
        Path, typer.Argument(metavar="RECEIPT", help="The receipt, as the service gave it.", dir_okay=False)
    ],
    *,
    url: Url = LOCAL,
    key: Key = None,
    kept: Kept = None,
) -> None:
    """Was the promise kept? The auction that the intent entered, or, with exit code 1, that the log proves it was left out."""
    promise = Receipt.from_json(read_bytes(file))
    with _client(url) as service:
        verify_receipt(promise, service.deployment().engine)
        log = _log(service, key, (), 0)
        for path in kept or ():
            log.continues(read_bytes(path))
        auctions: dict[int, Payloads] = {}
        for number in range(max(0, promise.latest_auction - LOOK_BACK), promise.latest_auction + 1):
            auctions[number] = check_logged(log, number, _entries(service, number))
    if not omitted(promise, auctions):
        number = next(n for n, found in auctions.items() if "problem" in found and entered(found, promise.intent))
        say(f"{promise.intent} was in auction {number}; its receipt promised {promise.latest_auction} at the latest")
        return
    say(
        f"{promise.intent} was in no auction from {min(auctions)} to {promise.latest_auction}, by {log.checkpoint.size} logged entries"
    )
    say("unless it was cancelled, or was not valid then, its receipt was broken")
    raise typer.Exit(EXIT_NO)


@audit_app.command()
def proof(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .tlog-proof file.", dir_okay=False)],
    *,
    entry: Annotated[Path, typer.Option(help="The entry's bytes.", dir_okay=False)],
    key: Annotated[str, typer.Option(envvar="CLEARWAY_LOG_KEY", help="The log's verifier key, name+id+key.")],
    witness: Witness = None,
    quorum: Quorum = 0,
) -> None:
    """Check a proof file offline, with keys alone."""
    try:
        text = read_bytes(file).decode()
    except UnicodeDecodeError:
        raise InputError("bad_proof", str(file), expected="UTF-8", actual="other bytes") from None
    read = read_proof(text)
    checkpoint = check_proof(read, read_bytes(entry), _trust(key, witness or (), quorum))
    say(f"entry {read.entry} of {checkpoint.origin}, under its checkpoint at {checkpoint.size} entries")


@audit_app.command()
def export(
    first: Annotated[int, typer.Argument(min=0, metavar="FIRST", help="The first auction.")],
    last: Annotated[int, typer.Argument(min=0, metavar="LAST", help="The last auction, which must have ended.")],
    file: Annotated[
        Path, typer.Option("-o", "--output", help="JSON lines, deflated where it ends in .gz.", dir_okay=False)
    ],
    *,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Write a range of auctions as one file that is verified with the log's key alone: `audit check`."""
    if last < first:
        raise InputError("bad_options", "LAST", expected=f"{first} or more", actual=str(last))
    with _client(url) as service:
        log = _log(service, key, (), 0)
        lines = [header_line(log, first, last)]
        numbers = range(first, last + 1)
        for number in track(numbers, "exporting", console=ERR, transient=True, disable=not ERR.is_terminal):
            ended = service.auction(number).status
            if ended not in {"settled", "void"}:
                raise InputError("auction_not_ended", str(number), expected="settled or void", actual=ended)
            record = service.record(number) if ended == "settled" else None
            lines.append(auction_line(log, number, _entries(service, number), record))
    content = b"".join(lines)
    write_atomically(file, gzip.compress(content, mtime=0) if file.suffix == ".gz" else content)
    say(f"{len(numbers)} auctions under the checkpoint at {log.checkpoint.size} entries, written to {file}")


@audit_app.command()
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `audit export` wrote.", dir_okay=False)],
    *,
    key: Annotated[str, typer.Option(envvar="CLEARWAY_LOG_KEY", help="The log's verifier key, name+id+key.")],
    witness: Witness = None,
    quorum: Quorum = 0,
) -> None:
    """Check an exported range offline: entries, order, payloads, and every record's replay."""
    lines = read_bytes(file).splitlines()
    checked = check_export(lines, _trust(key, witness or (), quorum))
    count = len(lines) - 1
    found = list(track(checked, "checking", count, console=ERR, transient=True, disable=not ERR.is_terminal))
    voided = sum(one.record is None for one in found)
    say(f"{len(found)} auctions are as logged, {voided} of them voided")


@audit_app.command()
def database(
    *,
    auction: Annotated[
        int | None, typer.Option(min=0, help="One auction; all that have ended where none is named.")
    ] = None,
    key: Key = None,
) -> None:
    """Hold the tables of this service's database to its log, auction by auction: every difference by table, key and column."""
    settings = needed("engine.runtime.settings", "server").Settings()
    examining = needed("api.examining", "server")
    wrong = 0
    with examining.opened(settings, None if key is None else _trust(key, (), 0)) as examination:
        numbers = examination.ended() if auction is None else [auction]
        for number in track(numbers, "examining", console=ERR, transient=True, disable=not ERR.is_terminal):
            for found in examination.of(number):
                wrong += 1
                say(f"auction {number}: {found.place}: expected {found.expected}, is {found.actual}")
    if wrong:
        raise typer.Exit(EXIT_NO)
    say(f"{len(numbers)} auctions are as logged")


def _trust(key: str, witness: list[str] | tuple[str, ...], quorum: int) -> LogKeys:
    log, witnesses = VerifierKey.parse(key), tuple(VerifierKey.parse(each) for each in witness)
    for each in witnesses:
        if each.kind != COSIGNATURE:
            raise InputError("bad_verifier_key", "--witness", expected="a key of kind 4", actual=str(each))
    return LogKeys(log.name, (log,), witnesses, quorum)


def _log(service: Client, key: str | None, witness: list[str] | tuple[str, ...], quorum: int) -> LogReader:
    if key is None:
        key = service.log().key
        remark(f"key as the service says now, keep it and give it as --key: {key}")
    return LogReader(service.log_file, _trust(key, witness, quorum))


def _entries(service: Client, number: int) -> list[Logged]:
    return [Logged(each.number, each.leaf.encode(), each.disclosed) for each in service.logged(number).entries]


@contextmanager
def _client(url: str) -> Iterator[Client]:
    """A client of the service."""
    with needed("api.client.blocking", "client").Client(url) as service:
        yield service
