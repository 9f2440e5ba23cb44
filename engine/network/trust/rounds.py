"""A round of probes: who measures whom, what they signed, and how it changes the delays that choices count with.

Guarantees
1. The pairs are a pure function of (root, number, members, who did not answer before): `PROVERS` of a chain's nodes by
   H(seed, node) and those that were silent in their last round, and for each its challengers of all chains
   (`challengers`). The root is the hash of the settlement stored last before the round.
2. `RoundBook` takes of each pair one measurement, signed by the challenger under the round's seed. A node's delay is the
   median of at least 2 * LIARS + 1 of them (`probes.own_delay_us`); with fewer what was known before stays.
3. A `Round` has everything that its delays follow from, but the members, their keys and the table of distances (`Ground`):
   `check_round` draws the pairs, checks the signatures and reckons the medians anew, in integers.
4. One round moves the average by a quarter of the difference, and what is counted with only where the average is off by
   more than `STEP_US` and a quarter: small noise changes no choice. A node that most found silent counts as `TIMEOUT_US`
   away until it answers, so not to answer gains nothing; its average is what it was.

It does not show that a challenger measured at all: it may state what it likes, and the median is for that. Where fewer
answered than were drawn, fewer liars own the median; whether one that is not there never came or was left out by whoever
kept the round, the round can not say. What was known before a round is the round's before it to show.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from engine.auction.solution import Count
from engine.network.state import Micros
from engine.network.trust.challengers import Member, challengers_of, round_seed
from engine.network.trust.probes import Measurement, Vantage, own_delay_us
from intents.errors import InputError
from intents.identifiers import Digest, PlaceId
from intents.values import Value, content_hash

PROVERS = 2
"""Nodes of a chain that are measured in a round."""

VANTAGES = 5
"""Challengers of each, or as many as there are other operators."""

LIARS = 1
"""So many liars among three that answer change nothing; two of all five."""

TIMEOUT_US = 3_000_000
"""How long a challenger waits for an echo, and what it states where none came: who does not answer is far, not unknown."""

WEIGHT = 4
"""A round counts for a part in so many of the average."""

STEP_US = 5_000
"""Least change of what is counted with."""


class Ground(NamedTuple):
    """What a round rests on: each chain's members in the order of its nodes, keys by member, distances by two regions.

    Distances are round trips, by the regions in ascending order with a slash between; none at all: nobody is measured.
    """

    members: Mapping[str, tuple[Member, ...]]
    keys: Mapping[str, str]
    rtt_us: Mapping[str, int]


class Delay(Value):
    """What a node adds to its distance: the average of `rounds` rounds, and what choices count with.

    `silent`: most of its challengers found it so in its last round.
    """

    average_us: Micros = 0
    used_us: Micros = 0
    rounds: Count = 0
    silent: bool = False


class Round(Value):
    """A chain's newest round, the delays of its nodes before and after it, in order. Measurements ascend by node, challenger."""

    format: Literal["clearway/probe-round/1"] = "clearway/probe-round/1"
    chain: PlaceId
    root: Digest
    number: Count
    measurements: tuple[Measurement, ...]
    before: tuple[Delay, ...]
    after: tuple[Delay, ...]


def member_id(chain: str, node: str) -> str:
    """How a chain's node is called where nodes of all chains meet."""
    return f"{chain}/{node}"


def drawn(
    ground: Ground, chain: str, before: Sequence[Delay], seed: str
) -> tuple[tuple[Member, tuple[Member, ...]], ...]:
    """Each node to be measured with its challengers; none where there are too few other operators, or no distances."""
    known = list(zip(ground.members[chain], before, strict=True))
    missed = [member for member, delay in known if delay.silent]
    others = [member for member, delay in known if not delay.silent]
    others.sort(key=lambda each: content_hash("clearway/prover/1", seed, each.id))
    everybody = [member for members in ground.members.values() for member in members]
    pairs = []
    for prover in sorted([*missed, *others[:PROVERS]]) if ground.rtt_us else ():
        judges = len({member.operator for member in everybody} - {prover.operator})
        if judges > 2 * LIARS:
            pairs.append((prover, challengers_of(prover, everybody, min(judges, VANTAGES), seed)))
    return tuple(pairs)


