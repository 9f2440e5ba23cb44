"""A receipt binds the engine to what it says, and to nothing else."""

import pytest

from intents.errors import InputError
from intents.receipts import Receipt, sign_receipt, verify_receipt
from intents.signing import ed25519_owner
from intents.values import canonical_bytes

KEY = b"\x07" * 32
ENGINE = ed25519_owner(KEY)


def written() -> bytes:
    return sign_receipt(
        "0x" + "ab" * 32,
        accepted_ms=1_767_225_600_123,
        latest_auction=7,
        deployment_salt="0x" + "00" * 32,
        private_key=KEY,
    )


def receipt() -> Receipt:
    return Receipt.from_json(written())


def test_it_is_written_canonically() -> None:
    assert written() == canonical_bytes(receipt())


def test_it_survives_the_wire_and_is_the_engines() -> None:
    again = Receipt.from_wire(receipt().to_wire())

    assert again == receipt()
    verify_receipt(again, ENGINE)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("intent", "0x" + "ac" * 32),
        ("accepted_ms", 1),
        ("latest_auction", 8),
        ("deployment_salt", "0x" + "01" * 32),
        ("signature", "0x" + "00" * 64),
        ("signature", ""),
    ],
)
def test_no_field_can_be_changed(field: str, value: object) -> None:
    with pytest.raises(InputError, match="bad_receipt"):
        verify_receipt(receipt().model_copy(update={field: value}), ENGINE)


def test_another_engine_did_not_sign_it() -> None:
    with pytest.raises(InputError, match="bad_receipt"):
        verify_receipt(receipt(), ed25519_owner(b"\x08" * 32))
