"""The Python client of the service: `Client` and `AsyncClient` say the same things, one waits and the other awaits.

Needs the extra `client`, and nothing of the server's.
"""

from api.client.awaiting import AsyncClient
from api.client.blocking import Client
from api.client.errors import ServiceError, UnknownOutcomeError

__all__ = ["AsyncClient", "Client", "ServiceError", "UnknownOutcomeError"]
