"""EIP-712: the digest of typed structured data, for any types.

Guarantees
1. `Schema.digest` is keccak256(0x1901 || domain separator || hashStruct(message)) as EIP-712 defines it, for the types
   uintN, intN, bool, address, bytesN, bytes, string, structs, and dynamic arrays of them.
2. Nothing is coerced: a value out of its type's range, a missing or an extra field is refused (`bad_typed_data`, with
   the JSON pointer). Integers are given as integers or decimal digits, bytes and addresses as 0x and lower-case hex.

Type hashes are computed once per schema. It does not know fixed-size arrays, and keeps no keys.
Source: https://eips.ethereum.org/EIPS/eip-712 (final).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NoReturn

from Crypto.Hash import keccak

from intents.errors import InputError

Fields = Sequence[tuple[str, str]]
"""(type, name) of a struct's fields, in order, as in Solidity."""

_DOMAIN_TYPES = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}
_INTEGER = re.compile(r"(u?)int([1-9][0-9]{0,2})", re.ASCII)
_FIXED_BYTES = re.compile(r"bytes([1-9]|[12][0-9]|3[0-2])", re.ASCII)
_HEX = re.compile(r"0x([0-9a-f]{2})*", re.ASCII)
_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,77}", re.ASCII)


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash: Keccak with the original padding, 32 bytes."""
    return keccak.new(digest_bits=256, data=data).digest()


def domain_fields(domain: Mapping[str, Any]) -> Fields:
    """The fields of `EIP712Domain` that a domain has, in the standard's order."""
    return [(_DOMAIN_TYPES[name], name) for name in _DOMAIN_TYPES if name in domain]


_EMPTY = keccak256(b"")


class Schema:
    """Struct types that refer to one another, with their type hashes."""

    def __init__(self, types: Mapping[str, Fields]) -> None:
        self.types = types
        self._type_hashes = {name: keccak256(self.encode_type(name).encode()) for name in types}

    def encode_type(self, name: str) -> str:
        """The type's text: its own fields, then those of every struct it refers to, by name."""
        return "".join(
            f"{struct}({','.join(f'{kind} {field}' for kind, field in self.types[struct])})"
            for struct in [name, *sorted(self._referenced(name) - {name})]
        )

    def hash_struct(self, name: str, data: Mapping[str, Any], where: str = "") -> bytes:
        """keccak256 of the type hash and the encoded fields. Raises InputError `bad_typed_data`."""
        fields = self.types[name]
        if data.keys() != {field for _, field in fields}:
            _refuse(where, f"exactly the fields of {name}", str(sorted(data)))
        encoded = (self._encode(kind, data[field], f"{where}/{field}") for kind, field in fields)
        return keccak256(self._type_hashes[name] + b"".join(encoded))

    def digest(self, domain_separator: bytes, name: str, data: Mapping[str, Any]) -> bytes:
        """The 32 bytes that are signed. Raises InputError `bad_typed_data`."""
        return keccak256(b"\x19\x01" + domain_separator + self.hash_struct(name, data))

    def _referenced(self, name: str) -> set[str]:
        found, waiting = {name}, [name]
        while waiting:
            elements = {kind.removesuffix("[]") for kind, _ in self.types[waiting.pop()]}
            new = (elements & self.types.keys()) - found
            found |= new
            waiting += new
        return found

    def _encode(self, kind: str, value: Any, where: str) -> bytes:
        if kind.endswith("[]"):
            if not isinstance(value, list | tuple):
                _refuse(where, kind, repr(value))
            element = kind.removesuffix("[]")
            if not value:
                return _EMPTY
            return keccak256(b"".join(self._encode(element, item, f"{where}/{i}") for i, item in enumerate(value)))
        if kind in self.types:
            if not isinstance(value, Mapping):
                _refuse(where, kind, repr(value))
            return self.hash_struct(kind, value, where)
        return _encode_atom(kind, value, where)


def domain_separator(domain: Mapping[str, Any]) -> bytes:
    """The hash of the domain as a struct. Raises InputError `bad_typed_data`."""
    return Schema({"EIP712Domain": domain_fields(domain)}).hash_struct("EIP712Domain", domain)


def _encode_atom(kind: str, value: Any, where: str) -> bytes:
    if kind == "string" and isinstance(value, str):
        return _text_hash(value)
    if kind == "bool" and isinstance(value, bool):
        return int(value).to_bytes(32, "big")
    if isinstance(value, str) and value.startswith("0x") and _HEX.fullmatch(value):
        data = bytes.fromhex(value[2:])
        if kind == "bytes":
            return keccak256(data)
        if kind == "address" and len(data) == 20:
            return data.rjust(32, b"\0")
        sized = _FIXED_BYTES.fullmatch(kind)
        if sized and len(data) == int(sized[1]):
            return data.ljust(32, b"\0")
    bounds = _bounds(kind)
    if bounds is not None:
        number = _as_integer(value)
        if number is not None and bounds[0] <= number < bounds[1]:
            return (number % (1 << 256)).to_bytes(32, "big")
    return _refuse(where, kind, repr(value))


@lru_cache(maxsize=1024)
def _text_hash(text: str) -> bytes:
    # The same few assets, owners and policies come again and again, and hashing is most of what a digest costs.
    return keccak256(text.encode())


@lru_cache(maxsize=128)
def _bounds(kind: str) -> tuple[int, int] | None:
    """(least, most + 1) of an integer type; None for another type."""
    integer = _INTEGER.fullmatch(kind)
    if integer is None:
        return None
    bits = int(integer[2])
    return (0, 1 << bits) if integer[1] else (-1 << (bits - 1), 1 << (bits - 1))


def _as_integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _refuse(where: str, expected: str, actual: str) -> NoReturn:
    raise InputError("bad_typed_data", where, expected=expected, actual=actual[:200])
