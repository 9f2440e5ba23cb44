"""The files the program exchanges: problems, solutions, intents. Reading checks them; writing is whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from api.cli.files import read_bytes, write_atomically
from engine.auction.check_problem import check_problem
from engine.auction.problem import Intent, Problem
from engine.auction.solution import Solution
from intents.errors import InputError
from intents.values import Value, parse_json


def write_value(path: Path, value: Value) -> None:
    """Write a value as indented JSON with a final line end. The same value gives the same bytes."""
    text = json.dumps(value.to_wire(), indent=1, ensure_ascii=False, sort_keys=True)
    write_atomically(path, text.encode() + b"\n")


def read_problem(path: Path) -> Problem:
    """A problem, checked. Raises InputError."""
    problem = Problem.from_json(read_bytes(path))
    check_problem(problem)
    return problem


def read_solution(path: Path) -> Solution:
    """A solution on the wire, or the one inside the output of `clearway solve --json`. Raises InputError."""
    data = parse_json(read_bytes(path))
    if isinstance(data, dict) and "solution" in data:
        data = data["solution"]
    return Solution.from_wire(data)


def read_intents(path: Path) -> list[Intent]:
    """One intent, or a list of them. Raises InputError, naming the position in a list."""
    data = parse_json(read_bytes(path))
    items = data if isinstance(data, list) else [data]
    intents = []
    for position, item in enumerate(items):
        try:
            intents.append(Intent.from_wire(item))
        except InputError as error:
            where = f"/{position}{error.where}" if isinstance(data, list) else error.where
            raise InputError(error.code, where, expected=error.expected, actual=error.actual) from None
    return intents
