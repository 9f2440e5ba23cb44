"""Machine code kept on disk between runs, and never older than its sources.

numba's own cache notices changes of the file that a function stands in, not of what it calls from other files. So the
folder it is kept in (under XDG_CACHE_HOME or ~/.cache) is named by a digest of all sources of `engine.network` and the
versions beside them. Where that folder cannot be written, the function compiles in each process.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np

import engine.network

F = TypeVar("F", bound=Callable[..., object])


def sources_digest() -> str:
    """A name for the present sources of `engine.network`, interpreter, numba and numpy."""
    digest = hashlib.sha256(f"{platform.python_version()} {numba.__version__} {np.__version__}".encode())
    for folder in engine.network.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def kept(function: F) -> F:
    """The compiled function (as `compiling.compiled` gives), with its machine code kept on disk."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "clearway" / sources_digest()
    # Both are numba's, and it declares neither.
    settings: Any = numba.config
    dispatcher: Any = function
    before = settings.CACHE_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True)
        settings.CACHE_DIR = str(folder)
        dispatcher.enable_caching()
    except OSError:
        return function
    finally:
        settings.CACHE_DIR = before
    return function
