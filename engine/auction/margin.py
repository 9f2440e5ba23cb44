"""Margin accounts in the mechanism: what bids may leave in one (docs/rules.md, section 3).

At a place for which the snapshot has risk tables, an owner's free balances are a margin account: tokens that the rules
take as collateral, and derivatives. What an earlier escrow reserved, positions and cover alike, is outside: together it
loses nothing at any price.

Guarantees
1. Integers alone: the account is valued by `engine.market.margin.scenarios` on the snapshot's tables.
2. A derivative without a row (expired, or not priced there) counts at the worst it can pay: a class that can not lose
   counts nothing, one that can lose a bounded amount counts as a debt of it, one without bound has no margin at all.
3. An account that can owe nothing at any price is carried whatever it is worth: who buys an option and pays for it needs
   no margin.
4. An account is judged at the end of each stage at which the bids change it, against how it stands before the auction.

Solvers and the protocol have no margin accounts: they owe nothing, ever.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from engine.auction.escrow import class_of, escrow_amount, free_positions
from engine.auction.problem import Problem
from engine.auction.stages import Prepared
from engine.auction.verdict import Fault, pointer
from engine.market.margin.account import Account
from engine.market.margin.exposure import exposure_of
from engine.market.margin.scenarios import FillEffect, Margin, margin_of
from engine.market.snapshot import Snapshot
from intents.identifiers import place_of
from intents.instruments import parse_instrument
from intents.outcome import ExposureBound, is_derivative


class AccountKey(NamedTuple):
    """One margin account."""

    owner: str
    place: str


def margin_changes(problem: Problem, prepared: Iterable[Prepared]) -> dict[AccountKey, dict[int, Counter[str]]]:
    """By margin account that bids change and stage, what changes at its end by asset."""
    found: dict[AccountKey, dict[int, Counter[str]]] = {}
    for part in prepared:
        for account, asset, stage, delta in part.changes:
            if problem.has_margin(account, asset):
                by_stage = found.setdefault(AccountKey(account, place_of(asset)), {})
                by_stage.setdefault(stage, Counter())[asset] += delta
    return found


def check_margin(problem: Problem, prepared: Mapping[str, Prepared]) -> Fault | None:
    """`insufficient_margin`: an account that the bids leave without its initial margin, and in no better state."""
    if not problem.snapshot.risk:
        return None
    for key, by_stage in sorted(margin_changes(problem, prepared.values()).items()):
        total = Counter[str]()
        for stage in sorted(by_stage):
            total.update(by_stage[stage])
            if not _is_allowed(problem, key, total):
                return _fault(problem, key, stage, total, prepared)
    return None


def carried(problem: Problem, owner: str, changes: Mapping[str, int]) -> bool:
    """Whether the owner's margin accounts carry these changes by asset, all at once and alone."""
    touched = {place_of(asset) for asset, delta in changes.items() if delta and problem.has_margin(owner, asset)}
    return all(_is_allowed(problem, AccountKey(owner, place), changes) for place in touched)


def _is_allowed(problem: Problem, key: AccountKey, changes: Mapping[str, int]) -> bool:
    after = margin_after(problem, key, changes)
    if isinstance(after, Margin) and after.free >= 0:
        return True
    if owes_nothing(problem, key, changes):
        return True
    before = margin_after(problem, key, {})
    return isinstance(before, Margin) and isinstance(after, Margin) and FillEffect(before, after).is_allowed


def owes_nothing(problem: Problem, key: AccountKey, changes: Mapping[str, int]) -> bool:
    """Whether an account can owe nothing at any price: no token below zero, and each class pays at least zero everywhere."""
    held = problem.holdings.get(key.owner, {}).keys() | changes.keys()
    short = [
        asset
        for asset in held
        if place_of(asset) == key.place and problem.free(key.owner, asset) + changes.get(asset, 0) < 0
    ]
    if not all(is_derivative(asset) for asset in short):
        return False
    classes = free_positions(problem, key.owner, changes)
    return all(
        escrow_amount(problem.snapshot, group.style, classes[group]) == 0 for group in {class_of(a) for a in short}
    )


def margin_after(problem: Problem, key: AccountKey, changes: Mapping[str, int]) -> Margin | str:
    """The account's margin with these changes; an asset that it is short of without bound, which no margin carries."""
    assets = problem.holdings.get(key.owner, {}).keys() | changes.keys()
    free = {asset: problem.free(key.owner, asset) + changes.get(asset, 0) for asset in assets}
    return account_margin(problem.snapshot, key.place, free)


def account_margin(snapshot: Snapshot, place: str, free: Mapping[str, int]) -> Margin | str:
    """The margin of `margin_account`, or an asset that it is short of without bound."""
    account, risk = margin_account(snapshot, place, free), snapshot.risk[place]
    return account if isinstance(account, str) else margin_of(risk.tables, risk.rules, account)


