"""How good the predictions of waiting time are: the laws of `queueing` and the estimators against a simulated queue.

One queue before c machines of speed 1, Poisson arrivals, four laws of service of mean 1. Of each seed's customers the
first `LEARNT` are what the estimators see; predictions are judged by those after. A row each for
    simulated       the wait there was: what no prediction can beat
    predicted       `ggc_wait` with the true rates: the formula's own error
    online          the same with everything estimated, and the share of customers within its 90 % interval
    sampling        what the estimate's error is at least
    allen_cunneen   the textbook formula with the true rates
    last_observed   the mean wait of the last `NAIVE` customers that were seen
Means are waits in service times; `error` is the relative distance from the mean simulated wait, for what is estimated the
median over seeds. `sampling` is the median error that the customers seen leave by themselves (`left_by_sampling`): what no
unbiased estimate is below. `off_coverage` is what the coverage misses of 90 %, or, where more than that take one and the
same time, of the share of these: an interval that holds 90 % holds all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import NormalDist, median

import numpy as np
from numpy.typing import NDArray

from engine.network.estimators import Arrivals, Capacity, scv, service_times
from engine.network.outlook import COVERAGE
from engine.network.policies.base import blank_memory, blank_sight
from engine.network.queueing import allen_cunneen, ggc_wait, interval, sojourn_beyond
from engine.network.simulation.core import CENTRAL_QUEUE, World, simulate
from engine.network.simulation.statistics import estimate
from engine.network.simulation.streams import UNIT_US, Stream, draw

Row = dict[str, str | int | float | None]

LEARNT = 100_000
"""Customers that estimators see before they predict."""

NAIVE = 1000
"""Customers whose mean wait is the naive forecast of the next."""

SAMPLE = 400
"""Service times that an interval is made of: evenly spaced order statistics of those seen."""

_HALF_LIFE_US = 10**15
"""Rates do not change here, so nothing is forgotten."""


@dataclass(frozen=True, slots=True)
class Law:
    """A law of service times of mean 1, by its SCV."""

    name: str
    scv: float
    draw: Callable[[np.random.Generator, int], NDArray[np.float64]]


def _lognormal(generator: np.random.Generator, count: int) -> NDArray[np.float64]:
    variance = float(np.log(5.0))
    return generator.lognormal(-variance / 2, variance**0.5, count)


LAWS = (
    Law("fixed", 0.0, lambda _, count: np.ones(count)),
    Law("exponential", 1.0, lambda generator, count: generator.exponential(1.0, count)),
    Law("gamma SCV 2", 2.0, lambda generator, count: generator.gamma(0.5, 2.0, count)),
    Law("lognormal SCV 4", 4.0, _lognormal),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A queue: machines, load per machine, law of service."""

    servers: int
    load: float
    law: Law


QUESTIONS = tuple(Question(servers, load, law) for law in LAWS for servers in (1, 10) for load in (0.5, 0.8, 0.95))


@dataclass(frozen=True, slots=True)
class Judged:
    """One seed: waits after what was learnt (mean, p99), the online prediction and its coverage, the naive forecast.

    `alike`: the share of customers that take the shortest time there is.
    """

    mean: float
    p99: float
    online: float
    covered: float
    alike: float
    naive: float


def judge(question: Question, seed: int, customers: int) -> Judged:
    """Simulate `customers` after the `LEARNT` ones and judge what was predicted from those."""
    stream = _stream(question, seed, LEARNT + customers)
    world = World(
        service_us=np.full(question.servers, UNIT_US, dtype=np.int64),
        machine=np.arange(question.servers, dtype=np.int64),
        lies=np.zeros(question.servers, dtype=np.int64),
        report_us=0,
        batched=False,
        staggered=False,
        slowdown=1,
        estimated=False,
    )
    memory = blank_memory(question.servers, question.servers, seed)
    sojourn = simulate(CENTRAL_QUEUE, world, stream, blank_sight(question.servers), memory).sojourn_us
    waits = (sojourn - stream.work_us) / UNIT_US
    arrival, departure = stream.arrival_us[:LEARNT], (stream.arrival_us + sojourn)[:LEARNT]
    online, low, high = predict(question.servers, arrival.tolist(), departure.tolist())
    after = sojourn[LEARNT:]
    return Judged(
        mean=float(waits[LEARNT:].mean()),
        p99=float(np.quantile(waits[LEARNT:], 0.99)),
        online=online,
        covered=float(((after >= low) & (after <= high)).mean()),
        alike=float((after == after.min()).mean()),
        naive=float(waits[LEARNT - NAIVE : LEARNT].mean()),
    )


