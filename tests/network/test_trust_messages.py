"""Receipts, heartbeats and echoes: what is signed counts once, in its window, for its sender; all else has its code."""

from collections.abc import Callable

import pytest

from engine.network.trust.heartbeats import Heartbeat, HeartbeatBook
from engine.network.trust.probes import Echo, Measurement, ProbeBook, Vantage, own_delay_us
from engine.network.trust.receipts import Receipt, ReceiptBook, Send
from engine.network.trust.signed import Signed
from intents.errors import InputError
from intents.signing import ed25519_owner
from intents.values import content_hash

KEY, OTHER_KEY = b"\x01" * 32, b"\x02" * 32
KEYS = {"near": ed25519_owner(KEY), "far": ed25519_owner(OTHER_KEY)}
TRANSACTION, OTHER_TRANSACTION = ("sha256:" + digit * 64 for digit in "ab")
SENT, WINDOW, SKEW = 1_000_000, 500_000, 1000


def receipt(**changes: object) -> Receipt:
    stated = {"node": "near", "chain": "sim:one", "transaction": TRANSACTION, "sequence": 0, "status": "landed"}
    return Receipt.model_validate({**stated, "at_us": SENT + 1000, **changes})


def sent_book() -> ReceiptBook:
    book = ReceiptBook(KEYS, window_us=WINDOW, skew_us=SKEW)
    assert book.send(Send("near", "sim:one", TRANSACTION, SENT)) == 0
    return book


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(InputError) as refusal:
        act()
    return refusal.value.code


def test_a_receipt_closes_its_send_once() -> None:
    book = sent_book()
    good = receipt().signed(KEY)
    assert book.in_flight("near") == 1

    assert book.receive(good, SENT + 2000) == Send("near", "sim:one", TRANSACTION, SENT)

    assert book.in_flight("near") == 0
    assert code_of(lambda: book.receive(good, SENT + 3000)) == "replayed_receipt"
    assert book.in_flight("near") == 0


RECEIPTS = [
    ("bad_signature", receipt(), SENT + 2000),
    ("bad_signature", receipt().signed(OTHER_KEY), SENT + 2000),
    ("bad_signature", receipt().signed(KEY).model_copy(update={"status": "refused"}), SENT + 2000),
    ("bad_signature", receipt(sequence=1).signed(KEY).model_copy(update={"sequence": 0}), SENT + 2000),
    ("wrong_receipt", receipt(node="far").signed(OTHER_KEY), SENT + 2000),
    ("wrong_receipt", receipt(transaction=OTHER_TRANSACTION).signed(KEY), SENT + 2000),
    ("wrong_receipt", receipt(chain="sim:two").signed(KEY), SENT + 2000),
    ("unknown_node", receipt(node="stranger").signed(KEY), SENT + 2000),
    ("unknown_send", receipt(sequence=1).signed(KEY), SENT + 2000),
    ("late_receipt", receipt().signed(KEY), SENT + WINDOW + 1),
    ("receipt_time", receipt(at_us=SENT - SKEW - 1).signed(KEY), SENT + 2000),
    ("receipt_time", receipt(at_us=SENT + 2000 + SKEW + 1).signed(KEY), SENT + 2000),
]


@pytest.mark.parametrize(("code", "false", "now_us"), RECEIPTS, ids=[f"{i} {r[0]}" for i, r in enumerate(RECEIPTS)])
def test_a_false_receipt_is_refused_and_changes_nothing(code: str, false: Receipt, now_us: int) -> None:
    book = sent_book()

    assert code_of(lambda: book.receive(false, now_us)) == code

    assert book.in_flight("near") == 1
    book.receive(receipt().signed(KEY), SENT + WINDOW)


def test_a_send_whose_window_is_over_is_lost_once_and_its_receipt_comes_too_late() -> None:
    book = sent_book()

    assert list(book.lost(SENT + WINDOW)) == []
    assert [sequence for sequence, _ in book.lost(SENT + WINDOW + 1)] == [0]
    assert list(book.lost(SENT + WINDOW + 1)) == []
    assert book.in_flight("near") == 0
    assert code_of(lambda: book.receive(receipt().signed(KEY), SENT + WINDOW + 1)) == "replayed_receipt"


def heartbeat(sequence: int = 1, at_us: int = SENT, node: str = "near") -> Heartbeat:
    return Heartbeat(node=node, chain="sim:one", sequence=sequence, queue=3, at_us=at_us)


def test_heartbeats_count_in_order_while_they_are_fresh() -> None:
    book = HeartbeatBook(KEYS, age_us=WINDOW, skew_us=SKEW)
    first = heartbeat().signed(KEY)
    book.receive(first, SENT)

    late, ahead = SENT - WINDOW - SKEW - 1, SENT + SKEW + 1
    for code, false in (
        ("replayed_heartbeat", first),
        ("replayed_heartbeat", heartbeat(sequence=0).signed(KEY)),
        ("bad_signature", heartbeat(sequence=2).signed(OTHER_KEY)),
        ("bad_signature", heartbeat(sequence=2).signed(KEY).model_copy(update={"queue": 0})),
        ("unknown_node", heartbeat(node="stranger").signed(KEY)),
        ("late_heartbeat", heartbeat(sequence=2, at_us=late).signed(KEY)),
        ("heartbeat_time", heartbeat(sequence=2, at_us=ahead).signed(KEY)),
    ):
        assert code_of(lambda false=false: book.receive(false, SENT)) == code  # type: ignore[misc]  # mypy: a lambda's default
    assert book.last == {"near": first.sequence}


