"""Reading: one spelling for each value, everything else refused with a code and the pointer of its place."""

import json
import pickle
import sys
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from intents.canonical import canonical_json
from intents.errors import ClearwayError, InputError
from intents.identifiers import AssetId, Digest, IntentId, OwnerId, PlaceId, VenueId, is_identifier
from intents.outcome import Outcome, group_of, is_derivative
from intents.values import (
    Amount,
    DecimalText,
    Ratio,
    SignedAmount,
    Value,
    canonical_bytes,
    content_hash,
    parse_amount,
    parse_json,
    shortest_decimal,
)
from tests.intents.strategies import outcomes


class Sample(Value):
    """One field of each sort."""

    amount: Amount = 0
    signed: SignedAmount = 0
    decimal: DecimalText = "0"
    count: int = 0
    flag: bool = False
    ratio: Ratio = (1, 1)
    listed: tuple[Amount, ...] = ()
    mapped: dict[str, Amount] = {}
    owner: OwnerId = "protocol"
    ins: tuple[Amount, ...] = Field(alias="in", default=())

    @cached_property
    def doubled(self) -> int:
        return 2 * self.amount


def fault_of(text: str | bytes) -> tuple[str, str]:
    with pytest.raises(InputError) as caught:
        Sample.from_json(text)
    return caught.value.code, caught.value.where


NON_CANONICAL = ["007", "+7", "7.0", "-7", "-0", "", " 7", "7\n", "7_0", "0x7", "1e3", "\u0667", "\uff17"]


@pytest.mark.parametrize("text", NON_CANONICAL)
def test_an_amount_has_one_spelling(text: str) -> None:
    assert fault_of(json.dumps({"amount": text})) == ("noncanonical_amount", "/amount")
    assert fault_of(json.dumps({"mapped": {"a/b~c": text}})) == ("noncanonical_amount", "/mapped/a~1b~0c")
    with pytest.raises(InputError):
        parse_amount(text)


@pytest.mark.parametrize("value", [7, 7.0, True, None, ["7"], {"7": "7"}])
def test_an_amount_is_digits_in_a_string(value: Any) -> None:
    assert fault_of(json.dumps({"amount": value})) == ("noncanonical_amount", "/amount")
    assert fault_of(json.dumps({"listed": ["1", value]})) == ("noncanonical_amount", "/listed/1")
    assert fault_of(json.dumps({"ratio": ["1", value]})) == ("noncanonical_amount", "/ratio/1")
    assert fault_of(json.dumps({"signed": value})) == ("noncanonical_amount", "/signed")


@pytest.mark.parametrize(
    ("field", "number", "fits"),
    [
        ("amount", 0, True),
        ("amount", 2**256 - 1, True),
        ("amount", 2**256, False),
        ("amount", 10**78, False),
        ("signed", 2**255 - 1, True),
        ("signed", -(2**255), True),
        ("signed", 2**255, False),
        ("signed", -(2**255) - 1, False),
        ("signed", 10**100, False),
        ("signed", -(10**78), False),
    ],
)
def test_amounts_end_where_256_bits_end(field: str, number: int, fits: bool) -> None:
    text = json.dumps({field: str(number)})
    if fits:
        assert getattr(Sample.from_json(text), field) == number
        return
    assert fault_of(text) == ("amount_out_of_range", f"/{field}")


@pytest.mark.parametrize(
    "text", ["9000.0", "0.50", ".5", "5.", "00.5", "9e3", "-1", "+1", "1_0", "0.0", "1" * 31, "0." + "1" * 19]
)
def test_a_decimal_has_one_spelling(text: str) -> None:
    assert fault_of(json.dumps({"decimal": text})) == ("noncanonical_decimal", "/decimal")


@settings(max_examples=60, derandomize=True)
@given(st.decimals(0, 10**9, places=6))
def test_shortest_decimals_read_back(number: Decimal) -> None:
    text = shortest_decimal(Fraction(number))
    assert Fraction(text) == Fraction(number)
    assert Sample.from_json(json.dumps({"decimal": text})).decimal == text


