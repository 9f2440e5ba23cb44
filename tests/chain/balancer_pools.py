"""Balancer V2's pools as they were deployed, each version's creation code made anew with the test's own tokens and weights.

The tests stand in for the vault: a pool asks it only to be registered, and answers its `onSwap`, which gives what a swap
pays or costs, fee and decimals included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engine.market.venues.balancer_math import ONE
from tests.chain.cache import compiled, published
from tests.chain.evm import ME, Chain, Reverted, calldata

TASKS = "@balancer-labs/v2-deployments/dist/tasks"
NOBODY = "0x" + "00" * 20
REQUEST = "(uint8,address,address,uint256,bytes32,uint256,address,address,bytes)"
POOL_ID = (1).to_bytes(32, "big")
GIVEN_IN, GIVEN_OUT = 0, 1


@dataclass(frozen=True, slots=True)
class Token:
    """A token of a pool; `weight` of weighted pools, `rate` (in units of 10^-18) of stable ones."""

    address: str
    decimals: int
    weight: int = 0
    rate: int = ONE


@dataclass(frozen=True, slots=True)
class Pool:
    """A deployed pool. `own`: where its own token stands among those of the vault, if it does."""

    address: str
    tokens: tuple[Token, ...]
    own: int | None = None


class Balancer:
    """A chain with a vault's stand-in and tokens of all decimals."""

    def __init__(self) -> None:
        self.chain = Chain()
        self.vault = self.chain.deploy(compiled()["Vault"])
        code = compiled()["Token"]
        self.addresses = {
            self.chain.deploy(code, "(uint8)", decimals): decimals for decimals in [*range(19), 6, 8, 18, 18]
        }

    def some_tokens(self, chance: Random, count: int) -> list[Token]:
        """Different tokens in the vault's order."""
        return [
            Token(address, self.addresses[address]) for address in sorted(chance.sample(list(self.addresses), count))
        ]

    def rate_provider(self, rate: int) -> str:
        """A contract that says this rate; none where it is 1."""
        return NOBODY if rate == ONE else self.chain.deploy(compiled()["Rate"], "(uint256)", rate)

    def swap_two(
        self, pool: Pool, kind: int, source: int, target: int, amount: int, balances: Sequence[int]
    ) -> int | str:
        """A pool's answer where the vault tells it two balances; why not, where it refuses."""
        return self._answer(ask_two(pool, kind, source, target, amount, balances))

    def swap_all(
        self, pool: Pool, kind: int, source: int, target: int, amount: int, balances: Sequence[int]
    ) -> int | str:
        """The same where the vault tells it all balances, of the pool's own token too."""
        asked = _request(pool, kind, source, target, amount)
        told = list(balances)
        if pool.own is not None:
            told.insert(pool.own, 2**111)
            source, target = (index + (index >= pool.own) for index in (source, target))
        return self._answer(_ask(pool, f"onSwap({REQUEST},uint256[],uint256,uint256)", asked, told, source, target))

    def _answer(self, asked: bytes) -> int | str:
        try:
            return int.from_bytes(self.chain.send(self.vault, asked), "big")
        except Reverted as error:
            return str(error)


def ask_two(pool: Pool, kind: int, source: int, target: int, amount: int, balances: Sequence[int]) -> bytes:
    """The call by which the vault's stand-in asks a pool that is told two balances."""
    request = _request(pool, kind, source, target, amount)
    return _ask(pool, f"onSwap({REQUEST},uint256,uint256)", request, balances[source], balances[target])


def _ask(pool: Pool, signature: str, *values: Any) -> bytes:
    return calldata("ask(address,bytes)", pool.address, calldata(signature, *values))


def _request(pool: Pool, kind: int, source: int, target: int, amount: int) -> tuple[Any, ...]:
    addresses = (pool.tokens[source].address, pool.tokens[target].address)
    return (kind, *addresses, amount, POOL_ID, 0, ME, ME, b"")


def weighted_2021(balancer: Balancer, tokens: Sequence[Token], fee: int) -> Pool:
    """WeightedPool of 2021-04-18."""
    code = published(f"{TASKS}/20210418-weighted-pool/bytecode/WeightedPool.json")
    types = "(address,string,string,address[],uint256[],uint256,uint256,uint256,address)"
    addresses, weights = [token.address for token in tokens], [token.weight for token in tokens]
    return Pool(
        balancer.chain.deploy(code, types, balancer.vault, "", "", addresses, weights, fee, 0, 0, ME), tuple(tokens)
    )


