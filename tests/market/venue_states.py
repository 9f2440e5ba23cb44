"""Random states of every venue kind that its check accepts, over a few tokens."""

from collections.abc import Callable
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from engine.market.margin.account import Tier
from engine.market.venues.balancer_math import ONE
from engine.market.venues.base import AssetInfo
from engine.market.venues.bridge import BridgeState
from engine.market.venues.concentrated import ConcentratedState
from engine.market.venues.constant_product import ConstantProductState
from engine.market.venues.curve_crypto import CurveCryptoState, invariant_of
from engine.market.venues.curve_stable import CurveStableState
from engine.market.venues.order_book import Fee, Level, OrderBookState
from engine.market.venues.perpetual import PerpetualState
from engine.market.venues.perpetual_book import PerpetualBookState
from engine.market.venues.perpetual_math import UNIT
from engine.market.venues.rfq import QuoteRange, RfqState
from engine.market.venues.solidly import SolidlyState
from engine.market.venues.stable import StableState
from engine.market.venues.tick_math import sqrt_price_at
from engine.market.venues.weighted import WeightedState, WeightedToken

DECIMALS = (6, 8, 18, 18, 0)
TOKENS = tuple(f"sim:alpha/token:T{i}" for i in range(len(DECIMALS)))
FAR = "sim:beta/token:T0"
PERPETUAL = "sim:alpha/perp:ETH-lin-token.T2-sim.eth"
LINEAR, INVERSE = (f"sim:alpha/perp:X-{style}-token.T1-sim.x" for style in ("lin", "inv"))
INFOS = {
    LINEAR: AssetInfo(0),
    INVERSE: AssetInfo(0),
    FAR: AssetInfo(6),
    PERPETUAL: AssetInfo(18),
    **{token: AssetInfo(d) for token, d in zip(TOKENS, DECIMALS, strict=True)},
}
TIME = 1_000_000

amounts = st.integers(0, 100).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))
fees = st.tuples(st.integers(0, 999), st.just(1000))


def constant_products() -> st.SearchStrategy[ConstantProductState]:
    return st.builds(
        lambda a, b, fee: ConstantProductState(id="sim:alpha/pool:cp", reserves={TOKENS[0]: a, TOKENS[2]: b}, fee=fee),
        amounts,
        amounts,
        fees,
    )


