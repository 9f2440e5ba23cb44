"""Uniform prices of swap groups (docs/rules.md, section 2, step 4).

A price [num, den] is received base units per paid base unit. Every fill of a group is at the group's price to the
unit, rounded against the owner whose surplus it is; nobody with a strictly worse limit is served before an open,
divisible and paid-for intent of the group.
"""

from __future__ import annotations

from engine.auction.case import Case, CaseFill
from engine.auction.problem import Intent
from engine.auction.solution import Fill
from engine.auction.verdict import Fault, pointer
from intents.values import ceil_div


def check_prices(case: Case) -> Fault | None:
    """`price_missing`, `unknown_group`, `price_mismatch`, `better_limit_skipped`."""
    prices = case.solution.prices
    filled: dict[str, list[CaseFill]] = {}
    for item in case.fills:
        if item.intent.outcome.is_plain_swap:
            filled.setdefault(item.intent.group, []).append(item)
    for group in sorted(filled):
        if group not in prices or 0 in prices[group]:
            found = "none" if group not in prices else "/".join(map(str, prices[group]))
            return Fault("price_missing", pointer("prices", group), "a ratio of two positive integers", found)
    for group in sorted(prices):
        if group not in filled:
            return Fault("unknown_group", pointer("prices", group), "a swap group that is filled", group)
    for item in case.fills:
        if item.intent.outcome.is_plain_swap:
            fault = _check_at_price(item, prices[item.intent.group])
            if fault is not None:
                return fault
    return _check_priority(case, filled)


def pair_of(intent: Intent) -> tuple[str, str]:
    """The paid and the received asset of a plain swap."""
    (paid,), (received,) = intent.outcome.pays, intent.outcome.receives
    return paid, received


def _check_at_price(item: CaseFill, price: tuple[int, int]) -> Fault | None:
    fill = item.fill
    paid, received = pair_of(item.intent)
    numerator, denominator = price
    in_paid = item.intent.outcome.surplus_is_paid
    given = fill.ins.get(paid, 0) - fill.fee.get(paid, 0) - (fill.protocol_fee if in_paid else 0)
    got = fill.outs.get(received, 0) + fill.fee.get(received, 0) + (0 if in_paid else fill.protocol_fee)
    if in_paid:
        exact = ceil_div(got * denominator, numerator)
        if given != exact:
            place = pointer("fills", item.index, "in", paid)
            return Fault("price_mismatch", place, f"{exact} at {numerator}/{denominator}, fees aside", str(given))
    else:
        exact = given * numerator // denominator
        if got != exact:
            place = pointer("fills", item.index, "out", received)
            return Fault("price_mismatch", place, f"{exact} at {numerator}/{denominator}, fees aside", str(got))
    return None


def _check_priority(case: Case, filled: dict[str, list[CaseFill]]) -> Fault | None:
    fills = {item.fill.intent: item.fill for item in case.fills}
    given: dict[tuple[str, str], int] = {}
    for item in case.fills:
        for asset, amount in item.fill.ins.items():
            key = (item.intent.outcome.owner, asset)
            given[key] = given.get(key, 0) + amount
    for group, items in sorted(filled.items()):
        worst = items[0].intent
        for item in items:
            if _strictly_better(worst, item.intent):
                worst = item.intent
        for intent in case.problem.groups[group]:
            fill = fills.get(intent.id)
            if _is_whole(intent, fill) or not _strictly_better(intent, worst):
                continue
            if _must_be_served(case, intent, fill, given):
                expected = f"{intent.id} filled whole ({intent.open_units} units) before {worst.id}"
                served = "0 units" if fill is None else f"{fill.units} units for {_paid_by(intent, fill)} paid"
                return Fault("better_limit_skipped", pointer("prices", group), expected, served)
    return None


def _is_whole(intent: Intent, fill: Fill | None) -> bool:
    """All open units; of one that sells, with all they pay but for less than one unit's share.

    Else its units could be used up and the market kept for others.
    """
    if fill is None or fill.units != intent.open_units:
        return False
    outcome = intent.outcome
    (offered,) = outcome.pays.values()
    # At least floor((n - 1) * offered / N), without the division.
    return outcome.surplus_is_paid or (_paid_by(intent, fill) + 1) * outcome.units > (fill.units - 1) * offered


def _paid_by(intent: Intent, fill: Fill) -> int:
    return fill.ins.get(pair_of(intent)[0], 0)


def _strictly_better(one: Intent, other: Intent) -> bool:
    """Whether `one` asks strictly less for what it pays."""
    (paid, received), theirs = pair_of(one), other.outcome
    return one.outcome.receives[received] * theirs.pays[paid] < theirs.receives[received] * one.outcome.pays[paid]


def _must_be_served(case: Case, intent: Intent, fill: Fill | None, given: dict[tuple[str, str], int]) -> bool:
    outcome = intent.outcome
    if not outcome.valid_from <= case.time < outcome.valid_until:
        return False
    if outcome.fill_policy != "partial" or outcome.min_units != 1:
        return False
    paid, _ = pair_of(intent)
    own = 0 if fill is None else _paid_by(intent, fill)
    elsewhere = given.get((outcome.owner, paid), 0) - own
    wanted = ceil_div(outcome.pays[paid] * intent.open_units, outcome.units)
    return case.problem.free(outcome.owner, paid) - elsewhere >= wanted
