"""The program as a test calls it: in this process, with its exit code and what it prints."""

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

from api.cli import main


@dataclass(frozen=True)
class Answer:
    """Exit code, standard output and standard error of one call."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output read as JSON."""
        return json.loads(self.out)


def clearway(*arguments: object) -> Answer:
    """Call the program."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
    return Answer(code, out.getvalue(), err.getvalue())


def done(*arguments: object) -> Answer:
    """Call the program, which must succeed."""
    answer = clearway(*arguments)
    assert answer.code == 0, answer
    return answer
