"""Modules that need an extra of the installation, loaded when a command wants them."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from intents.errors import InputError


def needed(module: str, extra: str) -> ModuleType:
    """A module of ours that needs the extra. Raises InputError `missing_extra`."""
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in {"intents", "engine", "solvers", "api", "migrations"}:
            raise  # a fault of ours, no missing extra
        raise InputError(
            "missing_extra", "", expected=f"the extra clearway[{extra}]", actual=f"no {error.name}"
        ) from None
