"""The registered venue kinds. A new kind is one file and one line in `KINDS`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from engine.market.venues.base import AnyKind, VenueState
from engine.market.venues.bridge import Bridge, BridgeState
from engine.market.venues.concentrated import Concentrated, ConcentratedState
from engine.market.venues.constant_product import ConstantProduct, ConstantProductState
from engine.market.venues.curve_crypto import CurveCrypto, CurveCryptoState
from engine.market.venues.curve_stable import CurveStable, CurveStableState
from engine.market.venues.order_book import OrderBook, OrderBookState
from engine.market.venues.perpetual import Perpetual, PerpetualState
from engine.market.venues.perpetual_book import PerpetualBook, PerpetualBookState
from engine.market.venues.rfq import Rfq, RfqState
from engine.market.venues.solidly import Solidly, SolidlyState
from engine.market.venues.stable import Stable, StableState
from engine.market.venues.weighted import Weighted, WeightedState

KINDS: dict[str, AnyKind] = {
    kind.kind: kind
    for kind in (
        ConstantProduct(),
        Weighted(),
        Stable(),
        CurveStable(),
        CurveCrypto(),
        Solidly(),
        Concentrated(),
        OrderBook(),
        Perpetual(),
        PerpetualBook(),
        Rfq(),
        Bridge(),
    )
}
"""Every venue kind by its name on the wire."""

AnyVenueState = Annotated[
    ConstantProductState
    | WeightedState
    | StableState
    | CurveStableState
    | CurveCryptoState
    | SolidlyState
    | ConcentratedState
    | OrderBookState
    | PerpetualState
    | PerpetualBookState
    | RfqState
    | BridgeState,
    Field(discriminator="kind"),
]
"""The state of any registered kind, told apart by `kind`."""


def kind_of(state: VenueState) -> AnyKind:
    """The kind that a state belongs to."""
    return KINDS[state.kind]


__all__ = ["KINDS", "AnyVenueState", "kind_of"]
