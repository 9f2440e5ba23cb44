"""The `gnosis-v1` feed: batches of Gnosis Protocol v1 (dFusion, 2020), orders and account balances, into a Problem.

Both shapes are read: `tokens` as a map of {alias, decimals, externalPrice} or null, or as a list of names; orders with an
integer `orderID` or a text `ID` (unique in their account).

Orders     one plain swap each, unsigned (id `import:gnosis.<account>.<order>`): any part of it at a price of at least
           buyAmount / sellAmount, surplus in what is received; a unit is a base unit sold. By the protocol's rule an
           order sells at most its account's balance: what is over is cut off (counted), the buy amount in proportion
           (ceil). So amounts of 2^128 - 1, by which an order of no limited size states its price, need no rule of
           their own. Reported: `no_balance`, `zero_amount`, `unknown_token`, `same_token`, `unknown_account`,
           `repeated`.
Accounts   each is an owner `0x<address>`, or `import:gnosis.<id>` where the id is no address; balances are holdings.
Tokens     base units as in the file; decimals as stated, else 18 (all amounts of the list shape have 18).
Prices     externalPrice, or pricesPrev: worth of 10^18 base units; the numeraire is refToken, else the first by name
           that is priced at 10^18, else the fee's token. Prices are ratios to the numeraire's own, if that has one.
Time       metadata's timestamp, else 0; orders are valid for ever.

The protocol's fee (`fee`: a ratio of what is traded, in one token) is not charged: it is in the provenance.
Source: github.com/gnosis/dex-open-solver, the input format in its README; docs of Gnosis Protocol v1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from engine.auction.problem import Holding, Intent
from engine.market.feeds.base import (
    DEFAULT_SOLVERS,
    FeedError,
    Imported,
    Tally,
    digest_of,
    imported_problem,
    ratio_of,
    read_json,
)
from engine.market.feeds.message_fields import Fields
from engine.market.snapshot import Asset, Chain, ReferencePrice, Snapshot, check_snapshot
from intents.errors import InputError
from intents.identifiers import solver_account
from intents.outcome import Outcome
from intents.values import ceil_div, parse_amount

PLACE = "gnosis:v1"
"""Where the protocol keeps balances."""

FOREVER = 2**32 - 1
"""Until when orders hold."""

DECIMALS = 18
"""Of tokens that do not state them."""

_TOKEN = re.compile(r"(?!0[xX])[-.A-Za-z0-9]{1,64}\Z", re.ASCII)
_ADDRESS = re.compile(r"(?:0x)?([0-9a-fA-F]{40})\Z", re.ASCII)
_ACCOUNT = re.compile(r"[-._A-Za-z0-9]{1,64}\Z", re.ASCII)


@dataclass(frozen=True)
class _Token:
    symbol: str
    decimals: int | None
    price: Fraction | None


Balances = dict[str, dict[str, int]]
"""By owner, then token."""


def import_gnosis(content: str | bytes, name: str, solvers: Sequence[str] = DEFAULT_SOLVERS) -> Imported:
    """Read a batch. `name` is for the report only. Raises FeedError, nothing being kept."""
    fields = Fields(read_json(content), "")
    tokens = _tokens(fields)
    balance_tally = Tally()
    balances = _balances(fields, tokens, balance_tally)
    time = int(fields.inner("metadata").number("timestamp")) if "metadata" in fields.data else 0
    if time >= FOREVER:
        raise FeedError("malformed_field", "/metadata/timestamp", expected=f"before {FOREVER}", actual=str(time)[:40])
    intents, tally, held = _intents(fields, tokens, balances)
    snapshot = _snapshot(fields, tokens, time)
    digest = digest_of(content)
    problem = imported_problem(
        f"gnosis.{digest[:16]}",
        digest,
        snapshot,
        {"format": "gnosis-v1", "file": name, "sha256": digest, "fee_not_charged": _fee(fields, tokens)},
        _holdings(balances, solvers),
        intents=tuple(intents),
    )
    report: dict[str, Any] = {"format": "gnosis-v1", "file": name, "sha256": digest}
    report |= {"balances": balance_tally.to_wire(), "orders": tally.to_wire()}
    report["notes"] = {
        "accounts": len(balances),
        "orders_cut_to_their_account's_balance": held,
        "tokens": len(tokens),
        "tokens_unpriced": sum(_asset(token) not in snapshot.prices for token in tokens),
        "tokens_without_decimals_shown_with_18": sum(token.decimals is None for token in tokens.values()),
    }
    return Imported(problem, report)


def _asset(token: str) -> str:
    return f"{PLACE}/token:{token}"


def _amount(fields: Fields, field: str) -> int:
    """A base-unit amount: digits in a text, or a JSON integer."""
    found = fields.data.get(field)
    text = str(found) if isinstance(found, int) and not isinstance(found, bool) else found
    if not isinstance(text, str):
        raise fields.wrong(field, "digits of an amount")
    try:
        return parse_amount(text)
    except InputError as error:
        raise FeedError(error.code, f"{fields.where}/{field}", expected=error.expected, actual=error.actual) from None


def _limit(order: Fields, field: str) -> int:
    """An order's amount, which the protocol keeps in 128 bits."""
    found = _amount(order, field)
    if found >= 2**128:
        raise order.wrong(field, "an amount below 2^128")
    return found