class RoundBook:
    """An open round. `before`: what is known of each chain's nodes, in their order."""

    def __init__(self, ground: Ground, root: str, number: int, before: Mapping[str, Sequence[Delay]]) -> None:
        self._ground = ground
        self._root = root
        self._number = number
        self.seed = round_seed(root, number)
        self._before = before
        self.chains = tuple(sorted(before))
        self._drawn = {chain: drawn(ground, chain, before[chain], self.seed) for chain in self.chains}
        self.pairs = tuple(
            (challenger.id, prover.id)
            for pairs in self._drawn.values()
            for prover, challengers in pairs
            for challenger in challengers
        )
        self._taken: dict[tuple[str, str], Measurement] = {}

    def receive(self, measurement: Measurement) -> None:
        """Take a measurement.

        Raises InputError, and changes nothing: `unknown_challenger` (the pair was not drawn), `other_round`,
        `replayed_measurement`, `late_echo` (a latency beyond the time-out), `bad_signature`.
        """
        pair = (measurement.challenger, measurement.node)
        if pair not in self.pairs:
            raise InputError("unknown_challenger", "/challenger", expected="a pair drawn", actual=" to ".join(pair))
        if measurement.seed != self.seed:
            raise InputError("other_round", "/seed", expected=self.seed, actual=measurement.seed)
        if pair in self._taken:
            raise InputError("replayed_measurement", "", expected="one of each pair", actual=" to ".join(pair))
        if measurement.latency_us > TIMEOUT_US:
            raise InputError(
                "late_echo", "/latency_us", expected=f"at most {TIMEOUT_US}", actual=str(measurement.latency_us)
            )
        measurement.check(self._ground.keys[measurement.challenger])
        self._taken[pair] = measurement

    def concluded(self, chain: str) -> Round:
        """The chain's round as it stands."""
        before = self._before[chain]
        after = list(before)
        nodes = [member.id for member in self._ground.members[chain]]
        kept: list[Measurement] = []
        for prover, challengers in self._drawn[chain]:
            own = [
                self._taken[pair]
                for pair in sorted((each.id, prover.id) for each in challengers)
                if pair in self._taken
            ]
            kept += own
            if len(own) > 2 * LIARS:
                vantages = {each.id: Vantage(each.operator, self._distance_us(each, prover)) for each in challengers}
                place = nodes.index(prover.id)
                silent = 2 * sum(each.latency_us == TIMEOUT_US for each in own) > len(own)
                delay_us = None if silent else own_delay_us(own, vantages, LIARS)
                after[place] = learnt(before[place], delay_us)
        return Round(
            chain=chain,
            root=self._root,
            number=self._number,
            measurements=tuple(kept),
            before=tuple(before),
            after=tuple(after),
        )

    def _distance_us(self, one: Member, other: Member) -> int:
        return self._ground.rtt_us["/".join(sorted((one.region, other.region)))]


def learnt(before: Delay, median_us: int | None) -> Delay:
    """What is known of a node after another median, None where it was silent; the first median counts whole."""
    if median_us is None:
        return before.model_copy(update={"used_us": TIMEOUT_US, "silent": True})
    average_us = median_us
    if before.rounds:
        average_us = before.average_us + (median_us - before.average_us) // WEIGHT
    off_us = abs(average_us - before.used_us)
    moves = before.silent or (off_us > STEP_US and 4 * off_us > before.used_us)
    return Delay(average_us=average_us, used_us=average_us if moves else before.used_us, rounds=before.rounds + 1)


def check_round(made: Round, ground: Ground) -> None:
    """Redo a round from its root and measurements. Raises InputError `bad_round`, or as `RoundBook.receive` does."""
    if made.chain not in ground.members or len(made.before) != len(ground.members[made.chain]):
        raise InputError("bad_round", "/before", expected="the delay of each node of a chain", actual=made.chain)
    book = RoundBook(ground, made.root, made.number, {made.chain: made.before})
    for measurement in made.measurements:
        book.receive(measurement)
    again = book.concluded(made.chain)
    if again != made:
        expected = str([delay.used_us for delay in again.after])
        actual = str([delay.used_us for delay in made.after])
        raise InputError("bad_round", "/after", expected=expected, actual=actual)
