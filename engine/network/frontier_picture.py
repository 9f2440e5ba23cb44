"""The frontier as a picture: latency against the floor, a line for each load, fixed shares and the online rule.

The bytes depend on the points and matplotlib's version alone: no date, ids from a fixed salt.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from engine.network.frontier import Point, floor_name

_COLOURS = ("#4477aa", "#228833", "#ccbb44", "#ee6677", "#aa3377")


def picture(points: Sequence[Point]) -> bytes:
    """An SVG. Floors in the order of the points, which are by load; points that no shares keep are left out."""
    with mpl.rc_context({"svg.hashsalt": "clearway", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(7.5, 4.2), layout="constrained")
        axes = figure.add_subplot()
        floors = list(dict.fromkeys(floor_name(point) for point in points))
        for colour, load in zip(_COLOURS, dict.fromkeys(round(point.load, 3) for point in points), strict=False):
            here = [point for point in points if round(point.load, 3) == load]
            best = [(floor_name(p), p.optimum.latency_us / 1000) for p in here if p.optimum is not None]
            ours = [(floor_name(p), p.online.latency_us.value / 1000) for p in here if p.online is not None]
            for line, style, name in ((best, "o-", "best fixed shares"), (ours, "s--", "online rule")):
                places = [floors.index(floor) for floor, _ in line]
                heights = [latency for _, latency in line]
                axes.plot(places, heights, style, color=colour, label=f"load {load:g}, {name}", markersize=4)
        axes.set_xticks(range(len(floors)), floors)
        axes.set_xlabel("floor on the Nakamoto coefficient")
        axes.set_ylabel("mean latency, ms")
        axes.set_yscale("log")
        axes.legend(fontsize=7, ncols=2)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()
