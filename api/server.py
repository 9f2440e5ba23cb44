"""The service as a whole: the API in this process, the auctioneer in one of its own that is started again where it ends.

The two share nothing but the database, so that clearing an auction delays no answer, and a crash of one is not the
other's. Importing this module needs the extra `server`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import structlog
import uvicorn

from api import logs
from api.cli.workers import built_in_commands
from api.http.app import create_app
from api.http.intake_link import IntakeLink
from api.http.service import PublishedLog, Service
from engine.audit.log.notes import SignerKey
from engine.market.feeds.synthetic_risk import UNDERLYINGS
from engine.market.world import DEMO_SALT
from engine.runtime.embedded import EmbeddedWorld, ListedAssets
from engine.runtime.journal import LOG_FOLDER
from engine.runtime.keys import KEY_FILE, engine_key
from engine.runtime.operation import Mode, mode
from engine.runtime.settings import Settings
from engine.runtime.version import code_version
from engine.store.database import Database
from intents.errors import InputError

RESTART_SECONDS = 1.0
"""Between an auctioneer that ended and its successor."""

END_SECONDS = 20.0
"""How long an auctioneer gets to end its auction when the service stops."""


def serve(settings: Settings, *, started: Callable[[str], None] = lambda _: None) -> None:
    """Run the service until it is interrupted or terminated; `started` is told its URL.

    Raises InputError `default_secrets`, `unknown_solver`, `bad_key_file`, `port_in_use`, and the store's errors.
    """
    check_secrets(settings)
    built_in_commands(settings.built_in)
    logs.configure()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    key = engine_key(settings.data_dir / KEY_FILE)
    with _ended_by_signals(), _listening(settings) as listener, _opened(settings) as database:
        world = EmbeddedWorld.open(database, settings.world_seed)
        link = IntakeLink(os.environ)
        service = embedded_service(
            database,
            world,
            key,
            cadence_seconds=settings.cadence_seconds,
            private_solvers=settings.private_solvers,
            link=link,
            log=PublishedLog(settings.data_dir / LOG_FOLDER, SignerKey(settings.log_origin, key).verifier),
        )
        port = listener.getsockname()[1]
        config = uvicorn.Config(
            create_app(service),
            log_config=None,  # ours
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
        )
        with _auctioneer(port), closing(link):
            link.start()
            started(f"http://{settings.host}:{port}")
            uvicorn.Server(config).run(sockets=[listener])


def check_secrets(settings: Settings) -> None:
    """Raise InputError `default_secrets` in production mode where a secret is one that everybody knows.

    The only world there is so far, the embedded one, signs with public keys under a salt of zeros: it is never for production.
    """
    if settings.mode == "production":
        expected = "a world with keys and a salt of its own"
        actual = "the embedded world, whose keys are public and whose salt is zero"
        raise InputError("default_secrets", "CLEARWAY_MODE", expected=expected, actual=actual)


def embedded_service(
    database: Database,
    world: EmbeddedWorld,
    key: bytes,
    *,
    cadence_seconds: float = 5.0,
    private_solvers: bool = False,
    link: IntakeLink | None = None,
    log: PublishedLog | None = None,
) -> Service:
    """What the API serves of an embedded world."""

    def ready() -> str:
        with database.reading() as work:
            holder, wanted = work.leases.holder(), mode(work)
        if database.revision() != database.newest_revision():
            return "a database at another revision: clearway db upgrade"
        if wanted is Mode.DRAINING:
            return "intents are not accepted: the service drains"
        leads = holder is not None and holder[2] > world.clock.now_ms()
        return "" if leads else "no auctioneer that leads"

    return Service(
        database=database,
        engine_key=key,
        deployment_salt=DEMO_SALT,
        code_version=code_version(),
        faucet_open=True,
        assets=ListedAssets(database, world),
        underlyings=UNDERLYINGS,
        now_ms=world.clock.now_ms,
        ready=ready,
        cadence_ms=round(cadence_seconds * 1000),
        private_solvers=private_solvers,
        link=link,
        log=log,
    )


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Within it SIGINT and SIGTERM leave the block. The HTTP server, once it has shut down, raises again what it was sent."""

    def leave(_number: int, _frame: object) -> None:
        sys.exit(0)

    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = Database.open(settings.database_url)
    try:
        database.upgrade()
        yield database
    finally:
        database.close()


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """A socket that listens already, so that whoever starts two services on one port is told before anything runs."""
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=1024)
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise InputError("port_in_use", "PORT", expected=f"{address} free", actual=error.strerror or "not") from None
    with listener:
        yield listener


@contextmanager
def _auctioneer(port: int) -> Iterator[None]:
    """An auctioneer while the block lasts, in a session of its own: an interruption by keyboard reaches only us."""
    stopping = threading.Event()
    environment = {**os.environ, "PORT": str(port)}
    running: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        log = structlog.get_logger()
        while not stopping.is_set():
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "api.auctioneer"],
                stdin=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
            running[:] = [process]
            code = process.wait()
            if not stopping.wait(RESTART_SECONDS):
                log.error("auctioneer ended, starting another", code=code)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        for process in running:
            _end(process)
        keeper.join()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
