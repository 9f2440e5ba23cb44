"""/v1/intents: submitting, following and cancelling."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from api.http.intake_route import accepted
from api.http.reading import (
    KEY_PARAMETER,
    Body,
    Number,
    OptionalKey,
    PageSize,
    known_parameters,
    request_schema,
)
from api.http.service import REFUSALS, ServiceHere, once
from api.http.views import EventView, History, IntentDetail, IntentPage, IntentView, SignedCancellation
from engine.auction.problem import Intent
from engine.audit.explain import Explanation, explain
from engine.audit.record import Record
from engine.store.repositories.intents import StoredIntent
from engine.store.work import Work
from intents.errors import InputError
from intents.identifiers import Bytes32, OwnerId
from intents.lifecycle import Cancel, Status
from intents.receipts import Receipt
from intents.signing import verify_signature
from intents.values import Value

router = APIRouter(prefix="/v1/intents", tags=["intents"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

IntentPath = Annotated[Bytes32, Path(description="The intent's id: the digest that its owner signed.")]


@router.post(
    "",
    status_code=201,
    response_model=Receipt,
    openapi_extra=request_schema(Intent) | {"parameters": [KEY_PARAMETER]},
    responses={200: {"model": Receipt, "description": "This intent was accepted before; its receipt."}},
)
async def submit(request: Request, service: ServiceHere) -> Response:
    """Accept a signed intent. The receipt names the latest auction that it will be part of, and the engine signs it.

    The same signed intent is accepted once, however often it is sent.
    """
    return await accepted(request, service)


@router.get("")
def intents(
    service: ServiceHere,
    owner: Annotated[OwnerId | None, Query()] = None,
    status: Annotated[Status | None, Query()] = None,
    after: Annotated[Number | None, Query()] = None,
    limit: Annotated[PageSize, Query()] = 50,
) -> IntentPage:
    """Accepted intents, newest first."""
    with service.database.reading() as work:
        found, following = work.intents.page(owner, status, after, limit)
    return IntentPage(items=tuple(IntentView.of(stored) for stored in found), next=following)


@router.get("/{intent_id}")
def intent(service: ServiceHere, intent_id: IntentPath) -> IntentDetail:
    """One intent, where it stands, and what was filled of it."""
    with service.database.reading() as work:
        return IntentDetail.of_all(_known(work, intent_id), work.auctions.fills_of(intent_id))


@router.get("/{intent_id}/history")
def history(service: ServiceHere, intent_id: IntentPath) -> History:
    """Everything that happened to an intent."""
    with service.database.reading() as work:
        _known(work, intent_id)
        events = tuple(EventView.of(line) for line in work.intents.history(intent_id))
    return History(intent=intent_id, events=events)


@router.get("/{intent_id}/why-unfilled")
def why_unfilled(
    service: ServiceHere, intent_id: IntentPath, auction: Annotated[Number | None, Query()] = None
) -> Explanation:
    """What became of an intent in an auction, by default the newest settled one that it was part of, from the record."""
    with service.database.reading() as work:
        _known(work, intent_id)
        settled = [line.auction for line in work.intents.history(intent_id) if line.event == "settled"]
        numbers = [number for number in settled if number is not None and auction in (None, number)]
        content = next((found for n in reversed(numbers) if (found := work.auctions.record_bytes(n)) is not None), None)
    if content is None:
        expected = "a settled auction that the intent was part of"
        raise InputError("no_record", "", expected=expected, actual="none" if auction is None else str(auction))
    return explain(Record.from_json(content), intent_id)


@router.post("/{intent_id}/cancel", response_model=IntentView, openapi_extra=request_schema(SignedCancellation))
async def cancel(
    request: Request, service: ServiceHere, intent_id: IntentPath, body: Body, key: OptionalKey = None
) -> Response:
    """Cancel an intent, by its owner's signed cancellation. In a running auction it takes effect after that auction."""
    asked = SignedCancellation.from_json(body)
    cancellation, signature = asked.cancellation, asked.signature
    if cancellation.intent != intent_id:
        raise InputError("wrong_intent", "/cancellation/intent", expected=intent_id, actual=cancellation.intent)
    try:
        verify_signature(cancellation, service.deployment_salt, signature.scheme, signature.signature)
    except InputError as error:
        error.where = "/signature" + error.where
        raise

    def act(work: Work) -> tuple[int, Value]:
        stored = _known(work, intent_id)
        if stored.intent.outcome.owner != cancellation.owner:
            actual = cancellation.owner
            raise InputError("not_the_owner", "/cancellation/owner", expected="the intent's owner", actual=actual)
        if stored.status is not Status.CANCELLED and not stored.cancel_waits:
            stored = work.intents.move(intent_id, Cancel(), service.now_ms())
        return 200, IntentView.of(stored)

    return await once(service, request, key=key, scope=cancellation.owner, body=asked, act=act)


def _known(work: Work, intent_id: str) -> StoredIntent:
    stored = work.intents.get(intent_id)
    if stored is None:
        raise InputError("unknown_intent", "", expected="an accepted intent", actual=intent_id)
    return stored
