"""How load falls from nodes of the first tier to the next as they fail: Envoy's priority levels.

A tier's health is 1.4 times its share of usable nodes (overprovisioning), at most 100 %: with 72 % of its nodes a tier
still takes all of its load, with 50 % it takes 70 %. Tiers take in order what those before them leave. If all together
have less than 100 %, load is divided in proportion to health.
"""

from __future__ import annotations

from engine.network.compiling import shared
from engine.network.draws import Ints

PPM = 1_000_000
OVERPROVISIONING_PERCENT = 140


@shared
def spill(nodes: Ints, usable: Ints, load_ppm: Ints) -> None:
    """Write each tier's share of the load, from counts of its nodes and of those usable; the shares sum to a whole.

    Rounded down, the rest to the first tier with any health; all zero where no tier has a usable node.
    """
    total = 0
    for tier in range(len(nodes)):
        health = 0
        if nodes[tier] > 0:
            health = min(PPM, OVERPROVISIONING_PERCENT * PPM // 100 * int(usable[tier]) // int(nodes[tier]))
        load_ppm[tier] = health
        total += health
    left = PPM
    first = -1
    for tier in range(len(nodes)):
        health = int(load_ppm[tier])
        if first < 0 and health > 0:
            first = tier
        share = min(left, health if total >= PPM else health * PPM // max(total, 1))
        load_ppm[tier] = share
        left -= share
    if first >= 0:
        load_ppm[first] += left
