"""The schemas are valid JSON Schema and accept what the program writes, and refuse what it would refuse."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api.conftest import Demo
from tests.api.program import done


def validator(document: str) -> Draft202012Validator:
    schema = done("schema", document).data
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.fixture(scope="module")
def documents(demo: Demo) -> dict[str, Any]:
    problem = json.loads(demo.problem.read_text())
    return {
        "problem": problem,
        "intent": problem["intents"][0],
        "record": json.loads(demo.record.read_text()),
        "solution": done("solve", demo.problem, "--solver", "greedy", "--json").data["solution"],
    }


@pytest.mark.parametrize("document", ["problem", "intent", "record", "solution"])
def test_what_is_written_is_of_its_schema_and_an_unknown_field_is_not(document: str, documents: dict[str, Any]) -> None:
    check = validator(document)

    assert list(check.iter_errors(documents[document])) == []
    assert not check.is_valid({**documents[document], "unheard_of": 1})


def test_amounts_are_digits_in_strings() -> None:
    check = validator("solution")
    fill = {"intent": "import:a", "units": "7", "in": {}, "out": {}}

    assert check.is_valid({"fills": [fill]})
    for units in (7, "07", "+7", "7.0", ""):
        assert not check.is_valid({"fills": [{**fill, "units": units}]})
