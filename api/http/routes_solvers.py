"""/v1/solvers: who may bid and how they stand, and how strangers join.

Guarantees
1. A registration is signed by the key that it registers, a removal and a change of key by the key that the solver has,
   over a challenge of ours that is at most `CHALLENGE_MS` old. A challenge is worth nothing for changing what is younger
   than itself, so an old word cannot be repeated; the last one can, and gets its answer again.
2. A name belongs to its first key, or to the one that took over from it, also after it was removed; a key has one name.

Challenges are not stored: each carries its time and an authentication code under a key that only we have.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from fastapi.responses import Response

from api.http.reading import Body, known_parameters, request_schema
from api.http.service import REFUSALS, Service, ServiceHere, json_response, written
from api.http.solver_views import (
    NAME_PATTERN,
    Challenge,
    KeyChange,
    Registered,
    Registration,
    Removal,
    Removed,
    SolverList,
    SolverView,
)
from engine.auction.sealed import verify_digest
from engine.runtime.outgoing import Target
from engine.store.repositories.solvers import RemoteSolver
from engine.store.work import Work
from intents.errors import InputError
from intents.identifiers import solver_account

router = APIRouter(prefix="/v1", tags=["solvers"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

SolverName = Annotated[str, Path(pattern=NAME_PATTERN, description="The name that the solver registered.")]

CHALLENGE_MS = 300_000
"""How long a challenge can be answered."""


@router.get("/solvers")
def solvers(service: ServiceHere) -> SolverList:
    """Who may bid, how often what came of it, and who is benched."""
    with service.database.reading() as work:
        found = work.solvers.all()
    return SolverList(solvers=tuple(SolverView.of(one) for one in found))


@router.get("/solvers/challenge")
def challenge(service: ServiceHere) -> Challenge:
    """What the next registration, removal or change of a key signs."""
    now = service.now_ms()
    return Challenge(challenge=f"{now}.{_code(service, now)}", expires_ms=now + CHALLENGE_MS)


@router.post("/solvers", status_code=201, response_model=Registered, openapi_extra=request_schema(Registration))
async def register(service: ServiceHere, body: Body) -> Response:
    """Register a solver that is asked over HTTP, or say where it moved, which also ends its bench."""
    asked = Registration.from_json(body)
    Target.parse(asked.url, private=service.private_solvers)
    issued_ms = _issued(service, asked.challenge)
    verify_digest(asked.key, asked.digest, asked.signature)

    def act(work: Work) -> RemoteSolver:
        return work.solvers.register_remote(
            asked.name, asked.url, asked.key, issued_ms=issued_ms, at_ms=service.now_ms()
        )

    return json_response(_registered(await written(service, act)), 201)


@router.delete("/solvers/{name}", response_model=Removed, openapi_extra=request_schema(Removal))
async def remove(service: ServiceHere, name: SolverName, body: Body) -> Response:
    """Have a solver leave, from the next auction on. Its account keeps what it holds, and its key the name."""
    asked = Removal.from_json(body)
    issued_ms = _issued(service, asked.challenge)

    def act(work: Work) -> int:
        known = work.solvers.known_remote(name)
        verify_digest(known.key, asked.digest(name), asked.signature)
        return work.solvers.remove_remote(name, issued_ms=issued_ms, at_ms=service.now_ms())

    removed = Removed(name=name, account=solver_account(name), removed_ms=await written(service, act))
    return json_response(removed.model_dump_json().encode())


@router.put("/solvers/{name}/key", response_model=Registered, openapi_extra=request_schema(KeyChange))
async def change_key(service: ServiceHere, name: SolverName, body: Body) -> Response:
    """Give a solver another key, from the next auction on."""
    asked = KeyChange.from_json(body)
    issued_ms = _issued(service, asked.challenge)
    try:
        verify_digest(asked.key, asked.digest(name), asked.proof)
    except InputError as error:
        error.where = "/proof"
        raise

    def act(work: Work) -> RemoteSolver:
        known = work.solvers.known_remote(name)
        if known.key != asked.key:  # else it was done before, as who has the new key asks again
            verify_digest(known.key, asked.digest(name), asked.signature)
        return work.solvers.change_key(name, asked.key, issued_ms=issued_ms, at_ms=service.now_ms())

    return json_response(_registered(await written(service, act)))


def _registered(solver: RemoteSolver) -> bytes:
    account = solver_account(solver.name)
    stated = Registered(name=solver.name, account=account, key=solver.key, registered_ms=solver.registered_ms)
    return stated.model_dump_json().encode()


def _code(service: Service, issued_ms: int) -> str:
    message = f"clearway/solver-challenge/1 {issued_ms}".encode()
    return hmac.new(service.engine_key, message, hashlib.sha256).hexdigest()


def _issued(service: Service, text: str) -> int:
    """When the challenge was issued. Raises InputError `bad_challenge`."""
    issued_text, code = text.split(".")
    issued_ms = int(issued_text)
    ours = hmac.compare_digest(code, _code(service, issued_ms))
    if not ours or not 0 <= service.now_ms() - issued_ms <= CHALLENGE_MS:
        expected = f"a challenge of GET /v1/solvers/challenge, at most {CHALLENGE_MS // 1000} seconds old"
        raise InputError("bad_challenge", "/challenge", expected=expected, actual="an older one" if ours else "another")
    return issued_ms
