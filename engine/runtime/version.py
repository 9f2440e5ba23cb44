"""Which code this is: the package's version, and what its source files hold.

Two processes say the same if and only if they run the same release from the same bytes (SHA-256, of which 16 hex digits
are kept), wherever these are installed. Optimisers and other packages are not in it; the lock names those.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import engine

PACKAGES = ("api", "engine", "intents", "migrations", "solvers")
"""What belongs to the code."""


@cache
def code_version() -> str:
    """The version, `+` and the hash. Reads the files once, the first time that it is asked."""
    root = Path(engine.__file__).parent.parent
    found = hashlib.sha256()
    for path in sorted(path for package in PACKAGES for path in (root / package).rglob("*.py")):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()} {len(content)}\n".encode() + content)
    return f"{version('clearway')}+{found.hexdigest()[:16]}"
