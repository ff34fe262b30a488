"""How long a command takes from its start to its end; what it imports is most of that."""

import asyncio
import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from benchmarks.harness import Call
from benchmarks.place import Place, Scale, items
from benchmarks.scenario import Bar, Scenario, Timing
from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation
from eventlog_projections.views import Views

CONVERSATIONS: Final = 10_000
ITEMS: Final = 10_000
AT_ONCE: Final = 250

PASS: Final = "python -c pass"
VERSION: Final = "eventlog --version"
SESSIONS: Final = f"eventlog sessions, {CONVERSATIONS:,} conversations"
SHOW: Final = f"eventlog show latest, {ITEMS:,} items"
LIBRARY: Final = "python -c import eventlog"
TOOLS: Final = "python -c import what a command cannot do without"

START: Final = "from eventlog_cli.main import program; program()"
"""What the installed command does."""

IMPORTED: Final = "import click, asyncio, sqlite3, msgspec, rich.console, rich.table"
"""What any command needs that opens a log, reads its options and draws a table."""


def scenarios(_: Scale) -> list[Scenario]:
    """Return it."""
    bars = (
        Bar(VERSION, PASS, 3.0),
        Bar(SESSIONS, VERSION, 1.5),
        Bar(SHOW, VERSION, 1.5),
        Bar(LIBRARY, PASS),
        Bar(TOOLS, PASS),
    )
    return [Timing("a command, from its start to its end", commands, bars, calls=1, rounds=15)]


@contextlib.asynccontextmanager
async def commands(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Run programs, on logs that were read once."""
    many, long = os.path.join(place.folder, "many.db"), os.path.join(place.folder, "one.db")
    await fill_many(many)
    await fill_long(long)
    programs = {
        PASS: ("pass",),
        VERSION: (START, "--version"),
        SESSIONS: (START, "--db", many, "sessions"),
        SHOW: (START, "--db", long, "show", "latest"),
        LIBRARY: ("import eventlog",),
        TOOLS: (IMPORTED,),
    }
    environment = os.environ | {"PYTHONPYCACHEPREFIX": os.path.join(place.folder, "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    calls = {name: functools.partial(_run, each, environment) for name, each in programs.items()}
    for call in calls.values():
        await call()  # What is installed is compiled.
    yield calls


async def _run(program: tuple[str, ...], environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-c", *program]
    # Nothing else is to be done meanwhile, and a loop would be part of what is measured.
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)  # noqa: ASYNC221


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
