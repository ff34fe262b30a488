"""How long a command takes from its start to its end, as multiples of `python -c pass`.

Run by itself: python -m benchmarks.commandline [--rounds N]. What a command imports is most of what
it takes, so the imports are timed beside it.
"""

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Final

from benchmarks.place import items
from eventlog import EventLog, ItemsAdded
from projections import Conversation
from projections.views import Views

CONVERSATIONS: Final = 10_000
ITEMS: Final = 10_000
AT_ONCE: Final = 250

PASS: Final = "python -c pass"
VERSION: Final = "eventlog --version"
SESSIONS: Final = f"eventlog sessions, {CONVERSATIONS:,} conversations"
SHOW: Final = f"eventlog show latest, {ITEMS:,} items"

BARS: Final = ((VERSION, PASS, 3.0), (SESSIONS, VERSION, 1.5), (SHOW, VERSION, 1.5))

START: Final = "import sys; from adapters.cli.main import main; sys.exit(main())"
"""What the installed command does."""


async def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.commandline")
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args(arguments).rounds
    with tempfile.TemporaryDirectory() as folder:
        many, long = os.path.join(folder, "many.db"), os.path.join(folder, "long.db")
        await fill_many(many)
        await fill_long(long)
        took = measure(commands(many, long), rounds)
    for name, samples in took.items():
        median = statistics.median(samples)
        ratio = median / statistics.median(took[PASS])
        say(f"{name:45} {median * 1000:7.0f} ms {ratio:6.1f} x pass")
    for name, base, bar in BARS:
        ratio = statistics.median(
            one / two for one, two in zip(took[name], took[base], strict=True)
        )
        say(f"{name:45} {ratio:7.2f} x {base}, bar {bar} {'met' if ratio <= bar else 'MISSED'}")


def commands(many: str, long: str) -> dict[str, list[str]]:
    """Return what is timed: the commands, and what they import."""
    command = [sys.executable, "-c", START]
    timed = {
        PASS: [sys.executable, "-c", "pass"],
        VERSION: [*command, "--version"],
        SESSIONS: [*command, "--db", many, "sessions"],
        SHOW: [*command, "--db", long, "show", "latest"],
    }
    for names in ("asyncio", "typer", "rich.console, rich.table", "sqlalchemy", "eventlog"):
        timed[f"import {names}"] = [sys.executable, "-c", f"import {names}"]
    return timed


def measure(timed: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Run each once in every round, in another order each time; return seconds."""
    took: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name in random.sample(list(timed), len(timed)):
            started = time.perf_counter()
            subprocess.run(timed[name], stdout=subprocess.DEVNULL, check=True)
            took[name].append(time.perf_counter() - started)
    return took


async def fill_many(path: str) -> None:
    """Write conversations of two items, with their view as a worker leaves it."""
    turn = ItemsAdded(items(2))
    async with EventLog(path) as log:
        for begin in range(0, CONVERSATIONS, AT_ONCE):
            names = [f"chat-{number:05}" for number in range(begin, begin + AT_ONCE)]
            await asyncio.gather(*[log.append(name, turn) for name in names])
        await Views(log).catch_up()


async def fill_long(path: str) -> None:
    """Write one conversation of many items, read once."""
    async with EventLog(path) as log:
        for _ in range(ITEMS // 100):
            await log.append("long", ItemsAdded(items(100)))
        await Conversation(log, "long").items()


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
