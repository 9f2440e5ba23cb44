"""Pools of concentrated liquidity as their contracts have them, behind one face for the tests: V3's, its fork's and V4's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from eth_abi.abi import encode
from sha3 import keccak_256

from tests.chain.cache import compiled, published
from tests.chain.evm import ME, Chain

NOBODY = "0x" + "00" * 20
RICH = 2**255
V3 = "@uniswap/v3-core/artifacts/contracts"
QUOTER = "@uniswap/v3-periphery/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json"
KEY = "(address,address,uint24,int24,address)"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a pool is made with; `protocol_fees` of V4 only."""

    fee: int
    spacing: int
    sqrt_price: int
    protocol_fees: tuple[int, int] = (0, 0)


Place = tuple[int, int, int]
"""Sqrt price, tick, liquidity."""


class Pool(Protocol):
    """One pool of one contract."""

    def mint(self, lower: int, upper: int, liquidity: int) -> None:
        """Add a position. Raises Reverted."""

    def swap(self, *, down: bool, amount: int, exact_in: bool, limit: int) -> tuple[int, int]:
        """Units of token0 and token1 that the pool gets (negative: gives). Raises Reverted."""

    def place(self) -> Place:
        """Where the pool stands."""


class Exchange(Protocol):
    """Makes pools of one kind."""

    def pool(self, terms: Terms) -> Pool:
        """A new pool with tokens of its own. Raises Reverted."""


class Desk:
    """A chain with somebody who trades on it and never runs out of tokens."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.trader = self.chain.deploy(compiled()["Trader"])

    def tokens(self) -> tuple[str, str]:
        """Two new tokens in ascending order, the trader rich in both."""
        first, second = sorted(self.chain.deploy(compiled()["Token"], "(uint8)", 18) for _ in range(2))
        for token in (first, second):
            self.chain.call(token, "set(address,uint256)", self.trader, RICH, returns="()")
        return first, second


class UniswapV3:
    """Pools of Uniswap's own factory."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.factory = self.desk.chain.deploy(published(f"{V3}/UniswapV3Factory.sol/UniswapV3Factory.json"))
        self.quoter = self.desk.chain.deploy(published(QUOTER), "(address,address)", self.factory, NOBODY)
        self._spacings = {500: 10, 3000: 60, 10000: 200}

    def pool(self, terms: Terms) -> QuotedPool:
        """From the factory, once it has learnt the fee; a fee keeps its first spacing, so ask for each with one."""
        chain = self.desk.chain
        if terms.fee not in self._spacings:
            chain.call(self.factory, "enableFeeAmount(uint24,int24)", terms.fee, terms.spacing, returns="()")
            self._spacings[terms.fee] = terms.spacing
        tokens, create = self.desk.tokens(), "createPool(address,address,uint24)"
        address = chain.call(self.factory, create, *tokens, terms.fee, returns="(address)")
        return QuotedPool(self.desk, address, terms, tokens, self.quoter)

    def spacing(self, fee: int) -> int | None:
        """The spacing that the factory has for a fee already."""
        return self._spacings.get(fee)


class PancakeV3:
    """PancakeSwap's pools, each made alone."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.code = published("@pancakeswap/v3-core/artifacts/contracts/PancakeV3Pool.sol/PancakeV3Pool.json")
        self.deployer = self.desk.chain.deploy(compiled()["PoolDeployer"])

    def pool(self, terms: Terms) -> Pool:
        """From its creation code."""
        deploy = "deploy(bytes,address,address,uint24,int24)"
        address = self.desk.chain.call(
            self.deployer, deploy, self.code, *self.desk.tokens(), terms.fee, terms.spacing, returns="(address)"
        )
        return V3Pool(self.desk, address, terms)

    def spacing(self, fee: int) -> int | None:
        """Any fee goes with any spacing."""
        return None


class V3Pool:
    """A pool with a contract of its own."""

    def __init__(self, desk: Desk, address: str, terms: Terms) -> None:
        self.chain, self.trader, self.address = desk.chain, desk.trader, address
        self.chain.call(address, "initialize(uint160)", terms.sqrt_price, returns="()")

    def mint(self, lower: int, upper: int, liquidity: int) -> None:
        """As the trader."""
        signature = "mint(address,int24,int24,uint128)"
        self.chain.call(self.trader, signature, self.address, lower, upper, liquidity, returns="()")

    def swap(self, *, down: bool, amount: int, exact_in: bool, limit: int) -> tuple[int, int]:
        """V3 counts what it gets, and takes a negative amount for an exact output."""
        first, second = self.chain.call(
            self.trader,
            "swap(address,bool,int256,uint160)",
            self.address,
            down,
            amount if exact_in else -amount,
            limit,
            returns="(int256,int256)",
        )
        return first, second

    def place(self) -> Place:
        """From the pool's own getters; its slot 0 begins with price and tick."""
        slot0 = self.chain.call(self.address, "slot0()", returns="(uint160,int24)")
        return *slot0, self.chain.call(self.address, "liquidity()", returns="(uint128)")


