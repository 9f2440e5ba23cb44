"""One simulated chain: blocks, a gas auction, a pool of waiting transactions, reorganisations that stop at finality.

Guarantees
1. A transaction is in the history at most once, never after its `due_us`, and a compensation only after its step.
2. Blocks with `depth` others on top stay for ever.
3. The base fee moves as EIP-1559 says: by at most an eighth a block, up while blocks are more than half full. Demand of
   strangers falls as the fee rises. Of ours who pays most is first, and nobody is included who does not pay the fee.

Pure: draws come in as 32-bit words. State is plain data (`dump`, `load`).
Source of the fee rule: EIP-1559, `BASE_FEE_MAX_CHANGE_DENOMINATOR` = 8, `ELASTICITY_MULTIPLIER` = 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from engine.settlement.plan import Transaction
from engine.settlement.simulated_world import SimulatedChain

KEPT_US = 24 * 3600 * 1_000_000
"""How long a node can tell what became of a transaction."""

SURGE = 6
"""How many times the usual demand a surge is."""


class Included(NamedTuple):
    """Where a sender's transaction is: `height`, `block` (a word for its hash), time, gas burnt and its price."""

    height: int
    block: str
    at_us: int
    gas: int
    gas_price: int
    sender: str


@dataclass
class ChainState:
    """A chain at one moment. `blocks` are those not final yet: height, time, transactions; `pool` in order of arrival."""

    spec: SimulatedChain
    next_us: int
    base_fee: int
    surge_until_us: int = 0
    height: int = 0
    final_height: int = 0
    final_us: int = 0
    blocks: list[tuple[int, int, list[str]]] = field(default_factory=list)
    pool: dict[str, Transaction] = field(default_factory=dict)
    known: dict[str, Transaction] = field(default_factory=dict)
    included: dict[str, Included] = field(default_factory=dict)

    def offer(self, transaction: Transaction) -> None:
        """A node passes on a transaction: it waits for a block unless it is in one already."""
        if transaction.id not in self.included:
            self.pool[transaction.id] = transaction

    def block(self, demand: int, word: int) -> list[str]:
        """The next block, at `next_us`; what it includes of ours. `demand` and `word` are draws of 32 bits."""
        now_us, spec = self.next_us, self.spec
        self.height += 1
        if self.height % 1024 == 0:
            self._forget()
        taken, ours = self._taken(now_us, word) if self.pool else ([], 0)
        if self.base_fee:
            self._move_fee(self._strangers(demand, now_us), ours)
        self.blocks.append((self.height, now_us, taken))
        if len(self.blocks) > spec.depth:
            height, at_us, final = self.blocks.pop(0)
            self.final_height, self.final_us = height, at_us
            for name in final:
                self.known.pop(name, None)
        return taken

    def reorganise(self, depth: int, word: int) -> None:
        """The last `depth` blocks that are not final give way to others; half of their transactions wait again."""
        for _ in range(min(depth, len(self.blocks))):
            _, _, names = self.blocks.pop()
            self.height -= 1
            for name in names:
                del self.included[name]
                transaction = self.known.pop(name)
                if word & 1:
                    self.pool[name] = transaction
                word >>= 1

    def _forget(self) -> None:
        old = [name for name, where in self.included.items() if where.at_us < self.final_us - KEPT_US]
        for name in old:
            del self.included[name]

    def _taken(self, now_us: int, word: int) -> tuple[list[str], int]:
        room, taken = self.spec.gas_limit, []
        for name, each in sorted(self.pool.items(), key=lambda item: (-item[1].max_gas_price, item[0])):
            if each.due_us is not None and now_us > each.due_us:
                del self.pool[name]
                continue
            gas = each.gas_units * (900 + word % 101) // 1000
            needs_step = each.reverses is not None and each.reverses not in self.included
            if each.max_gas_price < self.base_fee or gas > room or needs_step:
                continue
            room -= gas
            taken.append(name)
            price = min(each.max_gas_price, self.base_fee + self.base_fee // 10)
            block = f"0x{word:08x}.{self.height}"
            self.included[name] = Included(self.height, block, now_us, gas, price, each.sender)
            self.known[name] = self.pool.pop(name)
        return taken, self.spec.gas_limit - room

    def _strangers(self, demand: int, now_us: int) -> int:
        usual = self.spec.base_fee * (SURGE if now_us < self.surge_until_us else 1)
        return min(self.spec.gas_limit, demand * self.spec.gas_limit * usual // (self.base_fee << 32))

    def _move_fee(self, strangers: int, ours: int) -> None:
        target = max(1, self.spec.gas_limit // 2)
        used = min(self.spec.gas_limit, strangers + ours)
        change = self.base_fee * abs(used - target) // target // 8
        self.base_fee = self.base_fee + max(change, 1) if used > target else max(1, self.base_fee - change)

    def dump(self) -> dict[str, Any]:
        """Plain data, without the specification."""
        data = {name: getattr(self, name) for name in _PLAIN}
        return data | {
            "blocks": [list(block) for block in self.blocks],
            "pool": [each.to_wire() for each in self.pool.values()],
            "known": [each.to_wire() for each in self.known.values()],
            "included": {name: list(where) for name, where in self.included.items()},
        }

    @classmethod
    def load(cls, spec: SimulatedChain, data: dict[str, Any]) -> Self:
        """What `dump` gave."""
        pool = [Transaction.from_wire(each) for each in data["pool"]]
        known = [Transaction.from_wire(each) for each in data["known"]]
        return cls(
            spec=spec,
            **{name: data[name] for name in _PLAIN},
            blocks=[(height, at_us, names) for height, at_us, names in data["blocks"]],
            pool={each.id: each for each in pool},
            known={each.id: each for each in known},
            included={name: Included(*where) for name, where in data["included"].items()},
        )


_PLAIN = ("next_us", "base_fee", "surge_until_us", "height", "final_height", "final_us")
