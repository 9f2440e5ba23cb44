"""Rank and gap of bids."""

from engine.audit.standing import standings_of
from tests.audit.records import small_record


def test_ranks_follow_scores_and_a_winner_misses_nothing() -> None:
    bids = small_record().bids
    standings = standings_of(bids)
    by_score = {bid.score: standing.rank for bid, standing in zip(bids, standings, strict=True) if standing.rank}

    assert [standing.bid for standing in standings] == [bid.id for bid in bids]
    assert [standing.rank is None for standing in standings] == [bid.status == "invalid" for bid in bids]
    assert list(dict(sorted(by_score.items(), reverse=True)).values()) == sorted(by_score.values())
    assert min(by_score.values()) == 1
    assert all(standing.gap == 0 for bid, standing in zip(bids, standings, strict=True) if bid.status == "won")


def test_the_gap_is_what_the_winners_of_the_same_groups_score_more() -> None:
    bids = small_record().bids
    won = {group: score for bid in bids if bid.status == "won" for group, score in bid.group_scores.items()}
    lost = [(bid, standing) for bid, standing in zip(bids, standings_of(bids), strict=True) if bid.status == "lost"]

    assert lost
    for bid, standing in lost:
        assert bid.score + standing.gap >= sum(won.get(group, 0) for group in bid.group_scores)
        assert standing.gap == 0 or bid.score + standing.gap == sum(won.get(group, 0) for group in bid.group_scores)
