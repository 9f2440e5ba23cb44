"""What verification answers: a fault with its place, or the scores.

A fault is data, never an exception: whatever a stranger sends, the answer is a `Verdict`. Codes are those of
docs/rules.md; `where` is a JSON pointer (RFC 6901) into the solution, or `problem/...` into the problem.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """The first broken rule.

    In a joint replay `resource` names what the bids compete for (`<venue>#<level>`, `<venue>` or `<owner> <asset>`) and
    `bids` the ids of those involved, ascending; both are empty where one bid alone is at fault.
    """

    code: str
    where: str
    expected: str
    actual: str
    resource: str = ""
    bids: tuple[str, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """This fault as plain JSON data."""
        return {
            "code": self.code,
            "where": self.where,
            "expected": self.expected,
            "actual": self.actual,
            "resource": self.resource,
            "bids": list(self.bids),
        }


@dataclass(frozen=True, slots=True)
class FillScore:
    """`surplus` in base units of `surplus_asset` (exact), `score` in base units of the numeraire (floor; 0 if `unpriced`)."""

    intent: str
    group: str
    surplus_asset: str
    surplus: Fraction
    score: int
    unpriced: bool

    def to_wire(self) -> dict[str, Any]:
        """This score as plain JSON data; the surplus as [numerator, denominator] in lowest terms."""
        return {
            "intent": self.intent,
            "group": self.group,
            "surplus_asset": self.surplus_asset,
            "surplus": [str(self.surplus.numerator), str(self.surplus.denominator)],
            "score": str(self.score),
            "unpriced": self.unpriced,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """`fault` is None for an accepted solution; then the other fields hold its scores and its gas.

    `score` is the sum of `group_scores`, in base units of the numeraire. `gas` is by native asset, in base units.
    """

    fault: Fault | None
    score: int = 0
    fills: tuple[FillScore, ...] = ()
    group_scores: dict[str, int] = field(default_factory=dict)
    gas: dict[str, int] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether no rule is broken."""
        return self.fault is None

    def to_wire(self) -> dict[str, Any]:
        """This verdict as plain JSON data, amounts as digit strings."""
        return {
            "accepted": self.accepted,
            "fault": None if self.fault is None else self.fault.to_wire(),
            "score": str(self.score),
            "fills": [fill.to_wire() for fill in self.fills],
            "group_scores": {group: str(score) for group, score in sorted(self.group_scores.items())},
            "gas": {asset: str(amount) for asset, amount in sorted(self.gas.items())},
        }


def pointer(*parts: str | int) -> str:
    """The JSON pointer of a place, with `~` and `/` escaped (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
