"""How a Sight changes: own sends, signed receipts, and what nodes state. The dispatcher and the simulator share these.

Own counts come first: a node's statement can raise its expected queue, never lower it, so no node can lie itself idle.

Where receipts come in batches (one state poll, one block), what left since the last is not seen but expected. Mean E and
variance V of a node's queue follow from the chance P that it is empty, exactly:

    dE/dt = -(1 - P),   dV/dt = (1 - P) - 2 E P        in service times; a send adds 1 to E, a batch sets E and V = 0

and P is taken from the two as e^(-2 E^2 / (E + V)): 1 / (1 + E) within 0.14 for the stationary queue, nearly 0 for one just
seen busy. Solved in midpoint steps of half a service time or less (64 at most), in integers. On the benchmark it is as good
as the exact filter of the queue's distribution. (Closing such equations by moments: Rothkopf and Oren, 1979.)
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.policies.base import STREAMED, Sight

DECAY_US = 10_000_000
"""Time in which a peak of observed latency falls to 1/e; Finagle's default (PeakEwma, 10 s)."""

ESTIMATE_SHIFT = 4
"""Weight 1/16 of a new service time in its average."""

_MILLI = 1000
_MOST_STEPS = 64
_MOST_EXPECTED = 2**30
_NEVER_IDLE = 50_000
_WHOLE = 1_000_000
"""One request, in the millionths that are reckoned in."""


@shared
def record_send(sight: Sight, node: int, now_us: int) -> None:
    """A request goes to the node."""
    if sight.seen_us[node] < STREAMED:
        _drain(sight, node, now_us)
        sight.expected_milli[node] += _MILLI
    sight.own[node] += 1
    sight.since[node] += 1


@shared
def record_receipt(sight: Sight, node: int, latency_us: int, now_us: int) -> None:
    """A signed receipt arrives as it was signed, for a request of ours sent `latency_us` ago."""
    sight.own[node] = max(sight.own[node] - 1, 0)
    sight.since[node] -= 1
    observe_latency(sight, node, latency_us, now_us)


@shared
def record_batch(sight: Sight, node: int, outstanding: int, now_us: int) -> None:
    """Receipts up to now arrive at once: `outstanding` of our requests are left. Call `record_report` before, if any."""
    sight.own[node] = outstanding
    sight.seen_us[node] = now_us
    sight.expected_milli[node] = _MILLI * max(outstanding, sight.reported[node] + sight.since[node])
    sight.variance_milli[node] = 0
    sight.expected_at_us[node] = now_us


@shared
def record_report(sight: Sight, node: int, queue: int, now_us: int) -> None:
    """The node states its queue length."""
    sight.reported[node] = queue
    sight.since[node] = 0
    if sight.seen_us[node] < STREAMED:
        _drain(sight, node, now_us)
        sight.expected_milli[node] = max(sight.expected_milli[node], _MILLI * queue)


@shared
def load_milli(sight: Sight, node: int, now_us: int) -> int:
    """Requests believed to be at the node, in thousandths: own sends less receipts, corrected upward by its report."""
    if sight.seen_us[node] < STREAMED:
        return believed(sight, node, now_us)[0]
    return _MILLI * int(max(sight.own[node], sight.reported[node] + sight.since[node]))


@shared
def believed(sight: Sight, node: int, now_us: int) -> tuple[int, int]:
    """Mean and variance of the requests at a node whose receipts come in batches, in thousandths, as of now."""
    elapsed = max(now_us - int(sight.expected_at_us[node]), 0)
    service = int(sight.service_us[node])
    steps = min(2 * elapsed // service + 1, _MOST_STEPS)
    step = min(elapsed * _MILLI // (steps * service), 4 * _MILLI)
    mean = 1_000 * int(min(sight.expected_milli[node], _MOST_EXPECTED))
    variance = 1_000 * int(min(sight.variance_milli[node], _MOST_EXPECTED))
    for _ in range(steps):
        idle = _idle(mean, variance)
        half = max(mean - step * (_WHOLE - idle) // 2_000, 0)
        spread = max(variance + step * (_WHOLE - idle - 2 * (mean * idle // _WHOLE)) // 2_000, 0)
        idle = _idle(half, spread)
        variance = max(variance + step * (_WHOLE - idle - 2 * (half * idle // _WHOLE)) // 1_000, 0)
        mean = max(mean - step * (_WHOLE - idle) // 1_000, 0)
    return mean // 1_000, variance // 1_000


@shared
def busy_milli(mean: int, variance: int) -> int:
    """The chance, in thousandths, that a queue of such mean and variance (in thousandths) is not empty."""
    return (_WHOLE - _idle(1_000 * mean, 1_000 * variance)) // 1_000


@shared
def _idle(mean: int, variance: int) -> int:
    """e^(-x), x = 2 E^2 / (E + V), as 1 / (1 + x + x^2/2 + x^3/6); all in millionths."""
    if mean == 0:
        return _WHOLE
    x = 2 * (mean // 1_000) * (mean // 1_000) // max((mean + variance) // 1_000, 1)
    if x > _NEVER_IDLE:
        return 0
    return _WHOLE * 6 * 10**9 // (6 * 10**9 + 6 * 10**6 * x + 3_000 * x * x + x * x * x)


@shared
def _drain(sight: Sight, node: int, now_us: int) -> None:
    mean, variance = believed(sight, node, now_us)
    sight.expected_milli[node] = mean
    sight.variance_milli[node] = variance
    sight.expected_at_us[node] = now_us


@shared
def observe_latency(sight: Sight, node: int, latency_us: int, now_us: int) -> None:
    """Peak-EWMA: a higher latency is taken at once, a lower one approached as the known one decays by e^(-t/DECAY_US)."""
    known = int(sight.latency_us[node])
    weight = _weight_ppm(now_us - int(sight.latency_at_us[node]))
    weighted = (known * weight + latency_us * (1_000_000 - weight)) // 1_000_000
    sight.latency_us[node] = max(weighted, latency_us)
    sight.latency_at_us[node] = now_us


@shared
def peak_latency_us(sight: Sight, node: int, now_us: int) -> int:
    """The observed latency (below 2^42), decayed to now."""
    return int(sight.latency_us[node]) * _weight_ppm(now_us - int(sight.latency_at_us[node])) // 1_000_000


@shared
def _weight_ppm(elapsed_us: int) -> int:
    """e^(-x) for x = elapsed / DECAY_US in ppm, taken as 1/(1 + x + x^2/2): 0.03 too high at 1, at most 0.07 at 2.5."""
    permille = min(max(elapsed_us, 0) // (DECAY_US // 1000), 100_000)
    return 1_000_000_000_000 // (1_000_000 + 1000 * permille + permille * permille // 2)


@shared
def learn_service(sight: Sight, node: int, service_us: int) -> None:
    """A service time worked out of receipts (from the later of send and receipt before) enters its average."""
    known = int(sight.service_us[node])
    sight.service_us[node] = max(known + ((service_us - known) >> ESTIMATE_SHIFT), 1)