@pytest.mark.parametrize("number", [Fraction(1, 3), Fraction(-1), Fraction(1, 10**19)])
def test_what_has_no_decimal_is_refused(number: Fraction) -> None:
    with pytest.raises(InputError) as caught:
        shortest_decimal(number)
    assert caught.value.code == "noncanonical_decimal"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"count": "5"}', ("malformed", "/count")),
        ('{"count": 5.0}', ("malformed", "/count")),
        ('{"count": true}', ("malformed", "/count")),
        ('{"flag": "yes"}', ("malformed", "/flag")),
        ('{"flag": 1}', ("malformed", "/flag")),
        ('{"extra": 1}', ("unknown_field", "/extra")),
        ('{"ins": []}', ("unknown_field", "/ins")),
        ('{"ratio": ["1"]}', ("missing_field", "/ratio/1")),
        ('{"ratio": ["1", "1", "1"]}', ("malformed", "/ratio")),
        ('{"owner": "0xAB"}', ("bad_identifier", "/owner")),
        ("[]", ("malformed", "")),
        ('{"amount": "1", "amount": "1"}', ("duplicate_key", "")),
        ('{"mapped": {"a": "1", "\\u0061": "2"}}', ("duplicate_key", "")),
        ('{"count": NaN}', ("not_finite", "")),
        ('{"count": -Infinity}', ("not_finite", "")),
        ('{"count": 1e400}', ("not_finite", "")),
        ('{"mapped": {"\\ud800": "1"}}', ("lone_surrogate", "")),
        ('{"owner": "\\udfff"}', ("lone_surrogate", "")),
        ('{"owner": "\ud800"}', ("lone_surrogate", "")),
        ("[" * 65 + "]" * 65, ("too_deep", "")),
        ('{"a": [' * 33, ("too_deep", "")),
        ("[" * 200_000, ("too_deep", "")),
        ('{"count": ' + "9" * 5000 + "}", ("malformed_json", "")),
        (b"\xff", ("malformed_json", "")),
        (b"\xef\xbb\xbf{}", ("malformed_json", "line 1 column 1")),
        ("{'count': 1}", ("malformed_json", "line 1 column 2")),
        ('{"count": 01}', ("malformed_json", "line 1 column 12")),
        ("{} {}", ("malformed_json", "line 1 column 4")),
        ("", ("malformed_json", "line 1 column 1")),
        ('{"amount": "' + "9" * 5000 + '"}', ("amount_out_of_range", "/amount")),
    ],
    ids=lambda value: ascii(value)[:40],
)
def test_what_is_not_strict_json_or_not_the_shape_is_refused(text: str | bytes, expected: tuple[str, str]) -> None:
    assert fault_of(text) == expected


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse_json('["' + "[" * 100 + '\\"' + "{" * 100 + '"]') == ["[" * 100 + '"' + "{" * 100]
    data = parse_json("[" * 64 + "]" * 64)
    for _ in range(63):
        (data,) = data
    assert data == []


def test_reading_does_not_depend_on_the_interpreters_digit_limit() -> None:
    text = "9" * 400
    before = sys.get_int_max_str_digits()
    try:
        sys.set_int_max_str_digits(640)
        assert parse_json(text) == 10**400 - 1
    finally:
        sys.set_int_max_str_digits(before)


def test_a_fault_says_what_was_expected_and_found_once() -> None:
    with pytest.raises(InputError) as caught:
        Sample.from_json('{"amount": "007"}')
    assert str(caught.value) == "noncanonical_amount at /amount: expected canonical decimal digits, got '007'"


@settings(max_examples=60, derandomize=True)
@given(outcomes())
def test_an_outcome_reads_back_from_its_canonical_bytes(outcome: Outcome) -> None:
    text = canonical_bytes(outcome)
    assert Outcome.from_json(text) == outcome
    assert canonical_bytes(json.loads(text)) == text
    assert Outcome.from_wire(outcome.to_wire()) == outcome


KEYS = st.text(st.characters(max_codepoint=127) | st.characters(), max_size=4)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | KEYS | st.floats(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(KEYS, parts, max_size=4) | st.tuples(parts),
)


