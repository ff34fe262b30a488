"""Run the benchmarks: `make bench`, or `make bench QUICK=1`."""

import argparse
import asyncio
import contextlib
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    cold,
    commandline,
    encrypted,
    feed,
    growth,
    importing,
    memory,
    past,
    plots,
    reading,
    report,
    rewinding,
    scale,
    sizes,
    throughput,
    verifying,
    viewing,
    views,
    writing,
    written,
)
from benchmarks.harness import measure
from benchmarks.place import FULL, QUICK, Place, Scale
from benchmarks.report import Counted, Report, Timed
from benchmarks.scenario import Count, Scenario, Timing
from tests import servers

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"

MODULES: Final = (
    writing,
    throughput,
    reading,
    cold,
    encrypted,
    commandline,
    past,
    rewinding,
    importing,
    sizes,
    written,
    memory,
    feed,
    viewing,
    views,
    verifying,
    growth,
)
"""In order; what leaves the most behind on the server comes last."""

LONG: Final = (scale,)
"""What takes hours, and is measured only when it is asked for."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing is written")
    parser.add_argument(
        "--only", default="", help="scenarios whose title contains this; nothing is written"
    )
    return parser.parse_args()


def machine() -> str:
    """Say what this was measured on, as far as a reader can use it."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


@contextlib.contextmanager
def opened_place(scale: Scale, progress: Progress) -> Generator[Place]:
    """Make a folder on the disk that the project is on, and start the servers."""

    def track(title: str, total: int) -> Callable[[int], None]:
        task = progress.add_task(title, total=total)
        return lambda steps: progress.advance(task, steps)

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="data-", dir=HERE))
        postgres = servers.start_postgres(stack, durable=True)
        yield Place(Path(folder), postgres, servers.start_redis(stack), scale, track)


async def run(chosen: Sequence[Scenario], place: Place) -> Report:
    """Measure one scenario after the other."""
    timed: list[Timed] = []
    counted: list[Counted] = []
    for scenario in chosen:
        if isinstance(scenario, Count):
            advance = place.track(scenario.title, 1)
            counted.append(Counted(scenario, await scenario.take(place)))
            advance(1)
        else:
            timed.append(await run_timing(scenario, place))
    return Report(machine(), timed, counted, place.notes)


async def run_timing(scenario: Timing, place: Place) -> Timed:
    """Call each contender once, and then measure."""
    rounds = min(scenario.rounds, place.scale.rounds)
    calls = max(1, scenario.calls // place.scale.hurry)
    async with scenario.open(place) as contenders:
        for call in contenders.values():
            await call()
        advance = place.track(scenario.title, rounds)
        measured = await measure(contenders, rounds=rounds, calls=calls, each=lambda: advance(1))
    return Timed(scenario, measured)


def show(text: str) -> None:
    """Lay the tables out where somebody looks; elsewhere they are Markdown."""
    output = Console()
    if output.is_terminal:
        output.print(Markdown(text))
    else:
        print(text)


def main() -> None:
    """Start the servers, measure, report."""
    options = arguments()
    console = Console(stderr=True)
    size = QUICK if options.quick else FULL
    modules = (*MODULES, *LONG) if options.only else MODULES
    every = [scenario for module in modules for scenario in module.scenarios(size)]
    chosen = [scenario for scenario in every if options.only in scenario.title]
    if not chosen:
        console.print(f"No scenario's title contains {options.only!r}.")
        sys.exit(2)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeElapsedColumn(), console=console) as progress,
        opened_place(size, progress) as place,
    ):
        found = asyncio.run(run(chosen, place))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) if options.quick or options.only else RESULTS
        report.write(found, target)
        plots.draw(found.timed, target)
    show(report.markdown(found))


main()
