"""A real local EVM (py-evm) behind real HTTP: enough of Ethereum's JSON-RPC for an executor, from eth-tester's API."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.exceptions import TransactionNotFound, ValidationError

from engine.settlement.evm_contract import creation_code
from engine.settlement.evm_transaction import EvmTransaction, sign
from intents.eip712 import keccak256
from intents.signing import eip712_owner

KEY = b"\x17" * 32
CHAIN_ID = 131_277_322_940_537
"""eth-tester's."""

BLOCK_SECONDS = 60
"""Slow, so that a bridge's delay is few blocks."""


class Chain:
    """One EVM chain, mined when told; every caller waits for the others."""

    def __init__(self) -> None:
        self.tester = EthereumTester(PyEVMBackend())
        self.lock = Lock()
        owner, account = self.tester.get_accounts()[0], eip712_owner(KEY)
        fees = {"max_fee_per_gas": 10**10, "max_priority_fee_per_gas": 10**9}
        self.tester.send_transaction({"from": owner, "to": account, "value": 10**20, "gas": 21_000, **fees})
        self.pool: list[str] = []

    def deploy(self) -> str:
        """Put a settlement contract on the chain; its address."""
        name = self.submit(b"", creation_code())
        return str(self.tester.get_transaction_receipt(name)["contract_address"])

    def submit(self, to: bytes, data: bytes, gas: int = 200_000) -> str:
        nonce = self.tester.get_nonce(eip712_owner(KEY), "latest")
        raw = sign(EvmTransaction(CHAIN_ID, nonce, 10**9, 10**10, gas, to, 0, data), KEY)
        return str(self.tester.send_raw_transaction("0x" + raw.hex()))

    def sleep(self, seconds: float) -> None:
        """So much time passes, with a block every `BLOCK_SECONDS`, at least one, and one for each waiting transaction."""
        with self.lock:
            for _ in range(max(1, round(seconds / BLOCK_SECONDS))):
                latest = self.tester.get_block_by_number("latest")["timestamp"]
                self.tester.time_travel(latest + BLOCK_SECONDS)
                self._include()

    def _include(self) -> None:
        """What waits in the order of nonces; eth-tester itself keeps no transaction whose nonce is not the next."""
        waiting, self.pool = self.pool, []
        for raw in waiting:
            try:
                self.tester.send_raw_transaction(raw)
            except ValidationError as error:
                if "but got" in str(error) and _is_ahead(str(error)):
                    self.pool.append(raw)
        self.tester.mine_blocks(1)

    def now_us(self) -> int:
        with self.lock:
            return int(self.tester.get_block_by_number("latest")["timestamp"]) * 1_000_000

    def stored(self, contract: str, word: bytes) -> int:
        with self.lock:
            return int(self.tester.get_storage_at(contract, hex(int.from_bytes(word, "big"))), 16)

    def answer(self, method: str, arguments: list[Any]) -> Any:
        """The result of a call; raises what eth-tester raises."""
        tester = self.tester
        match method, arguments:
            case "eth_blockNumber", []:
                return hex(tester.get_block_by_number("latest")["number"])
            case "eth_getBlockByNumber", [number, False]:
                block = tester.get_block_by_number(number if number == "latest" else int(number, 16))
                return {"timestamp": hex(block["timestamp"]), "baseFeePerGas": hex(block["base_fee_per_gas"])}
            case "eth_getTransactionCount", [account, block]:
                return hex(tester.get_nonce(account, block))
            case "eth_sendRawTransaction", [raw]:
                if raw not in self.pool:
                    self.pool.append(raw)
                return "0x" + keccak256(bytes.fromhex(raw[2:])).hex()
            case "eth_getLogs", [{"address": address, "topics": topics, "fromBlock": start}]:
                logs = tester.get_logs(from_block=int(start, 16), to_block="latest", address=address, topics=topics)
                return [{"transactionHash": log["transaction_hash"]} for log in logs]
            case "eth_getTransactionReceipt", [name]:
                return self._receipt(name)
        raise ValueError(f"no such method: {method} {arguments}")

    def _receipt(self, name: str) -> dict[str, str] | None:
        try:
            found = self.tester.get_transaction_receipt(name)
        except TransactionNotFound:
            return None
        return {
            "blockNumber": hex(found["block_number"]),
            "blockHash": found["block_hash"],
            "gasUsed": hex(found["gas_used"]),
            "effectiveGasPrice": hex(found["effective_gas_price"]),
            "status": hex(found["status"]),
        }


def _is_ahead(message: str) -> bool:
    """Whether "Expected <nonce>, but got <nonce>" says that the nonce is one of later."""
    expected, got = (int(number) for number in re.findall(r"(\d+)", message)[-2:])
    return got > expected


Refuses = Callable[[str], bool]


@contextmanager
def serving(chain: Chain, refuses: Refuses = lambda _: False) -> Iterator[str]:
    """A node's URL. What it `refuses`, by method, it answers with an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer: dict[str, Any] = {"jsonrpc": "2.0", "id": asked["id"]}
            try:
                method = "refused" if refuses(asked["method"]) else asked["method"]
                with chain.lock:
                    answer["result"] = chain.answer(method, asked["params"])
            except Exception as error:  # noqa: BLE001 - a node answers every fault with an error
                answer["error"] = {"code": -32000, "message": str(error)[:300]}
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