def predict(servers: int, arrivals: Sequence[int], departures: Sequence[int]) -> tuple[float, float, float]:
    """From sends and receipts alone: the mean wait in service times, and in microseconds the interval of time in system."""
    end = arrivals[-1]
    rate = Arrivals(0, 1 / UNIT_US, _HALF_LIFE_US).watch(end, len(arrivals)).per_us
    capacity = Capacity(0, servers, UNIT_US, _HALF_LIFE_US)
    sends, receipts = [(time, True) for time in arrivals], [(time, False) for time in departures if time <= end]
    for time, is_send in sorted(sends + receipts):
        (capacity.send if is_send else capacity.receipt)(time)
    service_us = 1 / capacity.rate(end).per_us
    seen = sorted(service_times(zip(arrivals, departures, strict=True), servers))
    wait = ggc_wait(servers, min(rate * service_us / servers, 0.999), scv(seen))
    in_us = wait._replace(mean=wait.mean * service_us)
    sample = [seen[(2 * i + 1) * len(seen) // (2 * SAMPLE)] for i in range(SAMPLE)]

    def beyond(time: float) -> float:
        return sojourn_beyond(in_us, sample, time)

    return wait.mean, *interval(beyond, COVERAGE)


def left_by_sampling(question: Question, customers: int) -> float:
    """The median error of the mean wait where only sampling errs, by the delta method.

    The load is rate times mean service time, each known to 1 / sqrt(customers) and sqrt(SCV / customers) of itself; for
    exponential times that is the bound of Cramer and Rao.
    """
    step = 1e-4 * (1 - question.load)
    low, high = (ggc_wait(question.servers, question.load + side, question.law.scv).mean for side in (-step, step))
    slope = (log(high) - log(low)) / (2 * step)
    deviation = slope * question.load * sqrt((1 + question.law.scv) / customers)
    return NormalDist().inv_cdf(0.75) * deviation


def _stream(question: Question, seed: int, customers: int) -> Stream:
    drawn = draw(seed, customers, question.load * question.servers, (1.0,), question.servers, None)
    work = question.law.draw(np.random.default_rng([seed, 99]), customers)
    return drawn._replace(work_us=np.maximum(np.rint(work * UNIT_US).astype(np.int64), 1))


def waiting_rows(
    seeds: int = 10, customers: int = 2_000_000, questions: Iterable[Question] = QUESTIONS
) -> Iterator[Row]:
    """The rows of every question over seeds 0 .. seeds - 1, at least two."""
    for question in questions:
        yield from _rows(question, [judge(question, seed, customers) for seed in range(seeds)])


def _rows(question: Question, judged: Sequence[Judged]) -> Iterator[Row]:
    truth, tail = estimate([one.mean for one in judged]), estimate([one.p99 for one in judged])
    formula = ggc_wait(question.servers, question.load, question.law.scv).mean
    textbook = allen_cunneen(question.servers, question.load, question.law.scv)
    online, naive = [one.online for one in judged], [one.naive for one in judged]

    def row(policy: str, mean: float, error: float, **more: float) -> Row:
        made: Row = {"scenario": "waiting", "variant": question.law.name, "policy": policy, "n": question.servers}
        made.update(rho=question.load, seeds=len(judged), mean=mean, p99=None, mean_ci95=None, p99_ci95=None)
        made.update(error=abs(error), coverage=None)
        return {**made, **more}

    def off(means: Sequence[float]) -> float:
        return median(abs(mean / truth.value - 1) for mean in means)

    yield row("simulated", truth.value, 0.0, p99=tail.value, mean_ci95=truth.half_width, p99_ci95=tail.half_width)
    yield row("predicted", formula, formula / truth.value - 1)
    covered = estimate([one.covered for one in judged]).value
    least = max(COVERAGE, estimate([one.alike for one in judged]).value)
    yield row("online", median(online), off(online), coverage=covered, off_coverage=abs(covered - least))
    yield row("sampling", truth.value, left_by_sampling(question, LEARNT))
    yield row("allen_cunneen", textbook, textbook / truth.value - 1)
    yield row("last_observed", median(naive), off(naive))
