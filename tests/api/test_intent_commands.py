"""Wishes are written, signed and checked from the command line."""

import json
from pathlib import Path

import pytest

from engine.auction.problem import Intent
from intents.outcome import Outcome
from intents.signing import intent_id
from tests.api.program import clearway, done

ETH, USDC = "eip155:1/slip44:60", "eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
COIN = "deribit:main/coin:BTC"


def option(strike: int, right: str) -> str:
    return f"deribit:main/option:BTC-20200626T08-{strike}-{right}-inv-coin.BTC-deribit.btc"


@pytest.mark.parametrize("scheme", ["eip712", "ed25519"])
def test_a_wish_is_written_signed_and_checked(tmp_path: Path, scheme: str) -> None:
    key, wish, signed = tmp_path / "key.json", tmp_path / "wish.json", tmp_path / "signed.json"

    owner = done("intent", "keygen", "--scheme", scheme, "-o", key).out.strip()
    swap = ["--owner", owner, "--sell", f"{ETH}=1000", "--receive", f"{USDC}=2000", "--valid-until", "2000000000"]
    done("intent", "new", "swap", *swap, "-o", wish)
    printed = done("intent", "sign", wish, "--key", key, "-o", signed).out.strip()
    checked = done("intent", "verify", signed)

    outcome = Outcome.from_json(wish.read_bytes())
    assert key.stat().st_mode & 0o777 == 0o600
    assert outcome.pays == {ETH: 1000}
    assert outcome.receives == {USDC: 2000}
    assert printed == Intent.from_json(signed.read_bytes()).id == intent_id(outcome, "0x" + "00" * 32)
    assert checked.out == f"{printed} signed by {owner}\n"


def test_another_salt_is_another_deployment(tmp_path: Path) -> None:
    key, wish, signed = tmp_path / "key.json", tmp_path / "wish.json", tmp_path / "signed.json"
    owner = done("intent", "keygen", "-o", key).out.strip()
    swap = ["--owner", owner, "--sell", f"{ETH}=1", "--receive", f"{USDC}=2", "--valid-until", "9", "-o", wish]
    done("intent", "new", "swap", *swap)
    done("intent", "sign", wish, "--key", key, "-o", signed)

    answer = clearway("intent", "verify", signed, "--salt", "0x" + "11" * 32)

    assert answer.code == 1
    assert "wrong_intent_id" in answer.out


def test_a_key_of_someone_else_and_an_existing_key_file_are_refused(tmp_path: Path) -> None:
    key, wish = tmp_path / "key.json", tmp_path / "wish.json"
    done("intent", "keygen", "-o", key)
    swap = [
        "--owner",
        "0x" + "11" * 20,
        "--sell",
        f"{ETH}=1",
        "--receive",
        f"{USDC}=2",
        "--valid-until",
        "9",
        "-o",
        wish,
    ]
    done("intent", "new", "swap", *swap)

    foreign = clearway("intent", "sign", wish, "--key", key, "-o", tmp_path / "signed.json")
    again = clearway("intent", "keygen", "-o", key)

    assert (foreign.code, foreign.err.split()[:2]) == (2, ["error:", "wrong_key"])
    assert json.loads(key.read_text())["private_key"] not in foreign.err
    assert (again.code, again.err.split()[:2]) == (2, ["error:", "file_exists"])


def test_a_structure_and_a_payoff(tmp_path: Path) -> None:
    owner = "0x" + "22" * 20
    spread, floor = tmp_path / "spread.json", tmp_path / "floor.json"
    shared = ["--owner", owner, "--premium", COIN, "--valid-until", "1590000000"]

    legs = ["--leg", f"{option(9000, 'C')}=10", "--leg", f"{option(10000, 'C')}=-10", "--max-escrow", f"{COIN}=0"]
    done("intent", "new", "structure", *shared, *legs, "--quantity", 3, "--net-price", 500, "-o", spread)
    terms = ["--underlying", "BTC", "--index", "deribit.btc", "--fixing", 1593158400, "--settlement", COIN]
    corners = ["--knot", "0=900000000000", "--knot", "9000=0", "--style", "inverse", "--budget", 3000000, "--units", 10]
    done("intent", "new", "payoff", *shared, *terms, *corners, "-o", floor)

    structure = Outcome.from_json(spread.read_bytes())
    payoff = Outcome.from_json(floor.read_bytes())
    assert structure.pays == {COIN: 1500, option(10000, "C"): 30}
    assert structure.receives == {option(9000, "C"): 30}
    assert [(knot.at, knot.value) for knot in payoff.payoff_floors[0].knots] == [("0", 900000000000), ("9000", 0)]
    assert (payoff.pays, payoff.units) == ({COIN: 3000000}, 10)


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (f"{ETH}=", "bad_option"),
        (f"{ETH}=-5", "bad_option"),
        ("eip155:1/ETH=5", "bad_identifier"),
        (f"{ETH}=0", "zero_amount"),
    ],
)
def test_a_wish_that_makes_no_sense_is_one_line(tmp_path: Path, amount: str, code: str) -> None:
    swap = ["--owner", "0x" + "11" * 20, "--sell", amount, "--receive", f"{USDC}=2", "--valid-until", "9"]

    answer = clearway("intent", "new", "swap", *swap, "-o", tmp_path / "wish.json")

    assert answer.code == 2
    assert answer.err.startswith(f"error: {code} at ")
    assert answer.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