NONCE, OTHER_NONCE = "0x" + "1" * 64, "0x" + "2" * 64


def echo(nonce: str = NONCE, node: str = "near", challenger: str = "judge") -> Echo:
    return Echo(challenger=challenger, node=node, nonce=nonce)


def test_an_echo_is_timed_by_the_challenger_and_taken_once() -> None:
    book = ProbeBook("judge", KEYS, timeout_us=WINDOW)
    book.challenge("near", NONCE, SENT)

    assert book.receive(echo().signed(KEY), SENT + 1234) == 1234

    assert code_of(lambda: book.receive(echo().signed(KEY), SENT + 1300)) == "replayed_echo"
    assert code_of(lambda: book.challenge("near", NONCE, SENT)) == "used_nonce"
    assert book.timed_out(SENT + 10 * WINDOW) == []


ECHOES = [
    ("bad_signature", echo()),
    ("bad_signature", echo().signed(OTHER_KEY)),
    ("bad_signature", echo(OTHER_NONCE).signed(KEY).model_copy(update={"nonce": NONCE})),
    ("wrong_echo", echo(node="far").signed(OTHER_KEY)),
    ("wrong_echo", echo(challenger="jury").signed(KEY)),
    ("unknown_challenge", echo(OTHER_NONCE).signed(KEY)),
]


@pytest.mark.parametrize(("code", "false"), ECHOES, ids=[f"{i} {e[0]}" for i, e in enumerate(ECHOES)])
def test_a_false_echo_is_refused_and_the_challenge_stays_open(code: str, false: Echo) -> None:
    book = ProbeBook("judge", KEYS, timeout_us=WINDOW)
    book.challenge("near", NONCE, SENT)

    assert code_of(lambda: book.receive(false, SENT + 10)) == code

    assert book.receive(echo().signed(KEY), SENT + 20) == 20


def test_a_late_echo_is_no_measurement_and_none_is_a_time_out() -> None:
    book = ProbeBook("judge", KEYS, timeout_us=WINDOW)
    book.challenge("near", NONCE, SENT)
    book.challenge("far", OTHER_NONCE, SENT)

    assert code_of(lambda: book.receive(echo().signed(KEY), SENT + WINDOW + 1)) == "late_echo"
    assert book.timed_out(SENT + WINDOW) == []
    assert book.timed_out(SENT + WINDOW + 1) == ["far"]
    assert (
        code_of(lambda: book.receive(echo(OTHER_NONCE, "far").signed(OTHER_KEY), SENT + WINDOW + 1)) == "replayed_echo"
    )


def test_a_message_of_one_kind_is_none_of_another() -> None:
    class Impostor(Signed):
        """Fields of a receipt under another tag."""

        format: str = "clearway/impostor/1"
        node: str = "near"

    signed = Impostor().signed(KEY)
    relabelled = signed.model_copy(update={"format": "clearway/node-receipt/1"})

    signed.check(KEYS["near"])
    assert code_of(lambda: relabelled.check(KEYS["near"])) == "bad_signature"


JUDGES = {f"judge{i}": bytes([i + 10]) * 32 for i in range(5)}
VANTAGES = {f"judge{i}": Vantage(f"operator{i}", rtt_us=10_000 * i) for i in range(5)}


def measured(judge: str, latency_us: int, node: str = "near") -> Measurement:
    stated = Measurement(challenger=judge, node=node, seed=content_hash("test", 3), latency_us=latency_us)
    return stated.signed(JUDGES[judge])


def test_the_median_is_of_what_distance_leaves_and_two_liars_of_five_do_not_move_it() -> None:
    honest = [measured(f"judge{i}", 10_000 * i + 5000 + i) for i in range(3)]
    liars = [measured("judge3", 2**40), measured("judge4", 2**40)]

    assert own_delay_us(honest + liars, VANTAGES, 2) == 5002
    assert own_delay_us([*honest, measured("judge3", 0), measured("judge4", 0)], VANTAGES, 2) == 5000


def test_measurements_that_do_not_count_are_refused() -> None:
    good = [measured(f"judge{i}", 50_000) for i in range(5)]
    same_operator = {**VANTAGES, "judge4": Vantage("operator0", 0)}
    drawn = {name: vantage for name, vantage in VANTAGES.items() if name != "judge4"}

    for code, measurements, vantages in (
        ("too_few_vantages", good[:4], VANTAGES),
        ("twice_measured", good, same_operator),
        ("unknown_challenger", good, drawn),
        ("mixed_measurements", [*good[:4], measured("judge4", 50_000, "far")], VANTAGES),
    ):
        with pytest.raises(InputError) as refusal:
            own_delay_us(measurements, vantages, 2)
        assert refusal.value.code == code