def weighteds() -> st.SearchStrategy[WeightedState]:
    def build(sizes: list[tuple[int, int]], fee: int, version: str) -> WeightedState:
        tokens = {
            token: WeightedToken(balance=balance, weight=weight * ONE // 100, decimals=INFOS[token].decimals)
            for token, (balance, weight) in zip(TOKENS, sizes, strict=False)
        }
        return WeightedState.model_validate(
            {"id": "sim:alpha/pool:w", "tokens": tokens, "fee": fee, "version": version}
        )

    sizes = st.lists(st.tuples(amounts, st.integers(1, 100)), min_size=2, max_size=len(TOKENS))
    return st.builds(build, sizes, st.integers(0, ONE // 10), st.sampled_from(["v0", "v3plus"]))


def stables() -> st.SearchStrategy[StableState]:
    """Pools up to a million times out of balance, with and without rates."""

    def build(sizes: list[tuple[int, int]], amplification: int, fee: int, version: str) -> StableState:
        tokens = {
            token: {
                "balance": max(1, whole * 10 ** INFOS[token].decimals // 10**6),
                "decimals": INFOS[token].decimals,
                "rate": rate,
            }
            for token, (whole, rate) in zip(TOKENS, sizes, strict=False)
        }
        wire = {"tokens": tokens, "amplification": amplification, "fee": fee, "version": version}
        return StableState.model_validate({"id": "sim:alpha/pool:s", **wire})

    whole = st.integers(10, 40).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))
    rates = st.one_of(st.just(ONE), st.integers(ONE // 2, 2 * ONE))
    sizes = st.lists(st.tuples(whole, rates), min_size=2, max_size=len(TOKENS))
    return st.builds(
        build, sizes, st.integers(1000, 5_000_000), st.integers(0, ONE // 10), st.sampled_from(["v1", "v2", "v3"])
    )


def curve_stables() -> st.SearchStrategy[CurveStableState]:
    """Pools up to a million times out of balance, with and without rates, the older arithmetic and the newer, its fee too."""

    def build(
        sizes: list[tuple[int, int]], amplification: int, fee: int, precision: int, style: str, offpeg: int
    ) -> Any:
        coins = [
            {
                "asset": token,
                "balance": max(1, whole * 10 ** INFOS[token].decimals // 10**6),
                "rate": rate * 10 ** (18 - INFOS[token].decimals),
            }
            for token, (whole, rate) in zip(TOKENS, sizes, strict=False)
        ]
        wire = {"coins": coins, "amplification": amplification * precision, "precision": precision, "fee": fee}
        return CurveStableState.model_validate(
            {"id": "sim:alpha/pool:c", "admin_fee": 5 * 10**9, "products": style, "offpeg_multiplier": offpeg, **wire}
        )

    whole = st.integers(10, 40).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))
    rates = st.one_of(st.just(ONE), st.integers(ONE // 2, 2 * ONE))
    sizes = st.lists(st.tuples(whole, rates), min_size=2, max_size=len(TOKENS))
    styles = st.sampled_from(["together", "apart"])
    offpegs = st.sampled_from([0, 0, 10**10, 5 * 10**10, 2 * 10**11])
    precisions = st.sampled_from([1, 100])
    return st.builds(build, sizes, st.integers(1, 5000), st.integers(0, 10**8), precisions, styles, offpegs)


@st.composite
def curve_cryptos(draw: Callable[..., Any]) -> CurveCryptoState:
    """Two or three assets, each within a factor of eight of its share."""
    places = draw(st.sampled_from([(0, 1), (2, 0), (0, 1, 2), (2, 1, 0)]))
    value = draw(st.integers(10**21, 10**27))
    prices = [ONE, *(draw(st.integers(10**12, 10**24)) for _ in places[1:])]
    coins = []
    for place, price in zip(places, prices, strict=True):
        worth = value * draw(st.integers(20, 160)) // 100
        coins.append(
            {
                "asset": TOKENS[place],
                "balance": worth * ONE // price // 10 ** (18 - DECIMALS[place]),
                "decimals": DECIMALS[place],
            }
        )
    maths = draw(st.sampled_from([None, "twocrypto-ng-2.1" if len(places) == 2 else "tricrypto-ng-2.0"]))
    multiplier = draw(st.sampled_from([100, 10_000])) if maths is None else 10_000
    mid = draw(st.integers(5 * 10**5, 10**8))
    made = CurveCryptoState.model_validate(
        {
            "id": "sim:alpha/pool:y",
            "coins": coins,
            "price_scale": prices[1:],
            "amplification": len(places) ** len(places) * draw(st.integers(1, 1000)) * multiplier,
            "multiplier": multiplier,
            "gamma": draw(st.integers(10**11, 10**16)),
            "invariant": 0,
            "mid_fee": mid,
            "out_fee": draw(st.integers(mid, 10**9)),
            "fee_gamma": draw(st.integers(10**12, 10**17)),
            "maths": maths,
        }
    )
    assume(all(coin.balance for coin in made.coins))
    try:
        found = invariant_of(made)
    except (ValueError, ZeroDivisionError):
        assume(False)
    return made.model_copy(update={"invariant": found})


def solidlys() -> st.SearchStrategy[SolidlyState]:
    """Pools from a thousandth to a trillion of a token, up to a million times out of balance."""

    def build(sizes: tuple[int, int], fee: int, places: tuple[int, int], *, stable: bool) -> SolidlyState:
        tokens = {
            TOKENS[i]: {"reserve": whole * 10 ** DECIMALS[i] // 1000, "decimals": DECIMALS[i]}
            for i, whole in zip(places, sizes, strict=True)
        }
        return SolidlyState.model_validate({"id": "sim:alpha/pool:v", "tokens": tokens, "stable": stable, "fee": fee})

    whole = st.integers(0, 50).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1)))
    near = st.tuples(whole, st.integers(1, 20)).flatmap(
        lambda pair: st.tuples(st.just(pair[0]), st.integers(max(1, pair[0] >> pair[1]), pair[0]))
    )
    places = st.sampled_from([(0, 1), (0, 2), (2, 3), (3, 1)])
    return st.builds(build, near, st.integers(0, 300), places, stable=st.booleans())


@st.composite
def concentrateds(draw: Callable[..., Any]) -> ConcentratedState:
    """A few positions over each other, the price anywhere, on an initialised tick or between two."""
    spacing = draw(st.sampled_from([1, 10, 60, 200]))
    around = draw(st.sampled_from([0, -200_000, 260_000])) // spacing
    nets: dict[int, int] = {}
    for lower, width, liquidity in draw(
        st.lists(st.tuples(st.integers(-60, 40), st.integers(1, 2000), amounts), min_size=1, max_size=5)
    ):
        for tick, sign in ((around + lower, 1), (around + lower + width, -1)):
            nets[tick * spacing] = nets.get(tick * spacing, 0) + sign * liquidity
    ticks = tuple((tick, net) for tick, net in sorted(nets.items()) if net)
    tick = draw(
        st.one_of(
            st.integers(-60, 60).map(lambda n: (around + n) * spacing), st.sampled_from([t for t, _ in ticks] or [0])
        )
    )
    low, high = sqrt_price_at(tick), sqrt_price_at(tick + 1)
    return ConcentratedState(
        id="sim:alpha/pool:cl",
        asset0=TOKENS[2],
        asset1=TOKENS[0],
        sqrt_price=low + (high - low) * draw(st.integers(0, 99)) // 100,
        tick=tick,
        liquidity=sum(net for at, net in ticks if at <= tick),
        ticks=ticks,
        tick_spacing=spacing,
        fee=draw(st.sampled_from([0, 100, 3000, 10_000, 500_000])),
        protocol_fees=draw(st.sampled_from([(0, 0), (2, 2), (1000, 0)])),
    )


def order_books() -> st.SearchStrategy[OrderBookState]:
    def build(
        steps: list[int], split: int, lots: list[int], lot: int, terms: tuple[bool, tuple[int, int]], fee: Fee | None
    ) -> OrderBookState:
        inverse, tick = terms
        prices = [sum(steps[: i + 1]) for i in range(len(steps))]
        levels = [Level(price=p, size=n * lot) for p, n in zip(prices, lots, strict=False)]
        levels = levels[::-1] if inverse else levels
        return OrderBookState(
            id="sim:alpha/book:b",
            base=TOKENS[4],
            quote=TOKENS[1],
            tick=tick,
            lot=lot,
            bids=tuple(reversed(levels[:split])),
            asks=tuple(levels[split:]),
            expiry_seconds=TIME + 1,
            taker_fee=fee,
            inverse=inverse,
        )

    return st.builds(
        build,
        st.lists(st.integers(1, 500), min_size=1, max_size=8),
        st.integers(0, 8),
        st.lists(st.integers(0, 10**6), min_size=8, max_size=8),
        st.sampled_from([1, 10, 1000]),
        st.sampled_from(
            [(False, (5000, 1)), (False, (1, 1)), (False, (7, 3)), (True, (1, 2 * 10**8)), (True, (1, 4001))]
        ),
        st.sampled_from(
            [
                None,
                Fee(rate=(5, 10**4)),
                Fee(rate=(3, 7), fixed=50),
                Fee(of="size", rate=(3000, 1), cap=(1, 8)),
                Fee(of="size", rate=(10, 3), cap=(1, 8), fixed=1),
            ]
        ),
    )


def perpetual_books() -> st.SearchStrategy[PerpetualBookState]:
    """Books of both styles, some at their cap or reduce-only."""

    def build(book: OrderBookState, position: int, room: int | None, *, reduce_only: bool) -> PerpetualBookState:
        fields: dict[str, Any] = {name: getattr(book, name) for name in OrderBookState.model_fields}
        fields |= {"kind": "perpetual_book", "base": INVERSE if book.inverse else LINEAR, "expiry_seconds": None}
        interest = abs(position) + 10**6
        return PerpetualBookState(
            **fields,
            oracle_price=(7, 5),
            oracle_seconds=TIME,
            open_interest=interest,
            interest_cap=None if room is None else interest + room,
            position=position,
            reduce_only=reduce_only,
            funding_rate=(-1, 10**4),
            funding_interval_seconds=3600,
            funding_next_seconds=TIME,
            tiers=(Tier(above=0, initial_bps=200, maintenance_bps=100),),
        )

    return st.builds(
        build,
        order_books(),
        st.integers(-(10**9), 10**9),
        st.sampled_from([None, None, 10**3, 10**6]),
        reduce_only=st.integers(0, 4).map(lambda chance: chance == 0),
    )


def rfqs() -> st.SearchStrategy[RfqState]:
    """Quotes with falling prices; once: gaps, and ranges that begin where more still gets no less."""

    def build(sizes: list[tuple[int, int]], price: tuple[int, int], used: int, *, divisible: bool) -> RfqState:
        ranges, start, best = [], 0, 0
        for i, (gap, width) in enumerate(sizes):
            least = start + 1 + (0 if divisible and i else gap)
            ratio = (price[0] * (20 - i), price[1] * 20)
            if not divisible:
                least = max(least, -(-best * ratio[1] // ratio[0]))
            start = least + width
            best = -(-start * ratio[0] // ratio[1])
            ranges.append(QuoteRange(least=least, most=start, price=ratio))
        return RfqState(
            id="sim:alpha/rfq:x",
            maker="import:maker",
            asset_in=TOKENS[0],
            asset_out=TOKENS[1],
            ranges=tuple(ranges),
            expiry_seconds=TIME + 1,
            divisible=divisible,
            used=min(used, start) if divisible else 0,
        )

    return st.builds(
        build,
        st.lists(st.tuples(st.integers(0, 50), st.integers(0, 10**6)), min_size=1, max_size=4),
        st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)),
        st.integers(0, 10**5),
        divisible=st.booleans(),
    )


@st.composite
def perpetuals(draw: Callable[..., Any]) -> PerpetualState:
    """Markets with either skew, near and far from their caps, of cheap and dear assets."""
    scale = draw(st.integers(70, 90).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1))))
    price = draw(st.integers(45, 80).flatmap(lambda bits: st.integers(2**bits, 2 ** (bits + 1))))
    skew = draw(st.integers(-scale // 2, scale // 2))
    shorts = max(0, -skew) + draw(st.integers(0, scale))
    side = draw(st.sampled_from([0, 1, -1]))
    position = side * draw(st.integers(0, shorts + skew if side > 0 else shorts))
    least = -(-16 * (price // UNIT + 4) * scale // price)
    fee = -(-8 * (price // UNIT + 4) * UNIT // price)
    maker, more = draw(st.sampled_from([(fee, 0), (2 * 10**14, 4 * 10**14), (10**15, 10**16)]))
    return PerpetualState(
        id="sim:alpha/market:perp",
        base=PERPETUAL,
        quote=TOKENS[2],
        oracle_price=price,
        oracle_seconds=TIME - 5,
        oracle_max_age_seconds=60,
        skew_scale=scale,
        long_interest=shorts + skew,
        short_interest=shorts,
        interest_cap=draw(st.integers(scale, 2 * scale)),
        position=position,
        reduce_only=position != 0 and draw(st.integers(0, 9)) == 0,
        step=draw(st.integers(least, 1000 * least)),
        maker_fee=max(maker, fee),
        taker_fee=max(maker, fee) + more,
        dynamic_fee=draw(st.sampled_from([0, 10**15])),
        funding_rate=draw(st.integers(-(10**17), 10**17)),
        funding_seconds=TIME - draw(st.integers(0, 10**5)),
        max_funding_velocity=9 * UNIT,
        tiers=(Tier(above=0, initial_bps=200, maintenance_bps=100),),
    )


def bridges() -> st.SearchStrategy[BridgeState]:
    return st.builds(
        lambda fixed, fee, rate, capacity, delay, least, whole: BridgeState(
            id="sim:alpha/bridge:x",
            asset_in=TOKENS[0],
            asset_out=FAR,
            fee_fixed=fixed,
            fee=fee,
            rate=rate,
            capacity=capacity,
            delay_seconds=delay,
            fee_least=least,
            fee_on_whole=whole,
        ),
        st.integers(0, 10**6),
        fees,
        st.sampled_from([(1, 1), (10**12, 1), (1, 10**3)]),
        amounts,
        st.integers(1, 10**6),
        st.sampled_from([0, 0, 1, 10**5]),
        st.booleans(),
    )


STATES: dict[str, st.SearchStrategy[Any]] = {
    "constant_product": constant_products(),
    "weighted_product": weighteds(),
    "stable": stables(),
    "curve_stable": curve_stables(),
    "curve_crypto": curve_cryptos(),
    "solidly": solidlys(),
    "concentrated": concentrateds(),
    "order_book": order_books(),
    "perpetual": perpetuals(),
    "perpetual_book": perpetual_books(),
    "rfq": rfqs(),
    "bridge": bridges(),
}
