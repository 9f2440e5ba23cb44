"""What bidders may rely on: raising a winning bid keeps it winning, and whoever loses by another's bid can see by which."""

from __future__ import annotations

from random import Random

import pytest

from engine.auction.select import Candidate, Filtered, decide
from tests.auction.laws import ENOUGH, decided, drawn, one_each, raised
from tests.vectors.make_select import STORIES


@pytest.mark.parametrize("seed", range(60))
def test_a_winner_that_raises_its_score_still_wins_where_no_venue_is_shared(seed: int) -> None:
    random = Random(seed)
    candidates = drawn(random, venues=0)
    before = decided(candidates)

    for bid, better in raised(candidates, random):
        after = decided(better)
        assert after.winners.ids == before.winners.ids
        assert bid in after.winners.ids


def test_where_venues_are_shared_it_may_lose() -> None:
    """The rival leaves the baseline set with the venue, so what it filtered is back, and that beats the winner."""
    (before, _), (after, _) = STORIES["a_winner_before_it_raises"], STORIES["a_winner_that_raises_may_lose"]
    assert {**before, "mine": after["mine"]} == after
    assert (before["mine"], after["mine"]) == (("1", {"q": 4}), ("1", {"q": 6}))


@pytest.mark.parametrize("seed", range(60))
def test_when_a_bid_more_lowers_the_total_the_filter_names_it(seed: int) -> None:
    random = Random(seed)
    *before, added = drawn(random, venues=0)
    without, after = decided(before), decided([*before, added])
    if after.winners.certificate.score < without.winners.certificate.score:
        named = {after.filtered[bid].by for bid in without.winners.ids if bid in after.filtered}
        assert named == {added.id}
    else:
        assert set(after.filtered) >= set(without.filtered)


def test_a_filtered_bid_is_told_by_whom() -> None:
    bids = [
        Candidate("whole", "1", {"p": 5, "q": 50}),
        Candidate("worse", "2", {"p": 6}),
        Candidate("best", "3", {"p": 7}),
    ]

    assert decide(bids, one_each(bids), (), work=ENOUGH).filtered == {"whole": Filtered("p", 5, 7, "best")}
