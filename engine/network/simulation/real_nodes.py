"""Real nodes for the simulator: Solana validators with stake and place, country round trips, staking entities.

Reads the recorded data folder that its caller names (see its README for sources) and nothing else; keeps no copy.
Validators without a country, delinquent ones, and countries without a measured round trip to every region of demand are
left out and counted. Codes are text throughout, so that Namibia's `NA` stays a country; `None` and `Unknown` are none.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intents.errors import InputError

VALIDATORS = "network/solana_validators_epoch780.csv.gz"
ROUND_TRIPS = "network/country_rtt.csv.gz"
ENTITIES = "network/ethereum_staking_entities_2023-04.csv"

_NO_COUNTRY = frozenset({"", "None", "Unknown"})


@dataclass(frozen=True, slots=True)
class Validator:
    """A node: its account, stake in lamports, country (ISO 3166 alpha-2) and the data centre that houses it."""

    account: str
    stake: int
    country: str
    data_centre: str


@dataclass(frozen=True, slots=True)
class Entity:
    """A staking operator and how many validators it runs, which may be a fraction where the source averages."""

    name: str
    validators: float


def validators(folder: Path) -> list[Validator]:
    """Active validators with a country, by falling stake (then account). Raises InputError `missing_data`, `bad_data`."""
    found = []
    for row in _rows(folder, VALIDATORS, ("account", "active_stake", "delinquent", "data_center_key")):
        country = _country(row["data_center_key"])
        if row["delinquent"] == "True" or country is None:
            continue
        stake = _number(VALIDATORS, "active_stake", row["active_stake"])
        found.append(Validator(row["account"], int(stake), country, row["data_center_key"]))
    return sorted(found, key=lambda validator: (-validator.stake, validator.account))


def round_trips(folder: Path) -> dict[tuple[str, str], float]:
    """Mean round trip in ms between countries, in both orders. Raises InputError `missing_data`, `bad_data`."""
    known: dict[tuple[str, str], float] = {}
    for row in _rows(folder, ROUND_TRIPS, ("cty1", "cty2", "rtt_avg")):
        one, other = row["cty1"], row["cty2"]
        if one in _NO_COUNTRY or other in _NO_COUNTRY:
            continue
        known[one, other] = known[other, one] = _number(ROUND_TRIPS, "rtt_avg", row["rtt_avg"])
    return known


def entities(folder: Path) -> list[Entity]:
    """Staking entities by falling size, without the row that sums up the rest."""
    rows = _rows(folder, ENTITIES, ("entity", "validators"))
    found = [Entity(row["entity"], _number(ENTITIES, "validators", row["validators"])) for row in rows]
    return sorted((e for e in found if e.name != "Other"), key=lambda entity: (-entity.validators, entity.name))


def reachable(
    nodes: list[Validator], demand: tuple[str, ...], known: dict[tuple[str, str], float]
) -> tuple[list[Validator], int]:
    """The validators with a measured round trip to each country of demand, and how many have none."""
    kept = [node for node in nodes if all((country, node.country) in known for country in demand)]
    return kept, len(nodes) - len(kept)


def _country(data_centre: str) -> str | None:
    """The country in `ASN-COUNTRY-City`; a city may hold further dashes."""
    parts = data_centre.split("-", 2)
    return parts[1] if len(parts) == 3 and parts[1] not in _NO_COUNTRY else None


def _rows(folder: Path, name: str, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    path = folder / name
    try:
        raw = path.read_bytes()
    except OSError as error:
        expected = "the recorded data folder, named by CLEARWAY_DATA"
        raise InputError("missing_data", str(path), expected=expected, actual=error.strerror or "nothing") from None
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    missing = set(columns) - set(reader.fieldnames or ())
    if missing:
        raise InputError("bad_data", str(path), expected=f"columns {', '.join(columns)}", actual=f"no {min(missing)}")
    yield from reader


def _number(name: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError("bad_data", f"{name}/{column}", expected="a number", actual=repr(text)) from None
    if not 0 <= value < float("inf"):
        raise InputError("bad_data", f"{name}/{column}", expected="a number >= 0", actual=text)
    return value