@given(PLAIN | st.dictionaries(st.integers(), st.none()))
def test_the_fast_way_gives_the_bytes_of_the_plain_one(data: object) -> None:
    try:
        expected = rfc8785.dumps(data)  # type: ignore[arg-type]  # what it refuses is drawn too
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        with pytest.raises(type(error)):
            canonical_json(data)
    else:
        assert canonical_json(data) == expected


def test_canonical_bytes_are_rfc_8785() -> None:
    """The order of keys is that of UTF-16 code units; the example is the RFC's section 3.2.3."""
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical_bytes(keys)).values()) == [2, 4, 6, 7, 1, 5, 3]
    assert content_hash("tag", {"b": 1, "a": 2}) == content_hash("tag", {"a": 2, "b": 1})
    assert content_hash("tag", Sample()) == content_hash("tag", Sample().to_wire())
    assert content_hash("tag", 1) != content_hash("other", 1)
    with pytest.raises(InputError) as caught:
        content_hash("tag", {"a": 2**53})
    assert caught.value.code == "not_canonical"


def test_a_copy_does_not_keep_what_was_cached_for_the_original() -> None:
    sample = Sample(amount=3)
    assert sample.doubled == 6
    assert sample.model_copy(update={"amount": 5}).doubled == 10
    assert sample.doubled == 6


def test_errors_survive_the_way_between_processes() -> None:
    error = InputError("bad_units", "/units", expected="1", actual="2")
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301  # our own bytes
    assert (type(copied), str(copied), vars(copied)) == (InputError, str(error), vars(error))
    assert isinstance(copied, ClearwayError)


IDENTIFIERS = {
    "place": (
        ["eip155:1", "deribit:main"],
        ["", "eip155", "EIP155:1", "ab:1", "eip155:1/", "eip155:\u0661", "eip155:1\n"],
    ),
    "asset": (
        ["eip155:1/slip44:60", "eip155:1/erc20:0x" + "ab" * 20],
        [
            "eip155:1/erc20:0x" + "AB" * 20,
            "eip155:1/erc20:0X" + "ab" * 20,
            "eip155:1",
            "eip155:1/erc20:",
            "eip155:1/a b:c",
        ],
    ),
    "venue": (["eip155:1/pool:0x" + "ab" * 20, "deribit:main/book:BTC_1"], ["eip155:1/pool:0xA", "eip155:1/pool:a/b"]),
    "owner": (
        ["0x" + "ab" * 20, "ed25519:" + "ab" * 32, "protocol", "solver:greedy", "import:a.b"],
        [
            "0x" + "AB" * 20,
            "0x" + "ab" * 19,
            "ed25519:" + "AB" * 32,
            "protocol:x",
            "solver:",
            "Solver:a",
            "0X" + "ab" * 20,
        ],
    ),
    "intent": (["0x" + "ab" * 32, "import:cow.0xab"], ["0x" + "ab" * 31, "0x" + "AB" * 32, "import:", "import:0xAB"]),
    "digest": (["sha256:" + "ab" * 32], ["sha256:" + "AB" * 32, "ab" * 32, "sha512:" + "ab" * 32]),
}
FIELDS = {"place": PlaceId, "asset": AssetId, "venue": VenueId, "owner": OwnerId, "intent": IntentId, "digest": Digest}


@pytest.mark.parametrize("shape", IDENTIFIERS)
def test_identifiers_have_one_spelling(shape: str) -> None:
    good, bad = IDENTIFIERS[shape]
    assert [text for text in good if not is_identifier(shape, text)] == []
    assert [text for text in bad if is_identifier(shape, text)] == []


