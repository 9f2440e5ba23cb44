"""Structured logs: one JSON object a line on standard error, with a time, a level and what the event is about."""

from __future__ import annotations

import sys

import structlog


def configure() -> None:
    """Log in this way from now on, in this process."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )
