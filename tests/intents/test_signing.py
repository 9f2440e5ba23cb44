"""Digests, signatures and nonces. The oracle is eth-account, and real orders signed by other people's wallets."""

import gzip
import json
from collections import Counter
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intents.eip712 import Schema, domain_separator
from intents.errors import InputError
from intents.outcome import Outcome
from intents.signing import (
    OUTCOME_TYPES,
    Cancellation,
    Signable,
    claim_nonces,
    digest,
    ed25519_owner,
    eip712_owner,
    intent_id,
    outcome_digest,
    recover_address,
    sign_ed25519,
    sign_eip712,
    typed_data,
    verify_signature,
)
from tests.data import data_path
from tests.intents.cow_orders import ethsign_digest, order_digest
from tests.intents.strategies import outcomes

SALT = "0x" + "5a" * 32
KEY = bytes(range(1, 33))
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
keys = st.integers(1, ORDER - 1).map(lambda number: number.to_bytes(32, "big"))
salts = st.binary(min_size=32, max_size=32).map(lambda data: "0x" + data.hex())


def outcome_of(owner: str, **changes: Any) -> Outcome:
    fields: dict[str, Any] = {
        "owner": owner,
        "receiver": owner,
        "nonce": 7,
        "valid_from": 0,
        "valid_until": 100,
        "pays": {"sim:alpha/token:USDC": 2_000},
        "receives": {"sim:alpha/token:ETH": 1},
        "units": 10,
        "surplus_asset": "sim:alpha/token:ETH",
    }
    return Outcome(**(fields | changes))


def code_of(value: Signable, salt: str, scheme: str, signature: str) -> str:
    with pytest.raises(InputError) as caught:
        verify_signature(value, salt, scheme, signature)
    return caught.value.code


