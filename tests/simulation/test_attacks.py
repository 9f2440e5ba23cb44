"""The attack bench: its models are what they say, and one small auction of it."""

from __future__ import annotations

from collections.abc import Iterator

from tests.simulation.attacks import ATTACKS, SYBIL, Variant, gained, tried
from tests.simulation.market import MODELS, RULES, Auction, Bid, drawn, exact, gains, greedy, honest


def test_greedy_is_not_the_best_and_charges_for_it() -> None:
    """The case of CoW's own tests: 300 over three pairs beats 280 and 100 together, so the reference is above the total."""
    bids = [honest("a", "ann", {"p": 100, "q": 100, "r": 100}), honest("b", "ben", {"p": 140, "q": 140})]
    bids.append(honest("c", "cat", {"r": 100}))

    found = greedy(bids, ["ann"], "")

    assert (found.winners, found.total, found.references["ann"].score) == (("a",), 300, 380)
    assert exact(bids, ["ann", "ben"], "").total == 380
    told = gains(bids, {"p": 0, "q": 0, "r": 0}, ["ann"], ties="")
    assert told == {
        "ours": 0,
        "ours, no charges": 0,
        "ours, no caps": 0,
        "first price": 0,
        "greedy": -50,
        "greedy, no caps": -80,
    }


def test_a_greedy_reference_passes_over_the_ranking() -> None:
    """Winners a and b go first: without a, b blocks c, though c alone scores more."""
    bids = [
        honest("a", "ann", {"p": 50, "q": 50}),
        honest("b", "ben", {"r": 60}),
        honest("c", "cat", {"q": 30, "r": 60}),
    ]

    found = greedy(bids, ["ann"], "")

    assert (found.total, found.references["ann"].score) == (160, 60)


def test_what_is_kept_rewarded_and_paid_for_wash_intents_is_counted() -> None:
    one = Bid("a", "ann", {"p": 60}, {"p": 100})
    other, fees = honest("b", "ben", {"p": 40}), {"p": 15, "w": 5}
    assert gains([one, other], fees, ["ann"], ties="") == {
        "ours": 40 + 15,
        "ours, no charges": 40 + 15,
        "ours, no caps": 40 + 20,
        "first price": 40,
        "greedy": 40 + 15,
        "greedy, no caps": 40 + 20,
    }
    wash = honest("w", "ann", {"w": 100})
    told = gains([one, other, wash], fees, ["ann"], ties="", wash={"w": 5})
    assert told["ours"] == 40 + 20 - 5
    assert told["ours, no caps"] == 40 + 120 - 5
    assert told["first price"] == 40 - 5


def test_a_small_run_finds_what_theory_says() -> None:
    found = tried([drawn(0)])

    assert found.keys() == ATTACKS.keys()
    assert all(one.keys() == set(MODELS) and min(one.values()) >= 0 for gained_ in found.values() for one in gained_)
    most = {title: {model: max(one[model] for one in of) for model in MODELS} for title, of in found.items()}
    assert most["shading"]["first price"] > 0
    assert most["shading"]["ours, no caps"] == 0  # here the filter plays no part, so truth is best
    assert most["shading"]["ours"] > 0  # and where fees cap rewards it is not
    assert most["wash intents"]["ours, no caps"] > 500  # what the cap by fees is for
    penalty = RULES.not_revealed
    assert most["withheld reveals"]["ours"] == most["shading"]["ours"] - penalty


def test_a_penalty_is_of_sealed_bids_and_a_second_name_is_counted() -> None:
    auction = Auction(0, (honest("a", "ann", {"p": 60}), honest("b", "ben", {"p": 40})), {"p": 100})

    def by_another_name(_: Auction, own: list[Bid]) -> Iterator[Variant]:
        yield Variant([own[0]._replace(name=SYBIL, scores={"p": 41})], penalty=7)

    told = gained(auction, "ann", by_another_name)

    # Under truth its reward is 20; 41 keeps 19 and earns 1, so there is nothing to gain but where nothing is rewarded.
    assert told == {
        "ours": 0,
        "ours, no charges": 0,
        "ours, no caps": 0,
        "first price": 19,
        "greedy": 0,
        "greedy, no caps": 0,
    }
