"""/v1/margin: margin of a hypothetical portfolio. Nothing is stored, and nobody's account is read."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from api.http.reading import Body, known_parameters, request_schema
from api.http.service import REFUSALS
from engine.market.margin.report import MarginReport, Portfolio, report_on
from intents.errors import InputError

router = APIRouter(prefix="/v1", tags=["margin"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

MOST_CELLS = 4_000
"""Most instruments times scenarios of a request: under a tenth of a second of pricing, which intents wait behind."""


@router.post("/margin", openapi_extra=request_schema(Portfolio))
def margin(body: Body) -> MarginReport:
    """Initial and maintenance margin, worst scenario, health and worst loss, and what a fill would do to them."""
    portfolio = Portfolio.from_json(body)
    market = portfolio.market
    cells = len(market.instruments) * len(market.scenarios)
    if cells > MOST_CELLS:
        expected = f"at most {MOST_CELLS} instruments times scenarios"
        raise InputError("too_much_work", "/market", expected=expected, actual=str(cells))
    return report_on(portfolio)
