"""A node that comes back is given its share little by little (Envoy's slow start with aggression 1: linear)."""

from __future__ import annotations

from engine.network.compiling import shared

PPM = 1_000_000
LEAST_PPM = 100_000
"""Share at the start."""


@shared
def started_ppm(elapsed_us: int, window_us: int) -> int:
    """Share of its limit a node may use after a time in the window: max(10 %, elapsed / window), at most all of it."""
    if elapsed_us >= window_us:
        return PPM
    return max(LEAST_PPM, elapsed_us * PPM // window_us)
