"""Constant product against Uniswap V2's pair and router: what the pair pays out, that it pays no unit more, and quotes."""

from __future__ import annotations

from random import Random

from engine.market.venues.base import AssetInfo, Trade, TradeRefusedError
from engine.market.venues.constant_product import RESERVE_LIMIT, ConstantProduct, ConstantProductState
from tests.chain.cache import compiled, published
from tests.chain.evm import ME, Chain, Reverted
from tests.chain.tally import Tally, size, tally

ASSETS = ("sim:alpha/token:T0", "sim:alpha/token:T1")
KIND = ConstantProduct()
STATES = 2500
Reserves = tuple[int, int]


class Pair:
    """A pair of the factory's, and a router for its quotes."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.tokens = sorted(self.chain.deploy(compiled()["Token"], "(uint8)", 18) for _ in ASSETS)
        factory = self.chain.deploy(published("@uniswap/v2-core/build/UniswapV2Factory.json"), "(address)", ME)
        create = "createPair(address,address)"
        self.pair: str = self.chain.call(factory, create, *self.tokens, returns="(address)")
        router = published("@uniswap/v2-periphery/build/UniswapV2Router02.json")
        self.router = self.chain.deploy(router, "(address,address)", factory, ME)

    def hold(self, amounts: Reserves) -> None:
        """Give the pair these balances, whatever it had."""
        for token, amount in zip(self.tokens, amounts, strict=True):
            self.chain.call(token, "set(address,uint256)", self.pair, amount, returns="()")

    def reserve(self, amounts: Reserves) -> None:
        """Make these the pair's reserves."""
        self.hold(amounts)
        self.chain.call(self.pair, "sync()", returns="()")

    def swap(self, amounts: Reserves) -> str | Reserves:
        """Ask for amounts out; the reserves afterwards, or why not."""
        try:
            self.chain.call(self.pair, "swap(uint256,uint256,address,bytes)", *amounts, ME, b"", returns="()")
        except Reverted as error:
            return str(error)
        first, second, _ = self.chain.call(self.pair, "getReserves()", returns="(uint112,uint112,uint32)")
        return first, second

    def quote(self, name: str, amount: int, reserve_in: int, reserve_out: int) -> int | None:
        """What the router says; None where it refuses."""
        try:
            found: int = self.chain.call(
                self.router, f"{name}(uint256,uint256,uint256)", amount, reserve_in, reserve_out
            )
        except Reverted:
            return None
        return found


def ordered(first: int, second: int, source: int) -> Reserves:
    """(of the source, of the other) in the order of the tokens, or back."""
    return (first, second) if source == 0 else (second, first)


def test_the_pair_pays_what_we_say_and_no_unit_more() -> None:
    with tally("constant_product", "UniswapV2Pair", "@uniswap/v2-core", 1) as (counts, chance):
        pair = Pair()
        for _ in range(STATES):
            reserves = (size(chance, 1, RESERVE_LIMIT - 1), size(chance, 1, RESERVE_LIMIT - 1))
            counts.states += 1
            source = chance.randrange(2)
            for amount in amounts_in(chance, reserves[source]):
                compare_sale(pair, counts, reserves, source, amount)


def amounts_in(chance: Random, reserve: int) -> list[int]:
    """One unit, anything, about the reserve, and about the most that a reserve may become."""
    brim = RESERVE_LIMIT - 1 - reserve
    return [1, size(chance, 1, 2**113), chance.randint(1, 2 * reserve), max(1, brim + chance.randint(-1, 1))]


def state_of(reserves: Reserves) -> ConstantProductState:
    state = ConstantProductState(
        id="sim:alpha/pool:p", reserves=dict(zip(ASSETS, reserves, strict=True)), fee=(3, 1000)
    )
    KIND.check(state, {asset: AssetInfo(18) for asset in ASSETS})
    return state


def compare_sale(pair: Pair, counts: Tally, reserves: Reserves, source: int, amount: int) -> None:
    """One exact-in trade in one case: the payout taken, and one unit more refused before it."""
    context = (reserves, source, amount)
    reserve_in, reserve_out = ordered(*reserves, source)
    pair.reserve(reserves)
    pair.hold(ordered(reserve_in + amount, reserve_out, source))
    quoted = pair.quote("getAmountOut", amount, reserve_in, reserve_out)
    try:
        out, after = KIND.execute(state_of(reserves), ME, Trade(ASSETS[source], amount, ASSETS[1 - source]), 0)
    except TradeRefusedError as error:
        counts.refused += 1
        taken = pair.swap(ordered(0, quoted or 1, source))
        expected = (0, refusal(1, reserve_out)) if error.code == "no_output" else (quoted, "UniswapV2: OVERFLOW")
        counts.compare(expected, (quoted, taken), context)
        return
    counts.compare(refusal(out + 1, reserve_out), pair.swap(ordered(0, out + 1, source)), context)
    left = (after.reserves[ASSETS[0]], after.reserves[ASSETS[1]])
    counts.compare((out, left), (quoted, pair.swap(ordered(0, out, source))), context)


def refusal(amount: int, reserve_out: int) -> str:
    """What the pair says to an amount that is not paid for."""
    return "UniswapV2: K" if amount < reserve_out else "UniswapV2: INSUFFICIENT_LIQUIDITY"


def test_the_pair_takes_what_we_say_an_output_costs() -> None:
    with tally("constant_product", "UniswapV2Router02", "@uniswap/v2-periphery", 2) as (counts, chance):
        pair = Pair()
        for _ in range(STATES):
            reserves = (size(chance, 1, RESERVE_LIMIT - 1), size(chance, 1, RESERVE_LIMIT - 1))
            counts.states += 1
            source = chance.randrange(2)
            reserve_out = reserves[1 - source]
            for wanted in {1, chance.randint(1, reserve_out), max(1, reserve_out - 1), reserve_out}:
                compare_purchase(pair, counts, reserves, source, wanted)


def compare_purchase(pair: Pair, counts: Tally, reserves: Reserves, source: int, wanted: int) -> None:
    """One exact-out trade: the router's quote, and that the pair takes it."""
    context = (reserves, source, wanted)
    reserve_in, reserve_out = ordered(*reserves, source)
    quoted = pair.quote("getAmountIn", wanted, reserve_in, reserve_out)
    try:
        paid = KIND.input_for(state_of(reserves), ASSETS[source], wanted, ASSETS[1 - source])
    except TradeRefusedError:
        counts.refused += 1
        counts.compare(True, quoted is None or reserve_in + quoted >= RESERVE_LIMIT, context)
        return
    counts.compare(paid, quoted, context)
    pair.reserve(reserves)
    pair.hold(ordered(reserve_in + paid, reserve_out, source))
    after = ordered(reserve_in + paid, reserve_out - wanted, source)
    counts.compare(after, pair.swap(ordered(0, wanted, source)), context)