def weighted_2022(balancer: Balancer, tokens: Sequence[Token], fee: int) -> Pool:
    """WeightedPool of 2022-09-08."""
    params = _weighted_params(tokens, fee)
    code = published(f"{TASKS}/20220908-weighted-pool-v2/bytecode/WeightedPool.json")
    types = f"({WEIGHTED},address,address,uint256,uint256,address)"
    return Pool(balancer.chain.deploy(code, types, params, balancer.vault, balancer.vault, 0, 0, ME), tuple(tokens))


def weighted_2023(balancer: Balancer, tokens: Sequence[Token], fee: int) -> Pool:
    """WeightedPool of 2023-02-06."""
    params = _weighted_params(tokens, fee)
    code = published(f"{TASKS}/20230206-weighted-pool-v3/artifact/WeightedPool.json")
    types = f"({WEIGHTED},address,address,uint256,uint256,address,string)"
    return Pool(balancer.chain.deploy(code, types, params, balancer.vault, balancer.vault, 0, 0, ME, ""), tuple(tokens))


WEIGHTED = "(string,string,address[],uint256[],address[],address[],uint256)"


def _weighted_params(tokens: Sequence[Token], fee: int) -> tuple[Any, ...]:
    addresses, weights = [token.address for token in tokens], [token.weight for token in tokens]
    nobodies = [NOBODY] * len(tokens)
    return ("", "", addresses, weights, nobodies, nobodies, fee)


def stable_2021(balancer: Balancer, tokens: Sequence[Token], fee: int, amplification: int) -> Pool:
    """StablePool of 2021-06-24, without rates."""
    code = published(f"{TASKS}/deprecated/20210624-stable-pool/bytecode/StablePool.json")
    types = "(address,string,string,address[],uint256,uint256,uint256,uint256,address)"
    addresses = [token.address for token in tokens]
    address = balancer.chain.deploy(code, types, balancer.vault, "", "", addresses, amplification, fee, 0, 0, ME)
    return Pool(address, tuple(tokens))


def meta_stable_2021(balancer: Balancer, tokens: Sequence[Token], fee: int, amplification: int) -> Pool:
    """MetaStablePool of 2021-07-27: two tokens with rates."""
    code = published(f"{TASKS}/deprecated/20210727-meta-stable-pool/bytecode/MetaStablePool.json")
    params = "(address,string,string,address[],address[],uint256[],uint256,uint256,uint256,uint256,bool,address)"
    addresses, rates = [token.address for token in tokens], [balancer.rate_provider(token.rate) for token in tokens]
    values = (balancer.vault, "", "", addresses, rates, [0] * len(tokens), amplification, fee, 0, 0, False, ME)
    return Pool(balancer.chain.deploy(code, f"({params})", values), tuple(tokens))


COMPOSABLE = (
    "address,address,string,string,address[],address[],uint256[],bool[],uint256,uint256,uint256,uint256,address"
)


def composable_2022(balancer: Balancer, tokens: Sequence[Token], fee: int, amplification: int) -> Pool:
    """ComposableStablePool of 2022-09-06."""
    code = published(f"{TASKS}/20220906-composable-stable-pool/bytecode/ComposableStablePool.json")
    values = _composable_params(balancer, tokens, fee, amplification)
    return _composable(balancer, balancer.chain.deploy(code, f"(({COMPOSABLE}))", values), tokens)


def composable_2023(balancer: Balancer, tokens: Sequence[Token], fee: int, amplification: int) -> Pool:
    """ComposableStablePool of 2023-02-06."""
    code = published(f"{TASKS}/20230206-composable-stable-pool-v3/artifact/ComposableStablePool.json")
    values = (*_composable_params(balancer, tokens, fee, amplification), "")
    return _composable(balancer, balancer.chain.deploy(code, f"(({COMPOSABLE},string))", values), tokens)


def _composable_params(balancer: Balancer, tokens: Sequence[Token], fee: int, amplification: int) -> tuple[Any, ...]:
    addresses, rates = [token.address for token in tokens], [balancer.rate_provider(token.rate) for token in tokens]
    count = len(tokens)
    places = (balancer.vault, balancer.vault, "", "", addresses, rates)
    return (*places, [0] * count, [False] * count, amplification, fee, 0, 0, ME)


def _composable(balancer: Balancer, address: str, tokens: Sequence[Token]) -> Pool:
    own: int = balancer.chain.call(address, "getBptIndex()")
    return Pool(address, tuple(tokens), own)