def _tokens(fields: Fields) -> dict[str, _Token]:
    """By name, in the file's order."""
    stated = fields.data.get("tokens")
    listed = stated if isinstance(stated, Mapping) else dict.fromkeys(_names(fields))
    if not listed:
        raise fields.wrong("tokens", "at least one token")
    earlier = fields.inner("pricesPrev") if fields.data.get("pricesPrev") is not None else Fields({}, "/pricesPrev")
    tokens = {}
    for name, details in listed.items():
        if not _TOKEN.match(name):
            raise FeedError("malformed_field", "/tokens", expected="names of tokens", actual=repr(name[:80]))
        said = Fields(details or {}, f"/tokens/{name}")
        decimals = None if said.data.get("decimals") is None else said.number("decimals")
        if decimals is not None and (decimals.denominator != 1 or decimals > 36):
            raise said.wrong("decimals", "0 to 36")
        alias = said.data.get("alias")
        tokens[name] = _Token(
            symbol=alias[:80] if isinstance(alias, str) else name,
            decimals=None if decimals is None else int(decimals),
            price=said.number_or_none("externalPrice") or earlier.number_or_none(name) or None,
        )
    return tokens


def _names(fields: Fields) -> list[str]:
    """A list of tokens: different texts."""
    rows = fields.rows("tokens")
    if not all(isinstance(row, str) for row in rows) or len(set(rows)) != len(rows):
        raise fields.wrong("tokens", "different names")
    return rows


def _owner(account: str, where: str) -> str:
    address = _ADDRESS.match(account)
    if address:
        return f"0x{address[1].lower()}"
    if not _ACCOUNT.match(account):
        raise FeedError("malformed_field", where, expected="an account's id", actual=repr(account[:80]))
    return f"import:gnosis.{account.lower()}"


def _balances(fields: Fields, tokens: Mapping[str, _Token], tally: Tally) -> Balances:
    balances: Balances = {}
    accounts = fields.inner("accounts")
    for account in accounts.data:
        owner = _owner(account, "/accounts")
        if owner in balances:
            raise FeedError("duplicate", "/accounts", expected="each account once", actual=account)
        held = accounts.inner(account)
        balances[owner] = {}
        for token in held.data:
            amount = _amount(held, token)
            if amount >= 2**255:  # a holding has a sign
                raise FeedError(
                    "amount_out_of_range", f"{held.where}/{token}", expected="a balance below 2^255", actual=str(amount)
                )
            if token not in tokens:
                tally.report(f"{account} {token[:80]}", "unknown_token", "accounts")
                continue
            tally.keep()
            if amount:
                balances[owner][token] = amount
    return balances


