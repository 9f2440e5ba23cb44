"""One recorded output and how to compute it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """`compute` gives what should equal `expected`; ValueError where the contract would refuse.

    `inexact`: (largest difference, reason) where the file does not determine the last units.
    """

    name: str
    expected: int
    compute: Callable[[], int]
    inexact: tuple[int, str] | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something in a file that is not replayed; without a name it is the whole file."""

    name: str
    reason: str
