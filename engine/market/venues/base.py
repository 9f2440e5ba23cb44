"""What a venue kind is: one file that says what a state is, what a trade does to it, and what it shows optimisers.

Rules for every kind (tests/market/test_conformance.py runs over all registered ones)
1. `execute` is a pure function in exact integers and gives what the deployed contract or exchange would give.
2. A larger input never gives a smaller output; no sequence of trades through one venue ends with more of
   everything than it began.
3. `check` refuses a state that can not be, with the field named; it runs when a snapshot is built.
4. `supply` never shows less than `execute` gives (but for stated noise of a contract's own arithmetic), and states by how
   much more it may show.

Trades are exact-in: the input is fixed, the output is computed. Automated pools also say what an exact output costs
(`ExactOutKind.input_for`): what the contract's own function takes, or the smallest input that is enough where it has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol, TypeVar

from pydantic import Field

from engine.market.kept import Kept
from intents.errors import ClearwayError, InputError
from intents.identifiers import AssetId, VenueId
from intents.values import Amount


class VenueStateError(InputError):
    """A venue's state can not be; `where` names the field."""

    def __init__(self, field: str, *, expected: str, actual: str) -> None:
        super().__init__("bad_venue_state", field, expected=expected, actual=actual)


class TradeRefusedError(ClearwayError):
    """The venue would refuse this trade; `code` is one of the codes in docs/rules.md."""

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


class VenueState(Kept):
    """What every venue's state has: its id, its kind (narrowed by subclasses) and the gas a leg burns there."""

    id: VenueId
    kind: str
    gas_units: int = Field(default=0, ge=0, lt=2**53)


@dataclass(frozen=True, slots=True)
class AssetInfo:
    """What a kind may know of an asset when it checks a state."""

    decimals: int


@dataclass(frozen=True, slots=True)
class Trade:
    """Give exactly `amount_in` of `asset_in`, want `asset_out`; `level` names a level of a book, else None."""

    asset_in: AssetId
    amount_in: Amount
    asset_out: AssetId
    level: str | None = None


def refuse_level(state: VenueState, trade: Trade) -> None:
    """For kinds without levels: a trade that names one is refused (`unknown_level`), never quietly taken without."""
    if trade.level is not None:
        raise TradeRefusedError("unknown_level", f"{state.id} has no levels, {trade.level} was named")


@dataclass(frozen=True, slots=True)
class Segment:
    """Up to `amount_in` more of the input at `rate` output units per input unit."""

    amount_in: int
    rate: Fraction
    level: str | None = None


@dataclass(frozen=True, slots=True)
class Supply:
    """A concave over-estimate of a venue's output: segments by falling rate.

    At any input x up to the sum of segments: execute(x) <= value(x) <= execute(x) * (1 + relative_error) + units_error.
    Where a contract's own fixed point is not exact, execute(x) may be above value(x) by at most `units_above` units.
    `lot` is the step of the output (books) or of the input (books, selling); 1 where there is none.
    """

    segments: tuple[Segment, ...]
    relative_error: Fraction
    units_error: int
    lot: int = 1
    units_above: int = 0

    def value(self, amount_in: int) -> Fraction:
        """The over-estimate at an input (exact rational); beyond the last segment nothing more is offered."""
        total, left = Fraction(0), amount_in
        for segment in self.segments:
            used = min(left, segment.amount_in)
            total += used * segment.rate
            left -= used
            if not left:
                break
        return total


S = TypeVar("S", bound=VenueState)


class VenueKind(Protocol[S]):
    """One kind of venue. Stateless: everything it knows of a venue is in the state it is handed."""

    @property
    def kind(self) -> str:
        """The name on the wire."""

    @property
    def state_type(self) -> type[S]:
        """The model of its state."""

    def check(self, state: S, assets: Mapping[str, AssetInfo]) -> None:
        """Raise VenueStateError where the state can not be."""

    def pairs(self, state: S) -> tuple[tuple[AssetId, AssetId], ...]:
        """Every directed pair (asset in, asset out) that it can trade now."""

    def execute(self, state: S, account: str, trade: Trade, time_seconds: int) -> tuple[int, S]:
        """The exact output and the state afterwards. Raises TradeRefusedError."""

    def supply(self, state: S, asset_in: AssetId, asset_out: AssetId) -> Supply:
        """What it shows optimisers for one directed pair."""

    def conflict_keys(self, state: S, trade: Trade) -> tuple[str, ...]:
        """Names of what two trades would compete for; trades without a common key commute."""

    def delay_seconds(self, state: S) -> int:
        """0 where the output exists in the same stage; else the stated bound after which it exists."""


class ExactOutKind(VenueKind[S], Protocol[S]):
    """A kind that can be asked for an exact output."""

    def input_for(self, state: S, asset_in: AssetId, amount_out: int, asset_out: AssetId) -> int:
        """The exact input that the output costs, fees included. Raises TradeRefusedError."""


AnyKind = VenueKind[Any]
