"""The network as the service shows it: nodes fall ill, are put out and come back, and auctions settle around them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api.client import AsyncClient, Client
from api.http.network_metrics import GAUGES, MOST_NODES
from api.http.network_views import NetworkView
from engine.network.standing import ChainStanding, NetworkStanding
from engine.network.trust.rounds import Round, check_round
from engine.settlement.chains import Network
from tests.api_http.stories import SETTINGS, call, commands, eventually, running
from tests.api_http.test_service import service_of
from tests.databases import Databases

SICK_SECONDS = 90
"""What README says, and half of it for a slow machine."""


def test_before_the_first_settlement_there_is_none(client: TestClient) -> None:
    answer = client.get("/v1/network")

    assert (answer.status_code, answer.json()["code"]) == (404, "no_network")
    assert "clearway_node_cap{" not in client.get("/metrics").text


@pytest.mark.long
def test_settlement_goes_around_a_sick_node(databases: Databases, tmp_path: Path) -> None:
    settings = {**SETTINGS, "CLEARWAY_BUILT_IN": "greedy,lp"}
    with running(tmp_path, databases.empty("sqlite"), **settings) as (http, _):
        url = str(http.base_url).rstrip("/")
        first = eventually(lambda: network_of(http), 60)
        printed, _ = commands("sick", url, tmp_path)
        shown = both_clients(url)
        later = eventually(lambda: settled_after(http, shown.auction), 60)

        assert re.search(r'"node":"[a-z0-9.]+","at_us":\d+,"state":"out","reason":"[a-z]+"', printed)
        assert printed.endswith("identical\n")
        assert first["auction"] < later["auction"]
        assert json.loads(call("network", "show", "--json", url=url, folder=tmp_path))["chains"]
        check_what_was_sent(http, later)
        check_probes(http, later)
        check_gauges(http)


def network_of(http: httpx2.Client) -> Any:
    answer = http.get("/v1/network")
    return answer.json() if answer.status_code == 200 else None


def settled_after(http: httpx2.Client, auction: int) -> Any:
    found = network_of(http)
    return found if found["auction"] > auction else None


def both_clients(url: str) -> NetworkView:
    """What both clients read, which are the same."""

    async def awaited() -> NetworkView:
        async with AsyncClient(url) as service:
            return await service.network()

    def same() -> NetworkView | None:
        with Client(url) as service:
            before, between, after = service.network(), asyncio.run(awaited()), service.network()
        return between if before == between == after else None

    found: NetworkView = eventually(same, 30)
    assert all(sum(node.planned_ppm for node in chain.nodes) in (0, 10**6) for chain in found.chains)
    assert all(chain.delay.low_us <= chain.delay.delay_us <= chain.delay.high_us for chain in found.chains)
    return found


def check_what_was_sent(http: httpx2.Client, shown: Any) -> None:
    """Nothing went to a node while it was out, in any auction; and winners landed all the same."""
    spells = [spell for chain in shown["chains"] for spell in out_spells(chain["changes"], shown["time_us"])]
    assert spells
    sends = 0
    for number in range(shown["auction"] + 1):
        settled = http.get(f"/v1/auctions/{number}/settlement").json()
        assert settled["landed"]
        for attempt in settled["attempts"]:
            for node, first_us, last_us in spells:
                assert not (attempt["node"] == node and first_us < attempt["at_us"] < last_us)
            sends += 1
    assert sends >= sum(node["sent"] for chain in shown["chains"] for node in chain["nodes"])


def check_probes(http: httpx2.Client, shown: Any) -> None:
    """A stranger redoes each round from the settlement that it names: pairs, signatures, medians."""
    plan = http.get(f"/v1/auctions/{shown['auction']}/settlement").json()["plan"]
    ground = Network.from_wire(plan["network"]).ground
    measured = 0
    for chain in shown["chains"]:
        made = Round.from_wire(chain["probes"]["round"])
        assert made.root == http.get(f"/v1/auctions/{made.number}/settlement").json()["settlement_hash"]
        check_round(made, ground)
        measured += len(made.measurements)
    assert measured


def out_spells(changes: list[dict[str, Any]], now_us: int) -> list[tuple[str, int, int]]:
    """Each node's spells outside, from the moment after it was put out to that of its trial."""
    spells = []
    for position, change in enumerate(changes):
        if change["state"] == "out":
            back = (later["at_us"] for later in changes[position + 1 :] if later["node"] == change["node"])
            spells.append((change["node"], change["at_us"], next(back, now_us)))
    return spells


def check_gauges(http: httpx2.Client) -> None:
    """Each node has each gauge once, with the value that the network shows."""

    def both() -> Any:
        before, text, after = network_of(http), http.get("/metrics").text, network_of(http)
        return (before, text) if before == after else None

    shown, text = eventually(both, 30)
    gauges = {
        (family.name, sample.labels["chain"], sample.labels["node"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "node" in sample.labels
    }
    expected = {
        (f"clearway_node_{name}", chain["chain"], node["id"]): node[name]
        for chain in shown["chains"]
        for node in chain["nodes"]
        for name in GAUGES
    }

    assert gauges == expected


def test_gauges_are_bounded_whatever_the_network(client: TestClient) -> None:
    service = service_of(client)
    few, many = (standing(count) for count in (3, MOST_NODES + 7))

    service.metrics.network.show(many)
    most = samples(client)
    service.metrics.network.show(few)

    assert (most, samples(client)) == (MOST_NODES, 3)


def samples(client: TestClient) -> int:
    return len(re.findall(r"^clearway_node_cap\{", client.get("/metrics").text, re.MULTILINE))


def standing(nodes: int) -> NetworkStanding:
    node = dict.fromkeys(("stake_ppm", "planned_ppm", "in_flight", "busiest", "reported", "cap", "service_us"), 0)
    node |= dict.fromkeys(("latency_us", "sent", "sent_now", "timeouts", "refused", "ejections"), 0)
    named = [{"id": f"n{i:04}", "operator": "one", "region": "eu", "health": "up", **node} for i in range(nodes)]
    delay = {"delay_us": 1, "low_us": 1, "high_us": 1}
    chain = ChainStanding.model_validate({"delay": delay, "nodes": named, "changes": []})
    return NetworkStanding(auction=0, at_ms=0, time_us=0, chains={"sim:a": chain})
