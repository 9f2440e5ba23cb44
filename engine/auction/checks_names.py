"""Binding and names (docs/rules.md, section 2, steps 1 and 2).

After these checks every intent, venue and asset that the solution names exists in the problem in exactly that
spelling, each intent is filled at most once, and the proposer is known.
"""

from __future__ import annotations

from engine.auction.case import Case, amounts_in
from engine.auction.verdict import Fault, pointer
from intents.errors import InputError
from intents.identifiers import solver_account
from intents.instruments import parse_instrument
from intents.outcome import is_derivative


def check_binding(case: Case) -> Fault | None:
    """`tampered_snapshot`, `wrong_problem_hash`."""
    problem, named = case.problem, case.solution.problem
    if problem.snapshot_digest != problem.snapshot_hash:
        return Fault("tampered_snapshot", "problem/snapshot_hash", problem.snapshot_digest, problem.snapshot_hash)
    if named is None and not case.in_auction:
        return None
    if named != problem.hash:
        return Fault("wrong_problem_hash", "/problem", problem.hash, named or "none")
    return None


def check_names(case: Case) -> Fault | None:
    """`unknown_intent`, `unknown_venue`, `unknown_asset`, `unknown_solver`, `duplicate_fill`, `empty_solution`."""
    problem, solution = case.problem, case.solution
    for i, fill in enumerate(solution.fills):
        if fill.intent not in problem.intents_by_id:
            return Fault("unknown_intent", pointer("fills", i, "intent"), "an intent of the problem", fill.intent)
    for i, leg in enumerate(solution.legs):
        if leg.venue not in problem.venues_by_id:
            return Fault("unknown_venue", pointer("legs", i, "venue"), "a venue of the snapshot", leg.venue)
    known = problem.snapshot.assets
    for path, asset, _ in amounts_in(solution):
        if asset not in known or not _readable(asset):
            return Fault("unknown_asset", pointer(*path), "an asset of the snapshot", asset)
    return _check_solver(case) or _check_filled_once(case)


def _readable(asset: str) -> bool:
    """Whether a derivative's id is one an instrument has; every other asset is."""
    if not is_derivative(asset):
        return True
    try:
        parse_instrument(asset)
    except InputError:
        return False
    return True


def _check_solver(case: Case) -> Fault | None:
    stated, solver = case.solution.solver, case.solver
    if stated is not None and stated != solver:
        return Fault("unknown_solver", "/solver", solver or "none", stated)
    if case.in_auction and (solver is None or solver_account(solver) not in case.problem.holdings):
        return Fault("unknown_solver", "/solver", "a solver registered in the problem", solver or "none")
    if solver is None and case.solution.transfers:
        return Fault("unknown_solver", "/transfers/0", "a named solver, whose inventory moves", "none")
    return None


def _check_filled_once(case: Case) -> Fault | None:
    seen: set[str] = set()
    for i, fill in enumerate(case.solution.fills):
        if fill.intent in seen:
            return Fault("duplicate_fill", pointer("fills", i, "intent"), "each intent filled once", fill.intent)
        seen.add(fill.intent)
    if not seen:
        return Fault("empty_solution", "/fills", "at least one fill", "none")
    return None
