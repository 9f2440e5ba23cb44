"""People of the API's tests: keys, intents and cancellations as they would send them."""

from __future__ import annotations

from typing import Any

from engine.auction.problem import Intent, Signature
from engine.market.feeds.synthetic_market import START_SECONDS
from engine.market.world import DEMO_SALT
from intents.outcome import Outcome
from intents.signing import Cancellation, eip712_owner, intent_id, sign_eip712

KEY = b"\x01" * 32
ADA = eip712_owner(KEY)
ETH, USD = "sim:alpha/token:ETH", "sim:alpha/token:USD"
ONE_ETH = 10**18


def signed(*, key: bytes = KEY, **changes: Any) -> Intent:
    """One ETH for at least a dollar, signed; valid for long."""
    owner = eip712_owner(key)
    fields: dict[str, Any] = {
        "owner": owner,
        "receiver": owner,
        "nonce": 1,
        "valid_from": START_SECONDS,
        "valid_until": START_SECONDS + 86_400,
        "pays": {ETH: ONE_ETH},
        "receives": {USD: 1_000_000},
        "units": ONE_ETH,
        "surplus_asset": USD,
    }
    outcome = Outcome(**(fields | changes))
    scheme, signature = sign_eip712(outcome, DEMO_SALT, key)
    return Intent(
        id=intent_id(outcome, DEMO_SALT), outcome=outcome, signature=Signature(scheme=scheme, signature=signature)
    )


def cancelled(intent: Intent, *, key: bytes = KEY) -> dict[str, Any]:
    """The signed cancellation of an intent, by whoever has the key."""
    cancellation = Cancellation(owner=eip712_owner(key), intent=intent.id)
    scheme, signature = sign_eip712(cancellation, DEMO_SALT, key)
    return {"cancellation": cancellation.to_wire(), "signature": {"scheme": scheme, "signature": signature}}
