"""Every event in every status, and the two stories that matter: cancelling inside an auction, filling in parts."""

from functools import reduce
from itertools import product

import pytest

from intents.lifecycle import Cancel, Cut, Event, Expire, IntentState, Settled, Status, TransitionError, transition

S = Status
LEGAL = {
    (S.OPEN, Cut()): S.SETTLING,
    (S.OPEN, Cancel()): S.CANCELLED,
    (S.OPEN, Expire()): S.EXPIRED,
    (S.PARTIALLY_FILLED, Cut()): S.SETTLING,
    (S.PARTIALLY_FILLED, Cancel()): S.CANCELLED,
    (S.PARTIALLY_FILLED, Expire()): S.EXPIRED,
    (S.SETTLING, Cancel()): S.SETTLING,
    (S.SETTLING, Settled(0)): S.PARTIALLY_FILLED,
    (S.SETTLING, Settled(5)): S.PARTIALLY_FILLED,
    (S.SETTLING, Settled(6)): S.FILLED,
}
EVENTS: tuple[Event, ...] = (Cut(), Cancel(), Expire(), Settled(0), Settled(5), Settled(6))


@pytest.mark.parametrize(("status", "event"), list(product(Status, EVENTS)))
def test_only_legal_events_move_an_intent(status: Status, event: Event) -> None:
    state = IntentState(units=10, filled_units=4, status=status)
    if (status, event) in LEGAL:
        assert transition(state, event).status is LEGAL[status, event]
        return
    with pytest.raises(TransitionError) as caught:
        transition(state, event)
    assert caught.value.code == "illegal_transition"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([Cut(), Settled(0)], IntentState(10)),
        ([Cut(), Settled(3), Cut(), Settled(0)], IntentState(10, 3, S.PARTIALLY_FILLED)),
        ([Cut(), Settled(3), Cut(), Settled(7)], IntentState(10, 10, S.FILLED)),
        ([Cut(), Cancel(), Settled(0)], IntentState(10, 0, S.CANCELLED)),
        ([Cut(), Cancel(), Settled(3)], IntentState(10, 3, S.CANCELLED)),
        ([Cut(), Cancel(), Settled(10)], IntentState(10, 10, S.FILLED)),
        ([Cut(), Settled(3), Expire()], IntentState(10, 3, S.EXPIRED)),
    ],
)
def test_stories(events: list[Event], expected: IntentState) -> None:
    assert reduce(transition, events, IntentState(10)) == expected


@pytest.mark.parametrize(
    ("events", "last", "code"),
    [
        ([Cut()], Settled(11), "over_units"),
        ([Cut()], Settled(-1), "over_units"),
        ([Cut(), Settled(3), Cut()], Settled(8), "over_units"),
        ([Cut(), Cancel()], Cancel(), "illegal_transition"),
        ([Cut(), Cancel()], Cut(), "illegal_transition"),
    ],
)
def test_refusals(events: list[Event], last: Event, code: str) -> None:
    state = reduce(transition, events, IntentState(10))
    with pytest.raises(TransitionError) as caught:
        transition(state, last)
    assert caught.value.code == code
