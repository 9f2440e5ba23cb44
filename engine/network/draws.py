"""Seeded draws that are the same in plain Python and compiled by numba, on every machine.

SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) as a counter: the k-th
draw is a pure function of seed and k, so a record of both replays it. State is `int64[2]`: seed, draws made.
64-bit products are formed from halves of 32 bits, masked: the same lines are then right in Python's unbounded integers
and in compiled ones that wrap, without a warning in either. Statistical quality only; nothing here is secret.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.network.compiling import shared

Ints = NDArray[np.int64]

_LOW = 0xFFFF_FFFF


def seeded(seed: int) -> Ints:
    """State before the first draw; of the seed the low 64 bits count."""
    signed = (seed + 2**63) % 2**64 - 2**63
    return np.array([signed, 0], dtype=np.int64)


@shared
def _times(high: int, low: int, by_high: int, by_low: int) -> tuple[int, int]:
    product = low * by_low
    return ((product >> 32) + low * by_high + high * by_low) & _LOW, product & _LOW


@shared
def _shift_xor(high: int, low: int, bits: int) -> tuple[int, int]:
    return high ^ (high >> bits), low ^ (((high << (32 - bits)) | (low >> bits)) & _LOW)


@shared
def mixed(seed: int, k: int) -> tuple[int, int]:
    """Halves (high, low), each in [0, 2^32), of output k >= 1 of SplitMix64 from `seed`."""
    high, low = _times((k >> 32) & _LOW, k & _LOW, 0x9E37_79B9, 0x7F4A_7C15)
    low += seed & _LOW
    high = (high + ((seed >> 32) & _LOW) + (low >> 32)) & _LOW
    low &= _LOW
    high, low = _shift_xor(high, low, 30)
    high, low = _times(high, low, 0xBF58_476D, 0x1CE4_E5B9)
    high, low = _shift_xor(high, low, 27)
    high, low = _times(high, low, 0x94D0_49BB, 0x1331_11EB)
    return _shift_xor(high, low, 31)


@shared
def bits(draws: Ints, count: int) -> int:
    """The next draw's highest `count` <= 62 bits, as an integer in [0, 2^count)."""
    draws[1] += 1
    high, low = mixed(int(draws[0]), int(draws[1]))
    return (high << 30 | low >> 2) >> (62 - count)


@shared
def below(draws: Ints, bound: int) -> int:
    """The next draw as an integer in [0, bound), 1 <= bound < 2^31; no value is off by more than 2^-32."""
    draws[1] += 1
    high, _ = mixed(int(draws[0]), int(draws[1]))
    return (high * bound) >> 32
