"""What trust rests on, measured: liars among challengers, forged messages, censors, and choices made again.

Rows, by `variant`; `n` and `rho` say what stands beside them
    liars       n vantage points of which the share rho lies alike: `error` of the measured delay, 95 % quantile
    forgeries   n kinds of false receipts, heartbeats and echoes: the share `refused`
    accused     an honest node that loses the share rho of all it is sent, n pairs: `false_alarms` per test or window
    found       a censor at a loss rho of others': pairs until it is accused (`mean`, `p99`)
    dropped     operators with share rho drop a victim: how often it waits for more than two slots (`mean`)
    choices     50 dispatches over n nodes by each policy: the share that `replayed` as recorded, and of changed ones `found`
Each seed is one observation where there are seeds; the rest is counted over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from statistics import median

from engine.network.policies import POLICIES
from engine.network.policies.base import Request, blank_memory, blank_sight
from engine.network.policies.observing import record_receipt, record_send
from engine.network.simulation.statistics import estimate
from engine.network.trust.censorship import PairTest
from engine.network.trust.challengers import round_seed
from engine.network.trust.choice_replay import Dispatch, decide, replay_choices
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.fall_through import Candidate, asking_order
from engine.network.trust.heartbeats import Heartbeat, HeartbeatBook
from engine.network.trust.probes import Echo, ProbeBook
from engine.network.trust.receipts import Receipt, ReceiptBook, Send
from intents.errors import InputError
from intents.signing import ed25519_owner
from intents.values import content_hash

Row = dict[str, str | int | float | None]

_KEY, _STRANGER = b"\x01" * 32, b"\x02" * 32
_KEYS = {"node": ed25519_owner(_KEY), "other": ed25519_owner(_STRANGER)}
_CHAIN, _NODE, _JUDGE = "sim:one", "node", "judge"
_NOW, _WINDOW, _SKEW = 10**9, 10**6, 10**3
_OPERATORS, _CENSORS = 20, 5


def trust_rows(seeds: int = 10) -> Iterator[Row]:
    """All rows, over seeds 0 .. seeds - 1."""
    chances = [Random(seed) for seed in range(seeds)]  # noqa: S311  # a simulation, seeded
    yield from _liars(chances)
    yield _forgeries(seeds)
    yield from _accused(chances)
    yield _found(chances)
    yield from _dropped(chances)
    yield _choices(seeds)


def _row(variant: str, policy: str, n: int, rho: float, seeds: int, **more: float) -> Row:
    made: Row = {"scenario": "trust", "variant": variant, "policy": policy, "n": n, "rho": rho, "seeds": seeds}
    made.update(mean=None, p99=None, mean_ci95=None, p99_ci95=None)
    return {**made, **more}


def _liars(chances: Sequence[Random]) -> Iterator[Row]:
    """50 operators, 10 of them lying fivefold; honest ones are off by 10 % (lognormal)."""
    for policy, count, liars in (("one challenger", 1, 10), ("median of 21", 21, 10), ("21, none lying", 21, 0)):
        errors = sorted(_median_error(chance, count, liars) for chance in chances for _ in range(500))
        yield _row("liars", policy, 50, 0.2, len(chances), error=errors[int(0.95 * len(errors))])


def _median_error(chance: Random, count: int, liars: int) -> float:
    drawn = chance.sample(range(50), count)
    return abs(median(5.0 if who < liars else chance.lognormvariate(0, 0.1) for who in drawn) - 1)


def _forgeries(seeds: int) -> Row:
    tried = refused = 0
    for number in range(seeds):
        for act in _false_messages(number):
            tried += 1
            try:
                act()
            except InputError:
                refused += 1
    return _row("forgeries", "signed, once, in its window", tried // seeds, 0.0, seeds, refused=refused / tried)


def _false_messages(number: int) -> Iterator[Callable[[], object]]:
    """Each gives one false message to a book that waits for the true one, or, last, has it already."""
    transaction = content_hash("trust-row", number)
    receipt = Receipt(node=_NODE, chain=_CHAIN, transaction=transaction, sequence=0, status="landed", at_us=_NOW)
    beat = Heartbeat(node=_NODE, chain=_CHAIN, sequence=1, queue=number, at_us=_NOW)
    nonce = "0x" + transaction.removeprefix("sha256:")
    echo = Echo(challenger=_JUDGE, node=_NODE, nonce=nonce)
    receipts = ReceiptBook(_KEYS, window_us=_WINDOW, skew_us=_SKEW)
    receipts.send(Send(_NODE, _CHAIN, transaction, _NOW))
    beats, probes = HeartbeatBook(_KEYS, age_us=_WINDOW, skew_us=_SKEW), ProbeBook(_JUDGE, _KEYS, timeout_us=_WINDOW)
    probes.challenge(_NODE, nonce, _NOW)

    elsewhere = {"transaction": content_hash("trust-row", -1)}, {"chain": "sim:two"}, {"sequence": 1}
    for resigned in (*elsewhere, {"at_us": _NOW - _SKEW - 1}, {"at_us": _NOW + _SKEW + 1}):
        yield partial(receipts.receive, receipt.model_copy(update=resigned).signed(_KEY), _NOW)
    for altered in ({"status": "refused"}, {"gas": number + 1}, {"height": number + 1}, {"node": "other"}):
        yield partial(receipts.receive, receipt.signed(_KEY).model_copy(update=altered), _NOW)
    yield partial(receipts.receive, receipt.signed(_STRANGER), _NOW)
    yield partial(receipts.receive, receipt.signed(_KEY), _NOW + _WINDOW + 1)
    for stale in ({"at_us": _NOW - _WINDOW - _SKEW - 1}, {"at_us": _NOW + _SKEW + 1}, {"node": "nobody"}):
        yield partial(beats.receive, beat.model_copy(update=stale).signed(_KEY), _NOW)
    yield partial(beats.receive, beat.signed(_KEY).model_copy(update={"queue": number + 1}), _NOW)
    yield partial(beats.receive, beat.signed(_STRANGER), _NOW)
    yield partial(probes.receive, echo.signed(_STRANGER), _NOW)
    yield partial(probes.receive, echo.model_copy(update={"nonce": "0x" + "0" * 64}).signed(_KEY), _NOW)
    receipts.receive(receipt.signed(_KEY), _NOW)
    yield partial(receipts.receive, receipt.signed(_KEY), _NOW)
    beats.receive(beat.signed(_KEY), _NOW)
    yield partial(beats.receive, beat.signed(_KEY), _NOW)
    yield partial(probes.receive, echo.signed(_KEY), _NOW + _WINDOW + 1)
    yield partial(probes.receive, echo.signed(_KEY), _NOW + _WINDOW + 1)


def _accused(chances: Sequence[Random]) -> Iterator[Row]:
    """An honest node under overload; beside the test, the rule that accuses when a victim loses over half of 20."""
    pairs, loss = 4000, 0.4
    tests = alarms = windows = loud = 0
    for chance in chances:
        test, lost = PairTest(), 0
        for number in range(1, pairs + 1):
            victim, other = chance.random() >= loss, chance.random() >= loss
            before, test = test, test.observe(victim_landed=victim, other_landed=other)
            tests += test.cleared > before.cleared
            if test.verdict == "censors":
                alarms, tests, test = alarms + 1, tests + 1, PairTest()
            lost += not victim
            if number % 20 == 0:
                windows, loud, lost = windows + 1, loud + (lost > 10), 0
    yield _row("accused", "more than half of 20 lost", pairs, loss, len(chances), false_alarms=loud / windows)
    yield _row("accused", "sequential test of pairs", pairs, loss, len(chances), false_alarms=alarms / tests)


def _found(chances: Sequence[Random]) -> Row:
    """The node drops all of its victim's and a tenth of everybody's."""
    needed = []
    for chance in chances:
        for _ in range(200):
            test = PairTest()
            while test.verdict == "open":
                test = test.observe(victim_landed=False, other_landed=chance.random() >= 0.1)
            needed.append(test.pairs)
    needed.sort()
    tail = needed[int(0.99 * len(needed))]
    return _row("found", "sequential test of pairs", 1, 0.1, len(chances), mean=sum(needed) / len(needed), p99=tail)


def _dropped(chances: Sequence[Random]) -> Iterator[Row]:
    """20 equal operators, 5 of which drop; asked in the drawn order, or the same one again and again."""
    candidates = [Candidate(f"node{i:02}", f"operator{i:02}", 1) for i in range(_OPERATORS)]
    censors = {f"node{i:02}" for i in range(_CENSORS)}
    share = _CENSORS / _OPERATORS
    waits, stuck = [], []
    for seed, _ in enumerate(chances):
        root = content_hash("trust-row", "root", seed)
        orders = [asking_order(round_seed(root, number), "t", candidates) for number in range(500)]
        waits.append(sum(set(order[:2]) <= censors for order in orders) / len(orders))
        stuck.append(sum(order[0] in censors for order in orders) / len(orders))
    exact = share * (_CENSORS - 1) / (_OPERATORS - 1)
    for policy, value in (("same node again", estimate(stuck)), ("fall-through", estimate(waits))):
        yield _row("dropped", policy, _OPERATORS, share, len(chances), mean=value.value, mean_ci95=value.half_width)
    yield _row("dropped", "without replacement, exactly", _OPERATORS, share, len(chances), mean=exact)
    yield _row("dropped", "share of censors squared", _OPERATORS, share, len(chances), mean=share**2)


def _choices(seeds: int) -> Row:
    made = kept = found = 0
    for seed in range(seeds):
        for policy in POLICIES:
            choices = _dispatched(policy, seed)
            made += len(choices)
            kept += len(choices) if replay_choices(choices, [seed]) is None else 0
            changed = seed % len(choices)
            other = choices[changed].model_copy(update={"chosen": (choices[changed].chosen + 1) % 5})
            difference = replay_choices([*choices[:changed], other, *choices[changed + 1 :]], [seed])
            found += difference is not None and difference.position == changed
    changes = seeds * len(POLICIES)
    return _row("choices", "all policies", 5, 0.0, seeds, replayed=kept / made, found=found / changes)


def _dispatched(policy: str, seed: int) -> list[Choice]:
    """50 sends over five nodes, receipts at random."""
    chance, names = Random(seed), tuple(f"node{i}" for i in range(5))  # noqa: S311  # a simulation, seeded
    sight, memory = blank_sight(5), blank_memory(5, 5, seed)
    choices = []
    for number in range(50):
        now_us = _NOW + number * 200_000
        request = Request(now_us, 0, chance.randrange(2**40), 1)
        dispatch = Dispatch(_CHAIN, content_hash("trust-row", seed, number))
        choices.append(decide(policy, names, sight, request, memory, dispatch))
        record_send(sight, choices[-1].chosen, now_us)
        if chance.random() < 0.8:
            record_receipt(sight, chance.randrange(5), chance.randrange(3_000_000), now_us)
    return choices
