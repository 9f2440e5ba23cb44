"""EVM chains over JSON-RPC: an Executor that speaks to real nodes. The one module here that opens connections.

Guarantees
1. The chain's settlement contract (engine.settlement.evm_contract) takes an id once and none late, so sending again,
   through any node and after any crash, is safe: a second inclusion reverts.
2. What a node says is taken from its own chain: the contract's log names the id, the transaction's receipt the gas. Final
   is what has `depth` blocks on top; the chain's final time is that block's timestamp.
3. A node that does not answer says nothing; a node that refuses gets a `refused` receipt.

EVM nodes sign no answers: receipts and reports are signed with a witness key of ours for each endpoint, so a quorum of
them means that so many endpoints said so to us over their connections. Gas is burnt by the sender's key, whatever the
plan's bound is: `gas` bounds it here. Methods: Ethereum's execution-apis.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from engine.network.trust.receipts import Receipt
from engine.settlement.evm_contract import call_data
from engine.settlement.evm_transaction import EvmTransaction, sign
from engine.settlement.executor import Answer
from engine.settlement.plan import Transaction
from engine.settlement.reports import Report, Seen
from intents.errors import ClearwayError, InputError
from intents.signing import eip712_owner

GAS = 150_000
"""Most that a call of the contract burns: two cold slots, a log and its data are below 75,000."""

ANSWER_BYTES = 4 * 2**20
"""Most that is read of an answer."""

_MICROS = 1_000_000


class RpcError(ClearwayError):
    """A node refused a request: code `rpc_refused`. Raises nothing of its own where it did not answer: see `_Silent`."""

    code = "rpc_refused"


class _SilentError(ClearwayError):
    """A node gave no answer that can be read."""

    code = "rpc_silent"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A node's URL (http or https) and the 32 bytes of the key that we sign its words with."""

    url: str
    witness_key: bytes

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in {"http", "https"}:
            raise InputError("bad_url", "/url", expected="http:// or https://", actual=self.url[:80])


@dataclass(frozen=True, slots=True)
class EvmChain:
    """A chain: its EIP-155 id, the settlement contract's address, blocks to finality, endpoints by node name."""

    chain_id: int
    contract: str
    depth: int
    endpoints: dict[str, Endpoint]
    tip: int = 10**9
    gas: int = GAS


@dataclass(slots=True)
class _Sent:
    """A send whose receipt is due."""

    transaction: Transaction
    node: str
    sequence: int


@dataclass(slots=True)
class _Signed:
    """Raw bytes of a transaction, for sending again as they are; its nonce is free for others after `due_us`."""

    nonce: int
    raw: bytes
    due_us: int | None


