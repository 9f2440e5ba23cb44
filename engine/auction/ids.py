"""Commitments, bid ids, tie seeds and tie keys, as section 7 of docs/rules.md states them.

Guarantees
1. Each is `sha256:` + hex of SHA-256 over the RFC 8785 bytes of [tag, ...], the tag naming what it is.
2. The tie seed depends on the problem and on every solver's commitment, so nobody who commits knows the ties.
3. No order in which solvers are handed in changes anything: they enter by ascending key.

It does not sign or open commitments; vectors for strangers are tests/vectors/select/ids.json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intents.values import content_hash


def commitment(solution_hashes: Sequence[str]) -> str:
    """The commitment to an ordered list of solutions, given their hashes."""
    return content_hash("clearway/commitment/1", list(solution_hashes))


def bid_id(solver_key: str, commitment: str, index: int) -> str:
    """The id of the bid that the solution at `index` (from 0) of a commitment becomes."""
    return content_hash("clearway/bid/1", solver_key, commitment, index)


def tie_seed(problem_hash: str, commitments: Mapping[str, str]) -> str:
    """The seed of an auction's ties, from the problem's hash and the last commitment of each solver key."""
    return content_hash("clearway/tie-seed/1", problem_hash, [[key, commitments[key]] for key in sorted(commitments)])


def tie_key(tie_seed: str, bid_id: str) -> str:
    """What a bid compares by among sets of equal score; the smaller is first."""
    return content_hash("clearway/tie-key/1", tie_seed, bid_id)
