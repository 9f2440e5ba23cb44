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


def shared(function: F) -> F:
    """The same function, callable from compiled code too. It must not allocate arrays."""
    if not COMPILES:
        return function
    from numba.extending import register_jitable  # noqa: PLC0415  # optional

    marked: F = register_jitable(**_UNCOUNTED, forceinline=True)(function)
    return marked


def compiled(function: F) -> F:
    """The function compiled on first call; never cached on disk, as numba does not see edits of what it calls."""
    if not COMPILES:
        return function
    from numba import njit  # noqa: PLC0415  # optional

    machine_code: F = njit(function, nogil=True, **_UNCOUNTED)
    return machine_code
