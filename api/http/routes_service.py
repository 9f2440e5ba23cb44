"""The service itself: its clock, its keys, its health and its metrics."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from api.http.page import front_page
from api.http.problems import problem, respond
from api.http.reading import known_parameters
from api.http.service import REFUSALS, ServiceHere
from api.http.views import Deployment, Health, ServerTime
from engine.auction.problem import RULES_VERSION
from intents.signing import ed25519_owner

router = APIRouter(tags=["service"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

FRONT_AUCTIONS = 10
"""Auctions on the page for people."""

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@router.get("/", response_class=HTMLResponse)
def front(service: ServiceHere) -> HTMLResponse:
    """A page for people: where to look, and the newest auctions."""
    with service.database.reading() as work:
        newest, _ = work.auctions.page(None, FRONT_AUCTIONS)
    return HTMLResponse(front_page(newest))


@router.get("/v1/time")
def server_time(service: ServiceHere) -> ServerTime:
    """The service's clock."""
    with service.database.reading() as work:
        newest = work.auctions.latest()
    return ServerTime(now_ms=service.now_ms(), latest_auction=None if newest is None else newest.number)


@router.get("/v1/deployment")
def deployment(service: ServiceHere) -> Deployment:
    """What a client signs under and checks receipts with."""
    return Deployment(
        deployment_salt=service.deployment_salt,
        engine=ed25519_owner(service.engine_key),
        rules_version=RULES_VERSION,
        code_version=service.code_version,
        cadence_ms=service.cadence_ms,
        faucet=service.faucet_open,
    )


@router.get("/healthz")
def healthz() -> Health:
    """Whether the process answers."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health)
def readyz(service: ServiceHere) -> Health | Response:
    """Whether the store answers at the revision that this code needs and auctions are run; else a 503 that says what lacks."""
    missing = service.ready()
    if missing:
        document = problem("unavailable", expected="a service that is ready", actual=missing)
        return respond(document)
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(service: ServiceHere) -> Response:
    """Prometheus metrics."""
    with service.database.reading() as work:
        newest = work.auctions.latest()
    if newest is not None:
        service.metrics.auction.set(newest.number)
        service.metrics.auction_cut.set(newest.cut_ms / 1000)
    return Response(service.metrics.exposition(), media_type=METRICS_TYPE)
