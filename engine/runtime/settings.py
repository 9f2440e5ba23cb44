"""Settings of the service, from the environment: CLEARWAY_<NAME>, and DATABASE_URL and PORT as they are called elsewhere.

Every setting has a default with which the embedded world runs on one machine. Raises pydantic's ValidationError, which
names the variable.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Seconds = Annotated[float, Field(gt=0, le=3600)]


class Settings(BaseSettings):
    """`*_seconds` are wall time.

    An auction is cut every `cadence_seconds`. Solvers are given `solve_seconds` from then; their answers are collected
    `grace_seconds` longer, which is for writing them, and no more. A leader that is not heard of for `lease_seconds` may
    be replaced.
    """

    model_config = SettingsConfigDict(env_prefix="CLEARWAY_", frozen=True, populate_by_name=True)

    mode: Literal["embedded", "production"] = "embedded"
    data_dir: Path = Path("data")
    """Where the engine's key is, and the SQLite database where no other is named."""

    database_url: str = Field(
        default_factory=lambda known: f"sqlite:///{known['data_dir'] / 'clearway.db'}",
        validation_alias=AliasChoices("DATABASE_URL"),
    )
    host: str = "127.0.0.1"
    port: int = Field(8000, validation_alias=AliasChoices("PORT"), ge=0, le=65_535)
    log_origin: str = Field("clearway.example/log", pattern=r"^[^\s+]+$", max_length=200)
    """The name of the log, which its checkpoints begin with: by custom where it is served, without the scheme."""

    world_seed: int = Field(1, ge=0, lt=2**53)
    """The embedded world's seed; only a database that has no world yet takes notice."""

    cadence_seconds: Seconds = 5.0
    solve_seconds: Seconds = 2.0
    grace_seconds: Seconds = 1.0
    lease_seconds: Seconds = 15.0
    ready_seconds: Seconds = 8.0
    """How long the first auction waits for solvers to load."""

    price_age_seconds: Seconds = 300.0
    """An auction does not clear on reference prices that were observed longer before its cut."""

    built_in: str = Field("greedy,lp,cpsat", pattern="^([a-z]+(,[a-z]+)*)?$")
    """The built-in solvers that compete, by commas; none where it is empty."""

    solver_work: int = Field(10**9, ge=1, lt=2**53)
    """Budget of work of each solver, in its own unit."""

    selection_work: int = Field(100_000, ge=1, lt=2**53)
    """Sets that winner selection may look at."""

    solver_output_bytes: int = Field(16 * 2**20, ge=2**16)
    solver_memory_bytes: int = Field(4 * 2**30, ge=2**27)

    private_solvers: bool = Field(default_factory=lambda known: known["mode"] == "embedded")
    """Whether registered solvers may be at private and loopback addresses, and at plain http."""

    reveal_seconds: Seconds = 1.0
    """How long after the close registered solvers may reveal what they sealed."""

    reveal_bytes: int = Field(2**20, ge=2**10)
    """What a registered solver may reveal."""

    solver_failures: int = Field(3, ge=1, lt=2**31)
    """So many failures in a row bench a registered solver, for `bench_seconds`."""

    bench_seconds: Seconds = 300.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.lease_seconds < 2 * (self.solve_seconds + self.grace_seconds + self.reveal_seconds):
            raise ValueError("lease_seconds: expected at least twice solve_seconds + grace_seconds + reveal_seconds")
        return self

    @property
    def holder(self) -> str:
        """Who this service is for the lease: the same after a restart, so that it need not wait for its own lease's end."""
        return f"{socket.gethostname()}:{self.port}"
