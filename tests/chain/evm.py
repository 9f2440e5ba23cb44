"""A chain of one machine: contracts are deployed and called, transactions are final at once.

Calls are encoded by the contract ABI (eth_abi); what a contract reverts with is `Reverted`.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from eth_abi.abi import decode, encode
from sha3 import keccak_256

from tests.chain.cache import module

ME = "0x" + "11" * 20
"""Who sends every transaction."""

_ERROR = keccak_256(b"Error(string)").digest()[:4]


class Reverted(Exception):  # noqa: N818 - what the machine calls it
    """A call that the contract refused; the text is its reason."""


class Chain:
    """One machine with its state."""

    def __init__(self) -> None:
        self._evm = module("pyrevm").EVM()

    def deploy(self, code: bytes, types: str = "()", *values: Any) -> str:
        """Run creation code with constructor arguments; the contract's address. Raises Reverted."""
        try:
            address: str = self._evm.deploy(ME, code + encode(_types(types), values))
        except RuntimeError as error:
            raise _reverted(error) from None
        return address

    def send(self, to: str, data: bytes) -> bytes:
        """Call with encoded data, keeping what it changes; what it returns. Raises Reverted."""
        try:
            answer: bytes = self._evm.message_call(ME, to, data)
        except RuntimeError as error:
            raise _reverted(error) from None
        return answer

    def call(self, to: str, signature: str, *values: Any, returns: str = "(uint256)") -> Any:
        """Call a function by its signature; its result, a tuple where it has several. Raises Reverted."""
        answer = decode(_types(returns), self.send(to, calldata(signature, *values)))
        return answer[0] if len(answer) == 1 else answer


def calldata(signature: str, *values: Any) -> bytes:
    """The call of a function by its signature, such as `transfer(address,uint256)`."""
    selector, types = _function(signature)
    return selector + encode(types, values)


@cache
def _function(signature: str) -> tuple[bytes, list[str]]:
    return keccak_256(signature.encode()).digest()[:4], _types(signature[signature.index("(") :])


@cache
def _types(group: str) -> list[str]:
    """The types of "(a,(b,c)[],d)", nested groups kept whole."""
    found, depth, start = [], 0, 1
    for position, letter in enumerate(group):
        depth += (letter == "(") - (letter == ")")
        if (letter == "," and depth == 1) or (position == len(group) - 1 and position > start):
            found.append(group[start:position])
            start = position + 1
    return found


def _reverted(error: RuntimeError) -> Reverted:
    text = str(error)
    if not text.startswith("Revert"):
        return Reverted(text)
    data = bytes.fromhex(text.partition("output: 0x")[2].strip(" }"))
    return Reverted(decode(["string"], data[4:])[0] if data[:4] == _ERROR else data.hex())