@settings(max_examples=80, derandomize=True, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(outcomes(), keys, salts)
def test_digest_signature_and_recovery_equal_eth_account(outcome: Outcome, key: bytes, salt: str) -> None:
    outcome = outcome.model_copy(update={"owner": eip712_owner(key)})
    data = json.loads(json.dumps(typed_data(outcome, salt)))
    theirs = Account.sign_message(encode_typed_data(full_message=data), key)

    assert outcome_digest(outcome, salt) == theirs.message_hash
    assert intent_id(outcome, salt) == "0x" + theirs.message_hash.hex()
    assert sign_eip712(outcome, salt, key) == ("eip712", "0x" + theirs.signature.hex())
    verify_signature(outcome, salt, "eip712", "0x" + theirs.signature.hex())
    assert Account.from_key(key).address.lower() == outcome.owner


@settings(max_examples=40, derandomize=True, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(outcomes(), st.data())
def test_every_field_is_signed(outcome: Outcome, data: st.DataObject) -> None:
    other = data.draw(outcomes())
    for name in OUTCOME_TYPES["Outcome"]:
        mixed = outcome.model_copy(update={name[1]: getattr(other, name[1])})
        same = getattr(outcome, name[1]) == getattr(other, name[1])
        assert (digest(mixed, SALT) == digest(outcome, SALT)) == same


def test_the_signed_fields_are_those_of_the_outcome_in_order() -> None:
    assert [name for _, name in OUTCOME_TYPES["Outcome"]] == list(Outcome.model_fields)


def test_the_order_of_assets_does_not_matter() -> None:
    one = outcome_of(eip712_owner(KEY), pays={"sim:a01/token:A": 1, "sim:a01/token:B": 2})
    other = outcome_of(eip712_owner(KEY), pays={"sim:a01/token:B": 2, "sim:a01/token:A": 1})
    assert digest(one, SALT) == digest(other, SALT)


@settings(max_examples=25, derandomize=True)
@given(st.binary(min_size=32, max_size=32), st.integers(0, 511), st.sampled_from([Outcome, Cancellation]))
def test_ed25519_signs_the_same_digest(key: bytes, bit: int, kind: type[Signable]) -> None:
    owner = ed25519_owner(key)
    value: Signable = Cancellation(owner=owner, intent=SALT) if kind is Cancellation else outcome_of(owner)
    scheme, signature = sign_ed25519(value, SALT, key)
    verify_signature(value, SALT, scheme, signature)

    flipped = (int(signature, 16) ^ (1 << bit)).to_bytes(64, "big").hex()
    assert code_of(value, SALT, scheme, "0x" + flipped) == "bad_signature"
    assert code_of(value, "0x" + "00" * 32, scheme, signature) == "bad_signature"
    assert code_of(value, SALT, "eip712", signature) == "bad_signature"


def test_only_one_spelling_of_a_signature_is_accepted() -> None:
    outcome = outcome_of(eip712_owner(KEY))
    scheme, signature = sign_eip712(outcome, SALT, KEY)
    raw = bytes.fromhex(signature[2:])
    s, v = int.from_bytes(raw[32:64], "big"), raw[64]
    high = raw[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])
    others = {
        "high s": "0x" + high.hex(),
        "v of 0 or 1": "0x" + (raw[:64] + bytes([v - 27])).hex(),
        "other v": "0x" + (raw[:64] + bytes([55 - v])).hex(),
        "r of 0": "0x" + bytes(32).hex() + raw[32:].hex(),
        "s of 0": "0x" + raw[:32].hex() + bytes(32).hex() + raw[64:].hex(),
        "r of the order": "0x" + ORDER.to_bytes(32, "big").hex() + raw[32:].hex(),
        "upper case": signature.upper().replace("X", "x"),
        "no prefix": signature[2:],
        "short": signature[:-2],
        "long": signature + "00",
        "compact": "0x" + raw[:64].hex(),
        "empty": "",
        "line": signature + "\n",
    }
    verify_signature(outcome, SALT, scheme, signature)
    assert {name: code_of(outcome, SALT, scheme, other) for name, other in others.items()} == dict.fromkeys(
        others, "bad_signature"
    )


def test_nobody_else_signs_for_an_owner() -> None:
    for owner in ("0x" + "11" * 20, "ed25519:" + "ff" * 32, "import:order-1", "protocol", "solver:greedy"):
        for scheme, signature in (
            sign_eip712(outcome_of(eip712_owner(KEY)), SALT, KEY),
            sign_ed25519(outcome_of(ed25519_owner(KEY)), SALT, KEY),
        ):
            assert code_of(outcome_of(owner), SALT, scheme, signature) == "bad_signature"
    assert code_of(outcome_of(eip712_owner(KEY)), SALT, "ethsign", "0x") == "bad_signature"


@pytest.mark.parametrize("sign", [sign_eip712, sign_ed25519])
def test_a_key_that_is_not_the_owners_is_refused(sign: Any) -> None:
    with pytest.raises(InputError) as caught:
        sign(outcome_of("0x" + "11" * 20), SALT, KEY)
    assert caught.value.code == "wrong_key"
    for key in (b"", KEY[:31], KEY + b"\0"):
        with pytest.raises(InputError) as caught:
            sign(outcome_of("0x" + "11" * 20), SALT, key)
        assert caught.value.code == "bad_key"


@pytest.mark.parametrize("key", [bytes(32), ORDER.to_bytes(32, "big")])
def test_a_number_off_the_curve_is_no_key(key: bytes) -> None:
    with pytest.raises(InputError) as caught:
        eip712_owner(key)
    assert caught.value.code == "bad_key"


def test_a_cancellation_is_good_for_one_intent_and_one_deployment() -> None:
    owner = eip712_owner(KEY)
    cancellation = Cancellation(owner=owner, intent=intent_id(outcome_of(owner), SALT))
    scheme, signature = sign_eip712(cancellation, SALT, KEY)
    theirs = Account.sign_message(encode_typed_data(full_message=typed_data(cancellation, SALT)), KEY)

    assert "0x" + theirs.signature.hex() == signature
    verify_signature(cancellation, SALT, scheme, signature)
    assert code_of(cancellation, "0x" + "01" * 32, scheme, signature) == "bad_signature"
    other = cancellation.model_copy(update={"intent": SALT})
    assert code_of(other, SALT, scheme, signature) == "bad_signature"
    assert code_of(outcome_of(owner), SALT, scheme, signature) == "bad_signature"


@pytest.mark.parametrize("salt", ["", "0x", "5a" * 32, "0x" + "5A" * 32, "0x" + "5a" * 31, "0x" + "5a" * 32 + "\n"])
def test_a_salt_that_is_not_canonical_is_refused(salt: str) -> None:
    with pytest.raises(InputError) as caught:
        digest(outcome_of("0x" + "11" * 20), salt)
    assert caught.value.code == "bad_identifier"


def test_a_nonce_belongs_to_one_intent() -> None:
    one, same_nonce = outcome_of("0x" + "11" * 20), outcome_of("0x" + "11" * 20, units=11)
    claimed = claim_nonces(
        {}, [("a", one), ("b", outcome_of("0x" + "22" * 20)), ("c", one.model_copy(update={"nonce": 6}))]
    )

    assert sorted(claimed.values()) == ["a", "b", "c"]
    assert claim_nonces(claimed, [("a", one)]) == claimed
    with pytest.raises(InputError) as caught:
        claim_nonces(claimed, [("d", same_nonce)])
    assert caught.value.code == "nonce_used"


MAIL = Schema(
    {
        "Mail": [("Person", "from"), ("Person[]", "to"), ("string", "contents")],
        "Person": [("string", "name"), ("address", "wallet")],
        "Group": [("Mail[]", "mails"), ("int8", "small"), ("bytes", "data"), ("bytes4", "four"), ("bool", "yes")],
    }
)


def test_types_are_written_with_all_they_refer_to() -> None:
    assert MAIL.encode_type("Group") == (
        "Group(Mail[] mails,int8 small,bytes data,bytes4 four,bool yes)"
        "Mail(Person from,Person[] to,string contents)Person(string name,address wallet)"
    )


def test_general_types_equal_eth_account() -> None:
    person = {"name": "Cow", "wallet": "0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826"}
    mail = {"from": person, "to": [person, {**person, "name": "Käse"}], "contents": "Hello, Bob!"}
    group = {
        "mails": [mail, {**mail, "to": []}],
        "small": -128,
        "data": "0xdeadbeef",
        "four": "0x00010203",
        "yes": True,
    }
    domain = {"name": "Ether Mail", "version": "1", "chainId": 1, "verifyingContract": "0x" + "cc" * 20}
    theirs = encode_typed_data(
        domain_data=domain,
        message_types={name: [{"type": t, "name": n} for t, n in fields] for name, fields in MAIL.types.items()},
        message_data=group,
    )

    assert MAIL.hash_struct("Group", group) == theirs.body
    assert domain_separator(domain) == theirs.header


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("small", 128),
        ("small", -129),
        ("small", True),
        ("small", "07"),
        ("small", 1.0),
        ("data", "0xa"),
        ("data", "deadbeef"),
        ("four", "0x000102"),
        ("yes", 1),
        ("mails", {}),
        ("mails", ["text"]),
        ("more", 1),
    ],
)
def test_a_value_out_of_its_type_is_refused(field: str, value: Any) -> None:
    group = {"mails": [], "small": 0, "data": "0x", "four": "0x00000000", "yes": False, field: value}
    with pytest.raises(InputError) as caught:
        MAIL.hash_struct("Group", group)
    assert caught.value.code == "bad_typed_data"


def test_real_orders_have_our_digests_and_signers() -> None:
    lines = gzip.decompress(data_path("cow/mainnet_2024/orders.jsonl.gz").read_bytes()).decode().splitlines()
    orders = [json.loads(line) for line in lines]
    counts: Counter[str] = Counter()
    for order in orders:
        signed = order_digest(order)
        uid = "0x" + signed.hex() + order["owner"][2:] + f"{order['validTo']:08x}"
        counts["uid"] += uid == order["uid"]
        if order["signingScheme"] in ("eip712", "ethsign"):
            message = signed if order["signingScheme"] == "eip712" else ethsign_digest(signed)
            signer = recover_address(message, bytes.fromhex(order["signature"][2:]))
            counts[order["signingScheme"]] += signer == order["owner"]

    assert len(orders) == 3528
    assert counts == {"uid": 3528, "eip712": 3090, "ethsign": 90}
