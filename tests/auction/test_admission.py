"""What may wait for an auction: each fault has its code and place; what is admitted breaks no problem."""

from __future__ import annotations

from typing import Any

import pytest

from engine.auction.admission import check_admissible, check_signed
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Signature
from engine.market.demo import demo_intent, demo_owner
from intents.errors import InputError
from intents.outcome import ExposureBound, Outcome
from tests.auction.builders import ETH, NOW, USD, problem

SALT = "0x" + "22" * 32
ASSETS = {ETH, USD}


def signed(**changes: Any) -> Intent:
    fields: dict[str, Any] = {
        "owner": demo_owner("ada"),
        "receiver": demo_owner("ada"),
        "nonce": 1,
        "valid_from": NOW - 1,
        "valid_until": NOW + 1,
        "pays": {ETH: 10},
        "receives": {USD: 10},
        "units": 10,
        "surplus_asset": USD,
    }
    return demo_intent(Outcome(**(fields | changes)), "ada", SALT)


def edited(**changes: Any) -> Intent:
    return signed().model_copy(update=changes)


def admit(intent: Intent) -> None:
    check_signed(intent, SALT)
    check_admissible(intent, assets=ASSETS, time_seconds=NOW, underlyings={"BTC"})


def test_what_is_admitted_makes_a_problem_that_stands() -> None:
    intent = signed()

    admit(intent)
    admit(signed(exposure_bounds=(ExposureBound(underlying="BTC", measure="delta", low=0, high=0),)))

    check_problem(problem([intent]))


@pytest.mark.parametrize(
    ("intent", "code", "where"),
    [
        (edited(signature=None), "unsigned_intent", "/signature"),
        (edited(id="0x" + "00" * 32), "wrong_intent_id", "/id"),
        (edited(outcome=signed(nonce=2).outcome), "wrong_intent_id", "/id"),
        (
            edited(signature=Signature(scheme="ed25519", signature="0x" + "00" * 64)),
            "bad_signature",
            "/signature/signature",
        ),
        (edited(filled_units=1), "bad_filled_units", "/filled_units"),
        (signed(valid_until=NOW), "intent_expired", "/outcome/valid_until"),
        (
            signed(exposure_bounds=(ExposureBound(underlying="ETH", measure="delta", low=0, high=0),)),
            "unsupported_outcome",
            "/outcome/exposure_bounds/0/underlying",
        ),
        (signed(refund={"sim:alpha/token:NOPE": 1}), "unknown_asset", "/outcome/refund/sim:alpha~1token:NOPE"),
    ],
)
def test_each_fault_has_its_code_and_place(intent: Intent, code: str, where: str) -> None:
    with pytest.raises(InputError) as caught:
        admit(intent)

    assert (caught.value.code, caught.value.where) == (code, where)