@dataclass
class JsonRpcExecutor:
    """Sends with one key, the same on all chains. `clock` tells microseconds since 1970, `sleep` takes seconds."""

    chains: dict[str, EvmChain]
    private_key: bytes = field(repr=False)
    timeout_seconds: float = 5.0
    clock: Callable[[], int] = lambda: time.time_ns() // 1000
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        self._address = eip712_owner(self.private_key)
        self._sent: list[_Sent] = []
        self._answers: list[Answer] = []
        self._signed: dict[str, dict[str, _Signed]] = {chain: {} for chain in self.chains}

    def now_us(self) -> int:
        """Microseconds since 1970, which the chains' timestamps count in seconds."""
        return self.clock()

    def send(self, transaction: Transaction, node: str, sequence: int, at_us: int) -> None:
        """Sign and hand over. What the node refuses is answered by a receipt; silence is not answered."""
        chain = self.chains[transaction.chain]
        try:
            raw = self._raw(chain, chain.endpoints[node], transaction)
            self._call(chain.endpoints[node], "eth_sendRawTransaction", "0x" + raw.hex())
        except RpcError:
            self._signed[transaction.chain].pop(transaction.id, None)  # its nonce must not hold up others
            self._receipt(transaction, node, sequence, "refused", None)
        except _SilentError:
            return
        else:
            self._sent.append(_Sent(transaction, node, sequence))

    def ask(self, chain: str, node: str, transactions: Sequence[str], at_us: int) -> None:
        """Ask now; the report comes with the next poll."""
        endpoint = self.chains[chain].endpoints[node]
        try:
            head, final_us = self._head(self.chains[chain], endpoint)
            seen = tuple(self._seen(self.chains[chain], endpoint, name, head) for name in transactions)
        except (RpcError, _SilentError):
            return
        report = Report(node=node, chain=chain, asked_us=at_us, final_us=final_us, seen=seen)
        self._answers.append(report.signed(endpoint.witness_key))

    def poll(self, until_us: int) -> list[Answer]:
        """Answers, and receipts of sends that are in a block by now. Waits until then only where no answer is there yet."""
        if not self._answers:
            self.sleep(max(0, until_us - self.clock()) / _MICROS)
        open_ = []
        for sent in self._sent:
            chain = self.chains[sent.transaction.chain]
            try:
                found = self._included(chain, chain.endpoints[sent.node], sent.transaction.id)
            except (RpcError, _SilentError):
                found = None
            if found is None:
                open_.append(sent)
            else:
                self._receipt(sent.transaction, sent.node, sent.sequence, "landed", found)
        self._sent = open_
        answers, self._answers = self._answers, []
        return answers

    def signs(self, chain: str) -> bool:
        """No: EVM nodes have no key for it, and a heartbeat that we sign for them would be our own word."""
        return False

    def probe(self, challenger: str, node: str, seed: str, at_us: int) -> None:
        """Nothing: EVM nodes do not measure each other."""

    def _raw(self, chain: EvmChain, endpoint: Endpoint, transaction: Transaction) -> bytes:
        """The same bytes as before while their nonce is unused, else new ones at the first nonce that nobody waits for.

        Nodes count pending transactions in ways of their own, so nonces are counted here, from what is in blocks.
        """
        signed = self._signed[transaction.chain]
        used = int(self._call(endpoint, "eth_getTransactionCount", self._address, "latest"), 16)
        now_us = self.clock()
        for name, each in list(signed.items()):
            if each.nonce < used or (each.due_us is not None and each.due_us < now_us):
                del signed[name]
        if transaction.id not in signed:
            taken = {each.nonce for each in signed.values()}
            nonce = next(number for number in range(used, used + len(taken) + 1) if number not in taken)
            raw = self._sign(chain, endpoint, transaction, nonce)
            signed[transaction.id] = _Signed(nonce, raw, transaction.due_us)
        return signed[transaction.id].raw

    def _sign(self, chain: EvmChain, endpoint: Endpoint, transaction: Transaction, nonce: int) -> bytes:
        block = self._call(endpoint, "eth_getBlockByNumber", "latest", False)  # noqa: FBT003 - a JSON argument
        due = 0 if transaction.due_us is None else transaction.due_us // _MICROS
        data = call_data(_word(transaction.id), _word(transaction.effects), due, _word(transaction.reverses))
        fee = 2 * int(block["baseFeePerGas"], 16) + chain.tip
        to = bytes.fromhex(chain.contract.removeprefix("0x"))
        return sign(EvmTransaction(chain.chain_id, nonce, chain.tip, fee, chain.gas, to, 0, data), self.private_key)

    def _head(self, chain: EvmChain, endpoint: Endpoint) -> tuple[int, int]:
        """The node's newest block and the time of its last final one, 0 while there is none."""
        head = int(self._call(endpoint, "eth_blockNumber"), 16)
        if head < chain.depth:
            return head, 0
        final = self._call(endpoint, "eth_getBlockByNumber", hex(head - chain.depth), False)  # noqa: FBT003 - JSON
        return head, int(final["timestamp"], 16) * _MICROS

    def _seen(self, chain: EvmChain, endpoint: Endpoint, name: str, head: int) -> Seen:
        found = self._included(chain, endpoint, name)
        if found is None:
            return Seen(transaction=name, status="absent")
        height = int(found["blockNumber"], 16)
        return Seen(
            transaction=name,
            status="final" if height + chain.depth <= head else "included",
            height=height,
            block=found["blockHash"],
            gas=int(found["gasUsed"], 16),
            gas_price=int(found["effectiveGasPrice"], 16),
        )

    def _included(self, chain: EvmChain, endpoint: Endpoint, name: str) -> dict[str, Any] | None:
        """The receipt of the transaction that the contract took this id from, whoever sent it."""
        topics = ["0x" + _word(name).hex()]
        wanted = {"address": chain.contract, "topics": topics, "fromBlock": "0x0", "toBlock": "latest"}
        logs = self._call(endpoint, "eth_getLogs", wanted)
        if not logs:
            return None
        receipt: dict[str, Any] | None = self._call(endpoint, "eth_getTransactionReceipt", logs[0]["transactionHash"])
        return receipt

    def _receipt(
        self, transaction: Transaction, node: str, sequence: int, status: str, found: dict[str, Any] | None
    ) -> None:
        receipt = Receipt.model_validate(
            {
                "node": node,
                "chain": transaction.chain,
                "transaction": transaction.id,
                "sequence": sequence,
                "status": status,
                "height": 0 if found is None else int(found["blockNumber"], 16),
                "gas": 0 if found is None else int(found["gasUsed"], 16),
                "at_us": self.clock(),
            }
        )
        endpoint = self.chains[transaction.chain].endpoints[node]
        self._answers.append(receipt.signed(endpoint.witness_key))

    def _call(self, endpoint: Endpoint, method: str, *arguments: Any) -> Any:
        """The result. Raises RpcError where the node says no, _SilentError where it says nothing that can be read."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": arguments}).encode()
        request = Request(endpoint.url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked in Endpoint
        try:
            with urlopen(request, timeout=self.timeout_seconds) as answer:  # noqa: S310 - checked in Endpoint
                data = json.loads(answer.read(ANSWER_BYTES))
        except (OSError, HTTPException, ValueError) as error:
            raise _SilentError(f"rpc_silent: {method} at {endpoint.url}: {error}") from None
        if not isinstance(data, dict) or ("result" not in data and "error" not in data):
            raise _SilentError(f"rpc_silent: {method} at {endpoint.url}: no JSON-RPC answer")
        if "error" in data:
            raise RpcError(f"rpc_refused: {method} at {endpoint.url}: {data['error']}")
        return data["result"]


def _word(name: str | None) -> bytes:
    """The 32 bytes of a digest; zero for none."""
    return bytes(32) if name is None else bytes.fromhex(name.removeprefix("sha256:"))