OUTCOME: dict[str, Any] = {
    "owner": "0x" + "11" * 20,
    "receiver": "0x" + "11" * 20,
    "nonce": "7",
    "valid_from": 0,
    "valid_until": 100,
    "pays": {"sim:alpha/token:USDC": "2000"},
    "receives": {"sim:alpha/token:ETH": "1"},
    "units": "10",
    "surplus_asset": "sim:alpha/token:ETH",
}
FLOOR: dict[str, Any] = {
    "underlying": "BTC",
    "index": "x",
    "fixing_seconds": 9,
    "settlement": "sim:alpha/token:USDC",
    "style": "linear",
    "knots": [{"at": "0", "value": "1"}, {"at": "5", "value": "0"}],
    "slope": "0",
}


@pytest.mark.parametrize(
    ("changes", "code", "where"),
    [
        ({"receives": {"sim:alpha/token:USDC": "1"}}, "asset_paid_and_received", "/pays"),
        ({"surplus_asset": "sim:alpha/token:BTC"}, "bad_surplus_asset", "/surplus_asset"),
        ({"min_units": "0"}, "bad_units", "/min_units"),
        ({"min_units": "11"}, "bad_units", "/min_units"),
        ({"units": "0"}, "bad_units", "/min_units"),
        ({"fill_policy": "all_or_none"}, "bad_units", "/min_units"),
        ({"fill_policy": "some"}, "malformed", "/fill_policy"),
        ({"valid_from": 100}, "bad_validity", "/valid_until"),
        ({"valid_until": 2**53}, "malformed", "/valid_until"),
        ({"allowed_issuers": ["b", "a"]}, "not_ascending", "/allowed_issuers"),
        ({"allowed_issuers": ["a", "a"]}, "not_ascending", "/allowed_issuers"),
        ({"allowed_venues": ["sim:b01", "sim:a01"]}, "not_ascending", "/allowed_venues"),
        ({"allowed_indices": [{"index": "a", "haircut_bps": 10_001}]}, "malformed", "/allowed_indices/0/haircut_bps"),
        ({"allowed_indices": [{"index": "a", "haircut_bps": 1}] * 2}, "not_ascending", "/allowed_indices"),
        ({"payoff_floors": [FLOOR | {"knots": []}]}, "malformed", "/payoff_floors/0/knots"),
        ({"payoff_floors": [FLOOR | {"knots": FLOOR["knots"][1:]}]}, "bad_knots", "/payoff_floors/0/knots"),
        ({"payoff_floors": [FLOOR | {"knots": FLOOR["knots"][:1] * 2}]}, "bad_knots", "/payoff_floors/0/knots"),
        ({"payoff_floors": [FLOOR | {"fixing_seconds": 2**53}]}, "malformed", "/payoff_floors/0/fixing_seconds"),
        ({"pays": {"sim:alpha/token:USDC": 2000}}, "noncanonical_amount", "/pays/sim:alpha~1token:USDC"),
        ({"path": []}, "unknown_field", "/path"),
    ],
)
def test_an_incoherent_outcome_is_refused(changes: dict[str, Any], code: str, where: str) -> None:
    Outcome.from_json(json.dumps(OUTCOME | {"payoff_floors": [FLOOR]}))
    with pytest.raises(InputError) as caught:
        Outcome.from_json(json.dumps(OUTCOME | changes))
    assert (caught.value.code, caught.value.where) == (code, where)


def test_only_plain_swaps_share_a_group() -> None:
    plain = Outcome.from_wire(OUTCOME)
    assert group_of("import:a", plain) == "sim:alpha/token:USDC>sim:alpha/token:ETH"
    option = "sim:alpha/option:BTC-20200626T08-9000-C-lin-token.USDC-x"
    assert is_derivative(option)
    for changes in (
        {"payoff_floors": [FLOOR]},
        {"worst_loss": {"sim:alpha/token:USDC": "1"}},
        {"max_escrow": {"sim:alpha/token:USDC": "1"}},
        {"allowed_issuers": ["clearway"]},
        {"allowed_venues": ["sim:alpha"]},
        {"pays": OUTCOME["pays"] | {"sim:alpha/token:DAI": "1"}},
        {"receives": OUTCOME["receives"] | {"sim:alpha/token:DAI": "1"}},
        {"pays": {option: "1"}},
    ):
        assert group_of("import:a", Outcome.from_wire(OUTCOME | changes)) == "import:a"
