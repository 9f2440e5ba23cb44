"""The equilibrium of latency and decentralisation: shares of least latency under a floor on the Nakamoto coefficient.

    minimise    sum_i p_i (rtt_i + 1 / (mu_i - lambda p_i))                    (each node an M/M/1 queue at distance rtt)
    subject to  sum_i p_i = 1,   0 <= p_i,   lambda p_i <= 0.99 mu_i,
                P_o <= cap_o                                                   (P_o: sum of operator o's p_i)
                (k - 1) theta + sum_o max(P_o - theta, 0) <= t  for some theta

The last line is linear in (P, theta) and says exactly that the k - 1 greatest P_o together are at most t (the dual of the
sum of largest), which is "Nakamoto coefficient at t >= k". The program is convex, so its KKT conditions decide. With nu
the marginal latency and eta the price of the floor, an operator has what it takes at nu where that is below theta, what
it takes at nu - eta where that is above, and theta in between. So for a given theta the floor gives nu - eta, the sum of
shares gives nu, and theta is where the operators above or at it carry k - 1 whole prices: three monotone functions, three
bisections. Floats inside; what goes to choices is rounded to integer ppm, which are recorded.

`Optimum.price_us` is latency paid per unit of the floor: tightening t by .01 costs about price_us * .01.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.network.policies.base import PPM
from intents.errors import InputError

Floats = NDArray[np.float64]

HEADROOM = 0.99
"""Greatest load of a node."""

_STEPS = 60


@dataclass(frozen=True, slots=True)
class Fleet:
    """n nodes: round trip and mean service time in us, operator (0 .. m-1, each with a node), requests per us in all."""

    rtt_us: Floats
    service_us: Floats
    operator: NDArray[np.int64]
    rate: float

    @property
    def operators(self) -> int:
        """How many operators there are."""
        return int(self.operator.max()) + 1

    @property
    def load(self) -> float:
        """The rate over the capacity."""
        return self.rate / float(np.sum(1 / self.service_us))


@dataclass(frozen=True, slots=True)
class Floor:
    """The `k` - 1 greatest operators together get at most `threshold`: a Nakamoto coefficient there of at least k >= 2."""

    k: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Optimum:
    """Shares by node and by operator, their mean latency, and the price of the floor (0 where it does not bind)."""

    shares: Floats
    held: Floats
    latency_us: float
    price_us: float


def latency_us(fleet: Fleet, shares: Floats) -> float:
    """Mean latency of a random split; infinite where a node is overloaded."""
    spare = 1 / fleet.service_us - fleet.rate * shares
    if np.any(spare[shares > 0] <= 0):
        return float("inf")
    return float(np.sum(shares * fleet.rtt_us + np.where(shares > 0, shares / np.where(spare > 0, spare, 1), 0)))


def optimum(fleet: Fleet, floor: Floor | None = None, caps: Floats | None = None) -> Optimum:
    """Solve the program. `caps`: greatest share of each operator.

    Raises InputError `infeasible_shares` where capacities, caps and floor leave no shares that add up to one.
    """
    most = np.bincount(fleet.operator, HEADROOM / fleet.service_us / fleet.rate)
    caps = np.minimum(most, 1.0 if caps is None else caps)
    held, price = _solved(fleet, caps, floor)
    shares = _split(fleet, held)
    return Optimum(shares, held, latency_us(fleet, shares), price)


def ppm(shares: Floats) -> tuple[int, ...]:
    """Shares as integers that add up to PPM: each rounded down, the rest to the least of those that are not 0."""
    floors = np.floor(shares / np.sum(shares) * PPM).astype(np.int64)
    ascending = [node for node in np.argsort(shares, kind="stable") if shares[node] > 0]
    for i in range(PPM - int(np.sum(floors))):
        floors[ascending[i % len(ascending)]] += 1
    return tuple(floors.tolist())


def ceilings_ppm(held: Floats, floor: Floor, margin: float = 0.08) -> tuple[int, ...]:
    """Ceilings on operators' shares of value that keep the floor and leave the most freedom around the optimum.

    Who holds less than the (k - 1)-th is raised to it, and all by an equal part of what is left to the threshold, so that
    the k - 1 greatest add up to it. Then all are lowered by `margin`, room for bursts, as far as they still add up to one.
    """
    count = floor.k - 1
    level = np.sort(held)[-count]
    lift = max(floor.threshold - _greatest(held, count), 0.0) / count
    raised = np.minimum(np.maximum(held, level) + lift, 1.0)
    kept = raised * max(1 - margin, min(1.0, 1 / float(np.sum(raised))))
    return tuple(np.floor(kept * PPM).astype(np.int64).tolist())


def _solved(fleet: Fleet, caps: Floats, floor: Floor | None) -> tuple[Floats, float]:
    """Operators' shares and the price of the floor."""
    _require(bool(np.sum(caps) >= 1), f"capacity and caps for one, at load {fleet.load:.3f}", float(np.sum(caps)))
    free, _ = _filled(fleet, np.zeros_like(caps), caps)
    if floor is None:
        return free, 0.0
    top = floor.k - 1
    _require(1 <= top <= len(caps) and floor.threshold > 0, "2 <= k <= operators + 1 and a threshold > 0", floor)
    if _greatest(free, top) <= floor.threshold:
        return free, 0.0

    def spare(theta: float) -> float:
        """Prices not carried of the k - 1: rises with theta."""
        found = _floored(fleet, caps, floor, theta)
        if found is None:
            return -1.0 if int(np.sum(caps > theta)) >= top else 1.0
        above, between, price = _carried(fleet, caps, theta, *found)
        return top - above - (between / price if price > 0 else 0.0)

    theta = _bisect(spare, 0.0, floor.threshold / top)
    found = _floored(fleet, caps, floor, theta)
    _require(found is not None, f"shares within caps, capacity and {floor}", "none")
    if found is None:
        return free, 0.0
    above, between, price = _carried(fleet, caps, theta, *found)
    return found[0], price if above else between / top


