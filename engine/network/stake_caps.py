"""Ceilings on operators' shares of value that are linear in stake, so that splitting an identity gains nothing.

    ceiling_o = factor * stake_o / all stake,   the least factor >= 1 + slack with which

        sum_o min(ceiling_o, capacity_o) >= 1 + slack

so stake is a cap and an admission right, never the sole weight: within the ceilings the policy chooses by delay, and where
much stake sits on slow nodes the factor rises until the others can carry the load. Who splits one machine and its stake
into k identities has k ceilings with the same sum. `floor.accrue` holds them over any run of dispatches but for the burst.

A small slack binds shares tightly to stake (1 % makes the gain of a split at most 1 % where stake and speed agree); a large one leaves
more room for latency. Exact integers, rounded down.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from engine.network.policies.base import PPM
from intents.errors import InputError


def stake_ceilings_ppm(
    stakes: Sequence[int], capacities_ppm: Sequence[int], slack_ppm: int = 10_000
) -> tuple[int, ...]:
    """The ceilings, at most PPM each.

    `capacities_ppm`: of each operator the greatest part of the load it can carry, in ppm of the load. Raises InputError
    `infeasible_shares` where those with stake cannot carry 1 + slack together.
    """
    needed = PPM + slack_ppm
    able = sum(capacity for stake, capacity in zip(stakes, capacities_ppm, strict=True) if stake > 0)
    if able < needed:
        raise InputError("infeasible_shares", "", expected=f"capacity of {needed} ppm with stake", actual=f"{able} ppm")
    factor = max(_factor(stakes, capacities_ppm, needed), Fraction(needed, sum(stakes)))
    return tuple(min(int(factor * stake), PPM) for stake in stakes)


def _factor(stakes: Sequence[int], capacities_ppm: Sequence[int], needed: int) -> Fraction:
    """The least f with sum min(f * stake, capacity) = needed: operators reach their capacity in order of capacity / stake."""
    by_ratio = sorted((Fraction(c, s), c, s) for s, c in zip(stakes, capacities_ppm, strict=True) if s > 0)
    full, left = 0, sum(stakes)
    for ratio, capacity, stake in by_ratio:
        if full + ratio * left >= needed:
            break
        full += capacity
        left -= stake
    return Fraction(needed - full, left)
