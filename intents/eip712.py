"""EIP-712: the digest of typed structured data, for any types.

Guarantees
1. `Schema.digest` is keccak256(0x1901 || domain separator || hashStruct(message)) as EIP-712 defines it, for the types
   uintN, intN, bool, address, bytesN, bytes, string, structs, and dynamic arrays of them.
2. Nothing is coerced: a value out of its type's range, a missing or an extra field is refused (`bad_typed_data`, with
   the JSON pointer). Integers are given as integers or decimal digits, bytes and addresses as 0x and lower-case hex.

Type hashes, and how each field is encoded, are found once per schema. It does not know fixed-size arrays, and keeps no keys.
Source: https://eips.ethereum.org/EIPS/eip-712 (final).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, NoReturn

from sha3 import keccak_256

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
    digest: bytes = keccak_256(data).digest()
    return digest


def domain_fields(domain: Mapping[str, Any]) -> Fields:
    """The fields of `EIP712Domain` that a domain has, in the standard's order."""
    return [(_DOMAIN_TYPES[name], name) for name in _DOMAIN_TYPES if name in domain]


_EMPTY = keccak256(b"")

_Encoder = Callable[[Any], bytes]
"""Encodes a value of one type; the places of the errors that it raises are pointers into the value."""


class Schema:
    """Struct types that refer to one another, with their type hashes."""

    def __init__(self, types: Mapping[str, Fields]) -> None:
        self.types = types
        self._type_hashes = {name: keccak256(self.encode_type(name).encode()) for name in types}
        self._structs: dict[str, _Encoder] = {}
        for name in types:
            self._structs[name] = self._struct(name)

    def encode_type(self, name: str) -> str:
        """The type's text: its own fields, then those of every struct it refers to, by name."""
        return "".join(
            f"{struct}({','.join(f'{kind} {field}' for kind, field in self.types[struct])})"
            for struct in [name, *sorted(self._referenced(name) - {name})]
        )

    def hash_struct(self, name: str, data: Mapping[str, Any]) -> bytes:
        """keccak256 of the type hash and the encoded fields. Raises InputError `bad_typed_data`."""
        return self._structs[name](data)

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

    def _struct(self, name: str) -> _Encoder:
        type_hash = self._type_hashes[name]
        encoders = {field: self._encoder(kind) for kind, field in self.types[name]}

        def encode(data: Any) -> bytes:
            if not isinstance(data, Mapping):
                _refuse(name, repr(data))
            if data.keys() != encoders.keys():
                _refuse(f"exactly the fields of {name}", str(sorted(data)))
            parts = [type_hash]
            for field, encoder in encoders.items():
                try:
                    parts.append(encoder(data[field]))
                except InputError as error:
                    raise _within(field, error) from None
            return keccak256(b"".join(parts))

        return encode

    def _encoder(self, kind: str) -> _Encoder:
        if kind.endswith("[]"):
            return _array(kind, self._encoder(kind.removesuffix("[]")))
        if kind in self.types:
            return partial(self.hash_struct, kind)  # looked up when it is used: it may not be made yet
        return _atom(kind)


def domain_separator(domain: Mapping[str, Any]) -> bytes:
    """The hash of the domain as a struct. Raises InputError `bad_typed_data`."""
    return Schema({"EIP712Domain": domain_fields(domain)}).hash_struct("EIP712Domain", domain)


def _array(kind: str, element: _Encoder) -> _Encoder:
    def encode(items: Any) -> bytes:
        if not isinstance(items, list | tuple):
            _refuse(kind, repr(items))
        if not items:
            return _EMPTY
        parts = []
        for place, item in enumerate(items):
            try:
                parts.append(element(item))
            except InputError as error:
                raise _within(str(place), error) from None
        return keccak256(b"".join(parts))

    return encode


def _atom(kind: str) -> _Encoder:
    if kind == "string":
        return lambda value: _text_hash(value) if isinstance(value, str) else _refuse(kind, repr(value))
    if kind == "bool":
        return lambda value: int(value).to_bytes(32, "big") if isinstance(value, bool) else _refuse(kind, repr(value))
    if integer := _INTEGER.fullmatch(kind):
        bits = int(integer[2])
        return _number(kind, 0, 1 << bits) if integer[1] else _number(kind, -1 << (bits - 1), 1 << (bits - 1))
    return _binary(kind)


def _number(kind: str, least: int, limit: int) -> _Encoder:
    def encode(value: Any) -> bytes:
        number = value if type(value) is int else _as_integer(value)
        if number is None or not least <= number < limit:
            _refuse(kind, repr(value))
        return (number % (1 << 256)).to_bytes(32, "big")

    return encode


def _binary(kind: str) -> _Encoder:
    sized = _FIXED_BYTES.fullmatch(kind)

    def encode(value: Any) -> bytes:
        if isinstance(value, str) and _HEX.fullmatch(value):
            data = bytes.fromhex(value[2:])
            if kind == "bytes":
                return keccak256(data)
            if kind == "address" and len(data) == 20:
                return data.rjust(32, b"\0")
            if sized and len(data) == int(sized[1]):
                return data.ljust(32, b"\0")
        return _refuse(kind, repr(value))

    return encode


@lru_cache(maxsize=1024)
def _text_hash(text: str) -> bytes:
    # The same few assets, owners and policies come again and again, and hashing is most of what a digest costs.
    return keccak256(text.encode())


def _as_integer(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else None


def _within(place: str, error: InputError) -> InputError:
    """The error as it is seen from around that place."""
    return InputError(error.code, f"/{place}{error.where}", expected=error.expected, actual=error.actual)


def _refuse(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_typed_data", "", expected=expected, actual=actual[:200])
