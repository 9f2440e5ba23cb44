"""Prometheus metrics of one application: its requests and refusals, and how far its auctions are, and its network's nodes.

Label values come from routes, codes and nodes of ours, never from a request, so their number is bounded.
"""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.network_metrics import NetworkMetrics


class Metrics:
    """The application's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "clearway_http_requests",
            "Requests answered, by method, route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "clearway_http_request_seconds", "Seconds to answer, by route.", ["route"], registry=self.registry
        )
        self.refusals = Counter("clearway_refusals", "Refused requests, by code.", ["code"], registry=self.registry)
        self.accepted = Counter("clearway_intents_accepted", "Intents newly stored.", registry=self.registry)
        self.auction = Gauge("clearway_auction_number", "The newest auction.", registry=self.registry)
        self.auction_cut = Gauge(
            "clearway_auction_cut_seconds",
            "When the newest auction's batch was cut, Unix seconds.",
            registry=self.registry,
        )
        self.network = NetworkMetrics(self.registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self.requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self.registry)


class Measured:
    """Middleware that counts and times requests."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note its end, whatever it is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        try:
            await self._app(scope, receive, noting)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.answered(scope["method"], route, status, time.perf_counter() - started)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
