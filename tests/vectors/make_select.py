"""Write tests/vectors/select/*.json, for strangers who write ids and selection of their own from docs/rules.md.

ids.json: inputs and the hashes that follow from them. selection.json: by story the bids (tie key, score by group), every
infeasible set of bids that share no group, and what follows: baselines, filtered bids with the first group that falls
short, winners. Feasibility is stated, not computed: a set is feasible unless it is listed.

    python -m tests.vectors.make_select          (from the root of the checkout; rewrites the files)
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from engine.auction.ids import bid_id, commitment, tie_key, tie_seed
from engine.auction.select import Candidate
from tests.auction.plain_selection import plain_decision

FOLDER = Path(__file__).resolve().parent / "select"

Bids = dict[str, tuple[str, dict[str, int]]]
"""Tie key and score by group, by id. Real tie keys are hashes; any strings compare the same way."""

WHOLE = {"p": 9, "q": 7, "s": 3}
"""A bid over three groups, in two stories."""

STORIES: dict[str, tuple[Bids, list[set[str]]]] = {
    "the_greatest_sum_wins": (
        {"whole": ("3", {"p": 6, "q": 5}), "left": ("2", {"p": 6}), "right": ("1", {"q": 3})},
        [],
    ),
    "a_whole_that_gives_a_group_less_is_filtered": (
        {"whole": ("1", {"p": 5, "q": 50}), "left": ("2", {"p": 6}), "right": ("3", {"q": 3})},
        [],
    ),
    "a_group_outside_the_baseline_set_has_baseline_0": (
        {"whole": ("1", {"p": 7, "q": 1}), "left": ("2", {"p": 6}), "right": ("3", {"q": 3})},
        [{"left", "right"}],
    ),
    "single_group_bids_are_never_filtered": (
        {"weak": ("1", {"p": 1}), "strong": ("2", {"p": 6}), "other": ("3", {"q": 9})},
        [{"strong", "other"}],
    ),
    "of_equal_sums_the_smallest_differing_key_comes_first": (
        {"a": ("1", {"p": 2}), "b": ("2", {"p": 2}), "c": ("4", {"q": 2}), "d": ("3", {"q": 2})},
        [],
    ),
    "a_superset_comes_before_its_subset": (
        {"a": ("1", {"p": 2}), "nothing": ("2", {"q": 0})},
        [],
    ),
    "one_small_key_beats_two_larger_ones": (
        {"whole": ("1", {"p": 2, "q": 2}), "left": ("2", {"p": 2}), "right": ("3", {"q": 2})},
        [],
    ),
    "an_infeasible_pair_does_not_exclude_its_superset": (
        {"a": ("1", {"p": 4}), "b": ("2", {"q": 4}), "helps": ("3", {"r": 0})},
        [{"a", "b"}],
    ),
    "an_infeasible_bid_excludes_itself_alone": (
        {"a": ("1", {"p": 4}), "b": ("2", {"p": 3}), "c": ("3", {"q": 1})},
        [{"a"}, {"a", "c"}],
    ),
    # `mine` and `rival` share a venue. Raising, `mine` drives `rival` out of the baseline set, and with it out of the filter.
    "a_winner_before_it_raises": (
        {"mine": ("1", {"q": 4}), "rival": ("2", {"s": 5}), "whole": ("3", WHOLE), "pair": ("4", {"r": 5, "s": 7})},
        [{"mine", "rival"}],
    ),
    "a_winner_that_raises_may_lose": (
        {"mine": ("1", {"q": 6}), "rival": ("2", {"s": 5}), "whole": ("3", WHOLE), "pair": ("4", {"r": 5, "s": 7})},
        [{"mine", "rival"}],
    ),
    "nothing_is_feasible_but_nothing": ({"a": ("1", {"p": 4})}, [{"a"}]),
    "a_crowd_at_one_pool": (
        {f"bid{i}": (f"{(i * 7) % 9}", {f"g{i}": 10 + i % 3}) for i in range(5)},
        [{f"bid{i}", f"bid{j}"} for i in range(5) for j in range(i)]
        + [{f"bid{i}", f"bid{j}", f"bid{k}"} for i in range(5) for j in range(i) for k in range(j)]
        + [{f"bid{i}" for i in range(5)} - {f"bid{j}"} for j in range(5)]
        + [{f"bid{i}" for i in range(5)}],
    ),
}


def candidates_of(bids: Bids) -> list[Candidate]:
    """The bids as selection takes them, all contending with all."""
    return [Candidate(name, key, scores, frozenset({"all"})) for name, (key, scores) in bids.items()]


def feasible_unless(infeasible: Iterable[Iterable[str]]) -> Callable[[frozenset[str]], bool]:
    """Feasibility as the vectors state it."""
    refused = {frozenset(ids) for ids in infeasible}
    return lambda ids: ids not in refused


def selection_vectors() -> dict[str, Any]:
    """Every story with what the rules make of it, by brute force."""
    told = {}
    for name, (bids, infeasible) in STORIES.items():
        feasible = feasible_unless(infeasible)
        baseline_set, baselines, filtered, winners = plain_decision(candidates_of(bids), feasible)
        told[name] = {
            "bids": {bid: {"tie_key": key, "scores": scores} for bid, (key, scores) in bids.items()},
            "infeasible": sorted(sorted(ids) for ids in infeasible),
            "baseline_set": baseline_set,
            "baselines": baselines,
            "filtered": filtered,
            "winners": winners,
        }
    return told


def id_vectors() -> dict[str, Any]:
    """Two solvers' commitments, with the bid ids, tie seed and tie keys that follow."""
    hashes = {"greedy": [f"sha256:{digit * 64}" for digit in "12"], "an-other.1": []}
    commitments = {solver: commitment(listed) for solver, listed in hashes.items()}
    problem = f"sha256:{'ab' * 32}"
    seed = tie_seed(problem, commitments)
    bids = [bid_id("greedy", commitments["greedy"], index) for index in range(2)]
    return {
        "problem_hash": problem,
        "solution_hashes": hashes,
        "commitments": commitments,
        "tie_seed": seed,
        "bid_ids": {"greedy": bids},
        "tie_keys": {bid: tie_key(seed, bid) for bid in bids},
    }


def rendered() -> dict[str, str]:
    """Every file's text by name: one entry a line, keys ascending."""
    texts = {}
    for name, content in {"ids": id_vectors(), "selection": selection_vectors()}.items():
        lines = (f"{json.dumps(key)}: {json.dumps(content[key], sort_keys=True)}" for key in sorted(content))
        texts[name] = "{\n" + ",\n".join(lines) + "\n}\n"
    return texts


def main() -> None:
    """Rewrite the folder."""
    for name, text in rendered().items():
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
