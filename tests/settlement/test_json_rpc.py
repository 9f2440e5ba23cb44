"""Settlement on a real EVM over real HTTP: the contract, the raw transactions, and a whole plan to its end."""

from __future__ import annotations

import hashlib
from contextlib import ExitStack

import pytest
from eth_account import Account

from engine.settlement.chains import ChainSpec, Network, Node
from engine.settlement.choosing import ChainDispatchers
from engine.settlement.dispatch import Dispatch
from engine.settlement.evm_contract import RUNTIME, assemble, call_data
from engine.settlement.evm_transaction import EvmTransaction, rlp, sign
from engine.settlement.json_rpc import Endpoint, EvmChain, JsonRpcExecutor
from engine.settlement.plan import plan_of
from engine.settlement.progress import Progress
from engine.settlement.reconcile import hold_together
from engine.settlement.record import SettlementRecord, settlement_record
from engine.settlement.reports import Report
from intents.signing import ed25519_owner
from tests.settlement.chaos import check_books_of
from tests.settlement.evm_node import BLOCK_SECONDS, CHAIN_ID, KEY, Chain, serving
from tests.settlement.worlds import ALPHA, BETA, EXCHANGE, five_winners

DEPTH = 2
NEVER = bytes(32)


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


@pytest.fixture(scope="module")
def contract(chain: Chain) -> str:
    return chain.deploy()


