"""The dispatchers of all chains of a network, as the coordinator's one chooser (engine.settlement.dispatch.Chooser)."""

from __future__ import annotations

from engine.network.dispatcher import Dispatcher, NodeFacts
from engine.network.policies import DEFAULT
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.receipts import Receipt
from engine.settlement.chains import Network
from engine.settlement.plan import PATIENCE_BLOCKS, Transaction
from engine.settlement.reports import Report
from intents.errors import InputError


class ChainDispatchers:
    """One dispatcher a chain; what they learn outlives the auction. `seed` decides their draws.

    A receipt counts for as long as a step is waited for.
    """

    def __init__(self, network: Network, *, seed: int, now_us: int, policy: str = DEFAULT) -> None:
        """Raises InputError `unknown_policy`."""
        self.chains = {
            place: Dispatcher(
                place,
                [
                    NodeFacts(
                        name=node.name,
                        operator=node.operator,
                        key=node.key,
                        region=0,
                        rtt_us=(node.rtt_us,),
                        stake=node.stake,
                    )
                    for node in chain.nodes
                ],
                seed=seed + position,
                now_us=now_us,
                policy=policy,
                window_us=PATIENCE_BLOCKS * chain.block_us + chain.finality_us,
            )
            for position, (place, chain) in enumerate(sorted(network.chains.items()))
        }

    def choose(
        self, transaction: Transaction, attempt: int, avoid: frozenset[str], now_us: int
    ) -> tuple[str | None, Choice | None]:
        """The chain's dispatcher's choice."""
        return self.chains[transaction.chain].choose(transaction, attempt, avoid, now_us)

    def sent(self, transaction: Transaction, node: str, now_us: int) -> int:
        """A transaction goes to the node; the sequence number that its receipt has to repeat."""
        return self.chains[transaction.chain].sent(transaction, node, now_us)

    def received(self, receipt: Receipt, now_us: int) -> None:
        """A receipt came. Raises InputError where it does not count."""
        if receipt.chain not in self.chains:
            raise InputError("unknown_chain", "/chain", expected="a chain of the network", actual=receipt.chain)
        self.chains[receipt.chain].received(receipt, now_us)

    def reported(self, report: Report, now_us: int) -> None:
        """A report came whose signature was checked."""
        self.chains[report.chain].reported(report.node, report.queue, now_us)

    def timed_out(self, transaction: Transaction, node: str, sequence: int, now_us: int) -> None:
        """The node did not bring the transaction onto the chain in time."""
        self.chains[transaction.chain].timed_out(transaction, node, sequence, now_us)
