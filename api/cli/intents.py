"""`clearway intent`: keys, wishes of each kind, signatures."""

from __future__ import annotations

import json
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from api.cli.documents import read_intents, write_value
from api.cli.files import read_bytes, write_atomically
from api.cli.intent_new import new_app
from api.cli.output import EXIT_NO, say
from engine.auction.problem import Intent, Signature
from intents.errors import InputError
from intents.outcome import Outcome
from intents.signing import (
    ed25519_owner,
    eip712_owner,
    intent_id,
    sign_ed25519,
    sign_eip712,
    verify_signature,
)
from intents.values import parse_json

NO_SALT = "0x" + "00" * 32
"""The salt of problems that come from files."""

Salt = Annotated[str, typer.Option(help="The deployment's salt: 0x and 64 hex digits; zeros for imports.")]

intent_app = typer.Typer(help="Write, sign, check, submit and follow intents.", no_args_is_help=True)
intent_app.add_typer(new_app, name="new")


class Scheme(StrEnum):
    """Signature schemes."""

    EIP712 = "eip712"
    ED25519 = "ed25519"


@intent_app.command()
def keygen(
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Where the key is written, for its owner's eyes only.")
    ],
    *,
    scheme: Annotated[Scheme, typer.Option(help="eip712 (secp256k1) or ed25519.")] = Scheme.EIP712,
) -> None:
    """Make a key from the system's randomness and print the owner id that it signs for. Never overwrites a file."""
    if output.exists():
        raise InputError(
            "file_exists", str(output), expected="a new file: a lost key cannot be made again", actual="one"
        )
    key = secrets.token_bytes(32)
    owner = eip712_owner(key) if scheme is Scheme.EIP712 else ed25519_owner(key)
    data = {"scheme": scheme.value, "owner": owner, "private_key": "0x" + key.hex()}
    write_atomically(output, json.dumps(data, indent=1).encode() + b"\n", mode=0o600)
    say(owner)


@intent_app.command()
def sign(
    outcome_file: Annotated[Path, typer.Argument(metavar="FILE", help="An outcome, as `intent new` writes it.")],
    *,
    key: Annotated[Path, typer.Option(help="The key file of its owner.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Where the signed intent is written.")],
    salt: Salt = NO_SALT,
) -> None:
    """Sign an outcome as its owner and print the intent's id, which is the digest that was signed."""
    outcome = Outcome.from_json(read_bytes(outcome_file))
    scheme, private_key = _read_key(key)
    signed = (sign_eip712 if scheme is Scheme.EIP712 else sign_ed25519)(outcome, salt, private_key)
    signature = Signature(scheme=signed.scheme, signature=signed.signature)
    intent = Intent(id=intent_id(outcome, salt), outcome=outcome, signature=signature)
    write_value(output, intent)
    say(intent.id)


@intent_app.command("verify")
def verify_intents(
    intent_file: Annotated[Path, typer.Argument(metavar="FILE", help="One signed intent, or a list of them.")],
    *,
    salt: Salt = NO_SALT,
) -> None:
    """Check ids and signatures. Exit code 1 where one is not the owner's."""
    faults = 0
    for intent in read_intents(intent_file):
        fault = _fault(intent, salt)
        say(f"{intent.id} {fault or 'signed by ' + intent.outcome.owner}")
        faults += bool(fault)
    if faults:
        raise typer.Exit(EXIT_NO)


def _fault(intent: Intent, salt: str) -> str:
    if intent.signature is None:
        return "unsigned_intent"
    digest = intent_id(intent.outcome, salt)
    if intent.id != digest:
        return f"wrong_intent_id: the digest is {digest}"
    try:
        verify_signature(intent.outcome, salt, intent.signature.scheme, intent.signature.signature)
    except InputError as error:
        return str(error)
    return ""


def _read_key(path: Path) -> tuple[Scheme, bytes]:
    """Scheme and key of a key file. The key's text never reaches an error message."""
    data = parse_json(read_bytes(path))
    try:
        return Scheme(data["scheme"]), bytes.fromhex(data["private_key"].removeprefix("0x"))
    except (TypeError, KeyError, ValueError, AttributeError):
        raise InputError(
            "bad_key", str(path), expected='{"scheme": "eip712" or "ed25519", "private_key": "0x..."}', actual="other"
        ) from None
