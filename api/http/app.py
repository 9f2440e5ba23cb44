"""The application: routes, refusals, metrics and the document that describes them.

    app = create_app(service)

It opens and closes nothing: who made the service does.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.types import ASGIApp

from api.http import (
    problems,
    routes_accounts,
    routes_auctions,
    routes_intents,
    routes_log,
    routes_margin,
    routes_network,
    routes_service,
    routes_solvers,
)
from api.http.intake_route import IntakeFirst
from api.http.metrics import Measured
from api.http.problems import ProblemDocument
from api.http.service import Service
from api.http.solver_views import KeyChange, Registration, Removal
from api.http.views import Deposit, SignedCancellation
from engine.auction.problem import Intent
from engine.market.margin.report import Portfolio
from intents.values import Value

BODIES: tuple[type[Value], ...] = (Intent, SignedCancellation, Deposit, Registration, Removal, KeyChange, Portfolio)
"""What is read from requests."""


def create_app(service: Service) -> FastAPI:
    """The ASGI application over a service."""
    app = _Application(
        title="Clearway",
        version="1",
        description="Outcomes in, auctions that run by themselves, records for everybody to check.",
        docs_url="/docs",
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.service = service
    for routes in (
        routes_intents,
        routes_accounts,
        routes_auctions,
        routes_solvers,
        routes_margin,
        routes_network,
        routes_log,
        routes_service,
    ):
        app.include_router(routes.router)
    problems.install(app, service.metrics)
    app.add_middleware(Measured, metrics=service.metrics)
    return app


class _Application(FastAPI):
    """FastAPI, with a short way for intents, and the schemas of what routes read by themselves in its document."""

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through."""
        return IntakeFirst(super().build_middleware_stack(), self.state.service)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = get_openapi(
                title=self.title, version=self.version, description=self.description, routes=self.routes
            )
            schemas = document["components"]["schemas"]
            for model in BODIES:
                _add(schemas, model, "validation", "Input")
            _add(schemas, ProblemDocument, "serialization", "")
            self.openapi_schema = document
        return self.openapi_schema


def _add(schemas: dict[str, Any], model: type[Value], mode: Any, suffix: str) -> None:
    """Add the schema of a model, and of the models in it, under their names and the suffix."""
    schema = model.model_json_schema(mode=mode, ref_template=f"#/components/schemas/{{model}}{suffix}")
    inner = schema.pop("$defs", {})
    schemas.update({f"{name}{suffix}": definition for name, definition in {model.__name__: schema, **inner}.items()})