def _intents(fields: Fields, tokens: Mapping[str, _Token], balances: Balances) -> tuple[list[Intent], Tally, int]:
    """The orders as intents by id, what became of each, and how many were cut to their account's balance."""
    tally, kept, cut = Tally(), dict[str, Intent](), 0
    for position, row in enumerate(fields.rows("orders")):
        order = Fields(row, f"/orders/{position}")
        account = order.data.get("accountID")
        if not isinstance(account, str):
            raise order.wrong("accountID", "an account's id")
        number = order.data["orderID"] if "orderID" in order.data else order.data.get("ID")
        name = f"{account}.{number}".lower()
        if not _ACCOUNT.match(str(number)) or isinstance(number, bool) or not isinstance(number, int | str):
            raise order.wrong("orderID", "an order's id")
        owner = _owner(account, f"{order.where}/accountID")
        sell, buy = (_limit(order, field) for field in ("sellAmount", "buyAmount"))
        sold, bought = order.data.get("sellToken"), order.data.get("buyToken")
        fault = _fault(owner, (sold, sell), (bought, buy), tokens, balances)
        if fault is None and f"import:gnosis.{name}" in kept:
            fault = "repeated", "orderID"
        if fault is not None:
            tally.report(name, *fault)
            continue
        most = min(sell, balances[owner][str(sold)])
        cut += most < sell
        outcome = Outcome(
            owner=owner,
            receiver=owner,
            nonce=position,
            valid_from=0,
            valid_until=FOREVER,
            pays={_asset(str(sold)): most},
            receives={_asset(str(bought)): ceil_div(most * buy, sell)},
            units=most,
            fill_policy="partial",
            surplus_asset=_asset(str(bought)),
        )
        kept[f"import:gnosis.{name}"] = Intent(id=f"import:gnosis.{name}", outcome=outcome)
        tally.keep()
    return [kept[name] for name in sorted(kept)], tally, cut


def _fault(
    owner: str, sold: tuple[Any, int], bought: tuple[Any, int], tokens: Mapping[str, _Token], balances: Balances
) -> tuple[str, str] | None:
    """Why an order can not be used, and the field."""
    for (token, amount), side in ((sold, "sell"), (bought, "buy")):
        if not isinstance(token, str) or token not in tokens:
            return "unknown_token", f"{side}Token"
        if amount == 0:
            return "zero_amount", f"{side}Amount"
    if sold[0] == bought[0]:
        return "same_token", "buyToken"
    if owner not in balances:
        return "unknown_account", "accountID"
    return None if balances[owner].get(sold[0]) else ("no_balance", "accounts")


def _fee(fields: Fields, tokens: Mapping[str, _Token]) -> str:
    """What the file says of the fee, in words."""
    token = _fee_token(fields, tokens)
    return "none stated" if token is None else f"{fields.inner('fee').number('ratio')} in {token}"


def _fee_token(fields: Fields, tokens: Mapping[str, _Token]) -> str | None:
    """The token that fees are paid in; None where the file has no fee."""
    if fields.data.get("fee") is None:
        return None
    fee = fields.inner("fee")
    token = fee.data.get("token")
    if not isinstance(token, str) or token not in tokens:
        raise fee.wrong("token", "a token of the file")
    return token


def _numeraire(fields: Fields, tokens: Mapping[str, _Token]) -> str:
    stated = fields.data.get("refToken")
    if stated is not None:
        if not isinstance(stated, str) or stated not in tokens:
            raise fields.wrong("refToken", "a token of the file")
        return str(stated)
    ones = sorted(name for name, token in tokens.items() if token.price == 10**18)
    if ones:
        return ones[0]
    return _fee_token(fields, tokens) or min(tokens)


def _snapshot(fields: Fields, tokens: Mapping[str, _Token], time: int) -> Snapshot:
    numeraire = _numeraire(fields, tokens)
    unit = tokens[numeraire].price or Fraction(10**18)
    prices = {
        _asset(name): ReferencePrice(
            ratio=ratio_of(token.price / unit, f"/tokens/{name}/externalPrice"),
            source="the batch's file",
            method="as stated in the file, for the numeraire's own",
            time_seconds=time,
        )
        for name, token in tokens.items()
        if token.price
    }
    one = ReferencePrice(ratio=(1, 1), source="the batch's file", method="numeraire", time_seconds=time)
    snapshot = Snapshot(
        time_seconds=time,
        numeraire=_asset(numeraire),
        chains={PLACE: Chain()},
        assets={
            _asset(name): Asset(decimals=DECIMALS if token.decimals is None else token.decimals, symbol=token.symbol)
            for name, token in tokens.items()
        },
        prices=prices | {_asset(numeraire): one},
        venues=(),
    )
    check_snapshot(snapshot)
    return snapshot


def _holdings(balances: Balances, solvers: Sequence[str]) -> dict[str, dict[str, Holding]]:
    held = {
        owner: {_asset(token): Holding(amount=amount) for token, amount in sorted(tokens.items())}
        for owner, tokens in sorted(balances.items())
    }
    return held | {solver_account(solver): {} for solver in sorted(solvers)}
