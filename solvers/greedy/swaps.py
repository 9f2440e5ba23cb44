"""Greedy on swaps: net what nets, then give each group, easiest limit first, the best paths chunk by chunk.

How
1. Groups that no path leads anywhere, or whose easiest limit is beyond the market even for a small part of it, are
   left out at once (`no_path`, `limit_beyond_market`), unless they can be netted.
2. Matches of two and three groups are taken at a price that all prefer to the market (`netting`); within a group a match
   is one more source, with a fixed rate and a limited amount.
3. Groups go in the order of replay, on states that earlier groups have changed. An intent is cut into chunks; each chunk
   takes the path with the best output after what waiting costs and the gas of legs not used yet. A partial intent stops where a chunk falls
   below its limit; an all-or-none intent is taken whole or not at all; a buyer stops when it has what it wants.
   Where chunks fail (their rounding weighs on small amounts) all of it is tried on one path.

It does not revisit earlier groups, and counts gas and waiting only between paths: neither is part of the score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from engine.auction.problem import Intent, Problem
from intents.values import ceil_div
from solvers.common import (
    affordable_units,
    derivative_intents,
    limit_of,
    most_paid,
    price_float,
    swap_amounts,
    swap_assets,
    swap_groups,
)
from solvers.greedy.netting import Match, closed_walks, match
from solvers.greedy.pruning import balance, output_of, prune
from solvers.greedy.router import Path, Quote, Router, States
from solvers.greedy.trial import Source, Trial, Wish, take_from, units_filled
from solvers.plan import Hop, Route, Take

CHUNKS = 12
"""Parts that an intent is cut into."""

PROBE = 64
"""The market's rate is taken at this fraction of a group's smallest intent: more than that must be had to matter."""

FINE = 10**6
"""Outputs above this show a rate exactly enough; below it the whole amount is looked at too."""

ALMOST = 0.999
"""Paths that cannot bring this share of what the limit asks for are not looked for."""

CANDIDATES = 8
"""Paths that the chunks of an intent choose from."""

HALVINGS = 12
"""How often a chunk is halved at a partial intent's margin."""


@dataclass(slots=True)
class SwapPlan:
    """What was decided: fills, routes, and why other intents are left out."""

    takes: list[Take] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)