class QuotedPool(V3Pool):
    """A pool that the periphery's quoter finds by its tokens and fee."""

    def __init__(self, desk: Desk, address: str, terms: Terms, tokens: tuple[str, str], quoter: str) -> None:
        super().__init__(desk, address, terms)
        self.tokens, self.fee, self.quoter = tokens, terms.fee, quoter

    def quote(self, *, down: bool, amount: int, exact_in: bool) -> tuple[int, int]:
        """The other amount, and the sqrt price after it. Raises Reverted."""
        side = "Input" if exact_in else "Output"
        signature = f"quoteExact{side}Single((address,address,uint256,uint24,uint160))"
        source, target = self.tokens if down else self.tokens[::-1]
        asked = (source, target, amount, self.fee, 0)
        answer = self.chain.call(self.quoter, signature, asked, returns="(uint256,uint160,uint32,uint256)")
        return answer[0], answer[1]


class UniswapV4:
    """Pools of one PoolManager, without hooks."""

    def __init__(self) -> None:
        self.desk = Desk()
        code = published("@uniswap/v4-core/out/PoolManager.sol/PoolManager.json")
        self.manager = self.desk.chain.deploy(code, "(address)", ME)
        self.desk.chain.call(self.manager, "setProtocolFeeController(address)", ME, returns="()")

    def pool(self, terms: Terms) -> Pool:
        """With its protocol fees set."""
        return V4Pool(self.desk, self.manager, terms)

    def spacing(self, fee: int) -> int | None:
        """Any fee goes with any spacing."""
        return None


class V4Pool:
    """A pool that is a key in the manager's books."""

    POOLS = 6
    """The manager's storage slot of its pools."""

    def __init__(self, desk: Desk, manager: str, terms: Terms) -> None:
        self.chain, self.trader, self.manager = desk.chain, desk.trader, manager
        self.key = (*desk.tokens(), terms.fee, terms.spacing, NOBODY)
        self.chain.call(manager, f"initialize({KEY},uint160)", self.key, terms.sqrt_price, returns="(int24)")
        packed = terms.protocol_fees[0] | terms.protocol_fees[1] << 12
        self.chain.call(manager, f"setProtocolFee({KEY},uint24)", self.key, packed, returns="()")
        number = keccak_256(encode([KEY], [self.key])).digest()
        self.slot = int.from_bytes(keccak_256(number + self.POOLS.to_bytes(32, "big")).digest(), "big")

    def mint(self, lower: int, upper: int, liquidity: int) -> None:
        """As the trader."""
        signature = f"mintAt(address,{KEY},int24,int24,int256)"
        self.chain.call(self.trader, signature, self.manager, self.key, lower, upper, liquidity, returns="()")

    def swap(self, *, down: bool, amount: int, exact_in: bool, limit: int) -> tuple[int, int]:
        """V4 counts what the trader gets, and takes a negative amount for an exact input."""
        signature = f"swapAt(address,{KEY},bool,int256,uint160)"
        asked = -amount if exact_in else amount
        first, second = self.chain.call(
            self.trader, signature, self.manager, self.key, down, asked, limit, returns="(int256,int256)"
        )
        return -first, -second

    def place(self) -> Place:
        """From the manager's storage: price and tick share a word, liquidity is three words on."""
        word = self._word(0)
        tick = word >> 160 & 0xFFFFFF
        return word & 2**160 - 1, tick - (tick >> 23 << 24), self._word(3)

    def _word(self, offset: int) -> int:
        found: int = self.chain.call(self.manager, "extsload(bytes32)", (self.slot + offset).to_bytes(32, "big"))
        return found


EXCHANGES: dict[str, tuple[type[UniswapV3 | PancakeV3 | UniswapV4], str]] = {
    "UniswapV3Pool": (UniswapV3, "@uniswap/v3-core"),
    "PancakeV3Pool": (PancakeV3, "@pancakeswap/v3-core"),
    "PoolManager (V4)": (UniswapV4, "@uniswap/v4-core"),
}
"""By contract: who makes its pools, and the package it comes from."""
