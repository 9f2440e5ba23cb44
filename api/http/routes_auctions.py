"""/v1/auctions: what was decided, and the records to check it by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import Response

from api.http.reading import Number, PageSize, known_parameters
from api.http.service import REFUSALS, ServiceHere, json_response
from api.http.views import (
    AuctionDetail,
    AuctionPage,
    AuctionView,
    BidList,
    FillView,
    WinnerView,
)
from engine.audit.record import Record
from engine.audit.standing import standings_of
from engine.settlement.record import SettlementRecord
from engine.store.repositories.auctions import StoredAuction
from engine.store.work import Work
from intents.errors import InputError

router = APIRouter(prefix="/v1", tags=["auctions"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

NumberPath = Annotated[Number, Path(description="The auction's number.")]


@router.get("/auctions")
def auctions(
    service: ServiceHere,
    after: Annotated[Number | None, Query()] = None,
    limit: Annotated[PageSize, Query()] = 50,
) -> AuctionPage:
    """Auctions, newest first."""
    with service.database.reading() as work:
        found, following = work.auctions.page(after, limit)
    return AuctionPage(items=tuple(AuctionView.of(auction) for auction in found), next=following)


@router.get("/auctions/{number}")
def auction(service: ServiceHere, number: NumberPath) -> AuctionDetail:
    """One auction: its batch, and once it is settled its winners and fills."""
    with service.database.reading() as work:
        stored = _known(work, number)
        winners = work.auctions.winners(number)
        return AuctionDetail(
            **dict(AuctionView.of(stored)),
            intents=tuple(work.auctions.batch(number)),
            winners=tuple(
                WinnerView(group=won.group, bid=won.bid, score=won.score, baseline=won.baseline, price=won.price)
                for won in winners
            ),
            fills=tuple(FillView.of(fill) for fill in work.auctions.fills(number)),
        )


@router.get("/auctions/{number}/bids")
def bids(service: ServiceHere, number: NumberPath) -> BidList:
    """Every bid, won or not, with its scores and reasons. None while the auction is open or where it was voided."""
    with service.database.reading() as work:
        _known(work, number)
        found = tuple(work.auctions.bids(number))
    return BidList(auction=number, bids=found, standings=standings_of(found))


@router.get("/auctions/{number}/record", response_model=Record)
def record(service: ServiceHere, number: NumberPath) -> Response:
    """The record, byte for byte, for `clearway replay`."""
    with service.database.reading() as work:
        stored = _known(work, number)
        content = work.auctions.record_bytes(number)
    if content is None:
        raise InputError("no_record", "", expected="a decided auction", actual=f"auction {number} is {stored.status}")
    headers = {
        "Content-Disposition": f'attachment; filename="auction-{number}.json"',
        "ETag": f'"{stored.record_hash}"',
    }
    return json_response(content, headers=headers)


@router.get("/auctions/{number}/settlement", response_model=SettlementRecord)
def settlement(service: ServiceHere, number: NumberPath) -> Response:
    """How its winners were settled: plan, sends, what nodes signed, which bids landed. For `clearway replay --settlement`."""
    with service.database.reading() as work:
        stored = _known(work, number)
        content = work.settlements.record_bytes(number)
    if content is None:
        expected, found = "a settled auction", f"auction {number} is {stored.status}"
        raise InputError("no_settlement", "", expected=expected, actual=found)
    headers = {"Content-Disposition": f'attachment; filename="settlement-{number}.json"'}
    return json_response(content, headers=headers)


def _known(work: Work, number: int) -> StoredAuction:
    stored = work.auctions.get(number)
    if stored is None:
        raise InputError("unknown_auction", "", expected="an auction that was opened", actual=str(number))
    return stored
