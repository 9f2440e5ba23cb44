"""Owners for demonstrations: keys that anybody can derive, so they protect nothing and sign examples only.

A demo owner's Ed25519 seed is SHA-256 of "clearway/demo-key/1/" and its name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from engine.auction.problem import Holding, Intent, Problem, Signature
from intents.outcome import Outcome
from intents.signing import ed25519_owner, intent_id, sign_ed25519

Deposits = Mapping[str, Mapping[str, int]]
"""Amounts by owner, then asset."""


def demo_key(name: str) -> bytes:
    """The 32-byte Ed25519 seed of a demo owner. Public by construction."""
    return hashlib.sha256(f"clearway/demo-key/1/{name}".encode()).digest()


def demo_owner(name: str) -> str:
    """The owner id of a demo owner."""
    return ed25519_owner(demo_key(name))


def demo_intent(outcome: Outcome, name: str, salt: str) -> Intent:
    """The outcome signed by the demo owner of that name. Raises InputError `wrong_key` where it is another's."""
    signed = sign_ed25519(outcome, salt, demo_key(name))
    signature = Signature(scheme="ed25519", signature=signed.signature)
    return Intent(id=intent_id(outcome, salt), outcome=outcome, signature=signature)


def with_intents(problem: Problem, intents: Iterable[Intent], deposits: Deposits) -> Problem:
    """The problem with these intents too, and with these amounts deposited on top of its holdings."""
    holdings = {owner: dict(assets) for owner, assets in problem.holdings.items()}
    for owner, amounts in deposits.items():
        held = holdings.setdefault(owner, {})
        for asset, amount in amounts.items():
            old = held.get(asset, Holding(amount=0))
            held[asset] = Holding(amount=old.amount + amount, reserved=old.reserved)
    together = sorted((*problem.intents, *intents), key=lambda intent: intent.id)
    return problem.model_copy(update={"intents": tuple(together), "holdings": holdings})
