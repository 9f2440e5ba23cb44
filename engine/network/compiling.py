"""One source for two speeds: functions of integers that numba compiles where it is installed and Python runs as they are.

`shared` marks a function that compiled code may call; called from Python it stays the plain function. `compiled` gives
the machine-code twin, or the function itself without numba. Tests hold both equal; results never depend on which runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., object])

COMPILES = importlib.util.find_spec("numba") is not None
"""Whether numba is there."""

_UNCOUNTED: dict[str, Any] = {"_nrt": False}
"""No reference counts: counting the arrays of a Sight and a Memory at each call takes twenty times the work itself."""

_waiting: list[Callable[..., object]] | None = []
"""Shared functions from before the first compiled one, and None from then on.

Importing numba takes over a second, which nobody pays who compiles nothing: the service, for one.
"""


def shared(function: F) -> F:
    """The same function, callable from compiled code too. It must not allocate arrays."""
    if _waiting is None:
        _make_callable(function)
    else:
        _waiting.append(function)
    return function


def compiled(function: F) -> F:
    """The function compiled on first call; never cached on disk, as numba does not see edits of what it calls."""
    global _waiting  # numba keeps what it may call for the whole process, so this does too
    if not COMPILES:
        return function
    from numba import njit  # noqa: PLC0415  # optional, and slow to import

    waiting, _waiting = _waiting, None
    for each in waiting or ():
        _make_callable(each)
    machine_code: F = njit(function, nogil=True, **_UNCOUNTED)
    return machine_code


def _make_callable(function: Callable[..., object]) -> None:
    from numba.extending import register_jitable  # noqa: PLC0415  # optional, and slow to import

    register_jitable(**_UNCOUNTED, forceinline=True)(function)
