"""Finding orders that can be each other's market: opposing groups, and rings of three, at prices all prefer to venues.

A match is a closed walk of groups, each receiving what the next one pays. Every member gets a rate: not below its
easiest limit, not below what venues would give a small amount (so nobody is worse off than alone), and the rates of a
match multiply to one, so that it balances without residue but for rounding.

It finds matches of two and three groups; longer rings are left to solvers with a model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from engine.auction.problem import Intent
from solvers.common import limit_of, swap_amounts, swap_assets

PRECISION = 10**18
"""Rates of matches are rounded down to one part in this many."""


@dataclass(frozen=True, slots=True)
class Match:
    """Groups in order, each receiving what the next pays; their rates (received per paid); `amount` the first can pay.

    The amount is a fraction, of which what the group with the least to offer pays is a whole number.
    """

    groups: tuple[str, ...]
    rates: tuple[Fraction, ...]
    amount: Fraction


def closed_walks(groups: Mapping[str, tuple[Intent, ...]]) -> list[tuple[str, ...]]:
    """All closed walks of two, then three groups, each once, beginning with its smallest group."""
    assets = {group: swap_assets(members[0]) for group, members in groups.items()}
    paying: dict[str, list[str]] = {}
    for group, (paid, _) in sorted(assets.items()):
        paying.setdefault(paid, []).append(group)
    pairs: list[tuple[str, ...]] = []
    rings: list[tuple[str, ...]] = []
    for first, (paid, received) in sorted(assets.items()):
        for second in paying.get(received, ()):
            if assets[second][1] == paid:
                if first < second:
                    pairs.append((first, second))
                continue
            thirds = (third for third in paying.get(assets[second][1], ()) if assets[third][1] == paid)
            rings.extend((first, second, third) for third in thirds if first < min(second, third))
    return pairs + rings


def match(
    walk: tuple[str, ...],
    groups: Mapping[str, tuple[Intent, ...]],
    offers: Mapping[str, int],
    floors: Mapping[str, Fraction],
) -> Match | None:
    """The match of a walk, or None where limits and market rates leave no room or nothing is on offer.

    `offers`: how much of each intent's paid asset is still to be had; `floors`: the market's rate for each group.
    """
    least = [max(limit_of(groups[group][0]), floors.get(group, Fraction(0))) for group in walk]
    product = Fraction(1)
    for rate in least:
        product *= rate
    if not 0 < product <= 1:
        return None
    rates = _spread(least, product)
    amounts = [offered_at(groups[group], offers, rate) for group, rate in zip(walk, rates, strict=True)]
    scale, most = Fraction(1), Fraction(amounts[0])
    for amount, rate in zip(amounts[1:], rates, strict=False):
        scale *= rate
        most = min(most, amount / scale)
    return Match(walk, rates, most) if most >= 1 else None


def offered_at(members: Iterable[Intent], offers: Mapping[str, int], rate: Fraction) -> int:
    """How much of its paid asset a group would give at a rate: sellers what they offer, buyers what their need costs."""
    total = 0
    for intent in members:
        if limit_of(intent) > rate:
            continue
        offered = offers.get(intent.id, 0)
        if intent.outcome.surplus_is_paid:
            pays, receives = swap_amounts(intent)
            offered = min(offered, int(Fraction(offered * receives, pays) / rate))
        total += offered
    return total


def _spread(least: list[Fraction], product: Fraction) -> tuple[Fraction, ...]:
    """Rates with product 1 that exceed the least ones by about the same factor each."""
    factor = _root(1 / product, len(least))
    rates = [rate * factor for rate in least[:-1]]
    rest = Fraction(1)
    for rate in rates:
        rest *= rate
    return (*rates, 1 / rest)


def _root(value: Fraction, degree: int) -> Fraction:
    """The square or cube root of value >= 1, rounded down to the precision, by integers alone; at least 1."""
    scaled = int(value * PRECISION**degree)
    if degree == 2:
        return Fraction(isqrt(scaled), PRECISION)
    low, high = PRECISION, 1 << (scaled.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= scaled else (low, middle - 1)
    return Fraction(low, PRECISION)
