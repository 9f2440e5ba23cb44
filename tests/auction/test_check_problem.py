"""The invariants of a problem, each broken once."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from engine.auction.check_problem import check_problem
from engine.auction.problem import Holding, Intent, Problem, Signature
from engine.market.margin.place import PlaceRisk
from intents.errors import InputError
from intents.outcome import Outcome
from intents.signing import eip712_owner, intent_id, sign_eip712
from tests.auction.builders import (
    ALICE,
    BTC,
    ETH,
    GAS,
    NOW,
    USD,
    option,
    place_risk,
    pool,
    problem,
    row,
    sale,
    snapshot,
    venues,
)

KEY = bytes(range(1, 33))
SALT = "0x" + "22" * 32


def _signed(nonce: int = 0, *, least: int = 1_900_000) -> Intent:
    owner = eip712_owner(KEY)
    unsigned = sale(owner=owner, receiver=owner, nonce=nonce, least=least).outcome
    signature = sign_eip712(unsigned, SALT, KEY)
    return Intent(
        id=intent_id(unsigned, SALT),
        outcome=unsigned,
        signature=Signature(scheme="eip712", signature=signature.signature),
    )


def _with(question: Problem, **more: Any) -> Problem:
    return question.model_copy(update=more)


def _market(question: Problem, **more: Any) -> Problem:
    changed = _with(question, snapshot=question.snapshot.model_copy(update=more))
    return _with(changed, snapshot_hash=changed.snapshot_digest)


def _held(asset: str, amount: int, reserved: int = 0, owner: str = ALICE) -> Problem:
    question = problem([sale()])
    held = {**question.holdings, owner: {asset: Holding(amount=amount, reserved=reserved)}}
    return _with(question, holdings=held)


def _intent(**more: Any) -> Problem:
    return problem([sale().model_copy(update=more)])


CALL = option(9000)
RISK = place_risk({CALL: row(-1, 1)})


def _risky(change: Callable[[Any], object], now: int = NOW) -> Problem:
    """A problem with margin accounts at Deribit, whose risk was changed on the wire and hashed again."""
    data = RISK.to_wire()
    change(data)
    return problem([sale()], extra_assets=(CALL, ELSEWHERE), risk=PlaceRisk.from_wire(data), now=now)


def _renamed(data: Any, name: str) -> None:
    for side in (data["tables"]["inputs"]["instruments"], data["tables"]["rows"]):
        side[name] = side.pop(CALL)


def _row_of(asset: str) -> str:
    return f"{TABLES}/rows/{asset.replace('/', '~1')}"


ELSEWHERE = CALL.replace("deribit:", "derive:")
TABLES, RULES = "/snapshot/risk/deribit:main/tables", "/snapshot/risk/deribit:main/rules"
INSTRUMENT = f"{TABLES}/inputs/instruments/{CALL.replace('/', '~1')}"

BROKEN: dict[str, tuple[Callable[[], Problem], str, str]] = {
    "tampered": (
        lambda: _with(problem([sale()]), snapshot=snapshot([])),
        "tampered_snapshot",
        "/snapshot_hash",
    ),
    "numeraire": (
        lambda: _market(problem([sale()]), numeraire="sim:alpha/token:GOLD"),
        "unknown_asset",
        "/snapshot/numeraire",
    ),
    "venue": (
        lambda: problem([sale()], states=[pool("sim:alpha/pool:x", {ETH: 0, USD: 1})]),
        "bad_venue_state",
        f"/snapshot/venues/sim:alpha/pool:x/reserves/{ETH}",
    ),
    "venues twice": (lambda: problem([sale()], states=venues() + venues()), "not_ascending", "/snapshot/venues"),
    "instrument": (
        lambda: problem([sale()], extra_assets=("sim:alpha/option:PAPER",)),
        "bad_instrument",
        "/snapshot/assets/sim:alpha~1option:PAPER",
    ),
    "settlement": (
        lambda: problem([sale()], extra_assets=(CALL.replace("coin.BTC", "coin.XBT"),)),
        "unknown_asset",
        "/snapshot/assets/" + CALL.replace("coin.BTC", "coin.XBT").replace("/", "~1"),
    ),
    "intents twice": (lambda: problem([sale(), sale()]), "not_ascending", "/intents"),
    "all filled": (lambda: _intent(filled_units=1000), "bad_filled_units", "/intents/0/filled_units"),
    "unsigned": (lambda: _intent(id="0x" + "00" * 32), "unsigned_intent", "/intents/0/signature"),
    "wrong id": (
        lambda: problem([_signed().model_copy(update={"id": "import:sale"})]),
        "wrong_intent_id",
        "/intents/0/id",
    ),
    "another outcome": (
        lambda: problem([_signed().model_copy(update={"outcome": _signed(least=1).outcome})]),
        "wrong_intent_id",
        "/intents/0/id",
    ),
    "another key": (
        lambda: problem([_signed().model_copy(update={"signature": _signed(1).signature})]),
        "bad_signature",
        "/intents/0/signature/signature",
    ),
    "another salt": (
        lambda: _with(problem([_signed()]), deployment_salt="0x" + "23" * 32),
        "wrong_intent_id",
        "/intents/0/id",
    ),
    "nonce twice": (
        lambda: problem([_signed(), _signed(least=1)]),
        "nonce_used",
        "/nonce",
    ),
    "held unknown": (
        lambda: _held("sim:alpha/token:GOLD", 1),
        "unknown_asset",
        f"/holdings/{ALICE}/sim:alpha~1token:GOLD",
    ),
    "over-reserved": (lambda: _held(ETH, 10, 11), "bad_holding", f"/holdings/{ALICE}/sim:alpha~1token:ETH"),
    "negative token": (lambda: _held(ETH, -1, -1), "bad_holding", f"/holdings/{ALICE}/sim:alpha~1token:ETH"),
    "negative reserve": (lambda: _held(ETH, 1, -1), "bad_holding", f"/holdings/{ALICE}/sim:alpha~1token:ETH"),
    "tampered risk": (
        lambda: _with(_risky(list), snapshot=_risky(lambda data: data["rules"].update(offset_bps=1)).snapshot),
        "tampered_snapshot",
        "/snapshot_hash",
    ),
    "stale risk": (lambda: _risky(list, NOW + 1), "stale_risk_tables", f"{TABLES}/inputs/time"),
    "no row": (lambda: _risky(lambda data: data["tables"]["rows"].clear()), "bad_risk_tables", _row_of(CALL)),
    "few cells": (
        lambda: _risky(lambda data: data["tables"]["rows"][CALL]["pnl"].pop()),
        "bad_risk_tables",
        f"{_row_of(CALL)}/pnl",
    ),
    "another place": (
        lambda: _risky(lambda data: _renamed(data, ELSEWHERE)),
        "unknown_asset",
        INSTRUMENT.replace("deribit:main~1", "derive:main~1"),
    ),
    "unknown instrument": (
        lambda: _risky(lambda data: _renamed(data, option(9001))),
        "unknown_asset",
        INSTRUMENT.replace("9000", "9001"),
    ),
    "decimals": (
        lambda: _risky(lambda data: data["tables"]["inputs"]["instruments"][CALL].update(decimals=5)),
        "bad_risk_tables",
        f"{INSTRUMENT}/decimals",
    ),
    "settlement decimals": (
        lambda: _risky(lambda data: data["tables"]["inputs"]["instruments"][CALL].update(settlement_decimals=7)),
        "bad_risk_tables",
        f"{INSTRUMENT}/settlement_decimals",
    ),
    "no price": (
        lambda: _risky(lambda data: data["rules"]["collateral"].clear()),
        "no_collateral_price",
        f"{RULES}/collateral",
    ),
    "collateral elsewhere": (
        lambda: _risky(lambda data: data["rules"]["collateral"].update({USD: {"price": ["1", "1"]}})),
        "unknown_asset",
        f"{RULES}/collateral/sim:alpha~1token:USD",
    ),
    "tiers of an option": (
        lambda: _risky(
            lambda data: data["rules"]["tiers"].update({CALL: [{"above": "0", "initial_bps": 2, "maintenance_bps": 1}]})
        ),
        "bad_tiers",
        f"{RULES}/tiers/{CALL.replace('/', '~1')}",
    ),
}


TEXTS = {
    "tampered": ("sha256:[0-9a-f]{64}", "sha256:[0-9a-f]{64}"),
    "numeraire": ("a known asset", "sim:alpha/token:GOLD"),
    "venue": ("1 <= reserve < 2.112", "0"),
    "venues twice": ("unique venues in ascending order of id", "another order"),
    "instrument": ("<underlying>-<expiry>.*", "sim:alpha/option:PAPER"),
    "settlement": ("a known settlement asset", "deribit:main/coin:XBT"),
    "intents twice": ("unique ids in ascending order", "another order"),
    "all filled": ("fewer than 1000", "1000"),
    "unsigned": ("a signature, or an id that begins with import:", "none"),
    "wrong id": ("0x[0-9a-f]{64}", "import:sale"),
    "another outcome": ("0x[0-9a-f]{64}", "0x[0-9a-f]{64}"),
    "another key": ("a signature of 0x[0-9a-f]{40}", "0x[0-9a-f]{40}"),
    "another salt": ("0x[0-9a-f]{64}", "0x[0-9a-f]{64}"),
    "nonce twice": ("a nonce that 0x[0-9a-f]{40} has not used", "used by 0x[0-9a-f]{64}"),
    "held unknown": ("a known asset", "sim:alpha/token:GOLD"),
    "over-reserved": ("0 <= reserved <= amount", "11 reserved of 10"),
    "negative token": ("0 <= reserved <= amount", "-1 reserved of -1"),
    "negative reserve": ("0 <= reserved <= amount", "-1 reserved of 1"),
    "tampered risk": ("sha256:[0-9a-f]{64}", "sha256:[0-9a-f]{64}"),
    "stale risk": (str(NOW + 1), str(NOW)),
    "no row": ("a row for each instrument", "one without the other"),
    "few cells": ("2 cells", "1"),
    "another place": ("a known derivative of deribit:main", re.escape(ELSEWHERE)),
    "unknown instrument": ("a known derivative of deribit:main", re.escape(option(9001))),
    "decimals": ("6", "5"),
    "settlement decimals": ("6", "7"),
    "no price": (f"a price of {BTC}", "none"),
    "collateral elsewhere": ("a token of deribit:main", USD),
    "tiers of an option": ("a perpetual of the tables", re.escape(CALL)),
}
"""What was expected and found, as patterns."""


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_problem_is_refused_with_its_place(name: str) -> None:
    make, code, where = BROKEN[name]

    with pytest.raises(InputError) as caught:
        check_problem(make())

    assert (caught.value.code, caught.value.where) == (code, where)
    for pattern, text in zip(TEXTS[name], (caught.value.expected, caught.value.actual), strict=True):
        assert re.fullmatch(pattern, text), text


def _with_call(owner: str, amount: int, reserved: int) -> Problem:
    question = problem([sale()], extra_assets=(CALL,))
    return _with(question, holdings={owner: {CALL: Holding(amount=amount, reserved=reserved)}})


def test_a_persons_derivatives_may_be_negative_and_reserved() -> None:
    check_problem(_with_call(ALICE, -5, -8))


LOW_PUT, HIGH_CALL, LINEAR = option(5000, "P"), option(10000), option(9000, style="lin")


@pytest.mark.parametrize(
    ("positions", "loss"),
    [
        ({CALL: -5}, "a loss of up to 5 of deribit:main/coin:BTC"),
        ({CALL: -8, HIGH_CALL: 5}, "a loss of up to 3 of deribit:main/coin:BTC"),
        ({LOW_PUT: -1, CALL: 1000}, "an unbounded loss"),
        ({LINEAR: -5}, "an unbounded loss"),
        ({CALL: 5, HIGH_CALL: -5}, ""),
        ({CALL: 5, option(9000, issuer="cwoption"): -5}, "a loss of up to 5 of deribit:main/coin:BTC"),
    ],
)
def test_a_free_short_that_nothing_covers_is_refused(positions: dict[str, int], loss: str) -> None:
    """Else it would stand uncovered until its owner happens to trade in the same class."""
    question = problem([sale()], extra_assets=(CALL, HIGH_CALL, LINEAR, LOW_PUT, option(9000, issuer="cwoption")))
    held = {asset: Holding(amount=amount) for asset, amount in positions.items()}
    question = _with(question, holdings={ALICE: held})

    if loss:
        with pytest.raises(InputError) as caught:
            check_problem(question)
        found = caught.value
        assert (found.code, found.where, found.actual) == ("uncovered_short", "/holdings/import:alice", loss)
        assert found.expected == "free derivatives that pay at least zero everywhere"
    else:
        check_problem(question)


def test_margin_accounts_may_be_short_and_owe_what_their_instruments_settle_in() -> None:
    held: dict[str, dict[str, int | tuple[int, int]]] = {ALICE: {CALL: -5, BTC: (-7, 3)}}
    question = problem([sale()], extra_assets=(CALL,), holdings=held, risk=RISK)

    check_problem(question)

    for owner, asset in ((ALICE, USD), ("solver:ann", BTC), ("protocol", BTC)):
        wrong = _with(question, holdings={owner: {asset: Holding(amount=-7)}})
        with pytest.raises(InputError, match="bad_holding"):
            check_problem(wrong)


def test_a_solvers_derivatives_may_not_be_negative() -> None:
    with pytest.raises(InputError, match="bad_holding"):
        check_problem(_with_call("solver:ann", -5, 0))


def test_a_sound_problem_passes() -> None:
    check_problem(
        problem([sale(), _signed(), _signed(1)], holdings={ALICE: {ETH: (10, 10), GAS: (10, 0), BTC: (0, 0)}})
    )


def test_unsigned_imports_may_share_a_nonce() -> None:
    check_problem(problem([sale("a"), sale("b")]))


def test_an_expired_intent_does_not_spoil_the_problem() -> None:
    outcome: Outcome = sale().outcome.model_copy(update={"valid_until": 5, "valid_from": 1})

    check_problem(_intent(outcome=outcome))
