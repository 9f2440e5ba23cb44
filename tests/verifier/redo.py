"""Redo the records named, as a stranger with another Python would: `python redo.py RECORD...` prints what came out as JSON."""

import hashlib
import importlib.util
import json
import sys
from pathlib import Path

from engine.audit.counterfactual import rerun
from engine.audit.record import Record, record_bytes
from engine.audit.replay import replay_record

NEVER = ("sqlalchemy", "fastapi", "numpy", "ortools", "pulp", "httpx2")


def main() -> None:
    found = {}
    for name in sys.argv[1:]:
        content = Path(name).read_bytes()
        made = record_bytes(rerun(Record.from_json(content)))
        found[name] = [replay_record(content).identical, hashlib.sha256(made).hexdigest()]
    there = [name for name in NEVER if importlib.util.find_spec(name) is not None]
    sys.stdout.write(json.dumps({"python": sys.version.split()[0], "there": there, "records": found}))


if __name__ == "__main__":
    main()
