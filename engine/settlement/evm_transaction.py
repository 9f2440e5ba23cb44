"""Signed Ethereum transactions with a fee market (EIP-1559, type 2): RLP, signing hash, raw bytes.

Source: EIP-1559 and EIP-2718; RLP as in the yellow paper, appendix B; ECDSA with low s and deterministic k (RFC 6979).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from coincurve import PrivateKey

from intents.eip712 import keccak256

Rlp = bytes | Sequence["Rlp"]
"""What RLP encodes: bytes and lists."""


class EvmTransaction(NamedTuple):
    """A transaction; fees in wei for a unit of gas. `to` is 20 bytes, or empty to create a contract."""

    chain_id: int
    nonce: int
    max_priority_fee: int
    max_fee: int
    gas: int
    to: bytes
    value: int
    data: bytes


def rlp(item: Rlp) -> bytes:
    """The encoding."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _headed(0x80, item)
    return _headed(0xC0, b"".join(rlp(part) for part in item))


def sign(transaction: EvmTransaction, private_key: bytes) -> bytes:
    """The raw bytes, signed with a private key of 32 bytes."""
    fields: list[Rlp] = [part if isinstance(part, bytes) else _integer(part) for part in transaction]
    fields.append([])  # no access list
    digest = keccak256(b"\x02" + rlp(fields))
    signature = PrivateKey(private_key).sign_recoverable(digest, hasher=None)
    r, s, parity = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    return b"\x02" + rlp([*fields, _integer(parity), _integer(r), _integer(s)])


def _integer(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def _headed(offset: int, payload: bytes) -> bytes:
    if len(payload) < 56:
        return bytes((offset + len(payload),)) + payload
    length = _integer(len(payload))
    return bytes((offset + 55 + len(length),)) + length + payload
