"""That the nodes a settlement sent to were its policy's choice: replay from its record, bit for bit.

Guarantees: `check_choices` makes the choice of every send again from what was recorded beside it, and shows that nothing
was picked to suit a node: the draws begin with the plan's hash, which covers the auction's record; each choice goes on from the memory
that the one before left, through any number of crashes; shares, ceilings and round trips are those of `Shares` in the record, and nobody was
sent to who was convicted there while another could take it. Who was asked before is not chosen again while others may be, and
who is next is drawn by the plan's hash (`engine.network.trust.fall_through`). Round trips are those of the plan's network, and on top what
the round of probes in `Shares` gives: its pairs are drawn, its signatures checked and its medians reckoned anew.

What the first choice of a chain remembers of earlier settlements, what was seen of nodes, and the delays before the round
are taken as recorded. That the round's root is the hash of the settlement before is for who has that one's record.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.network.policies.base import PPM
from engine.network.shares import Shares, check_shares
from engine.network.trust.choice_replay import replay_choices
from engine.network.trust.dispatch_log import Choice
from engine.network.trust.fall_through import Fleet, Tried, narrowed
from engine.network.trust.rounds import check_round
from engine.settlement.plan import Plan
from engine.settlement.progress import Attempt
from intents.errors import InputError
from intents.values import content_hash


def draw_seed(plan_hash: str, chain: str) -> int:
    """What a chain's draws begin with, below 2^60."""
    return int(content_hash("clearway/dispatch-draws/1", plan_hash, chain)[-15:], 16)


def check_choices(plan: Plan, attempts: Sequence[Attempt], shares: Sequence[Shares]) -> None:
    """Raise InputError: `no_choice`, `other_choice`, `bad_shares`, or what `check_round` and `replay_choices` raise."""
    for each in shares:
        check_shares(each)
        _check_distances(plan, each)
    choices: list[Choice] = []
    seen: dict[str, int] = {}
    begun: set[str] = set()
    for position, attempt in enumerate(attempts):
        where = f"/attempts/{position}/choice"
        choice = attempt.choice
        if choice is None:
            raise InputError("no_choice", where, expected="the choice of a node", actual="none")
        count = seen.get(attempt.transaction, 0)
        seen[attempt.transaction] = count + 1
        _check_attempt(plan, attempt, choice, count, where)
        standing = _standing(shares, choice.chain, position)
        _check_settings(choice, standing, where)
        _check_caps(
            plan,
            [each.node for each in attempts[:position] if each.transaction == attempt.transaction],
            choice,
            standing,
            where,
        )
        if choice.chain not in begun:
            begun.add(choice.chain)
            _same(f"{where}/memory/draws", f"{draw_seed(plan.hash, choice.chain)} 0", choice.memory.get("draws", ""))
        choices.append(choice)
    difference = replay_choices(choices)
    if difference is not None:
        field = difference.field if difference.field == "chosen" else f"memory/{difference.field}"
        where = f"/attempts/{difference.position}/choice/{field}"
        _same(where, difference.replayed, difference.recorded)


def _check_attempt(plan: Plan, attempt: Attempt, choice: Choice, count: int, where: str) -> None:
    transaction = plan.transactions.get(attempt.transaction)
    _same(f"{where}/chain", "" if transaction is None else transaction.chain, choice.chain)
    _same(f"{where}/transaction", attempt.transaction, choice.transaction)
    _same(f"{where}/value", "" if transaction is None else str(transaction.value), str(choice.value))
    _same(f"{where}/attempt", str(count), str(choice.attempt))
    _same(f"{where}/now_us", str(attempt.at_us), str(choice.now_us))
    chosen = choice.nodes[choice.chosen] if 0 <= choice.chosen < len(choice.nodes) else "nobody"
    _same(f"{where}/chosen", attempt.node, chosen)


def _check_distances(plan: Plan, shares: Shares) -> None:
    chain = plan.network.chains.get(shares.chain)
    nodes = () if chain is None else chain.nodes
    _same("/shares/nodes", " ".join(node.name for node in nodes), " ".join(shares.nodes))
    delays_us = [0] * len(nodes)
    if shares.round is not None:
        _same("/shares/round/chain", shares.chain, shares.round.chain)
        check_round(shares.round, plan.network.ground)
        delays_us = [delay.used_us for delay in shares.round.after]
    stated = [node.rtt_us + delay_us for node, delay_us in zip(nodes, delays_us, strict=True)]
    _same("/shares/rtt_us", _row(stated), _row(shares.rtt_us))


def _standing(shares: Sequence[Shares], chain: str, position: int) -> Shares:
    """The shares that held for a chain's send; there are none before the first."""
    for each in reversed(shares):
        if each.chain == chain and each.since <= position:
            return each
    raise InputError("bad_shares", "/shares", expected=f"shares of {chain} for send {position}", actual="none")


def _check_settings(choice: Choice, shares: Shares, where: str) -> None:
    names = sorted(set(shares.operators))
    _same(f"{where}/nodes", " ".join(shares.nodes), " ".join(choice.nodes))
    _same(f"{where}/sight/rtt_us", _row(shares.rtt_us), choice.sight.get("rtt_us", ""))
    _same(f"{where}/sight/share_ppm", _row(shares.shares_ppm), choice.sight.get("share_ppm", ""))
    _same(f"{where}/sight/operator", _row([names.index(o) for o in shares.operators]), choice.sight.get("operator", ""))
    ceilings = [shares.ceilings_ppm.get(name, PPM) for name in names]
    _same(f"{where}/memory/ceiling_ppm", _row(ceilings), choice.memory.get("ceiling_ppm", ""))
    _same(f"{where}/memory/burst", str(shares.burst), choice.memory.get("burst", ""))


def _check_caps(plan: Plan, asked: Sequence[str], choice: Choice, shares: Shares, where: str) -> None:
    """Whom the policy could choose: not the operators asked in this lap, nor who is convicted; of the rest who was drawn."""
    operators, share_ppm, own = (_numbers(choice.sight.get(name, "")) for name in ("operator", "share_ppm", "own"))
    fleet = Fleet(choice.nodes, operators, share_ppm, own, _numbers(choice.caps))
    if {len(row) for row in fleet} != {len(choice.nodes)}:
        raise InputError("other_choice", f"{where}/caps", expected=f"{len(choice.nodes)} caps", actual=choice.caps)
    lap = len(asked) % len(choice.nodes)
    tried = Tried(plan.hash, choice.transaction, choice.attempt, frozenset(asked[len(asked) - lap :]))
    shut = {conviction.node for conviction in shares.convictions}
    undoes = plan.transactions[choice.transaction].reverses is not None
    _same(f"{where}/sight/cap", _row(narrowed(fleet, tried, shut, above=undoes)), choice.sight.get("cap", ""))


def _numbers(text: str) -> list[int]:
    return [int(word) for word in text.split()]


def _row(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _same(where: str, expected: str, actual: str) -> None:
    if expected != actual:
        raise InputError("other_choice", where, expected=expected, actual=actual)
