"""What an owner signs: digests of outcomes and cancellations, signatures over them, and nonces.

Guarantees
1. The digest is EIP-712's, with the domain {name "Clearway", version "1", salt: the deployment's}. There is no chainId:
   an outcome may span chains, and every asset id names its own. All fields of an Outcome are signed under their wire
   names; maps of assets become `Amount[]` in ascending order of asset. An intent's id is this digest.
2. One signature for one digest and key is accepted in one spelling: 65 bytes r, s, v with s in the lower half and
   v 27 or 28 (`eip712`, owner 0x...), or 64 bytes of Ed25519 over the same 32 bytes (`ed25519`, owner ed25519:...).
3. A cancellation signed for one deployment or intent is good for no other.
4. A nonce is unordered and belongs to one intent: (owner, nonce) is claimed once.

It does not know whether an outcome makes sense or still stands, and keeps no keys.
Sources: EIP-712, EIP-2 (lower half of s), RFC 8032 (Ed25519).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, NoReturn

from coincurve import PrivateKey, PublicKey
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from intents.eip712 import Fields, Schema, domain_fields, domain_separator, keccak256
from intents.errors import InputError
from intents.identifiers import Bytes32, OwnerId
from intents.outcome import Outcome
from intents.values import Value

Scheme = Literal["eip712", "ed25519"]

OUTCOME_TYPES: Mapping[str, Fields] = {
    "Outcome": [
        ("string", "owner"),
        ("string", "receiver"),
        ("uint256", "nonce"),
        ("uint64", "valid_from"),
        ("uint64", "valid_until"),
        ("Amount[]", "pays"),
        ("Amount[]", "receives"),
        ("PayoffFloor[]", "payoff_floors"),
        ("ExposureBound[]", "exposure_bounds"),
        ("Amount[]", "worst_loss"),
        ("uint256", "units"),
        ("uint256", "min_units"),
        ("string", "fill_policy"),
        ("string", "surplus_asset"),
        ("Amount[]", "max_escrow"),
        ("string[]", "allowed_issuers"),
        ("string[]", "allowed_venues"),
        ("IndexHaircut[]", "allowed_indices"),
        ("Amount[]", "refund"),
    ],
    "Amount": [("string", "asset"), ("uint256", "amount")],
    "PayoffFloor": [
        ("string", "underlying"),
        ("string", "index"),
        ("uint64", "fixing_seconds"),
        ("string", "settlement"),
        ("string", "style"),
        ("Knot[]", "knots"),
        ("int256", "slope"),
    ],
    "Knot": [("string", "at"), ("int256", "value")],
    "ExposureBound": [("string", "underlying"), ("string", "measure"), ("int256", "low"), ("int256", "high")],
    "IndexHaircut": [("string", "index"), ("uint16", "haircut_bps")],
}
"""The EIP-712 types of an outcome."""

CANCELLATION_TYPES: Mapping[str, Fields] = {"Cancellation": [("string", "owner"), ("bytes32", "intent")]}
"""The EIP-712 type of a cancellation."""

_AMOUNT_MAPS = frozenset(name for kind, name in OUTCOME_TYPES["Outcome"] if kind == "Amount[]")
_SCHEMAS = {"Outcome": Schema(OUTCOME_TYPES), "Cancellation": Schema(CANCELLATION_TYPES)}
_BYTES32 = re.compile(r"0x[0-9a-f]{64}", re.ASCII)
_CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ED25519 = "ed25519:"


class Cancellation(Value):
    """The owner's wish that an intent be filled no more. `intent` is the intent's digest."""

    owner: OwnerId
    intent: Bytes32


Signable = Outcome | Cancellation


class Signed(NamedTuple):
    """A signature: `eip712` is 65 bytes r, s, v, `ed25519` 64 bytes; 0x and lower-case hex."""

    scheme: Scheme
    signature: str


def typed_data(value: Signable, salt: str) -> dict[str, Any]:
    """The typed data that a wallet shows and signs, in the JSON form of EIP-712. `salt` is the deployment's, bytes32."""
    name = type(value).__name__
    domain = _domain(salt)
    types = {"EIP712Domain": domain_fields(domain), **_SCHEMAS[name].types}
    return {
        "types": {struct: [{"name": n, "type": t} for t, n in fields] for struct, fields in types.items()},
        "primaryType": name,
        "domain": domain,
        "message": _message(value.to_wire()),
    }


def outcome_digest(outcome: Outcome, salt: str) -> bytes:
    """The 32 bytes that the owner of an outcome signs."""
    return digest(outcome, salt)


def intent_id(outcome: Outcome, salt: str) -> str:
    """The id of the signed outcome: 0x and the hex of its digest."""
    return "0x" + digest(outcome, salt).hex()


def digest(value: Signable, salt: str) -> bytes:
    """The EIP-712 digest of an outcome or a cancellation under the deployment's salt (0x and 64 hex digits)."""
    name = type(value).__name__
    return _SCHEMAS[name].digest(_separator(salt), name, _message(value.model_dump(by_alias=True)))


def eip712_owner(private_key: bytes) -> str:
    """The owner id of a secp256k1 key of 32 bytes: its Ethereum address. Raises InputError `bad_key`."""
    if len(private_key) != 32 or not 0 < int.from_bytes(private_key, "big") < _CURVE_ORDER:
        raise InputError("bad_key", "", expected="32 bytes below the curve's order", actual=f"{len(private_key)} bytes")
    return _address(PublicKey.from_secret(private_key))


