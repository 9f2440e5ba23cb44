"""Solves a `Linear` with PuLP and the CBC that comes with it. The only module that imports PuLP, and only when called.

The simplex is deterministic: the same model gives the same values. Source of the traps this avoids: PuLP 3.3's
`add_variable` is what its next version keeps; expressions are built from dictionaries, which is linear in their size.
"""

from __future__ import annotations

from typing import Literal

from solvers.linear import Linear, Optimum

MOST_NODES = 2000
"""Branches looked at where columns must be whole: a limit that, unlike time, gives the same answer everywhere."""

Status = Literal["optimal", "infeasible", "time"]


def solve_linear(linear: Linear, seconds: float) -> tuple[Status, Optimum | None]:
    """An optimum; none where it is infeasible or the time (wall seconds, at least one) was not enough."""
    import pulp  # noqa: PLC0415  # only a process that solves pays for loading it, and CP-SAT's never does

    if not linear.gain:
        return "optimal", Optimum([], [])
    problem = pulp.LpProblem("clearway", pulp.LpMaximize)
    columns = [
        problem.add_variable(f"x{i}", _bound(low), _bound(high), "Integer" if i in linear.whole else "Continuous")
        for i, (low, high) in enumerate(zip(linear.lower, linear.upper, strict=True))
    ]
    problem.setObjective(pulp.LpAffineExpression({columns[i]: gain for i, gain in enumerate(linear.gain) if gain}))
    sides: list[list[pulp.LpConstraint]] = []
    for number, (coefficients, low, high) in enumerate(linear.rows):
        expression = pulp.LpAffineExpression({columns[i]: value for i, value in coefficients.items()})
        if not coefficients:
            sides.append([])
            continue
        rows = [
            pulp.LpConstraint(expression, sense, f"{name}{number}", bound) for name, sense, bound in _sides(low, high)
        ]
        for row in rows:
            problem.addConstraint(row)
        sides.append(rows)
    options = [f"maxNodes {MOST_NODES}"] if linear.whole else []
    # The bundled CBC by its path: PuLP 3.3 warns that the class of that name goes, COIN_CMD is what its next version keeps.
    cbc = pulp.PULP_CBC_CMD.pulp_cbc_path
    problem.solve(pulp.COIN_CMD(path=cbc, msg=False, timeLimit=max(1.0, seconds), threads=1, options=options))
    found = (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible) if linear.whole else (pulp.LpSolutionOptimal,)
    if problem.sol_status not in found:
        return ("infeasible" if problem.status == pulp.LpStatusInfeasible else "time"), None
    values = [column.varValue or 0.0 for column in columns]
    within = [min(max(v, low), high) for v, low, high in zip(values, linear.lower, linear.upper, strict=True)]
    return "optimal", Optimum(within, [sum(abs(row.pi or 0.0) for row in rows) for rows in sides])


def _bound(value: float) -> float | None:
    return None if value in (float("inf"), float("-inf")) else value


def _sides(low: float, high: float) -> list[tuple[str, int, float]]:
    """(name, PuLP sense, bound) of a row's finite sides; one equality where they agree."""
    if low == high:
        return [("e", 0, low)]
    sides = []
    if low != float("-inf"):
        sides.append(("g", 1, low))
    if high != float("inf"):
        sides.append(("l", -1, high))
    return sides
