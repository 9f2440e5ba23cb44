"""The vectors of ids and selection: what is written is what the code says, and what RFC 8785 and SHA-256 say."""

from __future__ import annotations

import hashlib
import json

import pytest

from engine.auction.select import decide
from tests.auction.plain_selection import exact_judge
from tests.vectors.make_select import FOLDER, STORIES, candidates_of, feasible_unless, rendered

SELECTION = json.loads((FOLDER / "selection.json").read_text(encoding="utf-8"))
IDS = json.loads((FOLDER / "ids.json").read_text(encoding="utf-8"))


def test_the_files_are_what_the_program_writes() -> None:
    assert {name: (FOLDER / f"{name}.json").read_text(encoding="utf-8") for name in rendered()} == rendered()


@pytest.mark.parametrize("name", sorted(SELECTION))
def test_selection_gives_what_the_vector_says(name: str) -> None:
    told = SELECTION[name]
    candidates = candidates_of(STORIES[name][0])

    decision = decide(candidates, exact_judge(feasible_unless(told["infeasible"]), candidates), (), work=10_000)

    assert list(decision.baseline_set.ids) == told["baseline_set"]
    assert decision.baselines == told["baselines"]
    assert {bid: short.group for bid, short in decision.filtered.items()} == told["filtered"]
    assert list(decision.winners.ids) == told["winners"]


def test_stories_have_the_winners_that_their_names_say() -> None:
    assert {name: told["winners"] for name, told in SELECTION.items()} == {
        "the_greatest_sum_wins": ["whole"],
        "a_whole_that_gives_a_group_less_is_filtered": ["left", "right"],
        "a_group_outside_the_baseline_set_has_baseline_0": ["whole"],
        "single_group_bids_are_never_filtered": ["other", "weak"],
        "of_equal_sums_the_smallest_differing_key_comes_first": ["a", "d"],
        "a_superset_comes_before_its_subset": ["a", "nothing"],
        "one_small_key_beats_two_larger_ones": ["whole"],
        "an_infeasible_pair_does_not_exclude_its_superset": ["a", "b", "helps"],
        "an_infeasible_bid_excludes_itself_alone": ["b", "c"],
        "a_winner_before_it_raises": ["mine", "pair"],
        "a_winner_that_raises_may_lose": ["whole"],
        "nothing_is_feasible_but_nothing": [],
        "a_crowd_at_one_pool": ["bid2"],
    }


def test_ids_are_plain_hashes_of_plain_json() -> None:
    def hashed(*parts: object) -> str:
        text = json.dumps(parts, separators=(",", ":"))
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    committed, bids = IDS["commitments"], IDS["bid_ids"]["greedy"]
    assert committed["greedy"] == hashed("clearway/commitment/1", IDS["solution_hashes"]["greedy"])
    assert bids == [hashed("clearway/bid/1", "greedy", committed["greedy"], index) for index in (0, 1)]
    in_key_order = [["an-other.1", committed["an-other.1"]], ["greedy", committed["greedy"]]]
    assert IDS["tie_seed"] == hashed("clearway/tie-seed/1", IDS["problem_hash"], in_key_order)
    assert IDS["tie_keys"] == {bid: hashed("clearway/tie-key/1", IDS["tie_seed"], bid) for bid in bids}
