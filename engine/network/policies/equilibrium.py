"""The default: the node where a request is answered soonest, within the equilibrium of latency and decentralisation.

Of the candidates the one of least (load + 1) * service time + round trip, the load being own sends less receipts (or
what is expected to be left of them, see `observing`), raised by reports but never lowered. Up to `SCANNED` nodes all are
candidates; beyond, `SAMPLED` drawn by their share in the optimum p*, so that several dispatchers do not herd. Nodes whose
operator has had its share of value are none (see `floor`).
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.draws import below
from engine.network.policies.base import NEVER, STREAMED, Memory, Request, Sight, least_cost, usable
from engine.network.policies.floor import accrue, charge, credit_needed
from engine.network.policies.observing import believed, busy_milli, load_milli

SCANNED = 256
"""Most nodes that are all looked at."""

SAMPLED = 16
"""Candidates drawn where there are more."""

BUSY_MILLI = 375
"""What the chance that a node is busy counts for beside its expected load, in thousandths of a request: the best of eighths
where nodes report in turn; where they report all at once it makes no difference (S2)."""


@shared
def choose(sight: Sight, request: Request, memory: Memory) -> int:
    """The node to send to; -1 where none is usable. Of equals one by chance."""
    bounded = memory.burst[0] > 0
    needed = 0
    if bounded:
        accrue(memory, request.value)
        needed = credit_needed(sight, request, memory)
    _candidates(sight, memory)
    best = _best(sight, request, memory, needed)
    if best < 0:
        memory.cost[:] = 0
        best = _best(sight, request, memory, needed)
    if bounded and best >= 0:
        charge(memory, int(sight.operator[best]), request.value)
    return best


@shared
def _candidates(sight: Sight, memory: Memory) -> None:
    """Sets the cost of candidates to 0, of all others to NEVER; draws by rejection, which gives p* exactly."""
    nodes = len(sight.cap)
    if nodes <= SCANNED:
        memory.cost[:] = 0
        return
    memory.cost[:] = NEVER
    greatest = 1
    for node in range(nodes):
        greatest = max(greatest, int(sight.share_ppm[node]))
    drawn = 0
    for _ in range(SAMPLED * 64):
        node = below(memory.draws, nodes)
        if below(memory.draws, greatest) < sight.share_ppm[node]:
            memory.cost[node] = 0
            drawn += 1
            if drawn == SAMPLED:
                return


@shared
def _best(sight: Sight, request: Request, memory: Memory, needed: int) -> int:
    bounded = memory.burst[0] > 0
    for node in range(len(sight.cap)):
        if memory.cost[node] == NEVER:
            continue
        if not usable(sight, node) or (bounded and memory.bucket[sight.operator[node]] < needed):
            memory.cost[node] = NEVER
        else:
            wait = _burden_milli(sight, node, request.now_us) * int(sight.service_us[node]) // 1000
            memory.cost[node] = wait + int(sight.rtt_us[request.region, node])
    return least_cost(memory)


@shared
def _burden_milli(sight: Sight, node: int, now_us: int) -> int:
    """Load and the request itself; where the queue is not seen, also the chance that the node is busy.

    The last makes idle nodes found: by expected load alone one may stay empty while another, as likely short, is not.
    """
    if sight.seen_us[node] == STREAMED:
        return load_milli(sight, node, now_us) + 1000
    mean, variance = believed(sight, node, now_us)
    return mean + busy_milli(mean, variance) * BUSY_MILLI // 1000 + 1000
