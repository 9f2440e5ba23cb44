"""/v1/deposits and /v1/accounts: the sandbox's faucet, and what owners hold."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from api.http.reading import Body, IdempotencyKey, known_parameters, request_schema
from api.http.service import REFUSALS, ServiceHere, once
from api.http.views import Balances, BalanceView, Deposit, Deposited, Positions, PositionView
from engine.auction.problem import Holding
from engine.ledger.accounts import FAUCET
from engine.ledger.books import deposit
from engine.store.work import Work
from intents.errors import InputError
from intents.identifiers import OwnerId
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.values import Value

router = APIRouter(prefix="/v1", tags=["accounts"], dependencies=[Depends(known_parameters)], responses=REFUSALS)

MAX_DEPOSIT = 2**128
"""Deposits are below this: no number of them that can be made brings a balance near 2^255."""

OwnerPath = Annotated[OwnerId, Path(description="An owner id.")]


@router.post("/deposits", status_code=201, response_model=Deposited, openapi_extra=request_schema(Deposit))
async def make_deposit(request: Request, service: ServiceHere, body: Body, key: IdempotencyKey) -> Response:
    """Take money from the faucet of an embedded world. The key is needed, since two deposits are more than one."""
    if not service.faucet_open:
        raise InputError("faucet_closed", "", expected="deposits as observed on chains", actual="a faucet's")
    asked = Deposit.from_json(body)
    if not asked.owner.startswith(("0x", "ed25519:")):
        raise InputError(
            "bad_owner", "/owner", expected="an owner with a key: 0x... or ed25519:...", actual=asked.owner
        )
    if not 0 < asked.amount < MAX_DEPOSIT:
        raise InputError("bad_amount", "/amount", expected="1 to 2^128 - 1", actual=str(asked.amount))

    def act(work: Work) -> tuple[int, Value]:
        if asked.asset not in service.assets or is_derivative(asked.asset):
            raise InputError("unknown_asset", "/asset", expected="a token of the market", actual=asked.asset)
        entry = deposit(asked.owner, asked.asset, asked.amount, source=FAUCET, reference="faucet")
        number = work.accounts.post(entry, service.now_ms())
        held = work.accounts.holdings([asked.owner])[asked.owner][asked.asset]
        made = Deposited(
            entry=number, owner=asked.owner, asset=asked.asset, amount=asked.amount, balance=_balance(held)
        )
        return 201, made

    return await once(service, request, key=key, scope=f"deposits of {asked.owner}", body=asked, act=act)


@router.get("/accounts/{owner}/balances")
def balances(service: ServiceHere, owner: OwnerPath) -> Balances:
    """The owner's tokens. An owner who never had any has none."""
    tokens = {asset: _balance(held) for asset, held in _held(service, owner).items() if not is_derivative(asset)}
    return Balances(owner=owner, balances=tokens)


@router.get("/accounts/{owner}/positions")
def positions(service: ServiceHere, owner: OwnerPath) -> Positions:
    """The owner's derivatives, short ones with a negative amount."""
    held = sorted((asset, holding) for asset, holding in _held(service, owner).items() if is_derivative(asset))
    views = (PositionView.of(asset, _balance(holding), parse_instrument(asset)) for asset, holding in held)
    return Positions(owner=owner, positions=tuple(views))


def _held(service: ServiceHere, owner: str) -> dict[str, Holding]:
    with service.database.reading() as work:
        return work.accounts.holdings([owner]).get(owner, {})


def _balance(held: Holding) -> BalanceView:
    return BalanceView(amount=held.amount, reserved=held.reserved, free=held.free)
