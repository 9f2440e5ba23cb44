"""What the intake benchmark measures: `python intake_server.py noop|intake`, which prints its port and ends with its input.

`noop` is a route that does nothing on bare FastAPI; `intake` is the service's API over the migrated database of
DATABASE_URL, with the process that accepts intents and without an auctioneer. Both under uvicorn with the settings of
`api.server`.
"""

import os
import socket
import sys
import threading

import uvicorn
from fastapi import FastAPI

from api.http.app import create_app
from api.http.intake_link import IntakeLink
from api.server import embedded_service
from engine.runtime.embedded import EmbeddedWorld
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.settings import Settings
from engine.store.database import Database


def noop() -> FastAPI:
    """One route, no middleware of ours, nothing read and nothing done."""
    app = FastAPI()

    @app.post("/noop")
    async def _() -> dict[str, str]:
        return {"status": "ok"}

    return app


def intake() -> FastAPI:
    """The API as it is served."""
    settings = Settings()
    database = Database.open(settings.database_url)
    key = engine_key(settings.data_dir / KEY_FILE)
    world = EmbeddedWorld.open(database, settings.world_seed)
    link = IntakeLink(os.environ)
    link.start()
    return create_app(embedded_service(database, world, key, link=link))


def main() -> None:
    """Serve until the standard input ends."""
    app = noop() if sys.argv[1] == "noop" else intake()
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    threading.Thread(target=_end_with_input, daemon=True).start()
    config = uvicorn.Config(app, log_level="warning", access_log=False, proxy_headers=False, server_header=False)
    uvicorn.Server(config).run(sockets=[listener])


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
