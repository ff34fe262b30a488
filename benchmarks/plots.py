"""The two plots of a full run, as SVG."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks import reading, throughput
from benchmarks.kit.harness import MICROSECONDS
from benchmarks.kit.place import OURS, SQLALCHEMY, SQLITE
from benchmarks.kit.report import Timed

_STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",
    "font.family": "sans-serif",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
}


class Plot(NamedTuple):
    """Lines through the scenarios that name `name`, one for each contender."""

    name: str
    title: str
    x: str
    y: str
    scale: str
    who: tuple[str, ...]
    value: Callable[[Timed, str], float]


def _milliseconds(result: Timed, who: str) -> float:
    return result.measured[who].percentile(50) / 1000


def _per_second(result: Timed, who: str) -> float:
    return result.scenario.units * MICROSECONDS / result.measured[who].percentile(50)


PLOTS: Final = (
    Plot(
        reading.PLOT,
        "get_items in a process that has read before, SQLite, items of 400 bytes",
        "items of the conversation",
        "milliseconds, median",
        "log",
        (OURS, SQLITE, SQLALCHEMY),
        _milliseconds,
    ),
    Plot(
        throughput.PLOT,
        "add_items of 2 items, SQLite, every commit flushed",
        "conversations that append at once",
        "appends a second, median",
        "linear",
        (OURS, SQLITE),
        _per_second,
    ),
)


def draw(results: Sequence[Timed], folder: Path) -> None:
    """Draw each plot that has something to show into `folder`."""
    for plot in PLOTS:
        points = {
            result.scenario.point.x: result
            for result in results
            if result.scenario.point is not None and result.scenario.point.plot == plot.name
        }
        if points:
            _draw(plot, points, folder / f"{plot.name}.svg")


def _draw(plot: Plot, points: dict[int, Timed], path: Path) -> None:
    with cast(Any, mpl).rc_context(_STYLE):
        figure: Any = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        lengths = sorted(points)
        for who in plot.who:
            axes.plot(lengths, [plot.value(points[x], who) for x in lengths], "o-", label=who)
        axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y, xscale="log", yscale=plot.scale)
        axes.set_xticks(lengths, [f"{x:,}" for x in lengths])
        axes.minorticks_off()
        if plot.scale == "linear":
            axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None})
