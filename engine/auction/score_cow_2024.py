"""The rule `cow-2024` (docs/score.md): how CoW Protocol scored a trade in mid-2024. For the bench alone; no auction uses it.

Guarantees
1. Integers with `//` (floor) at every step that the page names, and nothing saturates or is cut off.
2. A factor is the one float: f/(1-f) or f/(1+f) as IEEE 754 doubles, times 1e18, truncated. The recorded scores were
   made so; the rule `clearway` (engine.auction.score, engine.auction.protocol_fees) has rationals instead.

It checks neither limits nor prices. Source: the definition published beside the recorded competitions, which follows
CIP-38 and CIP-65 with the buy orders of 2024 (surplus in the sell token).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ONE = 10**18
"""Fixed-point one of factors, and the base units that a price is given for."""

Kind = Literal["sell", "buy"]


@dataclass(frozen=True, slots=True)
class Quote:
    """What an order was quoted: amounts in base units; `fee` in the sell token."""

    sell: int
    buy: int
    fee: int


@dataclass(frozen=True, slots=True)
class Policy:
    """A protocol fee; factors are 0 <= f < 1.

    Of the volume where `most` is None; else of the surplus over the limit, or over `quote` where there is one, and at
    most `most` of the volume.
    """

    factor: float
    most: float | None = None
    quote: Quote | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """Limits in base units, both positive, and policies in their order of application."""

    kind: Kind
    sell: int
    buy: int
    policies: tuple[Policy, ...] = ()


def fixed(factor: float) -> int:
    """A float factor in fixed point, truncated."""
    return int(factor * 1e18)


def volume_fee(kind: Kind, sold: int, bought: int, factor: float) -> int:
    """The share of the volume before this fee: floor(bought * f/(1-f)), for a buy order floor(sold * f/(1+f))."""
    if kind == "sell":
        return bought * fixed(factor / (1 - factor)) // ONE
    return sold * fixed(factor / (1 + factor)) // ONE


def surplus(kind: Kind, sold: int, bought: int, sell: int, buy: int) -> int:
    """The gain over the limit: bought - floor(sold * buy / sell), or floor(sell * bought / buy) - sold; may be negative."""
    return bought - sold * buy // sell if kind == "sell" else sell * bought // buy - sold


def improved_limit(order: Order, quote: Quote) -> tuple[int, int]:
    """The better of the order's limit and the quote net of its fee, scaled to the order: (sell, buy)."""
    if order.kind == "sell":
        net = quote.buy - quote.fee * quote.buy // quote.sell
        return order.sell, max(order.buy, net * order.sell // quote.sell)
    return min(order.sell, (quote.sell + quote.fee) * order.buy // quote.buy), order.buy


def protocol_fee(order: Order, sold: int, bought: int) -> int:
    """All policies' fees on executed amounts, in base units of the surplus token.

    The last policy applied is undone first: each sees the executed amounts with the fees undone before it put back.
    """
    before, after, fee = sold, bought, 0
    for policy in reversed(order.policies):
        if policy.most is None:
            fee += volume_fee(order.kind, before, after, policy.factor)
        else:
            sell, buy = (order.sell, order.buy) if policy.quote is None else improved_limit(order, policy.quote)
            gain = max(0, surplus(order.kind, before, after, sell, buy))
            wanted = gain * fixed(policy.factor / (1 - policy.factor)) // ONE
            fee += min(wanted, volume_fee(order.kind, before, after, policy.most))
        if order.kind == "sell":
            after = bought + fee
        else:
            before = sold - fee
    return fee


def score_trade(order: Order, sold: int, bought: int, price: int, fee: int | None = None) -> int:
    """floor(surplus * price / 1e18) + floor(fee * price / 1e18), in wei; a bid's score is the sum over its trades.

    `price` is wei for 1e18 base units of the bought token (sell order) or the sold one. `fee` is by default the
    `protocol_fee`.
    """
    if fee is None:
        fee = protocol_fee(order, sold, bought)
    return surplus(order.kind, sold, bought, order.sell, order.buy) * price // ONE + fee * price // ONE
