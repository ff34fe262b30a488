"""Run the benchmarks: `make bench`, or `make bench QUICK=1`."""

import argparse
import asyncio
import contextlib
import functools
import os
import platform
import sqlite3
import sys
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks.harness import measure
from benchmarks.place import Place
from benchmarks.report import Result, write
from benchmarks.scenarios import SCENARIOS, Scenario
from tests import servers

RESULTS: Final = Path(__file__).parent / "results"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, nothing is written")
    parser.add_argument("--only", default="", help="scenarios whose title contains this")
    return parser.parse_args()


def machine() -> str:
    """Say what this was measured on, as far as a reader can use it."""
    return (
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


async def run(
    chosen: list[Scenario], place: Place, rounds: int, progress: Progress
) -> list[Result]:
    """Measure one scenario after the other."""
    results: list[Result] = []
    for scenario in chosen:
        task = progress.add_task(scenario.title, total=rounds)
        async with scenario.open(place) as contenders:
            for call in contenders.values():
                await call()
            measured = await measure(
                contenders,
                rounds=rounds,
                calls=scenario.calls,
                each=functools.partial(progress.advance, task),
            )
        results.append(Result(scenario, measured))
    return results


def main() -> None:
    """Start a server, measure, report."""
    options = arguments()
    console = Console(stderr=True)
    chosen = [scenario for scenario in SCENARIOS if options.only in scenario.title]
    if not chosen:
        console.print(f"No scenario's title contains {options.only!r}.")
        sys.exit(2)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with (
        contextlib.ExitStack() as stack,
        tempfile.TemporaryDirectory(dir=RESULTS) as folder,
        Progress(*columns, TimeRemainingColumn(), console=console) as progress,
    ):
        url = servers.start_postgres(stack, durable=True)
        place = Place(Path(folder), url)
        results = asyncio.run(run(chosen, place, 3 if options.quick else 15, progress))
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) if options.quick or options.only else RESULTS
        text = write(results, machine(), target)
    Console().print(Markdown(text))


main()