class SwapRouter:
    """One run over a problem's swap groups."""

    def __init__(self, problem: Problem, router: Router) -> None:
        self._problem = problem
        self._router = router
        served = {intent.id for intent in derivative_intents(problem)}
        groups = swap_groups(problem).items()
        self._groups = {group: members for group, members in groups if members[0].id not in served}
        self._spent: dict[tuple[str, str], int] = {}
        self._legs: dict[str, set[str]] = {}
        self._sources: dict[str, list[Source]] = {}
        self._flows: dict[str, dict[tuple[Hop, ...], int]] = {}
        self.plan = SwapPlan()

    def run(self) -> SwapPlan:
        """Decide about every group, until the budget is used up."""
        floors = self._market_rates()
        matches = self._matches(floors)
        netted = _components(matches)
        for group, members in self._by_worth(floors):
            if group not in netted and floors.get(group, Fraction(0)) < limit_of(members[0]):
                reason = "limit_beyond_market" if self._reachable(members[0]) else "no_path"
                self.plan.reasons.update({intent.id: reason for intent in members})
                continue
            self._router.enter(netted.get(group, group))
            self._fill_group(group, members)
        self._finish(matches)
        return self.plan

    def _by_worth(self, rates: Mapping[str, Fraction]) -> list[tuple[str, tuple[Intent, ...]]]:
        """Groups by what their easiest intent would gain at the market's rate, most first; unpriced ones last, by id."""

        def worth(group: str) -> float:
            intent = self._groups[group][0]
            pays, receives = swap_amounts(intent)
            price = price_float(self._problem, swap_assets(intent)[1])
            return (float(rates.get(group, Fraction(0))) * pays - receives) * (price or 0.0)

        return sorted(self._groups.items(), key=lambda item: (-worth(item[0]), item[0]))

    def _reachable(self, intent: Intent) -> bool:
        return self._router.reaches(*swap_assets(intent))

    def _market_rates(self) -> dict[str, Fraction]:
        """The best rate of each group's pair for a small part of its smallest intent; absent where nothing is offered."""
        rates: dict[str, Fraction] = {}
        for group, members in self._groups.items():
            if self._router.meter.stopped_by() or not self._reachable(members[0]):
                continue
            smallest = min(swap_amounts(intent)[0] for intent in members)
            for amount in (max(1, smallest // PROBE), smallest):
                least = float(limit_of(members[0])) * amount * ALMOST
                paths = self._router.best_paths(*swap_assets(members[0]), amount, least=least, width=1)
                quote = self._router.quote(paths[0], amount) if paths else None
                if quote is not None:
                    rates[group] = max(rates.get(group, Fraction(0)), Fraction(quote.out, quote.used))
                    if quote.out > FINE:
                        break  # rounding does not hide the rate
        return rates

    def _matches(self, floors: Mapping[str, Fraction]) -> list[Match]:
        """Take matches in order, each from what is still on offer, and give every member its share as a source."""
        offers = {i.id: most_paid(i, self._units(i)) for members in self._groups.values() for i in members}
        found = []
        for walk in closed_walks(self._groups):
            made = match(walk, self._groups, offers, floors)
            if made is None:
                continue
            found.append(made)
            amount = made.amount
            for group, rate in zip(made.groups, made.rates, strict=True):
                self._sources.setdefault(group, []).append(Source(rate, int(amount)))
                _consume(self._groups[group], offers, rate, int(amount))
                amount *= rate
        return found

    def _units(self, intent: Intent) -> int:
        """What the owner can still pay for, after what earlier intents of this run may take."""
        owner, asset = intent.outcome.owner, swap_assets(intent)[0]
        free = self._problem.free(owner, asset) - self._spent.get((owner, asset), 0)
        return affordable_units(intent, free)

    def _fill_group(self, group: str, members: tuple[Intent, ...]) -> None:
        blocked = False
        for intent in members:
            stopped = self._router.meter.stopped_by()
            units = self._units(intent)
            if stopped or blocked or not units:
                self.plan.reasons[intent.id] = (
                    f"stopped_by_{stopped}" if stopped else "limit_beyond_market" if blocked else "insufficient_balance"
                )
                continue
            taken = self._fill_intent(group, intent, units)
            if taken < units and intent.outcome.fill_policy == "partial":
                blocked = True

    def _fill_intent(self, group: str, intent: Intent, units: int) -> int:
        """Take as much of the intent as its limit allows; the units taken."""
        before = dict(self._router.states)
        taken = 0
        for chunks in (CHUNKS, 1):
            self._router.states = dict(before)
            trial = self._try(group, intent, units, chunks)
            self._refine(group, intent, trial, before)
            taken = units_filled(intent, trial, units)
            if taken:
                break
        else:
            self._router.states = before
            self.plan.reasons[intent.id] = "limit_beyond_market"
            return 0
        self.plan.takes.append(Take(intent.id, taken))
        key = (intent.outcome.owner, swap_assets(intent)[0])
        self._spent[key] = self._spent.get(key, 0) + most_paid(intent, taken)
        for source, amount in trial.netted:
            source.used += amount
        flows = self._flows.setdefault(group, {})
        for hops, amount in trial.flows.items():
            flows[hops] = flows.get(hops, 0) + amount
            self._legs.setdefault(group, set()).update(hop.venue for hop in hops)
        return taken

    def _refine(self, group: str, intent: Intent, trial: Trial, before: States) -> None:
        """Balance the trial's flows and merge those that do not earn their gas; books are left as they are."""
        if len(trial.flows) < 2 or any(hop.level for hops in trial.flows for hop in hops):
            return
        paid, target = swap_assets(intent)
        rate = trial.got / trial.paid
        flows = {trial.paths[hops]: amount for hops, amount in trial.flows.items()}
        merged = prune(
            self._router,
            before,
            balance(self._router, before, flows),
            self._legs.setdefault(group, set()),
            lambda edges: self._router.gas_in(edges, target) or self._router.gas_in(edges, paid) * rate,
        )
        merged = balance(self._router, before, merged)
        hops_of = {path: hops for hops, path in trial.paths.items()}
        trial.flows = {hops_of[path]: amount for path, amount in merged.items()}
        got = output_of(self._router, before, merged) + sum(int(n * source.rate) for source, n in trial.netted)
        if intent.outcome.surplus_is_paid and got:
            # What a buyer wants is fixed: it pays in proportion, and the assembler finds the exact amount.
            trial.paid = ceil_div(trial.paid * trial.got, got)
        else:
            trial.got = got

    def _try(self, group: str, intent: Intent, units: int, chunks: int) -> Trial:
        """Route up to `units`, changing the router's states; the caller may take that back."""
        outcome, (pays, receives) = intent.outcome, swap_amounts(intent)
        goal = ceil_div(units * receives, outcome.units) if outcome.surplus_is_paid else None
        trial = Trial()
        most = units * pays // outcome.units
        for source in self._sources.get(group, ()):
            take_from(source, trial, most, goal, limit_of(intent))
        left = most - trial.paid
        if left > 0 and (goal is None or trial.got < goal):
            self._route(group, intent, trial, Wish(most, goal, chunks))
        return trial

    def _route(self, group: str, intent: Intent, trial: Trial, wish: Wish) -> None:
        """Add chunks over the best paths until the intent has enough, offers no more, or the market falls below its limit."""
        target = swap_assets(intent)[1]
        most, goal = wish.most, wish.goal
        left = most - trial.paid
        paths = self._candidates(intent, left)
        chunk = max(1, ceil_div(self._estimate(paths, left, goal, trial), wish.chunks))
        limit, partial = limit_of(intent), intent.outcome.min_units < intent.outcome.units
        halvings = HALVINGS if partial else 0
        while trial.paid < most and (goal is None or trial.got < goal):
            amount = min(chunk, most - trial.paid)
            chosen = self._best(group, paths, amount, target)
            # The marginal rate falls from chunk to chunk: an intent that must be whole is judged by its first and its sum.
            judged = partial or not trial.flows
            if chosen is None or (judged and self._is_below(limit, chosen, paths, tail=partial)):
                if not halvings:
                    return
                halvings, chunk = halvings - 1, max(1, chunk // 2)
                continue
            if goal is not None and trial.got + chosen.out > goal:
                chosen = self._enough(paths, chosen, goal - trial.got)
            self._router.commit(chosen)
            trial.paths[chosen.hops] = _path_of(chosen, paths)
            trial.flows[chosen.hops] = trial.flows.get(chosen.hops, 0) + chosen.used
            trial.paid += chosen.used
            trial.got += chosen.out
            if self._router.meter.stopped_by():
                return

    def _is_below(self, limit: Fraction, quote: Quote, paths: list[Path], *, tail: bool) -> bool:
        """Whether a chunk, or (`tail`) its second half, gets less than the limit."""
        if Fraction(quote.out, quote.used) < limit:
            return True
        half = self._router.quote(_path_of(quote, paths), quote.used // 2) if tail and quote.used > 1 else None
        # Two units more, lest rounding alone stops a small order.
        return half is not None and Fraction(quote.out - half.out + 2, quote.used - half.used) < limit

    def _candidates(self, intent: Intent, amount: int) -> list[Path]:
        """Paths that are good for all of the amount or for a chunk of it, best first, without repeats."""
        found: dict[Path, None] = {}
        for size in (amount, amount // 4, amount // CHUNKS):
            if size:
                least = float(limit_of(intent)) * size * ALMOST
                paths = self._router.best_paths(*swap_assets(intent), size, least=least)
                found.update(dict.fromkeys(paths[: CHUNKS // 2]))
        return list(found)[:CANDIDATES]

    def _estimate(self, paths: list[Path], left: int, goal: int | None, trial: Trial) -> int:
        """About what has to be routed: all of it, or for a buyer what the best path alone would need."""
        if goal is None or not paths:
            return left
        low, high = 1, left
        for _ in range(24):
            middle = (low + high) // 2
            quote = self._router.quote(paths[0], middle)
            if quote is not None and quote.out >= goal - trial.got:
                high = middle
            else:
                low = middle + 1
            if low >= high:
                break
        return high

    def _best(self, group: str, paths: list[Path], amount: int, target: str) -> Quote | None:
        """The quote with the most worth per input after the gas of legs that the group does not use yet."""
        used = self._legs.setdefault(group, set())
        best: tuple[float, Quote] | None = None
        for path in paths:
            quote = self._router.quote(path, amount)
            if quote is None:
                continue
            fresh = tuple(edge for edge in path if edge.venue not in used)
            # As if all chunks took the path; splits that carry too little for their gas are merged afterwards.
            gas = self._router.gas_in(fresh, target) / CHUNKS
            value = (self._router.worth(quote.out, path) - gas) / quote.used
            if best is None or value > best[0]:
                best = (value, quote)
        return None if best is None else best[1]

    def _enough(self, paths: list[Path], quote: Quote, missing: int) -> Quote:
        """The smallest chunk on the quote's path that brings what is missing."""
        path = _path_of(quote, paths)
        low, high, best = 1, quote.used, quote
        while low < high:
            middle = (low + high) // 2
            smaller = self._router.quote(path, middle)
            if smaller is not None and smaller.out >= missing:
                high, best = middle, smaller
            else:
                low = middle + 1
        return best

    def _finish(self, matches: list[Match]) -> None:
        """Routes of the groups' own flows, then of the matches, as large as their smallest member uses."""
        used = {group: [s.used for s in sources] for group, sources in self._sources.items()}
        for group, flows in sorted(self._flows.items()):
            self.plan.routes.extend(Route(group, group, amount, hops) for hops, amount in flows.items())
        for found in matches:
            scale, shares = Fraction(1), []
            for group, rate in zip(found.groups, found.rates, strict=True):
                shares.append(used[group].pop(0) / scale)
                scale *= rate
            amount = min(shares)
            for i, (group, rate) in enumerate(zip(found.groups, found.rates, strict=True)):
                if int(amount):
                    self.plan.routes.append(Route(group, found.groups[i - 1], int(amount)))
                amount *= rate


def _components(matches: list[Match]) -> dict[str, str]:
    """The smallest group that each matched group is linked with."""
    leader: dict[str, str] = {}
    for found in matches:
        groups = {other for group in found.groups for other in leader if leader[other] == leader.get(group)}
        groups |= set(found.groups)
        leader.update(dict.fromkeys(groups, min(groups)))
    return leader


def _path_of(quote: Quote, paths: list[Path]) -> Path:
    venues = [hop.venue for hop in quote.hops]
    return next(path for path in paths if [edge.venue for edge in path] == venues)


def _consume(members: tuple[Intent, ...], offers: dict[str, int], rate: Fraction, amount: int) -> None:
    """Take `amount` off the offers of a group that accept the rate, easiest limit first."""
    for intent in members:
        if limit_of(intent) <= rate:
            taken = min(offers[intent.id], amount)
            offers[intent.id] -= taken
            amount -= taken
