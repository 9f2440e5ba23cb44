"""Files: reading with a bound, `.gz` transparently; writing whole or not at all."""

from __future__ import annotations

import gzip
import os
import tempfile
import zlib
from pathlib import Path

from intents.errors import InputError

MAX_BYTES = 256 * 2**20
"""No input is read beyond this, compressed or not."""


def read_bytes(path: Path) -> bytes:
    """The content, decompressed where the name ends in `.gz`. Raises InputError `unreadable_file` or `too_large`."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError("unreadable_file", str(path), expected="a readable file", actual=_reason(error)) from None
    if len(content) > MAX_BYTES:
        raise InputError("too_large", str(path), expected=f"at most {MAX_BYTES} bytes", actual="more")
    return content


def write_atomically(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace the file by the content: a reader sees the old file or the new one, never a part.

    Raises InputError `unwritable_file`.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise InputError("unwritable_file", str(path), expected="a writable place", actual=_reason(error)) from None


def _reason(error: Exception) -> str:
    """The cause without the path, which the error names by itself."""
    return (isinstance(error, OSError) and error.strerror) or str(error)
