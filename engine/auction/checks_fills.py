"""Each fill against what its owner signed (docs/rules.md, section 2, step 3), without payoffs (see `checks_floors`).

Fills are checked in order, each by every rule in the order of the rules page; then legs, transfers and lines for
amounts of zero. Scaling is by cross-multiplication, so nothing is rounded here.
"""

from __future__ import annotations

from engine.auction.case import Case, CaseFill, amounts_in
from engine.auction.checks_floors import check_payoffs
from engine.auction.margin import uncovered_bound
from engine.auction.verdict import Fault, pointer
from engine.market.venues import kind_of
from intents.instruments import parse_instrument
from intents.outcome import is_derivative
from intents.payoff import haircut_for


def check_fills(case: Case) -> Fault | None:
    """Every rule of step 3 for every fill, then `zero_amount` elsewhere."""
    for item in case.fills:
        fault = (
            _check_validity(case, item)
            or _check_units(item)
            or _check_sides(item)
            or _check_limits(item)
            or _check_issuers_and_venues(case, item)
            or check_payoffs(case, item)
            or _check_delivery(case, item)
        )
        if fault is not None:
            return fault
    for path, asset, amount in amounts_in(case.solution):
        if amount == 0:
            return Fault("zero_amount", pointer(*path), "a positive amount", f"0 of {asset}")
    return None


def _check_validity(case: Case, item: CaseFill) -> Fault | None:
    outcome = item.intent.outcome
    if not outcome.valid_from <= case.time < outcome.valid_until:
        window = f"{outcome.valid_from} <= time < {outcome.valid_until}"
        return Fault("intent_not_valid", pointer("fills", item.index, "intent"), window, str(case.time))
    bound = uncovered_bound(case.problem, outcome.exposure_bounds)
    if bound is not None:
        place, wanted = pointer("fills", item.index, "intent"), "exposure bounds on underlyings of the risk tables"
        return Fault("unsupported_outcome", place, wanted, f"one on {bound.underlying}")
    return None


def _check_units(item: CaseFill) -> Fault | None:
    units, rest, least = item.fill.units, item.intent.open_units, item.intent.outcome.min_units
    place = pointer("fills", item.index, "units")
    if units > rest:
        return Fault("over_units", place, f"at most {rest}", str(units))
    if units == 0:
        return Fault("zero_units", place, "at least 1", "0")
    if units < least and units < rest:
        return Fault("under_min_units", place, f"at least {least}, or all {rest} that remain", str(units))
    return None


def _check_sides(item: CaseFill) -> Fault | None:
    fill = item.fill
    both = fill.ins.keys() & fill.outs.keys()
    if both:
        asset = min(both)
        return Fault("asset_on_both_sides", pointer("fills", item.index, "out", asset), "an asset on one side", asset)
    for side, amounts in (("in", fill.ins), ("out", fill.outs), ("fee", fill.fee)):
        for asset, amount in amounts.items():
            if amount == 0:
                return Fault(
                    "zero_amount", pointer("fills", item.index, side, asset), "a positive amount", f"0 of {asset}"
                )
    return None


def _check_limits(item: CaseFill) -> Fault | None:
    fill, outcome = item.fill, item.intent.outcome
    for asset in fill.ins:
        if asset not in outcome.pays and not _counts_somewhere(item, asset):
            place = pointer("fills", item.index, "in", asset)
            return Fault("asset_not_allowed", place, "an asset the outcome pays or a floor counts", asset)
    if outcome.is_plain_swap:
        for asset in fill.outs:
            if asset not in outcome.receives:
                # Else an owner could be given more than the uniform price, in another asset.
                place = pointer("fills", item.index, "out", asset)
                return Fault("asset_not_allowed", place, "in a swap group only the asset received", asset)
    for asset, limit in outcome.pays.items():
        paid = fill.ins.get(asset, 0)
        if paid * outcome.units > fill.units * limit:
            most = fill.units * limit // outcome.units
            return Fault("paid_over_limit", pointer("fills", item.index, "in", asset), f"at most {most}", str(paid))
    for asset, limit in outcome.receives.items():
        got = fill.outs.get(asset, 0)
        if got * outcome.units < fill.units * limit:
            least = -(-fill.units * limit // outcome.units)
            return Fault("fill_below_limit", pointer("fills", item.index, "out", asset), f"at least {least}", str(got))
    return None


def _counts_somewhere(item: CaseFill, asset: str) -> bool:
    outcome = item.intent.outcome
    return is_derivative(asset) and any(
        haircut_for(parse_instrument(asset), floor, outcome.allowed_indices) is not None
        for floor in outcome.payoff_floors
    )


def _check_issuers_and_venues(case: Case, item: CaseFill) -> Fault | None:
    fill, outcome = item.fill, item.intent.outcome
    derivatives = [(s, a) for s, side in (("in", fill.ins), ("out", fill.outs)) for a in side if is_derivative(a)]
    if outcome.allowed_issuers:
        for side, asset in derivatives:
            issuer = parse_instrument(asset).issuer
            if issuer not in outcome.allowed_issuers:
                allowed = "one of " + ", ".join(outcome.allowed_issuers)
                return Fault("issuer_not_allowed", pointer("fills", item.index, side, asset), allowed, issuer)
    if outcome.receiver != outcome.owner:
        for asset in fill.outs:
            if is_derivative(asset) and case.problem.has_margin(outcome.receiver, asset):
                # A position may cost margin, which nobody can be made to post.
                place, wanted = pointer("fills", item.index, "out", asset), f"delivery to its owner {outcome.owner}"
                return Fault("receiver_not_allowed", place, wanted, outcome.receiver)
    if outcome.allowed_venues:
        for place, i in case.first_legs.items():
            if place not in outcome.allowed_venues:
                allowed = f"for fill {item.index} one of " + ", ".join(outcome.allowed_venues)
                return Fault("venue_not_allowed", pointer("legs", i, "venue"), allowed, place)
    for side, asset in derivatives:
        expiry = parse_instrument(asset).expiry_seconds
        if expiry is not None and expiry <= case.time:
            place = pointer("fills", item.index, side, asset)
            return Fault("instrument_expired", place, f"an expiry after {case.time}", str(expiry))
    return None


def _check_delivery(case: Case, item: CaseFill) -> Fault | None:
    stage, outcome = item.fill.stage, item.intent.outcome
    if stage == 0:
        return None
    if not outcome.refund:
        place = pointer("fills", item.index, "stage")
        return Fault("staged_delivery_not_allowed", place, "stage 0, as no refund is signed", str(stage))
    slowest: dict[int, int] = {}
    for leg in case.solution.legs:
        if leg.stage < stage:
            venue = case.problem.venues_by_id[leg.venue]
            slowest[leg.stage] = max(slowest.get(leg.stage, 0), kind_of(venue).delay_seconds(venue))
    arrival = case.time + sum(slowest.values())
    if arrival >= outcome.valid_until:
        place = pointer("fills", item.index, "stage")
        return Fault("delivery_too_late", place, f"delivery before {outcome.valid_until}", str(arrival))
    return None
