"""A snapshot's hash from kept parts, and the next snapshot from what changed."""

from pathlib import Path
from typing import Any

import pytest

from engine.market.delta import SnapshotDelta, apply_delta, delta_between
from engine.market.feeds.synthetic import demo_world
from engine.market.snapshot import Asset, Chain, Snapshot, check_snapshot, snapshot_hash
from engine.market.venues.constant_product import ConstantProductState
from intents.errors import InputError
from intents.values import content_hash
from tests.api.program import clearway, done

BEFORE = demo_world(1).snapshot
POOL = next(venue for venue in BEFORE.venues if isinstance(venue, ConstantProductState))
NUMERAIRE = BEFORE.numeraire


def plain_hash(snapshot: Snapshot) -> str:
    """By the whole snapshot's JSON, read anew so that nothing was kept."""
    return content_hash("clearway/snapshot/1", Snapshot.from_json(snapshot.model_dump_json(by_alias=True)))


def traded(pool: ConstantProductState, by: int = 1) -> ConstantProductState:
    return pool.model_copy(update={"reserves": {asset: held + by for asset, held in pool.reserves.items()}})


def delta(**changes: Any) -> SnapshotDelta:
    return SnapshotDelta.model_validate({"base": snapshot_hash(BEFORE), "time_seconds": BEFORE.time_seconds, **changes})


def test_the_hash_of_kept_parts_is_that_of_the_whole() -> None:
    assert len({venue.kind for venue in BEFORE.venues}) >= 3
    for snapshot in (BEFORE, BEFORE.model_copy(update={"venues": ()}), BEFORE.model_copy(update={"time_seconds": 7})):
        assert snapshot_hash(snapshot) == plain_hash(snapshot)


def test_what_changed_makes_the_next_snapshot_and_its_hash() -> None:
    first = BEFORE.venues[0]
    asset = BEFORE.venues[0].id.split("/")[0] + "/token:NEW"
    after = BEFORE.model_copy(
        update={
            "time_seconds": BEFORE.time_seconds + 12,
            "assets": {**BEFORE.assets, asset: Asset(decimals=6, symbol="NEW")},
            "prices": {**BEFORE.prices, asset: BEFORE.prices[NUMERAIRE]},
            "chains": {**BEFORE.chains, "sim:gamma": Chain(native=asset, height=1)},
            "venues": tuple(traded(venue) if venue is POOL else venue for venue in BEFORE.venues[1:]),
        }
    )

    found = delta_between(BEFORE, after)
    made = apply_delta(BEFORE, SnapshotDelta.from_json(found.model_dump_json(by_alias=True)))

    assert ([venue.id for venue in found.venues], found.gone) == ([POOL.id], (first.id,))
    assert made == after
    assert snapshot_hash(made) == plain_hash(after)
    check_snapshot(made)
    untouched = {id(venue) for venue in BEFORE.venues}
    assert sum(id(venue) not in untouched for venue in made.venues) == 1


def test_a_new_venue_stands_in_its_place() -> None:
    new = traded(POOL).model_copy(update={"id": POOL.id + "-2"})

    made = apply_delta(BEFORE, delta(venues=[new]))

    check_snapshot(made)
    assert len(made.venues) == len(BEFORE.venues) + 1


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"base": "sha256:" + "0" * 64}, "wrong_snapshot", "/base"),
        ({"time_seconds": BEFORE.time_seconds - 1}, "time_reversed", "/time_seconds"),
        ({"assets": {NUMERAIRE: {"decimals": 0, "symbol": "x"}}}, "asset_changed", f"/assets/{NUMERAIRE}"),
        ({"gone": ["sim:alpha/pool:nowhere"]}, "unknown_venue", "/gone/0"),
        ({"gone": [POOL.id], "venues": [POOL]}, "unknown_venue", "/gone/0"),
        ({"venues": [POOL, POOL]}, "not_ascending", "/venues"),
        (
            {"venues": [traded(POOL, -min(POOL.reserves.values()))]},
            "bad_venue_state",
            f"/venues/{POOL.id}/reserves/{min(POOL.reserves, key=POOL.reserves.__getitem__)}",
        ),
        ({"chains": {"sim:alpha": {"native": "sim:alpha/token:X"}}}, "unknown_asset", "/chains/sim:alpha/native"),
    ],
)
def test_a_delta_that_does_not_fit_is_refused_by_its_field(changes: dict[str, Any], code: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        apply_delta(BEFORE, delta(**changes))

    assert (refused.value.code, refused.value.where) == (code, where)


def test_what_no_delta_can_say_is_refused() -> None:
    fewer = {asset: price for asset, price in BEFORE.prices.items() if asset != NUMERAIRE}
    other = {**BEFORE.assets, NUMERAIRE: Asset(decimals=1, symbol="x")}

    for update, where in (({"prices": fewer}, "/prices"), ({"assets": other}, f"/assets/{NUMERAIRE}")):
        with pytest.raises(InputError) as refused:
            delta_between(BEFORE, BEFORE.model_copy(update=update))
        assert (refused.value.code, refused.value.where) == ("no_delta", where)


def test_a_delta_goes_from_file_to_file_of_snapshots_or_problems(tmp_path: Path) -> None:
    after = BEFORE.model_copy(update={"venues": tuple(traded(v) if v is POOL else v for v in BEFORE.venues)})
    first, second, change, made = (tmp_path / name for name in ("before", "after", "delta", "made"))
    first.write_bytes(BEFORE.canonical)
    second.write_bytes(b'{"snapshot": %s}' % after.canonical)

    done("market", "delta", first, second, "-o", change)
    told = done("market", "apply", first, change, "-o", made)

    assert told.out.strip() == snapshot_hash(after)
    assert made.read_bytes() == after.canonical
    assert clearway("market", "apply", second, change, "-o", made).code == 2
