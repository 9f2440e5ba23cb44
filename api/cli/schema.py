"""`clearway schema`: JSON Schemas of what goes over the wire, made from the types that read it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from api.cli.output import print_json
from engine.auction.problem import Intent, Problem
from engine.auction.solution import Solution
from engine.audit.record import Record
from intents.values import Value


class Document(StrEnum):
    """Documents that have a schema."""

    PROBLEM = "problem"
    SOLUTION = "solution"
    INTENT = "intent"
    RECORD = "record"


_TYPES: dict[Document, type[Value]] = {
    Document.PROBLEM: Problem,
    Document.SOLUTION: Solution,
    Document.INTENT: Intent,
    Document.RECORD: Record,
}


def schema_of(document: Document) -> dict[str, Any]:
    """The document's JSON Schema (draft 2020-12), wire names."""
    schema = _TYPES[document].model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"clearway:{document.value}:1", **schema}


def schema(document: Annotated[Document, typer.Argument(metavar="DOCUMENT")]) -> None:
    """Print the JSON Schema of a problem, solution, intent or record."""
    print_json(schema_of(document))
