"""Run the benchmarks: `make bench`, or `make bench QUICK=1`."""

import argparse
import asyncio
import contextlib
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import (
    citus,
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
    rewinding,
    scale,
    sequencing,
    sizes,
    throughput,
    undoing,
    verifying,
    viewing,
    views,
    writing,
    written,
)
from benchmarks.kit import comparing, documents, report
from benchmarks.kit.harness import Measured, measure
from benchmarks.kit.place import FULL, QUICK, Note, Place, Scale
from benchmarks.kit.quiet import Gauge
from benchmarks.kit.report import Counted, Report, Timed
from benchmarks.kit.scenario import Count, Scenario, Timing
from tests import servers

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results"

EVERY: Final = (
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
    undoing,
    verifying,
    growth,
)
"""In order; what leaves the most behind on the server comes last."""

ON_REQUEST: Final[tuple[ModuleType, ...]] = (sequencing, scale, citus)
"""Those of which a full run has no part: they take long, or need what not every machine has."""


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing is written")
    parser.add_argument(
        "--only",
        default="",
        help="scenarios of this module, or whose title contains this; nothing is written",
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


def named(only: str, size: Scale) -> list[tuple[str, Scenario]]:
    """Return the scenarios that are asked for, all without a name, each with its module's name."""
    found: list[tuple[str, Scenario]] = []
    for module in (*EVERY, *ON_REQUEST):
        name = module.__name__.removeprefix("benchmarks.")
        is_asked = only == name or (not only and module in EVERY)
        found += [
            (name, each)
            for each in module.scenarios(size)
            if is_asked or (only and module in EVERY and only in each.title)
        ]
    return found


async def run(chosen: Sequence[tuple[str, Scenario]], place: Place) -> Report:
    """Measure one scenario after the other."""
    gauge = Gauge()
    timed: list[Timed] = []
    counted: list[Counted] = []
    for module, scenario in chosen:
        started = time.perf_counter()
        if isinstance(scenario, Count):
            advance = place.track(scenario.title, 1)
            counted.append(Counted(module, scenario, await scenario.take(place)))
            advance(1)
        else:
            timed.append(Timed(module, scenario, await run_timing(scenario, place, gauge)))
        took = time.perf_counter() - started
        place.notes.append(Note("measuring", scenario.title, took, "s"))
    return Report(machine(), gauge.summary(), timed, counted, place.notes)


async def run_timing(scenario: Timing, place: Place, gauge: Gauge) -> Mapping[str, Measured]:
    """Call each contender once, and then measure."""
    rounds = min(scenario.rounds, place.scale.rounds)
    calls = max(1, scenario.calls // place.scale.hurry)
    async with scenario.open(place) as contenders:
        for call in contenders.values():
            await call()
        advance = place.track(scenario.title, rounds)
        return await measure(
            contenders,
            rounds=rounds,
            calls=calls,
            gauge=gauge,
            seconds=place.scale.seconds,
            each=lambda: advance(1),
        )


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
    chosen = named(options.only, size)
    if not chosen:
        console.print(f"No module is called {options.only!r}, and no scenario's title contains it.")
        sys.exit(2)
    before = comparing.committed(RESULTS)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        Progress(*columns, TimeElapsedColumn(), console=console) as progress,
        opened_place(size, progress) as place,
    ):
        found = asyncio.run(run(chosen, place))
    if not (options.quick or options.only):
        report.write(found, RESULTS)
        plots.draw(found.timed, RESULTS)
        documents.rewrite()
    show("\n\n".join((report.markdown(found), comparing.words(before, found))))


if __name__ == "__main__":
    main()
