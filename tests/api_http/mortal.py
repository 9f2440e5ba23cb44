"""An API that dies on request between commit and reply: `python mortal.py URL [FOLDER]`.

It prints its port and ends with its input. With a folder, a process of its own accepts the intents (`api.intake`), which has
its key there.

A request with the header X-Die ends the process, by kill -9, at the moment in which its answer would begin: after the
commit, before the first byte. The next process serves the same socket.
"""

import os
import signal
import socket
import sys
import threading

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.app import create_app
from api.http.intake_link import IntakeLink
from api.server import embedded_service
from engine.runtime.embedded import EmbeddedWorld
from engine.store.database import Database

KEY = b"\x07" * 32


class Mortal:
    """The application, until somebody wants it dead."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        dying = any(name == b"x-die" for name, _ in scope.get("headers", ()))

        async def last_words(message: Message) -> None:
            if dying and message["type"] == "http.response.start":
                os.kill(os.getpid(), signal.SIGKILL)
            await send(message)

        await self.app(scope, receive, last_words)


def main() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    while (child := os.fork()) != 0:
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return
    threading.Thread(target=_end_with_input, daemon=True).start()
    database = Database.open(sys.argv[1])
    world = EmbeddedWorld.open(database, 1)
    link = None
    if len(sys.argv) > 2:
        link = IntakeLink(os.environ | {"DATABASE_URL": sys.argv[1], "CLEARWAY_DATA_DIR": sys.argv[2]})
        link.start()
    app = create_app(embedded_service(database, world, KEY, link=link))
    config = uvicorn.Config(Mortal(app), log_level="error", lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
