"""/v1/margin: margin of a hypothetical portfolio; /v1/accounts/{owner}/margin: of an owner's accounts as they stand."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Depends
from pydantic import ValidationError

from api.http.reading import Body, known_parameters, request_schema
from api.http.routes_accounts import OwnerPath
from api.http.service import REFUSALS, Service, ServiceHere
from api.http.views import AccountMargin, MarginChanges
from engine.auction.margin import margin_account
from engine.auction.verdict import pointer
from engine.market.margin.account import Account
from engine.market.margin.report import MarginReport, Portfolio, report_of, report_on
from engine.market.snapshot import Snapshot
from intents.errors import InputError
from intents.values import input_error

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


@router.get("/accounts/{owner}/margin")
def account_margin(service: ServiceHere, owner: OwnerPath) -> AccountMargin:
    """The owner's margin accounts as they stand, on the risk tables of the latest auction."""
    return _margin(service, owner, None)


@router.post("/accounts/{owner}/margin", openapi_extra=request_schema(MarginChanges))
def account_margin_after(service: ServiceHere, owner: OwnerPath, body: Body) -> AccountMargin:
    """The same, and what a fill with these changes would do to it. Nothing is stored."""
    return _margin(service, owner, MarginChanges.from_json(body).changes)


def _margin(service: Service, owner: str, changes: Mapping[str, int] | None) -> AccountMargin:
    with service.database.reading() as work:
        latest = work.auctions.latest()
        snapshot = None if latest is None else work.snapshots.get(latest.snapshot)
        holdings = work.accounts.holdings([owner]).get(owner, {})
    if latest is None or snapshot is None:
        raise InputError("unknown_auction", "", expected="an auction, with its risk tables", actual="none so far")
    free = {asset: holding.free for asset, holding in holdings.items()}
    try:
        places = {place: _report(snapshot, place, free, changes) for place in sorted(snapshot.risk)}
    except ValidationError as error:  # values made here, not read
        raise input_error(error) from None
    return AccountMargin(owner=owner, auction=latest.number, places=places)


def _report(snapshot: Snapshot, place: str, free: Mapping[str, int], changes: Mapping[str, int] | None) -> MarginReport:
    risk, account, after = snapshot.risk[place], _account(snapshot, place, free), None
    if changes is not None:
        changed = {asset: free.get(asset, 0) + changes.get(asset, 0) for asset in {*free, *changes}}
        after = _account(snapshot, place, changed)
    return report_of(risk.tables, risk.rules, account, after)


def _account(snapshot: Snapshot, place: str, free: Mapping[str, int]) -> Account:
    unknown = sorted(asset for asset in free if asset not in snapshot.assets)
    if unknown:
        raise InputError("unknown_asset", pointer("changes", unknown[0]), expected="a known asset", actual=unknown[0])
    account = margin_account(snapshot, place, free)
    if isinstance(account, str):
        # Nothing bounds what it may owe, so no number says what it needs.
        expected = "a row of the risk tables for all that is short without bound"
        raise InputError("unknown_instrument", pointer("changes", account), expected=expected, actual=account)
    return account