def word(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def test_the_code_is_what_the_assembler_says(chain: Chain, contract: str) -> None:
    assert chain.tester.get_code(contract) == "0x" + RUNTIME.hex()
    assert assemble("here: 0x01 @here JUMPI STOP") == bytes.fromhex("5b6001600057" + "00")
    with pytest.raises(KeyError):
        assemble("@nowhere")


def test_the_contract_takes_an_id_once_in_time_and_undoes_only_what_happened(chain: Chain, contract: str) -> None:
    now = chain.now_us() // 1_000_000
    to = bytes.fromhex(contract.removeprefix("0x"))

    def taken(name: str, due: int = 0, reverses: bytes = NEVER) -> bool:
        sent = chain.submit(to, call_data(word(name), word("effects"), due, reverses))
        return bool(chain.tester.get_transaction_receipt(sent)["status"])

    assert not taken("undo", reverses=word("step"))
    assert taken("step", due=now + 10_000)
    assert not taken("step", due=now + 10_000)
    assert not taken("late", due=now - 1)
    assert taken("undo", reverses=word("step"))
    assert not taken("undo", reverses=word("step"))
    assert chain.stored(contract, word("step")) == int.from_bytes(word("effects"), "big")
    assert chain.stored(contract, word("late")) == 0


def test_rlp_and_signatures_are_those_of_others() -> None:
    assert rlp([b"cat", [b"", b"\x7f", b"\x80"]]).hex() == "c983636174c4807f8180"
    assert rlp(b"d" * 56).hex() == "b838" + "64" * 56
    for data in (b"", b"\x01" * 200):
        ours = sign(EvmTransaction(5, 7, 1, 10**10, 100_000, b"\x09" * 20, 3, data), KEY)
        fields = {
            "type": 2,
            "chainId": 5,
            "nonce": 7,
            "maxPriorityFeePerGas": 1,
            "maxFeePerGas": 10**10,
            "gas": 100_000,
            "to": "0x" + "09" * 20,
            "value": 3,
            "data": data,
        }
        assert ours == bytes(Account.sign_transaction(fields, KEY).raw_transaction)


class Places:
    """Three places, each with a chain of its own, a contract, and nodes at these URLs."""

    def __init__(self, chains: dict[str, Chain], urls: dict[str, dict[str, str]]) -> None:
        self.chains = chains
        self.contracts = {place: chains[place].deploy() for place in urls}
        keys = {name: word(name) for nodes in urls.values() for name in nodes}
        self.executor = JsonRpcExecutor(
            {
                place: EvmChain(
                    chain_id=CHAIN_ID,
                    contract=self.contracts[place],
                    depth=DEPTH,
                    endpoints={name: Endpoint(url, keys[name]) for name, url in nodes.items()},
                )
                for place, nodes in urls.items()
            },
            KEY,
            clock=lambda: min(chain.now_us() for chain in chains.values()),
            sleep=self._sleep,
        )
        self.network = Network(
            chains={
                place: ChainSpec(
                    block_us=BLOCK_SECONDS * 1_000_000,
                    finality_us=(DEPTH + 1) * BLOCK_SECONDS * 1_000_000,
                    quorum=len(nodes) // 2 + 1,
                    nodes=tuple(
                        Node(name=name, operator=name, region="here", key=ed25519_owner(keys[name])) for name in nodes
                    ),
                )
                for place, nodes in urls.items()
            }
        )

    def _sleep(self, seconds: float) -> None:
        for chain in self.chains.values():
            chain.sleep(seconds)

    def settled(self) -> SettlementRecord:
        record = five_winners()
        plan = plan_of(record, self.network, self.executor.now_us())
        chooser = ChainDispatchers(self.network, seed=1, now_us=self.executor.now_us())
        dispatch = Dispatch(plan, Progress(), chooser, lambda whole: hold_together(record, whole))
        for _ in range(300):
            action = dispatch.act(self.executor.now_us())
            if dispatch.done:
                return settlement_record(record, plan, dispatch.progress)[0]
            for send in action.sends:
                self.executor.send(send.transaction, send.node, send.sequence, self.executor.now_us())
            for ask in action.asks:
                self.executor.ask(ask.chain, ask.node, ask.transactions, self.executor.now_us())
            dispatch.take(self.executor.poll(action.next_us), self.executor.now_us())
        raise AssertionError("the settlement does not end")

    def effect(self, place: str, name: str) -> int:
        return self.chains[place].stored(self.contracts[place], bytes.fromhex(name.removeprefix("sha256:")))


def run(*, beta_takes: bool) -> tuple[Places, SettlementRecord]:
    """Alpha has a node that is down and one that takes nothing; beta has one node, which may take nothing either."""
    chains = {place: Chain() for place in (ALPHA, BETA, EXCHANGE)}

    def takes_nothing(method: str) -> bool:
        return method == "eth_sendRawTransaction"

    with ExitStack() as stack:
        good = {place: stack.enter_context(serving(chain)) for place, chain in chains.items()}
        deaf = {place: stack.enter_context(serving(chain, takes_nothing)) for place, chain in chains.items()}
        urls = {
            ALPHA: {"alpha.down": "http://127.0.0.1:1", "alpha.deaf": deaf[ALPHA], "alpha.good": good[ALPHA]},
            BETA: {"beta.only": good[BETA] if beta_takes else deaf[BETA]},
            EXCHANGE: {"exchange.only": good[EXCHANGE]},
        }
        places = Places(chains, urls)
        return places, places.settled()


def test_a_plan_settles_on_real_chains_around_nodes_that_fail() -> None:
    places, settled = run(beta_takes=True)

    assert sorted(settled.landed) == sorted(five_winners().winners)
    for step in settled.plan.steps:
        assert places.effect(step.chain, step.id) == int(step.effects.removeprefix("sha256:"), 16)
        assert places.effect(step.chain, settled.plan.undoing[step.id].id) == 0
    assert {attempt.node for attempt in settled.attempts} >= {"alpha.good", "beta.only"}
    assert len(settled.attempts) > len(settled.plan.steps)
    check_books_of(five_winners(), settled)


def test_what_can_not_go_on_is_undone_on_real_chains() -> None:
    places, settled = run(beta_takes=False)

    assert set(settled.failed.values()) == {"not_landed"}
    assert len(settled.failed) == 2
    undone = 0
    for step in settled.plan.steps:
        landed = places.effect(step.chain, step.id) != 0
        reversed_ = places.effect(step.chain, settled.plan.undoing[step.id].id) != 0
        assert not (landed and step.chain == BETA)
        assert reversed_ == (step.bid in settled.failed and landed)
        undone += reversed_
    assert undone > 0
    check_books_of(five_winners(), settled)


def test_sending_twice_is_one_effect(chain: Chain) -> None:
    with serving(chain) as url:
        everywhere = (ALPHA, BETA, EXCHANGE)
        places = Places(
            dict.fromkeys(everywhere, chain), {place: {place.replace(":", "."): url} for place in everywhere}
        )
        step = plan_of(five_winners(), places.network, places.executor.now_us()).steps[0]
        node = step.chain.replace(":", ".")
        for sequence in range(3):
            places.executor.send(step, node, sequence, 0)
        answers = [places.executor.poll(0) for _ in range(DEPTH + 3)]
        places.executor.ask(step.chain, node, [step.id], 0)
        places.executor.probe(f"{step.chain}/{node}", f"{step.chain}/{node}", step.id, 0)
        (report,) = places.executor.poll(0)
        logs = chain.tester.get_logs(from_block=0, to_block="latest", address=places.contracts[step.chain])

    assert answers[-1] == []
    assert len(logs) == 1
    assert isinstance(report, Report)
    assert not places.executor.signs(step.chain)  # so nobody waits for heartbeats and measurements
    assert [seen.status for seen in report.seen] == ["final"]
