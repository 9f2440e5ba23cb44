"""Whether a submitted intent may wait for an auction: everything that can be judged before a batch is cut.

Guarantees
1. What passes is signed by its owner under the deployment's salt, has its digest as id, is unfilled, names only assets
   that the market knows, and may still be valid: it can not break a problem that it becomes part of.
2. Fixed order, first fault: `check_signed` (signature, id), then `check_admissible` (validity, outcome, assets).

Whether the owner has the money is judged in the auction: deposits may come later. Pure: time and market are arguments.
"""

from __future__ import annotations

from collections.abc import Container
from typing import NoReturn

from engine.auction.problem import Intent
from engine.auction.verdict import pointer
from intents.errors import InputError
from intents.signing import outcome_digest, verify_signed

_AMOUNTS = ("pays", "receives", "worst_loss", "max_escrow", "refund")


def check_signed(intent: Intent, salt: str) -> None:
    """Raise InputError `unsigned_intent`, `wrong_intent_id` or `bad_signature` unless the owner signed it under the salt."""
    if intent.signature is None:
        raise InputError("unsigned_intent", "/signature", expected="the owner's signature", actual="none")
    digest = outcome_digest(intent.outcome, salt)
    if intent.id != f"0x{digest.hex()}":
        raise InputError("wrong_intent_id", "/id", expected=f"0x{digest.hex()}", actual=intent.id)
    try:
        verify_signed(digest, intent.outcome.owner, intent.signature.scheme, intent.signature.signature)
    except InputError as error:
        error.where = "/signature" + error.where
        raise


def check_admissible(
    intent: Intent, *, assets: Container[str], time_seconds: int, underlyings: Container[str] = ()
) -> None:
    """Raise InputError `bad_filled_units`, `intent_expired`, `unsupported_outcome` or `unknown_asset`.

    `assets` are the market's, `underlyings` those that its risk tables have rows of, `time_seconds` is the time of its newest
    snapshot. Places are pointers into the intent.
    """
    outcome = intent.outcome
    if intent.filled_units:
        raise InputError("bad_filled_units", "/filled_units", expected="0", actual=str(intent.filled_units))
    if outcome.valid_until <= time_seconds:
        raise InputError(
            "intent_expired",
            "/outcome/valid_until",
            expected=f"a time after {time_seconds}",
            actual=str(outcome.valid_until),
        )
    for i, bound in enumerate(outcome.exposure_bounds):
        if bound.underlying not in underlyings:
            where, expected = pointer("outcome", "exposure_bounds", i, "underlying"), "an underlying of the risk tables"
            raise InputError("unsupported_outcome", where, expected=expected, actual=bound.underlying)
    # Every asset that the outcome names, each in its place.
    for name in _AMOUNTS:
        for asset in getattr(outcome, name):
            if asset not in assets:
                _refuse_asset(asset, name, asset)
    for i, floor in enumerate(outcome.payoff_floors):
        if floor.settlement not in assets:
            _refuse_asset(floor.settlement, "payoff_floors", i, "settlement")


def _refuse_asset(asset: str, *place: str | int) -> NoReturn:
    where = pointer("outcome", *place)
    raise InputError("unknown_asset", where, expected="an asset of the market", actual=asset)
