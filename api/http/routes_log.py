"""The log as everybody may read it: static files (C2SP tlog-tiles) under /log, proofs, and what an auction's entries hide.

Files come as they are on the disk; `engine.audit.log` says what they hold. Nothing here is to be believed: who reads checks it.
Payloads are given to whoever asks, as all reads of the embedded world are open; their class says whom they are meant for.
"""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from api.http.reading import Number, known_parameters
from api.http.service import REFUSALS, PublishedLog, ServiceHere
from api.http.views import EntryView, LoggedAuction, LogView
from engine.audit.log.checkpoints import open_checkpoint
from engine.audit.log.merkle import inclusion_proof
from engine.audit.log.proofs import LogProof
from engine.audit.log.tiles import nodes_in_tiles
from intents.errors import InputError

router = APIRouter(tags=["log"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

TEXT, BYTES = "text/plain; charset=utf-8", "application/octet-stream"
TILE = re.compile(r"(0|[1-9][0-9]?|entries)/(x[0-9]{3}/)*[0-9]{3}(\.p/[1-9][0-9]{0,2})?", re.ASCII)


@router.get("/v1/log")
def log(service: ServiceHere) -> LogView:
    """The log's name, its key and its newest checkpoint. Keep the key and a checkpoint: later you can hold the log to them.

    The files are at `/log/checkpoint` and `/log/tile/...`, as C2SP tlog-tiles names them.
    """
    published = _published(service.log)
    note = published.file("checkpoint")
    checkpoint = open_checkpoint(note, published.key.name, (published.key,))
    return LogView(
        origin=checkpoint.origin,
        key=str(published.key),
        size=checkpoint.size,
        root=checkpoint.root.hex(),
        checkpoint=note.decode(),
    )


@router.get("/v1/auctions/{number}/log")
def logged_auction(
    service: ServiceHere, number: Annotated[Number, Path(description="The auction's number.")]
) -> LoggedAuction:
    """An auction's entries in the log, in order, with the payloads under their hashes where they were not erased."""
    with service.database.reading() as work:
        if work.auctions.get(number) is None:
            raise InputError("unknown_auction", "", expected="an auction that was opened", actual=str(number))
        found = work.log.of_auction(number)
    return LoggedAuction(
        auction=number,
        entries=tuple(
            EntryView(number=each.number, leaf=each.leaf.decode(), disclosed=each.disclosed) for each in found
        ),
    )


@router.get("/v1/log/proofs/{number}", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def proof(service: ServiceHere, number: Annotated[Number, Path(description="An entry's index.")]) -> Response:
    """That an entry is in the log, as a file that is checked with the log's key alone (C2SP tlog-proof)."""
    published = _published(service.log)
    note = published.file("checkpoint")
    size = open_checkpoint(note, published.key.name, (published.key,)).size
    hashes = inclusion_proof(number, size, nodes_in_tiles(published.file, size))
    return Response(str(LogProof(number, hashes, note.decode())), media_type=TEXT)


@router.get("/log/checkpoint", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def checkpoint(service: ServiceHere) -> Response:
    """The newest checkpoint: a signed note."""
    content = _published(service.log).file("checkpoint")
    return Response(content, media_type=TEXT, headers={"Cache-Control": "no-cache"})


@router.get("/log/tile/{tile:path}", include_in_schema=False)  # OpenAPI has no paths with slashes in a parameter
def tile(service: ServiceHere, tile: str) -> Response:
    """A tile of hashes, `<level>/<number>`, or a bundle of entries, `entries/<number>`; `.p/<width>` behind it where it is not full."""
    if not TILE.fullmatch(tile):
        raise InputError("no_log_file", "", expected="the name of a tile", actual=ascii(tile[:80]))
    content = _published(service.log).file(f"tile/{tile}")
    return Response(content, media_type=BYTES, headers={"Cache-Control": "public, max-age=31536000, immutable"})


def _published(found: PublishedLog | None) -> PublishedLog:
    if found is None:
        raise InputError("no_log", "", expected="a service with a log", actual="none")
    return found
