"""The draft: a plan in the making, and the repairs that bring it to where everything settles.

Guarantees
1. Owners' balances cover everything that is wanted, whatever the price (each intent at the most that it may pay).
2. A group that does not settle after `PATIENCE` corrections is dropped with a reason, so repairing ends.
3. Repairs change amounts and drop; they add no route and no intent, except intents that the rules say must be
   filled before what is filled.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.auction.problem import Intent, Problem
from solvers.assemble_fill import Correction, Member
from solvers.assemble_flow import Flow, Part
from solvers.common import affordable_units, limit_of, most_paid, swap_assets, swap_groups
from solvers.plan import Cross, Hop, Plan, Portfolio, Route

PATIENCE = 24
"""Corrections of one group before it is dropped."""

RIGID_AFTER = 8
"""Corrections of a group's routes before its fills have to fit the routes instead."""


class Draft:
    """What is wanted now. `groups`: the fillable swaps of each group, easiest limit first."""

    def __init__(self, problem: Problem, plan: Plan) -> None:
        self.problem = problem
        self.groups = swap_groups(problem)
        self.reasons: dict[str, str] = {}
        self.wanted: dict[str, int] = {}
        self.routes: dict[int, Route] = dict(enumerate(_merged(problem, plan.routes, self.groups)))
        taken = {take.intent for take in plan.takes}
        self.portfolios: dict[str, Portfolio] = {}
        for portfolio in plan.portfolios:
            group = self.group_of(portfolio.intent)
            # A swap group can hold a portfolio (someone buys an option outright) if that is all that is filled of it.
            if group is not None and not any(intent.id in taken for intent in self.groups.get(group, ())):
                self.portfolios.setdefault(group, portfolio)
        self.crosses: tuple[Cross, ...] = ()
        self._set_crosses(plan.crosses)
        self._corrections: dict[str, int] = {}
        self._shrunk: dict[int, int] = {}
        self._swaps_of: dict[tuple[str, str], list[Intent]] = {}
        for members in self.groups.values():
            for intent in members:
                self._swaps_of.setdefault((intent.outcome.owner, swap_assets(intent)[0]), []).append(intent)
        self._want(plan)

    def _want(self, plan: Plan) -> None:
        asked: dict[str, int] = {}
        for take in plan.takes:
            asked[take.intent] = asked.get(take.intent, 0) + take.units
        for members in self.groups.values():
            for intent in members:
                units = min(asked.get(intent.id, 0), intent.open_units)
                if units < min(intent.outcome.min_units, intent.open_units):
                    continue
                affordable = min(units, affordable_units(intent, self.available(intent)))
                if affordable < min(intent.outcome.min_units, intent.open_units):
                    self.reasons[intent.id] = "insufficient_balance"
                else:
                    self.wanted[intent.id] = affordable

    def group_of(self, intent: str) -> str | None:
        """The group of an intent of the problem; None where there is no such intent."""
        found = self.problem.intents_by_id.get(intent)
        return None if found is None else found.group

    def available(self, intent: Intent) -> int:
        """The owner's free balance of the paid asset less what its other wanted swaps may pay of it."""
        owner, asset = intent.outcome.owner, swap_assets(intent)[0]
        others = self._swaps_of[(owner, asset)]
        spent = sum(most_paid(other, self.wanted.get(other.id, 0)) for other in others if other.id != intent.id)
        return self.problem.free(owner, asset) - spent

    def members(self, group: str) -> list[Member]:
        """What the group should fill now; an intent that may not be skipped is raised to all it has open."""
        candidates = self.groups.get(group, ())
        worst = max((limit_of(intent) for intent in candidates if self.wanted.get(intent.id)), default=None)
        if worst is None:
            return []
        members = []
        for intent in candidates:
            entitled = (
                intent.outcome.fill_policy == "partial"
                and intent.outcome.min_units == 1
                and self.available(intent) >= most_paid(intent, intent.open_units)
            )
            if entitled and limit_of(intent) < worst:
                self.wanted[intent.id] = intent.open_units
            if self.wanted.get(intent.id):
                members.append(Member(intent, self.wanted[intent.id], entitled))
        return members

    def is_rigid(self, group: str) -> bool:
        """Whether the group's routes have been corrected often enough."""
        return self._corrections.get(group, 0) >= RIGID_AFTER

    def correct(self, group: str, correction: Correction, part: Part, flow: Flow) -> None:
        """Apply what `settle` asks for; drop the group where it has asked too often."""
        self._corrections[group] = self._corrections.get(group, 0) + 1
        if self._corrections[group] > PATIENCE:
            self.drop_group(group, correction.reason)
            return
        for intent, units in correction.units.items():
            self._cut(intent, units, correction.reason)
        if not any(self.wanted.get(intent.id) for intent in self.groups[group]):
            self.drop_group(group, correction.reason)
        elif correction.target is not None:
            self._scale(group, correction.target, part, flow)

    def drop_group(self, group: str, reason: str) -> None:
        """Fill nothing of a group and carry nothing from or to it."""
        for intent in self.groups.get(group, ()):
            self._cut(intent.id, 0, reason)
        self.routes = {number: r for number, r in self.routes.items() if group not in (r.source, r.sink)}
        if group in self.portfolios:
            self.drop_portfolio(group, reason)

    def drop_route(self, number: int) -> None:
        """Do without a route."""
        self.routes.pop(number, None)

    def shrink_route(self, number: int, usable: int, arrived: int) -> bool:
        """Carry less on a route, of whose input only usable / arrived can be used further on; False after some tries.

        What still spills then is left as a residue.
        """
        self._shrunk[number] = self._shrunk.get(number, 0) + 1
        if self._shrunk[number] > RIGID_AFTER:
            return False
        route = self.routes[number]
        amount = route.amount_in * usable // arrived
        if amount:
            self.routes[number] = Route(route.source, route.sink, amount, route.hops)
        else:
            self.drop_route(number)
        return True

    def drop_portfolio(self, group: str, reason: str) -> None:
        """Do without a group's portfolio and its crosses; the other side of a cross turns to the books."""
        self.reasons[self.portfolios.pop(group).intent] = reason
        self._set_crosses(self.crosses)

    def drop_crosses(self, group: str) -> bool:
        """Do without the crosses of a group; whether there were any."""
        intent, before = self.portfolios[group].intent, len(self.crosses)
        self.crosses = tuple(cross for cross in self.crosses if intent not in (cross.giver, cross.taker))
        return len(self.crosses) < before

    def _set_crosses(self, crosses: Sequence[Cross]) -> None:
        held = {portfolio.intent for portfolio in self.portfolios.values()}
        self.crosses = tuple(c for c in crosses if c.giver in held and c.taker in held and c.giver != c.taker)

    def _cut(self, intent: str, units: int, reason: str) -> None:
        if not self.wanted.get(intent):
            return
        if units:
            self.wanted[intent] = units
        else:
            del self.wanted[intent]
            self.reasons[intent] = reason

    def _scale(self, group: str, target: int, part: Part, flow: Flow) -> None:
        """Bring what the group's routes use near `target`: own routes first, dearest first; then all linked routes."""
        # Another group of the part may have dropped routes meanwhile: they are no longer there to scale.
        here = [(i, n) for i, n in enumerate(part.numbers) if n in self.routes]
        amounts = {n: flow.used[i] for i, n in here if part.routes[i].source == group}
        if not amounts:
            return
        got = {n: flow.got[i] for i, n in here if part.routes[i].source == group}
        own = [n for n in amounts if self.routes[n].sink == group]
        change = target - sum(amounts.values())
        if change > 0:
            _grow(amounts, own or sorted(amounts), change)
        else:
            for number in sorted(own, key=lambda n: (got[n] / amounts[n], n)):
                cut = min(-change, amounts[number])
                amounts[number] -= cut
                change += cut
            if change < 0:
                linked = {n: flow.used[i] for i, n in here if part.routes[i].source != part.routes[i].sink}
                left = sum(amounts.values())
                for number, amount in linked.items():
                    amounts[number] = amount * (left + change) // left
        for number, amount in amounts.items():
            route = self.routes[number]
            if amount > 0:
                self.routes[number] = Route(route.source, route.sink, amount, route.hops)
            else:
                self.drop_route(number)


