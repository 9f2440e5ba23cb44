"""The command line: reads files, calls the packages below, prints. No rule lives here.

Exit codes of every command: 0 done (or valid, identical); 1 the answer is no (invalid, another replay, nothing to write);
2 the input or the call can not be used, with one line `error: CODE ...` on standard error.
"""

from __future__ import annotations

from api.cli.app import main

__all__ = ["main"]
