"""What the client raises: the service's refusals as they are, and the answers that never came.

ServiceError            nothing was changed; the same call will fail again, or may be corrected
+-- UnknownOutcomeError  a change may have been made: send the same call again, with the same key, or look
"""

from __future__ import annotations

import re
from typing import Any, Literal

from intents.errors import ClearwayError, InputError
from intents.values import parse_json

_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)
_CONTROL = re.compile(r"[^ -~]")
_MAX_TEXT = 300


class ServiceError(ClearwayError):
    """A call that was not answered as asked.

    `code` is the service's, or `no_answer` where none came, or `bad_answer` where it was none of Clearway's; `pointer` is
    a JSON pointer into the body, `parameter` a name in path, query or headers; `status` is HTTP's, 0 without an answer.
    """

    outcome: Literal["rejected", "unknown"] = "rejected"

    def __init__(
        self, code: str, *, expected: str, actual: str, status: int = 0, pointer: str = "", parameter: str = ""
    ) -> None:
        self.code = code
        self.expected = expected
        self.actual = actual
        self.status = status
        self.pointer = pointer
        self.parameter = parameter
        place = f" at {pointer or parameter}" if pointer or parameter else ""
        super().__init__(f"{code}{place}: expected {expected}, got {actual}")


class UnknownOutcomeError(ServiceError):
    """The service may have done what was asked, or not."""

    outcome = "unknown"


def refusal(status: int, content: bytes, *, changes: bool) -> ServiceError:
    """The error that an answer of 400 or above stands for. `changes`: whether the call asked for a change.

    An answer that is no problem document of ours (a proxy's, say) leaves the outcome of a change unknown where its status
    does.
    """
    document = _problem(content)
    unknown = document.get("outcome") == "unknown" if document else status >= 500
    kind = UnknownOutcomeError if unknown and changes else ServiceError
    if not document:
        return kind("bad_answer", expected="an answer of Clearway's", actual=f"HTTP status {status}", status=status)
    texts = {name: _text(document, name) for name in ("expected", "actual", "pointer", "parameter")}
    return kind(document["code"], status=status, **texts)


def _problem(content: bytes) -> dict[str, Any]:
    """The problem document; empty where it is none."""
    try:
        data = parse_json(content)
    except InputError:
        return {}
    code = data.get("code") if isinstance(data, dict) else None
    return data if isinstance(code, str) and _CODE.fullmatch(code) else {}


def _text(document: dict[str, Any], name: str) -> str:
    """A text of the document, fit for a terminal whoever wrote it."""
    value = document.get(name, "")
    return _CONTROL.sub("?", value[:_MAX_TEXT]) if isinstance(value, str) else ""
