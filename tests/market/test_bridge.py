"""Bridges: the worked examples of docs/rulebooks/bridges.md, delays as quantiles, and states that can not be."""

from typing import Any

import pytest

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError, VenueStateError
from engine.market.venues.bridge import Bridge, BridgeState, DelayQuantile, delay_at, expected_delay, fee_of
from intents.values import canonical_bytes

NEAR, FAR = "eip155:1/erc20:usdc", "eip155:42161/erc20:usdc"
INFOS = {NEAR: AssetInfo(6), FAR: AssetInfo(6)}
USDC = 10**6


def bridge(**more: Any) -> BridgeState:
    fields = {"asset_in": NEAR, "asset_out": FAR, "fee": (0, 1), "capacity": 10**18, "delay_seconds": 1140}
    return BridgeState.model_validate({"id": "eip155:1/bridge:x", **fields, **more})


def sent(state: BridgeState, amount: int) -> int:
    Bridge().check(state, INFOS)
    return Bridge().execute(state, "solver:a", Trade(NEAR, amount, FAR), 0)[0]


LINEA = bridge(fee=(14, 10_000), fee_least=1, delay_seconds=30)
EXAMPLES = [
    ("CCTP, 1,000 USDC, fast from Linea at 14 basis points: 1.40 USDC", LINEA, 1000 * USDC, 998_600_000),
    ("CCTP, the least a fast transfer costs is one unit", LINEA, 2, 1),
    ("CCTP, standard: free", bridge(), 1000 * USDC, 1000 * USDC),
    ("Connext, router fee 0.05 %", bridge(fee=(5, 10_000)), 1000 * USDC, 999_500_000),
    ("Connext, 9995/10000 rounded down", bridge(fee=(5, 10_000)), 1999, 1998),
    ("Nomad: no fee", bridge(delay_seconds=3600), 1000 * USDC, 1000 * USDC),
    (
        "Hop, the bonder's share is over its least: 0.1 % of 1,000 and 0.30 for the transaction",
        bridge(fee=(1, 1000), fee_on_whole=True, fee_least=USDC // 4, fee_fixed=3 * USDC // 10),
        1000 * USDC,
        998_700_000,
    ),
    (
        "Hop, the bonder's least is over its share: 0.25 for 100 and 0.30 for the transaction",
        bridge(fee=(1, 1000), fee_on_whole=True, fee_least=USDC // 4, fee_fixed=3 * USDC // 10),
        100 * USDC,
        99_450_000,
    ),
]


@pytest.mark.parametrize(("state", "amount", "out"), [row[1:] for row in EXAMPLES], ids=[row[0] for row in EXAMPLES])
def test_the_examples_of_the_rulebook(state: BridgeState, amount: int, out: int) -> None:
    assert sent(state, amount) == out
    assert fee_of(state, amount) == amount - out
    least = Bridge().input_for(state, NEAR, out, FAR)
    assert sent(state, least) >= out
    assert Bridge().input_for(state, NEAR, out + 1, FAR) > least


def test_an_output_over_the_capacity_can_not_be_had() -> None:
    with pytest.raises(TradeRefusedError, match="venue_capacity"):
        Bridge().input_for(bridge(capacity=5), NEAR, 6, FAR)


def test_delays_are_a_staircase_from_above() -> None:
    quantiles = ((100_000, 780), (500_000, 900), (900_000, 1100))
    delays = tuple(DelayQuantile(ppm=ppm, seconds=seconds) for ppm, seconds in quantiles)
    state = bridge(delays=delays, finality_seconds=780, finality_blocks=65, failure_ppm=10)
    Bridge().check(state, INFOS)

    assert [delay_at(state, ppm) for ppm in (1, 100_000, 100_001, 900_000, 900_001)] == [780, 780, 900, 1100, 1140]
    assert expected_delay(state) == 992  # 0.1 * 780 + 0.4 * 900 + 0.4 * 1100 + 0.1 * 1140
    assert expected_delay(bridge()) == 1140
    assert Bridge().delay_seconds(state) == 1140


def test_what_is_not_stated_is_not_written() -> None:
    assert b"delays" not in canonical_bytes(bridge())
    assert set(bridge().to_wire()) == {
        *("id", "kind", "gas_units", "asset_in", "asset_out"),
        *("fee_fixed", "fee", "rate", "capacity", "delay_seconds"),
    }


def _delays(*pairs: tuple[int, int]) -> dict[str, Any]:
    return {"delays": tuple(DelayQuantile(ppm=ppm, seconds=seconds) for ppm, seconds in pairs)}


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("final after the bound", {"finality_seconds": 1141}, "finality_seconds"),
    ("before it is final", {"finality_seconds": 780, **_delays((1, 779))}, "delays/0/seconds"),
    ("after the bound", _delays((1, 1141)), "delays/0/seconds"),
    ("odds that fall", _delays((2, 1), (2, 2)), "delays/1/ppm"),
    ("seconds that fall", _delays((2, 2), (3, 1)), "delays/1/seconds"),
]


@pytest.mark.parametrize(("more", "field"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_delays_that_can_not_be_are_refused(more: dict[str, Any], field: str) -> None:
    with pytest.raises(VenueStateError) as refused:
        Bridge().check(bridge(**more), INFOS)
    assert refused.value.where == field
