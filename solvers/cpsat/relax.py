"""Solves a `Linear` with GLOP, the simplex inside OR-Tools: the relaxation that narrows what CP-SAT must decide.

Deterministic. OR-Tools is loaded when something is solved, never together with PuLP: a highspy of version 1.15 or
newer, which PuLP would load, can not share a process with it (google/or-tools#5246).
"""

from __future__ import annotations

from typing import Any, Literal

from solvers.linear import Linear, Optimum

Status = Literal["optimal", "infeasible", "time"]


def solve_relaxation(linear: Linear, seconds: float) -> tuple[Status, Optimum | None]:
    """An optimum; none where it is infeasible or the time (wall seconds, at least one) was not enough."""
    from ortools.linear_solver.python import model_builder  # noqa: PLC0415  # see the module's text

    if not linear.gain:
        return "optimal", Optimum([], [0.0] * len(linear.rows))
    model: Any = model_builder.Model()  # type: ignore[no-untyped-call]  # OR-Tools does not annotate it
    columns = [model.new_num_var(low, high, "") for low, high in zip(linear.lower, linear.upper, strict=True)]
    rows = []
    for coefficients, low, high in linear.rows:
        weights = list(coefficients.values())
        total = model_builder.LinearExpr.weighted_sum([columns[i] for i in coefficients], weights)
        rows.append(model.add_linear_constraint(total, low, high))
    model.maximize(model_builder.LinearExpr.weighted_sum(columns, linear.gain))
    solver = model_builder.Solver("GLOP")
    # The preprocessor gives up ("abnormal") on models whose bounds differ as widely as dust and whales do.
    solver.set_solver_specific_parameters("use_preprocessing: false")
    solver.set_time_limit_in_seconds(max(1.0, seconds))
    status = solver.solve(model)
    if status != model_builder.SolveStatus.OPTIMAL:
        return ("infeasible" if status == model_builder.SolveStatus.INFEASIBLE else "time"), None
    values = [float(solver.value(column)) for column in columns]
    within = [min(max(v, low), high) for v, low, high in zip(values, linear.lower, linear.upper, strict=True)]
    return "optimal", Optimum(within, [abs(float(solver.dual_value(row))) for row in rows])
