"""Linear rows over a change of derivative positions: what optimising solvers know of the rules (see `solvers.wishes`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Row:
    """One row as in the text of `solvers.wishes`; weights by asset, slacks by name."""

    longs: Mapping[str, Fraction]
    shorts: Mapping[str, Fraction]
    share: Fraction
    slacks: Mapping[str, Fraction]
    least: Fraction


@dataclass(frozen=True, slots=True)
class Cap:
    """The slacks of these names together are at most `amount` times the share filled plus `fixed`, in base units of `asset`."""

    slacks: tuple[str, ...]
    amount: int
    asset: str
    is_escrow: bool
    fixed: int = 0
