"""Identifiers: the only place that knows their shapes.

    place   eip155:1 | sim:alpha | deribit:main       CAIP-2 shape: a chain's vault or an exchange's margin account
    asset   <place>/erc20:0xa0b8...eb48               CAIP-19 shape; the place is where the balance lives
            <place>/slip44:60, <place>/coin:BTC, <place>/token:USDC
            <place>/option:<reference>                a derivative, see intents.instruments
    venue   <place>/pool:0x88e6...5640, <place>/book:BTC-26JUN20-9000-C, <place>/bridge:<name>
    owner   0x<40 hex> (secp256k1) | ed25519:<64 hex> | solver:<name> | protocol | import:<text>
    intent  0x<64 hex> (the signed digest) | import:<text> (from a file, unsigned: can never be submitted)
    group   <asset paid>><asset received> for plain swaps, else the intent's id

Hex is lower case: two spellings of one address would be two venues, so only one is accepted.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from intents.errors import InputError

_PLACE = r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}"
_ADDRESS_CASE = re.compile(r"0X[0-9a-fA-F]|0x[0-9a-f]*[A-F]")
_PATTERNS = {
    "place": _PLACE,
    "asset": _PLACE + r"/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}",
    "venue": _PLACE + r"/[-a-z0-9]{3,8}:[-._%a-zA-Z0-9]{1,128}",
    "owner": r"0x[0-9a-f]{40}|ed25519:[0-9a-f]{64}|protocol|(solver|import):[-._:%a-zA-Z0-9]{1,128}",
    "intent": r"0x[0-9a-f]{64}|import:[-._:%a-zA-Z0-9]{1,160}",
    "digest": r"sha256:[0-9a-f]{64}",
    "bytes32": r"0x[0-9a-f]{64}",
    "text": r"[-._:/>%a-zA-Z0-9]{1,600}",
}
_COMPILED = {name: re.compile(pattern, re.ASCII) for name, pattern in _PATTERNS.items()}


@lru_cache(maxsize=4096)
def is_identifier(shape: str, text: str) -> bool:
    """Whether the text is a canonical identifier of the named shape (place, asset, venue, owner, intent)."""
    mixed_case_address = shape != "text" and _ADDRESS_CASE.search(text) is not None
    return _COMPILED[shape].fullmatch(text) is not None and not mixed_case_address


def _checker(shape: str) -> AfterValidator:
    def check(text: str) -> str:
        if not is_identifier(shape, text):
            raise InputError("bad_identifier", "", expected=f"a canonical {shape} identifier", actual=repr(text[:120]))
        return text

    return AfterValidator(check)


PlaceId = Annotated[str, _checker("place"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['place']})$"})]
AssetId = Annotated[str, _checker("asset"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['asset']})$"})]
VenueId = Annotated[str, _checker("venue"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['venue']})$"})]
OwnerId = Annotated[str, _checker("owner"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['owner']})$"})]
IntentId = Annotated[
    str, _checker("intent"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['intent']})$"})
]
Digest = Annotated[str, _checker("digest"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['digest']})$"})]
Bytes32 = Annotated[
    str, _checker("bytes32"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['bytes32']})$"})
]
Text = Annotated[str, _checker("text"), WithJsonSchema({"type": "string", "pattern": f"^({_PATTERNS['text']})$"})]

PROTOCOL = "protocol"
"""The account that dust, cycle gains, replay gains and protocol fees go to."""


def place_of(identifier: str) -> str:
    """The place an asset or a venue lives at."""
    return identifier.split("/", 1)[0]


def namespace_of(asset: str) -> str:
    """The part between the place and the reference: erc20, coin, option, ..."""
    return asset.split("/", 1)[1].split(":", 1)[0]


def reference_of(asset: str) -> str:
    """The last part of an asset or venue id."""
    return asset.split("/", 1)[1].split(":", 1)[1]


def solver_account(name: str) -> str:
    """The account of a solver."""
    return f"solver:{name}"


def swap_group(paid: str, received: str) -> str:
    """The group of all plain swaps of one directed pair."""
    return f"{paid}>{received}"
