"""When errors single a node out: a run of failures, or a rate of failures that its peers do not have.

The rate is watched by Page's cumulative sum (Biometrika 1954; optimal in Lorden's sense, Moustakides 1986):

    score' = max(0, score + ln P(answer | half fail) / P(answer | as among peers))

which is a sequential test begun anew whenever the node looks well. From the threshold t of 15 the mean run between
false alarms is above e^t = 3.3 million answers, whatever the node's traffic, and a node that fails half its requests is
found after about t / 1.6 = 10. A fixed window with a rule of 1.9 deviations (Envoy's) ejects some healthy node in most
windows of a fleet that differs by chance alone. `peers_ppm` is the median of the nodes' failure rates: what ails all of
them is no node's fault, and above 20 % nobody is singled out. Scores are in thousandths of a nat.
"""

from __future__ import annotations

from typing import NamedTuple

from engine.network.compiling import shared

PPM = 1_000_000

RATE_WEIGHT = 32
"""Answers over which a node's failure rate is averaged."""


class Ejection(NamedTuple):
    """Parameters. Run of 5, base time of 30 s: Envoy's outlier detection."""

    consecutive: int = 5
    score_milli: int = 15_000
    base_us: int = 30_000_000
    """A node stays out for this times the number of times it was put out lately."""
    forget_us: int = 600_000_000
    """After this long in service its earlier ejections no longer count."""
    most_ppm: int = 333_333
    """Most nodes out for errors at a time (one always may): a third, what a consensus outlasts. Envoy's 10 % would keep
    one of two sick nodes in ten."""


@shared
def score_step(failed: bool, peers_ppm: int) -> int:  # noqa: FBT001 - an answer has two kinds
    """Thousandths of a nat that one answer adds: ln(.5 / q) if it failed, ln(.5 / (1 - q)) if not; q is peers' rate.

    q is rounded up to 1, 2, 5, 10 or 20 %.
    """
    if peers_ppm <= 10_000:
        return 3912 if failed else -683
    if peers_ppm <= 20_000:
        return 3219 if failed else -673
    if peers_ppm <= 50_000:
        return 2303 if failed else -642
    if peers_ppm <= 100_000:
        return 1609 if failed else -588
    if peers_ppm <= 200_000:
        return 916 if failed else -470
    return -470


@shared
def rate_after(rate_ppm: int, failed: bool) -> int:  # noqa: FBT001 - as above
    """The failure rate after one more answer, averaged exponentially; rounded toward minus infinity."""
    return rate_ppm + ((PPM if failed else 0) - rate_ppm) // RATE_WEIGHT


@shared
def may_eject(out: int, nodes: int, ejection: Ejection) -> bool:
    """Whether one more of `nodes` may go out for errors while `out` already are."""
    return out == 0 or (out + 1) * PPM <= nodes * ejection.most_ppm