def _carried(
    fleet: Fleet, caps: Floats, theta: float, held: Floats, nu: float, price: float
) -> tuple[int, float, float]:
    """How many operators hold more than theta and carry a whole price, what those at theta carry together, the price."""
    above = held > theta * (1 + 1e-12)
    at = ~above & (held >= theta * (1 - 1e-12))
    parts = np.clip(nu - _marginals(fleet, np.minimum(theta, caps)), 0, None)
    most = price if np.any(above) else np.inf
    return int(np.sum(above)), float(np.sum(np.minimum(parts, most)[at])), price


def _floored(fleet: Fleet, caps: Floats, floor: Floor, theta: float) -> tuple[Floats, float, float] | None:
    """Operators' shares, nu and eta at a theta; None where the shares then add up to less than one."""
    room = max(floor.threshold - (floor.k - 1) * theta, 0.0)
    level = np.minimum(theta, caps)

    def above(nu: float) -> float:
        return float(np.sum(np.maximum(np.minimum(_taken(fleet, nu), caps) - theta, 0))) - room

    lower = _bisect(above, *_range(fleet))
    least = np.minimum(_taken(fleet, lower), caps)
    least = np.where(least > theta, least, 0)
    most = np.where(least > theta, least, level)
    if np.sum(most) < 1:
        return None
    held, nu = _filled(fleet, least, most)
    return held, nu, nu - lower


def _filled(fleet: Fleet, least: Floats, most: Floats) -> tuple[Floats, float]:
    """Operators' shares between two bounds that add up to one at one marginal latency, and that latency."""

    def held(nu: float) -> Floats:
        return np.clip(_taken(fleet, nu), least, most)

    nu = _bisect(lambda at: float(np.sum(held(at))) - 1, *_range(fleet))
    return held(nu), nu


def _taken(fleet: Fleet, nu: float | Floats) -> Floats:
    """What each operator's nodes take together where one request more may cost `nu` (of all, or by operator).

    A node takes p with rtt + mu / (mu - lambda p)^2 = nu.
    """
    return np.bincount(fleet.operator, _taken_by_node(fleet, nu), minlength=fleet.operators).astype(np.float64)


def _taken_by_node(fleet: Fleet, nu: float | Floats) -> Floats:
    marginal = nu[fleet.operator] if isinstance(nu, np.ndarray) else nu
    mu = 1 / fleet.service_us
    queueing = np.maximum(marginal - fleet.rtt_us, fleet.service_us)
    return np.minimum(mu - np.sqrt(mu / queueing), HEADROOM * mu) / fleet.rate


def _marginals(fleet: Fleet, held: Floats) -> Floats:
    """The marginal latency at which each operator takes `held`; 0 as the least where it holds nothing."""
    low, high = (np.full(fleet.operators, bound) for bound in _range(fleet))
    for _ in range(_STEPS):
        middle = (low + high) / 2
        under = _taken(fleet, middle) < held
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return high


def _split(fleet: Fleet, held: Floats) -> Floats:
    """Shares of nodes from those of operators: nodes of one operator have one marginal latency."""
    shares = _taken_by_node(fleet, _marginals(fleet, held))
    taken = np.bincount(fleet.operator, shares, minlength=fleet.operators)
    scale = np.divide(held, taken, out=np.zeros_like(held), where=taken > 0)
    return shares * scale[fleet.operator]


def _range(fleet: Fleet) -> tuple[float, float]:
    """Marginal latencies at which nobody takes anything, and everybody all they can."""
    return 0.0, float(np.max(fleet.rtt_us + fleet.service_us / (1 - HEADROOM) ** 2))


def _bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function turns positive; `high` where it does not."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if function(middle) <= 0:
            low = middle
        else:
            high = middle
    return high


def _greatest(held: Floats, count: int) -> float:
    return float(np.sum(np.sort(held)[len(held) - count :]))


def _require(holds: bool, expected: str, actual: object) -> None:  # noqa: FBT001  # the condition itself
    if not holds:
        raise InputError("infeasible_shares", "", expected=expected, actual=str(actual))
