"""Puts intents into an imported problem and gives their owners what they need.

An outside file says nothing of balances, so each owner gets, on top of what it holds, what its intents pay at most and
what escrow they allow. Nothing is taken from anyone: an import is a question, no ledger.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.auction.problem import Holding, Intent, Problem


def with_intents(problem: Problem, intents: Sequence[Intent]) -> Problem:
    """The problem with the intents added, in order of id, and their owners' holdings raised by `pays` and `max_escrow`.

    An intent that is there already is kept once, unfunded. Signatures are checked where the problem is (`check_problem`).
    """
    added = [intent for intent in intents if intent.id not in problem.intents_by_id]
    amounts = {owner: dict(held) for owner, held in problem.holdings.items()}
    for intent in added:
        held = amounts.setdefault(intent.outcome.owner, {})
        for needs in (intent.outcome.pays, intent.outcome.max_escrow):
            for asset, amount in needs.items():
                before = held.get(asset, Holding(amount=0))
                held[asset] = Holding(amount=before.amount + amount, reserved=before.reserved)
    return problem.model_copy(
        update={
            "intents": tuple(sorted((*problem.intents, *added), key=lambda intent: intent.id)),
            "holdings": {owner: dict(sorted(held.items())) for owner, held in sorted(amounts.items())},
        }
    )
