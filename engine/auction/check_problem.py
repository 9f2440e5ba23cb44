"""The invariants of a Problem, checked once when it is read; `verify` supposes them.

1. `snapshot_hash` is the hash of `snapshot`; the snapshot passes `check_snapshot`; its derivatives are instruments whose
   settlement asset it knows.
2. Intent ids are unique and ascend. A signed intent's id is the digest of its outcome under the deployment's salt and
   its signature is the owner's; an unsigned one's id begins with `import:`. No owner signed two with one nonce.
3. filled_units < units of each intent.
4. Assets held are known. Of tokens, and of everything a solver holds, 0 <= reserved <= amount. Derivatives of others may
   be negative; what of them is free pays at least zero everywhere, since escrow reserves the positions it covers. At a
   place with margin accounts there is no such condition, and tokens that these may owe may be negative; an account may be
   short of margin there, since the market moves.
5. A network snapshot passes `check_network`.

Whether an intent is valid at the snapshot's time is judged where it is filled (`intent_not_valid`).
"""

from __future__ import annotations

from engine.auction.escrow import escrow_amount, free_positions
from engine.auction.problem import Holding, Intent, Problem
from engine.auction.verdict import pointer
from engine.market.snapshot import check_snapshot
from engine.network.state import NetworkSnapshot, check_network
from intents.errors import InputError
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.signing import claim_nonces, intent_id, verify_signature
from intents.values import sorted_unique


def check_problem(problem: Problem) -> None:
    """Raise InputError with the JSON pointer of the first broken invariant.

    Codes: those of `check_snapshot` and of signatures, `tampered_snapshot`, `bad_instrument`, `unknown_asset`,
    `not_ascending`, `nonce_used`, `unsigned_intent`, `wrong_intent_id`, `bad_filled_units`, `bad_holding`,
    `uncovered_short`, and those of `check_network`.
    """
    if problem.snapshot_digest != problem.snapshot_hash:
        raise InputError(
            "tampered_snapshot", "/snapshot_hash", expected=problem.snapshot_digest, actual=problem.snapshot_hash
        )
    try:
        check_snapshot(problem.snapshot)
    except InputError as error:
        error.where = "/snapshot" + error.where
        raise
    _check_derivatives(problem)
    if not sorted_unique(intent.id for intent in problem.intents):
        raise InputError("not_ascending", "/intents", expected="unique ids in ascending order", actual="another order")
    for i, intent in enumerate(problem.intents):
        _check_intent(problem, i, intent)
    claim_nonces({}, ((intent.id, intent.outcome) for intent in problem.intents if intent.signature is not None))
    for owner, holdings in problem.holdings.items():
        for asset, holding in holdings.items():
            _check_holding(problem, owner, asset, holding)
        _check_covered(problem, owner)
    if problem.network is not None:
        _check_network(problem, problem.network)


def _check_network(problem: Problem, network: NetworkSnapshot) -> None:
    try:
        check_network(network, problem.snapshot)
    except InputError as error:
        error.where = "/network" + error.where
        raise


def _check_derivatives(problem: Problem) -> None:
    assets = problem.snapshot.assets
    for asset in assets:
        if is_derivative(asset):
            where = pointer("snapshot", "assets", asset)
            try:
                settlement = parse_instrument(asset).settlement
            except InputError as error:
                raise InputError(error.code, where, expected=error.expected, actual=error.actual) from None
            if settlement not in assets:
                raise InputError("unknown_asset", where, expected="a known settlement asset", actual=settlement)


def _check_intent(problem: Problem, i: int, intent: Intent) -> None:
    if intent.filled_units >= intent.outcome.units:
        where, least = pointer("intents", i, "filled_units"), f"fewer than {intent.outcome.units}"
        raise InputError("bad_filled_units", where, expected=least, actual=str(intent.filled_units))
    if intent.signature is None:
        if not intent.id.startswith("import:"):
            where = pointer("intents", i, "signature")
            raise InputError(
                "unsigned_intent", where, expected="a signature, or an id that begins with import:", actual="none"
            )
        return
    digest = intent_id(intent.outcome, problem.deployment_salt)
    if intent.id != digest:
        raise InputError("wrong_intent_id", pointer("intents", i, "id"), expected=digest, actual=intent.id)
    try:
        verify_signature(intent.outcome, problem.deployment_salt, intent.signature.scheme, intent.signature.signature)
    except InputError as error:
        error.where = pointer("intents", i, "signature") + error.where
        raise


def _check_holding(problem: Problem, owner: str, asset: str, holding: Holding) -> None:
    where = pointer("holdings", owner, asset)
    if asset not in problem.snapshot.assets:
        raise InputError("unknown_asset", where, expected="a known asset", actual=asset)
    if is_derivative(asset) and not owner.startswith("solver:"):
        return
    if holding.reserved < 0 or not (holding.reserved <= holding.amount or problem.may_owe(owner, asset)):
        found = f"{holding.reserved} reserved of {holding.amount}"
        raise InputError("bad_holding", where, expected="0 <= reserved <= amount", actual=found)


def _check_covered(problem: Problem, owner: str) -> None:
    for group, positions in sorted(free_positions(problem, owner, {}).items()):
        if problem.has_margin(owner, group.settlement):
            continue
        owed = escrow_amount(problem.snapshot, group.style, positions)
        if owed != 0:
            found = "an unbounded loss" if owed is None else f"a loss of up to {owed} of {group.settlement}"
            expected = "free derivatives that pay at least zero everywhere"
            raise InputError("uncovered_short", pointer("holdings", owner), expected=expected, actual=found)
