"""Latency that a node cannot make look better: a challenge with a nonce, a signed echo, timed by the challenger.

Guarantees
1. `ProbeBook` (the challenger's) takes one echo for each challenge, signed by the node challenged, within the time-out. The
   latency is between its own two clock readings, so nobody's clock can shorten it, and the nonce cannot be known before
   the challenge is sent, so an echo cannot be sent ahead.
2. `own_delay_us` takes what challengers at different places measured, less the distance of each: the median over
   independent vantage points (one per operator), of which fewer than half may lie. With f liars among 2f + 1 it lies
   between two honest values.

A challenger can report what it likes: that is what the median, and the draw of challengers, are for. A node can always
look slower than it is. Sources: VerLoc (Kohls and Diaz, USENIX Security 2022); median of 2f + 1 as in OCR (Chainlink).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from pydantic import Field

from engine.network.trust.signed import Signed
from intents.errors import InputError
from intents.identifiers import Bytes32, Digest, Text


class Echo(Signed):
    """The node's answer to a challenge, which its nonce names."""

    format: Literal["clearway/echo/1"] = "clearway/echo/1"
    challenger: Text
    node: Text
    nonce: Bytes32


class Measurement(Signed):
    """What a challenger states of a node in the round of a seed: latency there and back. Signed by the challenger.

    The seed is not known before the round, so neither is the message.
    """

    format: Literal["clearway/measurement/1"] = "clearway/measurement/1"
    challenger: Text
    node: Text
    seed: Digest
    latency_us: int = Field(ge=0, lt=2**53)


class Vantage(NamedTuple):
    """Where a challenger measures from: its operator, and the round-trip time there to the node as distances have it."""

    operator: str
    rtt_us: int


class ProbeBook:
    """One challenger's challenges that wait for their echo. `keys`: registered keys; `timeout_us`: by its own clock."""

    def __init__(self, challenger: str, keys: Mapping[str, str], *, timeout_us: int) -> None:
        self._challenger = challenger
        self._keys = keys
        self._timeout_us = timeout_us
        self._open: dict[str, tuple[str, int]] = {}
        self._closed: set[str] = set()

    def challenge(self, node: str, nonce: str, now_us: int) -> None:
        """Note a challenge that is sent now; `nonce` is 32 unpredictable bytes. Raises InputError `unknown_node`, `used_nonce`."""
        if node not in self._keys:
            raise InputError("unknown_node", "/node", expected="a registered node", actual=node)
        if nonce in self._open or nonce in self._closed:
            raise InputError("used_nonce", "/nonce", expected="a fresh nonce", actual=nonce)
        self._open[nonce] = node, now_us

    def receive(self, echo: Echo, now_us: int) -> int:
        """Take an echo; the latency in microseconds.

        Raises InputError: `unknown_challenge`, `replayed_echo`, `wrong_echo` (another node or challenger than challenged),
        `bad_signature`, `late_echo` (which closes the challenge).
        """
        if echo.nonce in self._closed:
            raise InputError("replayed_echo", "/nonce", expected="a nonce without an echo", actual=echo.nonce)
        if echo.nonce not in self._open:
            raise InputError("unknown_challenge", "/nonce", expected="a nonce of ours", actual=echo.nonce)
        node, sent_us = self._open[echo.nonce]
        if (echo.challenger, echo.node) != (self._challenger, node):
            expected, actual = f"{node} to {self._challenger}", f"{echo.node} to {echo.challenger}"
            raise InputError("wrong_echo", "", expected=expected, actual=actual)
        echo.check(self._keys[node])
        del self._open[echo.nonce]
        self._closed.add(echo.nonce)
        if now_us - sent_us > self._timeout_us:
            within = f"within {self._timeout_us} us"
            raise InputError("late_echo", "", expected=within, actual=f"{now_us - sent_us} us")
        return now_us - sent_us

    def timed_out(self, now_us: int) -> list[str]:
        """Close the challenges whose time is over; the nodes that did not answer, in order of challenge."""
        over = [(nonce, node) for nonce, (node, sent) in self._open.items() if now_us - sent > self._timeout_us]
        for nonce, _ in over:
            del self._open[nonce]
            self._closed.add(nonce)
        return [node for _, node in over]


def own_delay_us(measurements: Iterable[Measurement], vantages: Mapping[str, Vantage], liars: int) -> int:
    """A node's own delay: the median over vantage points of latency less distance (at least 0), of one node and round.

    Signatures must have been checked. `vantages`: the challengers that were drawn. `liars`: f. Of the middle two the lower
    is taken. Raises InputError: `unknown_challenger`, `twice_measured` (one operator is one vantage point), `mixed_measurements`,
    `too_few_vantages` (fewer than 2f + 1).
    """
    delays: dict[str, int] = {}
    subject: tuple[str, str] | None = None
    for measurement in measurements:
        name = measurement.challenger
        if name not in vantages:
            raise InputError("unknown_challenger", "/challenger", expected="one that was drawn", actual=name)
        subject = subject or (measurement.node, measurement.seed)
        if (measurement.node, measurement.seed) != subject:
            actual = f"{measurement.node} in the round of {measurement.seed}"
            raise InputError(
                "mixed_measurements", "", expected=f"{subject[0]} in the round of {subject[1]}", actual=actual
            )
        vantage = vantages[name]
        if vantage.operator in delays:
            raise InputError("twice_measured", "/challenger", expected="one per operator", actual=vantage.operator)
        delays[vantage.operator] = max(0, measurement.latency_us - vantage.rtt_us)
    if len(delays) < 2 * liars + 1:
        raise InputError("too_few_vantages", "", expected=f"at least {2 * liars + 1}", actual=str(len(delays)))
    return sorted(delays.values())[(len(delays) - 1) // 2]