def ed25519_owner(private_key: bytes) -> str:
    """The owner id of an Ed25519 key (seed of 32 bytes). Raises InputError `bad_key`."""
    if len(private_key) != 32:
        raise InputError("bad_key", "", expected="a seed of 32 bytes", actual=f"{len(private_key)} bytes")
    return _ED25519 + Ed25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw().hex()


def sign_eip712(value: Signable, salt: str, private_key: bytes) -> Signed:
    """Sign with the owner's secp256k1 key (deterministic nonce, RFC 6979). Raises InputError `bad_key`, `wrong_key`."""
    _check_key(value.owner, eip712_owner(private_key))
    signature = PrivateKey(private_key).sign_recoverable(digest(value, salt), hasher=None)
    return Signed("eip712", "0x" + (signature[:64] + bytes([27 + signature[64]])).hex())


def sign_ed25519(value: Signable, salt: str, private_key: bytes) -> Signed:
    """Sign with the owner's Ed25519 key (seed of 32 bytes). Raises InputError `bad_key`, `wrong_key`."""
    _check_key(value.owner, ed25519_owner(private_key))
    return Signed("ed25519", "0x" + Ed25519PrivateKey.from_private_bytes(private_key).sign(digest(value, salt)).hex())


def verify_signature(value: Signable, salt: str, scheme: str, signature_hex: str) -> None:
    """Raise InputError `bad_signature` unless it is the owner's signature of the value in its one spelling."""
    verify_signed(digest(value, salt), value.owner, scheme, signature_hex)


def verify_signed(signed: bytes, owner: str, scheme: str, signature_hex: str) -> None:
    """`verify_signature` for who has the digest already."""
    if scheme == "eip712":
        signer = recover_address(signed, _unhex(signature_hex, 65))
        if signer != owner:
            _refuse(f"a signature of {owner}", signer)
    elif scheme == "ed25519" and owner.startswith(_ED25519):
        signature = _unhex(signature_hex, 64)
        try:
            public_key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(owner.removeprefix(_ED25519)))
            public_key.verify(signature, signed)
        except (InvalidSignature, ValueError):
            _refuse(f"a signature of {owner}", signature_hex)
    else:
        _refuse("eip712 for an owner 0x..., ed25519 for an owner ed25519:...", f"{scheme} for {owner}")


def recover_address(signed: bytes, signature: bytes) -> str:
    """The address whose key signed the 32 bytes. Raises InputError `bad_signature` for a high s, another v or no key."""
    s, v = int.from_bytes(signature[32:64], "big"), signature[64]
    if v not in (27, 28):
        _refuse("v of 27 or 28", str(v))
    if s > _CURVE_ORDER // 2:
        _refuse("s in the lower half of the curve's order", hex(s))
    try:
        return _address(PublicKey.from_signature_and_message(signature[:64] + bytes([v - 27]), signed, hasher=None))
    except ValueError as error:
        _refuse("a signature that some key made", str(error))


def claim_nonces(
    claimed: Mapping[tuple[str, int], str], intents: Iterable[tuple[str, Outcome]]
) -> dict[tuple[str, int], str]:
    """(owner, nonce) -> intent id after the intents, given as (id, outcome), have claimed theirs.

    Nonces are unordered; claiming again for the same id changes nothing. Raises InputError `nonce_used`.
    """
    result = dict(claimed)
    for intent, outcome in intents:
        holder = result.setdefault((outcome.owner, outcome.nonce), intent)
        if holder != intent:
            raise InputError(
                "nonce_used",
                "/nonce",
                expected=f"a nonce that {outcome.owner} has not used",
                actual=f"used by {holder}",
            )
    return result


def _domain(salt: str) -> dict[str, str]:
    if not _BYTES32.fullmatch(salt):
        raise InputError("bad_identifier", "/salt", expected="0x and 64 lower-case hex digits", actual=salt[:80])
    return {"name": "Clearway", "version": "1", "salt": salt}


@lru_cache(maxsize=16)
def _separator(salt: str) -> bytes:
    return domain_separator(_domain(salt))


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A value's fields as they are signed: maps of assets as arrays, in ascending order of asset."""
    for name in _AMOUNT_MAPS & message.keys():
        message[name] = [{"asset": asset, "amount": amount} for asset, amount in sorted(message[name].items())]
    return message


def _address(public_key: PublicKey) -> str:
    return "0x" + keccak256(public_key.format(compressed=False)[1:])[-20:].hex()


def _check_key(owner: str, key_owner: str) -> None:
    if owner != key_owner:
        raise InputError("wrong_key", "/owner", expected=f"the key of {owner}", actual=f"the key of {key_owner}")


def _unhex(text: str, length: int) -> bytes:
    if not re.fullmatch(rf"0x[0-9a-f]{{{2 * length}}}", text, re.ASCII):
        _refuse(f"0x and {2 * length} lower-case hex digits", text)
    return bytes.fromhex(text[2:])


def _refuse(expected: str, actual: str) -> NoReturn:
    raise InputError("bad_signature", "/signature", expected=expected, actual=actual[:200])
