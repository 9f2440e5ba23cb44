"""Where `make test-chain` keeps what it downloads and compiles (build/chain, not in git), and how tests get at it.

Nothing here downloads: tests.chain.install does. The packages are other people's work under their own licences
(GPL-2.0, GPL-3.0; Uniswap V4's core allows tests): used as they come, not part of Clearway.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import shutil
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / "build" / "chain"
STAMP = CACHE / "installed"
PYTHON = CACHE / "python"
SWITCH = "CLEARWAY_CHAIN"
"""Set by `make test-chain`: without it the tests of this folder are skipped, however much is in the cache."""

_LIBRARY = re.compile(r"__\$[0-9a-f]{34}\$__")
"""Where the address of a library goes. The one that asks for it, a pool's price oracle, is never called here."""

_INPUTS = ("package.json", "package-lock.json", "requirements.txt", "compile.js", "contracts/*.sol")


def wanted() -> str:
    """What the cache should have been made from: a hash over the locks and the sources."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in _INPUTS:
        for path in sorted(HERE.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def is_ready() -> bool:
    """Whether the cache was made from what is here now."""
    return STAMP.exists() and STAMP.read_text() == wanted()


def why_skipped() -> str | None:
    """Why the tests of this folder do not run here and now; None where they do."""
    if SWITCH not in os.environ:
        missing = "" if shutil.which("node") else " (which needs node and npm; there are none here)"
        return f"contracts in an EVM are run by `make test-chain`{missing}"
    return None if is_ready() else "the cache is not up to date: python -m tests.chain.install"


def module(name: str) -> ModuleType:
    """A Python package of the cache."""
    if str(PYTHON) not in sys.path:
        sys.path.append(str(PYTHON))
    return importlib.import_module(name)


def bare_package(name: str) -> None:
    """Make a package of the cache importable without running its own `__init__`, whose imports are not installed."""
    if name not in sys.modules:
        found = ModuleType(name)
        found.__path__ = [str(PYTHON.joinpath(*name.split(".")))]
        sys.modules[name] = found


@cache
def published(path: str) -> bytes:
    """Creation code that a package publishes, by its file below node_modules; libraries are linked to nowhere."""
    data: Any = json.loads((CACHE / "node_modules" / path).read_text())
    code = data.get("bytecode", data.get("creationCode"))
    if isinstance(code, dict):
        code = code["object"]
    return bytes.fromhex(_LIBRARY.sub("00" * 20, code.removeprefix("0x")))


@cache
def compiled() -> dict[str, bytes]:
    """Creation code of our own contracts and of opened libraries."""
    found: dict[str, str] = json.loads((CACHE / "compiled.json").read_text())
    return {name: bytes.fromhex(code) for name, code in found.items()}


def label(package: str) -> str:
    """Name and version of a package of the cache, of either registry; one inside another by its folder."""
    node = CACHE / "node_modules" / package / "package.json"
    if node.exists():
        return f"{package.rpartition('node_modules/')[2]} {json.loads(node.read_text())['version']}"
    return next(PYTHON.glob(f"{package}-*.dist-info")).name.removesuffix(".dist-info").replace("-", " ")
