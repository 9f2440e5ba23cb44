"""/v1/network: nodes, load, health, shares and delays, as the dispatchers saw them at the newest settlement."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from api.http.network_views import NetworkView
from api.http.reading import known_parameters
from api.http.service import REFUSALS, ServiceHere
from engine.network.standing import NetworkStanding
from engine.store.work import Work
from intents.errors import InputError

router = APIRouter(prefix="/v1", tags=["network"], dependencies=[Depends(known_parameters)], responses=REFUSALS)


@router.get("/network")
def network(service: ServiceHere) -> NetworkView:
    """The network as of the newest settlement; 404 `no_network` before the first."""
    with service.database.reading() as work:
        standing = newest_standing(work)
    if standing is None:
        raise InputError("no_network", "", expected="a settled auction", actual="none")
    return NetworkView.of(standing)


def newest_standing(work: Work) -> NetworkStanding | None:
    """What was stored with the newest settlement."""
    stored = work.standings.latest()
    return None if stored is None else NetworkStanding.from_json(stored)
