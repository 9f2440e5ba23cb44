"""Fees, lines, the solver's account and conservation (docs/rules.md, section 2, steps 5 to 8).

Conservation is an equality per asset over the whole solution, derivatives included, on the stated amounts; whether the
venues really give them is for the replay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from engine.auction.case import Case, gas_of
from engine.auction.protocol_fees import due_fee
from engine.auction.verdict import Fault, pointer
from intents.identifiers import PROTOCOL


def check_money(case: Case) -> Fault | None:
    """Steps 5 to 8 in order."""
    for check in _CHECKS:
        fault = check(case)
        if fault is not None:
            return fault
    return None


def _check_fees(case: Case) -> Fault | None:
    """`fee_asset`, `fee_mismatch`."""
    taken: Counter[str] = Counter()
    for item in case.fills:
        for asset, amount in item.fill.fee.items():
            if asset not in item.fill.ins and asset not in item.fill.outs:
                place = pointer("fills", item.index, "fee", asset)
                return Fault("fee_asset", place, "an asset that the fill pays or receives", asset)
            taken[asset] += amount
    stated = _total((line.asset, line.amount) for line in case.solution.lines if line.kind == "fee")
    for asset in sorted(taken.keys() | stated.keys()):
        if taken[asset] != stated[asset]:
            expected = f"fee lines of {taken[asset]} {asset}, as in the fills"
            return Fault("fee_mismatch", "/lines", expected, str(stated[asset]))
    return None


def _check_fee_caps(case: Case) -> Fault | None:
    """`fee_over_cap`.

    With (fee - 1) * price summed over a fill's assets below its share of the gas, a fee in one asset is at most
    ceil(share / price), and several share it.
    """
    if not any(item.fill.fee for item in case.fills):
        return None
    price = case.problem.snapshot.price
    gas_value = _value(gas_of(case.problem, case.solution.legs), price)
    valued = [(item, _value(item.fill.ins, price)) for item in case.fills]
    total = sum(value for _, value in valued)
    for item, value in valued:
        share = gas_value * value / total if total else Fraction(0)
        charged = Fraction(0)
        for asset, amount in sorted(item.fill.fee.items()):
            place = pointer("fills", item.index, "fee", asset)
            unit = price(asset)
            if unit is None:
                return Fault("fee_over_cap", place, "0, as the asset has no price", str(amount))
            charged += (amount - 1) * unit
            if charged >= share:
                return Fault(
                    "fee_over_cap", place, f"fees worth at most {share} of the numeraire, rounded up", str(amount)
                )
            if asset in item.fill.ins and amount > item.fill.ins[asset]:
                return Fault("fee_over_cap", place, f"at most the {item.fill.ins[asset]} paid", str(amount))
    return None


def _check_lines(case: Case) -> Fault | None:
    """`line_account`, `protocol_fee_mismatch`, `dust_over_cap`."""
    solution = case.solution
    for i, line in enumerate(solution.lines):
        account = case.account if line.kind == "fee" else PROTOCOL
        if line.account != account:
            return Fault(
                "line_account", pointer("lines", i, "account"), account or "a named solver's account", line.account
            )
    fault = _check_protocol_fees(case)
    if fault is not None:
        return fault
    touches: Counter[str] = Counter()
    for fill in solution.fills:
        touches.update(fill.ins.keys() | fill.outs.keys())
    for leg in solution.legs:
        touches.update(leg.ins.keys() | leg.outs.keys())
    dust: Counter[str] = Counter()
    for i, line in enumerate(solution.lines):
        if line.kind == "dust":
            dust[line.asset] += line.amount
            if dust[line.asset] > touches[line.asset]:
                expected = f"at most {touches[line.asset]} of {line.asset}, one for each fill and leg that touches it"
                return Fault("dust_over_cap", pointer("lines", i), expected, str(dust[line.asset]))
    return None


def _check_protocol_fees(case: Case) -> Fault | None:
    """`protocol_fee_mismatch`."""
    charged: Counter[str] = Counter()
    for item in case.fills:
        due = due_fee(case.problem, item.fill, item.intent)
        if item.fill.protocol_fee != due:
            place = pointer("fills", item.index, "protocol_fee")
            return Fault("protocol_fee_mismatch", place, str(due), str(item.fill.protocol_fee))
        charged[item.intent.outcome.surplus_asset] += due
    for i, line in enumerate(case.solution.lines):
        if line.kind == "protocol_fee" and not charged[line.asset]:
            return Fault("protocol_fee_mismatch", pointer("lines", i), "no protocol fee", str(line.amount))
    stated = _total((line.asset, line.amount) for line in case.solution.lines if line.kind == "protocol_fee")
    for asset in sorted(charged):
        if stated[asset] != charged[asset]:
            expected = f"protocol_fee lines of {charged[asset]} {asset}, as in the fills"
            return Fault("protocol_fee_mismatch", "/lines", expected, str(stated[asset]))
    return None


def _check_solver_gain(case: Case) -> Fault | None:
    """`solver_gain`."""
    given = _total(pair for transfer in case.solution.transfers for pair in transfer.give.items())
    taken = _total(pair for transfer in case.solution.transfers for pair in transfer.take.items())
    for asset in sorted(taken):
        if taken[asset] > given[asset]:
            return Fault(
                "solver_gain", "/transfers", f"to take at most the {given[asset]} given of {asset}", str(taken[asset])
            )
    return None


def _check_conservation(case: Case) -> Fault | None:
    """`conservation`."""
    solution = case.solution
    entering: Counter[str] = Counter()
    leaving: Counter[str] = Counter()
    for fill in solution.fills:
        _add(entering, fill.ins)
        _add(leaving, fill.outs)
    for leg in solution.legs:
        _add(entering, leg.outs)
        _add(leaving, leg.ins)
    for transfer in solution.transfers:
        _add(entering, transfer.give)
        _add(leaving, transfer.take)
    for line in solution.lines:
        leaving[line.asset] += line.amount
    for asset in sorted(entering.keys() | leaving.keys()):
        if entering[asset] != leaving[asset]:
            return Fault("conservation", "", f"{entering[asset]} of {asset} leaving, as enters", str(leaving[asset]))
    return None


def _add(total: Counter[str], amounts: Mapping[str, int]) -> None:
    for asset, amount in amounts.items():
        total[asset] += amount


def _total(pairs: Iterable[tuple[str, int]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for asset, amount in pairs:
        total[asset] += amount
    return total


def _value(amounts: Mapping[str, int], price: Callable[[str], Fraction | None]) -> Fraction:
    """The reference value of amounts, 0 for what has no price."""
    return Fraction(sum(amount * (price(asset) or 0) for asset, amount in amounts.items()))


_CHECKS = (_check_fees, _check_fee_caps, _check_lines, _check_solver_gain, _check_conservation)
"""Steps 5 to 8 in their order."""
