"""The vectors for strangers are what the code makes, and other implementations agree with them."""

import json
from fractions import Fraction
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_account import Account
from eth_account.messages import encode_typed_data

from intents.errors import InputError
from intents.futures import contract_from_deribit
from intents.instruments import from_deribit, option_asset, parse_instrument, parse_option
from intents.outcome import Outcome
from intents.signing import intent_id, verify_signature
from tests.vectors.make_intent_vectors import FOLDER, text_of, vectors

SIGNED = ("outcomes.json", "cancellations.json")


def load(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_every_file_is_what_the_program_makes() -> None:
    made = {name: text_of(content) for name, content in vectors().items()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert kept == made


@pytest.mark.parametrize("name", SIGNED)
def test_other_implementations_agree_on_digests_and_signatures(name: str) -> None:
    for vector in load(name):
        message = encode_typed_data(full_message=vector["typed_data"])
        signature = bytes.fromhex(vector["signature"][2:])
        owner = vector["value"]["owner"]
        if vector["scheme"] == "eip712":
            signed = Account.sign_message(message, vector["private_key"])
            assert "0x" + signed.message_hash.hex() == vector["digest"]
            assert signed.signature == signature
            assert Account.recover_message(message, signature=signature).lower() == owner
        else:
            digest = bytes.fromhex(vector["digest"][2:])
            unused = "0x" + "01" * 32
            assert Account.sign_message(message, unused).message_hash == digest
            Ed25519PublicKey.from_public_bytes(bytes.fromhex(owner[8:])).verify(signature, digest)


def test_outcomes_are_read_and_verified_from_the_file_alone() -> None:
    for vector in load("outcomes.json"):
        outcome = Outcome.from_wire(vector["value"])
        assert intent_id(outcome, vector["salt"]) == vector["digest"]
        verify_signature(outcome, vector["salt"], vector["scheme"], vector["signature"])


def test_instruments_are_read_as_the_file_says() -> None:
    content = load("instruments.json")
    for row in content["options"]:
        option = parse_option(row["asset"])
        assert {"asset": option_asset(option), **vars(option), "issuer": option.issuer} == row
    for row in content["deribit"]:
        assert {"name": row["name"], **from_deribit(row["name"])._asdict()} == row
    for row in content["contracts"]:
        contract = parse_instrument(row["asset"])
        assert {"asset": row["asset"], **vars(contract), "issuer": contract.issuer} == row
    for row in content["deribit_contracts"]:
        assert {"name": row["name"], **contract_from_deribit(row["name"])._asdict()} == row
    for text in content["refused"]:
        with pytest.raises(InputError, match="bad_instrument"):
            parse_instrument(text)
    for text in content["refused_deribit"]:
        with pytest.raises(InputError, match="bad_instrument"):
            from_deribit(text)


def test_payoffs_are_what_contracts_pay() -> None:
    """Straight from the contract: max(S - K, 0) or max(K - S, 0), 10^8 / 10^4 base units for a base unit."""
    for row in load("payoffs.json")["positions"]:
        worst = Fraction(0)
        for text, value in row["values"]:
            price, paid = Fraction(text), Fraction(0)
            for leg, position in row["position"].items():
                strike, right = Fraction(leg[:-2]), leg[-1]
                inside = max(price - strike if right == "C" else strike - price, Fraction(0))
                paid += position * inside * 10**4
            assert paid == Fraction(value)
            if price:
                worst = max(worst, -paid / price if row["style"] == "inverse" else -paid)
        if row["loss_supremum"] is not None:
            assert worst <= Fraction(row["loss_supremum"]) <= int(row["escrow"])
