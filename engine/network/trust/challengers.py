"""Who measures whom: challengers drawn by a seed that nobody could know before the log's root was fixed.

Guarantees
1. The draw is a pure function of (state root, round, members): anybody can make it again. The root covers everything logged
   before the round, so neither a node nor a challenger can choose to be paired.
2. A node's challengers are of different operators, none of them its own, spread evenly over regions as far as the
   operators that are left have nodes there.

The seed is as unpredictable as the root is: who writes the log last could try several last entries, each of them logged.
A public beacon mixed into the root takes that away; without one it is the operator's word.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import NamedTuple

from intents.errors import InputError
from intents.values import content_hash


class Member(NamedTuple):
    """A node that may challenge and be challenged."""

    id: str
    operator: str
    region: str


def round_seed(state_root: str, number: int) -> str:
    """The seed of a round: H("clearway/challenge-round/1", state root, number)."""
    return content_hash("clearway/challenge-round/1", state_root, number)


def challengers_of(prover: Member, members: Sequence[Member], count: int, seed: str) -> tuple[Member, ...]:
    """`count` challengers of a member, in the order drawn. Raises InputError `too_few_operators`.

    One after the other: of the members of operators not drawn yet, from the regions drawn least so far, the one that
    H(seed, prover, member) puts first.
    """
    left = sorted((_rank(seed, prover, member), member) for member in members if member.operator != prover.operator)
    drawn: list[Member] = []
    regions: dict[str, int] = {}
    while len(drawn) < count and left:
        _, _, member = min((regions.get(member.region, 0), rank, member) for rank, member in left)
        drawn.append(member)
        regions[member.region] = regions.get(member.region, 0) + 1
        left = [(rank, other) for rank, other in left if other.operator != member.operator]
    if len(drawn) < count:
        expected = f"{count} operators beside {prover.operator}"
        raise InputError("too_few_operators", "/members", expected=expected, actual=str(len(drawn)))
    return tuple(drawn)


def _rank(seed: str, prover: Member, member: Member) -> str:
    return content_hash("clearway/challenger/1", seed, prover.id, member.id)


def capture_probability(operators: int, liars: int, count: int) -> Fraction:
    """Exactly: how likely liars are at least half of `count` challengers drawn of `operators`, and so own the median."""
    most = min(liars, count)
    caught = sum(comb(liars, k) * comb(operators - liars, count - k) for k in range((count + 1) // 2, most + 1))
    return Fraction(caught, comb(operators, count))