def margin_account(snapshot: Snapshot, place: str, free: Mapping[str, int]) -> Account | str:
    """The account at a place with risk tables as margin sees it, or an asset that it is short of without bound.

    `free` are the owner's free balances by asset, those elsewhere included. What has no row counts as a debt of the most
    that it can lose.
    """
    risk = snapshot.risk[place]
    balances: Counter[str] = Counter()
    positions: dict[str, int] = {}
    unlisted: dict[str, int] = {}
    for asset, amount in free.items():
        if not amount or place_of(asset) != place:
            continue
        if asset in risk.tables.rows:
            positions[asset] = amount
        elif is_derivative(asset):
            unlisted[asset] = amount
        elif asset in risk.rules.collateral:
            balances[asset] += amount
    for group in sorted({class_of(asset) for asset in unlisted}):
        held = {asset: amount for asset, amount in unlisted.items() if class_of(asset) == group}
        owed = escrow_amount(snapshot, group.style, held)
        if owed is None or (owed and group.settlement not in risk.rules.collateral):
            return min(asset for asset, amount in held.items() if amount < 0)
        if owed:
            balances[group.settlement] -= owed
    # Unchecked, since what a strange bid would make of balances may be beyond what an amount can be: it is valued all the same.
    return Account.model_construct(balances=dict(balances), positions=positions)


def _fault(
    problem: Problem,
    key: AccountKey,
    stage: int,
    changes: Mapping[str, int],
    prepared: Mapping[str, Prepared],
) -> Fault:
    before, after = margin_after(problem, key, {}), margin_after(problem, key, changes)
    unit = f"of {key.owner} at {key.place} at the end of stage {stage}"
    if isinstance(after, str) or isinstance(before, str):
        short = after if isinstance(after, str) else str(before)
        expected, actual = f"a row of the risk tables for all that is short {unit}", f"none for {short}"
    else:
        expected = f"an equity of at least {after.initial} {problem.snapshot.numeraire} for the initial margin {unit}"
        if before.free < 0:
            expected += f", or initial margin of at most {before.initial} and at least {before.free} of equity above it"
        actual = str(after.equity)
    bids = sorted(
        bid
        for bid, part in prepared.items()
        if any(c.account == key.owner and place_of(c.asset) == key.place for c in part.changes)
    )
    where = next((pointer("fills", i) for bid in bids for i in prepared[bid].fills_at(key.owner, key.place)), "")
    return Fault("insufficient_margin", where, expected, actual, resource=" ".join(key), bids=tuple(bids))


def check_exposures(problem: Problem, prepared: Mapping[str, Prepared]) -> Fault | None:
    """`exposure_out_of_bounds`: a greek that an owner bounded, of all that it holds after the bids."""
    changes: dict[str, Counter[str]] = {}
    bounded = [(bid, item) for bid, part in sorted(prepared.items()) for item in part.bounded_fills]
    for _, item in bounded:
        changes[item.intent.outcome.owner] = Counter()
    for part in prepared.values() if bounded else ():
        for change in part.changes:
            if change.account in changes:
                changes[change.account][change.asset] += change.delta
    for bid, item in bounded:
        owner = item.intent.outcome.owner
        positions = positions_after(problem, owner, changes[owner])
        for bound in item.intent.outcome.exposure_bounds:
            wrong = _beyond(problem, positions, bound)
            if wrong is not None:
                code, expected, actual = wrong
                involved = [other for other, part in prepared.items() if any(c.account == owner for c in part.changes)]
                where = pointer("fills", item.index)
                bids = tuple(sorted({bid, *involved}))
                return Fault(code, where, expected, actual, resource=f"{owner} {bound.underlying}", bids=bids)
    return None


def positions_after(problem: Problem, owner: str, changes: Mapping[str, int]) -> dict[str, int]:
    """All derivatives that an owner holds with the changes, reserved ones included."""
    held = {asset: holding.amount for asset, holding in problem.holdings.get(owner, {}).items()}
    return {
        asset: amount
        for asset in sorted(held.keys() | changes.keys())
        if is_derivative(asset) and (amount := held.get(asset, 0) + changes.get(asset, 0))
    }


def _beyond(problem: Problem, positions: Mapping[str, int], bound: ExposureBound) -> tuple[str, str, str] | None:
    risks, time = problem.snapshot.risk, problem.snapshot.time_seconds
    for asset in positions:
        terms, risk = parse_instrument(asset), risks.get(place_of(asset))
        gone = terms.expiry_seconds is not None and terms.expiry_seconds <= time
        if terms.underlying == bound.underlying and not gone and (risk is None or asset not in risk.tables.rows):
            return "unsupported_outcome", f"a row of the risk tables for all that is held of {bound.underlying}", asset
    found = [exposure_of(risk, positions, bound.underlying, bound.measure) for risk in risks.values()]
    low, high = sum(one.low for one in found), sum(one.high for one in found)
    if bound.low <= low and high <= bound.high:
        return None
    expected = (
        f"a {bound.measure} of {bound.underlying} from {bound.low} to {bound.high} of {problem.snapshot.numeraire}"
    )
    return "exposure_out_of_bounds", expected, f"from {low // 1} to {-(-high // 1)}"


def uncovered_bound(problem: Problem, bounds: Sequence[ExposureBound]) -> ExposureBound | None:
    """The first bound on an underlying of which no risk table has a row."""
    known = frozenset[str]().union(*(risk.underlyings for risk in problem.snapshot.risk.values())) if bounds else ()
    return next((bound for bound in bounds if bound.underlying not in known), None)
