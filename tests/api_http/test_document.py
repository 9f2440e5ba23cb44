"""The OpenAPI document tells the truth: schemathesis sends what it allows and what it does not, to every route of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import positive_data_acceptance

from api.http.service import Service
from tests.api_http.conftest import opened
from tests.databases import Databases


@pytest.fixture(scope="module")
def document(databases: Databases) -> Iterator[schemathesis.BaseSchema]:
    with opened(databases.migrated("sqlite")) as client:
        service: Service = client.app.state.service  # type: ignore[attr-defined]  # the client knows it as any ASGI callable
        with service.database.transaction() as work:
            work.leases.acquire("a test", service.now_ms(), 3_600_000)  # or it would not be ready
        yield schemathesis.openapi.from_asgi("/openapi.json", client.app, config=SchemathesisConfig(seed=1))


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_route_keeps_to_the_document(document: schemathesis.BaseSchema, mode: GenerationMode) -> None:
    for found in document.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if mode is GenerationMode.NEGATIVE and not _takes_anything(operation):
            continue

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(derandomize=True, max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
        def keeps_to_it(case: schemathesis.Case[Any]) -> None:
            # What the document allows may still lack a signature, so acceptance is not to be expected.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        keeps_to_it()


def _takes_anything(operation: schemathesis.APIOperation[Any, Any, Any, Any]) -> bool:
    return bool(list(operation.iter_parameters()) or operation.body)


def test_every_route_is_in_it_and_names_its_refusals(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert len(paths) >= 18
    for path in paths.values():
        for operation in path.values():
            assert {"4XX", "5XX"} <= set(operation["responses"])
