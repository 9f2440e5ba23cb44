"""The engine's own key, kept in one file for its owner's eyes only.

Guarantees
1. The file is made once, whole or not at all, from the system's randomness; whoever comes second reads the first one's.
2. A file that others may read, or that holds anything but a key, is refused. The key reaches no message.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from intents.errors import InputError

KEY_FILE = "engine.key"
"""The key's name in the data folder."""

KEY_BYTES = 32
"""An Ed25519 seed."""

_HEX = re.compile(r"0x[0-9a-f]{64}\n?", re.ASCII)


def engine_key(path: Path) -> bytes:
    """The key in the file, made where there is none. Raises InputError `bad_key_file`."""
    try:
        if not path.exists():
            _make(path)
        mode, text = path.stat().st_mode & 0o777, path.read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(
            "bad_key_file", str(path), expected="a file of ours", actual=error.strerror or "none"
        ) from None
    if mode & 0o077:
        raise InputError("bad_key_file", str(path), expected="a file only its owner may read", actual=f"mode {mode:o}")
    if not _HEX.fullmatch(text):
        raise InputError("bad_key_file", str(path), expected="0x and 64 hex digits", actual="something else")
    return bytes.fromhex(text.strip()[2:])


def _make(path: Path) -> None:
    """Write a new key beside its place, then link it there: a link never replaces what another put there meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write("0x" + secrets.token_bytes(KEY_BYTES).hex() + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
    finally:
        temporary.unlink()
