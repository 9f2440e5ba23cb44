"""When too few nodes look healthy, the judge is likelier wrong than the nodes: then health is ignored (Envoy's panic).

Envoy counts every host that fails its checks and spreads over all of them, dead ones too. Here a node that is silent
(no receipt, no report, no answer to a probe) is not a matter of opinion: panic forgives those judged by their answers,
and the silent only if nobody else is left. With 70 % of nodes truly gone, Envoy's rule loses 70 % of requests.
"""

from __future__ import annotations

from engine.network.compiling import shared


@shared
def panics(usable: int, alive: int) -> bool:
    """Whether less than half of the nodes that still speak may be used."""
    return 2 * usable < alive