def _grow(amounts: dict[int, int], numbers: Sequence[int], change: int) -> None:
    """Add `change` to the amounts of the routes in proportion; what is left by rounding to the first."""
    total = sum(amounts[n] for n in numbers)
    left = change
    for number in numbers:
        more = change * amounts[number] // total
        amounts[number] += more
        left -= more
    amounts[numbers[0]] += left


def _merged(problem: Problem, routes: Sequence[Route], groups: Mapping[str, tuple[Intent, ...]]) -> list[Route]:
    """Routes that fit their groups, those with the same hops as one, in the order of their first."""
    found: dict[tuple[str, str, tuple[Hop, ...]], int] = {}
    for route in routes:
        if route.amount_in > 0 and _fits(problem, route, groups):
            key = (route.source, route.sink, route.hops)
            found[key] = found.get(key, 0) + route.amount_in
    return [Route(source, sink, amount, hops) for (source, sink, hops), amount in found.items()]


def _fits(problem: Problem, route: Route, groups: Mapping[str, tuple[Intent, ...]]) -> bool:
    """Whether a route leads from the source's paid asset to the sink's received one through known venues."""
    if route.source not in groups or route.sink not in groups or (route.source == route.sink and not route.hops):
        return False
    asset = swap_assets(groups[route.source][0])[0]
    for hop in route.hops:
        if hop.asset_in != asset or hop.venue not in problem.venues_by_id:
            return False
        asset = hop.asset_out
    return asset == swap_assets(groups[route.sink][0])[1]
