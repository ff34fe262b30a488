"""What a command takes from its start to its end, in processor time; imports are most of that."""

import asyncio
import contextlib
import functools
import os
import resource
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from benchmarks.kit.harness import Call, Took
from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Scenario, Timing
from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation
from eventlog_projections.views import Views

CONVERSATIONS: Final = 10_000
ITEMS: Final = 10_000
AT_ONCE: Final = 250
HITS: Final = 20

PASS: Final = "python -c pass"
VERSION: Final = "eventlog --version"
HELP: Final = "eventlog --help"
COMPLETION: Final = f"completion of an id, {CONVERSATIONS:,} conversations"
SESSIONS: Final = f"eventlog sessions, {CONVERSATIONS:,} conversations"
SHOW: Final = f"eventlog show latest, {ITEMS:,} items"
LOG: Final = f"eventlog log latest, {CONVERSATIONS:,} conversations"
LAST: Final = f"eventlog log latest -n 20, {ITEMS:,} items"
SHORT: Final = f"eventlog log latest --oneline, {ITEMS:,} items"
WHOLE: Final = f"eventlog log latest, {ITEMS:,} items, each of them printed"
NOTHING: Final = f"eventlog search, no hit in {2 * CONVERSATIONS:,} items"
SEARCH: Final = f"eventlog search, {HITS} hits in {2 * CONVERSATIONS:,} items"
EVERY: Final = f"eventlog search, every one of {2 * CONVERSATIONS:,} items a hit"
LIBRARY: Final = "python -c import eventlog"
TOOLS: Final = "imports that a command cannot do without"
AGENTS: Final = "python -c import agents"
SESSION: Final = "from eventlog_openai_agents import EventLogSession"
SQLITE_SESSION: Final = "SQLiteSession's first add_items, new file"
FIRST_APPEND: Final = "first add_items of a process, new file"

START: Final = "from eventlog_cli.main import program; program()"
"""What the installed command does."""

BOUND: Final = (SESSIONS, SHOW, LOG, LAST, NOTHING, SEARCH)
"""Commands of which what they cannot do without is to be most."""

RARE: Final = "lost"
"""A word of a few items."""
COMMON: Final = "the"
"""A word of every item."""

IMPORTED: Final = "import click, asyncio, sqlite3, msgspec, rich.console, rich.table"
"""What any command needs that opens a log, reads its options and draws a table."""

ADDING: Final = """
import asyncio, os, sys, tempfile, time
from agents import SQLiteSession
from eventlog_openai_agents import EventLogSession
async def add():
    with tempfile.TemporaryDirectory() as folder:
        session = {name}("a", os.path.join(folder, "new.db"))
        await session.add_items([{{"role": "user", "content": "hi"}}])
asyncio.run(asyncio.sleep(0))
begun = time.perf_counter()
asyncio.run(add())
sys.stdout.write(str(time.perf_counter() - begun))
"""
"""A program that says how long its first append took, all imports of the session done before."""


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    floor = [Bar(each, TOOLS, 1.4) for each in BOUND]
    bars = (
        Bar(VERSION, PASS, 3.0),
        Bar(HELP, PASS, 3.0),
        Bar(COMPLETION, PASS, 8.0),
        *floor,
        *(Bar(each, TOOLS) for each in (SHORT, WHOLE, EVERY)),
        Bar(LIBRARY, PASS),
        Bar(TOOLS, PASS),
    )
    session = (Bar(SESSION, AGENTS, 1.08),)
    first = (Bar(FIRST_APPEND, SQLITE_SESSION, 6.0),)
    return [
        Timing("a command, from its start to its end", commands, bars, calls=1, rounds=15),
        Timing("importing the session", imports, session, calls=1, rounds=7),
        Timing("the first append of a process", first_appends, first, calls=1, rounds=9),
    ]


@contextlib.asynccontextmanager
async def commands(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Run programs, on logs that were read once."""
    many, long = os.path.join(place.folder, "many.db"), os.path.join(place.folder, "one.db")
    await fill_many(many)
    await fill_long(long)
    programs = {
        PASS: ("pass",),
        VERSION: (START, "--version"),
        HELP: (START, "--help"),
        SESSIONS: (START, "--db", many, "sessions"),
        SHOW: (START, "--db", long, "show", "latest"),
        LOG: (START, "--db", many, "log", "latest"),
        LAST: (START, "--db", long, "log", "latest", "-n", "20"),
        SHORT: (START, "--db", long, "log", "latest", "--oneline"),
        WHOLE: (START, "--db", long, "log", "latest"),
        NOTHING: (START, "--db", many, "search", "nobodysaidthis"),
        SEARCH: (START, "--db", many, "search", RARE),
        EVERY: (START, "--db", many, "search", COMMON),
        LIBRARY: ("import eventlog",),
        TOOLS: (IMPORTED,),
    }
    environment = compiled(place)
    completing = environment | {
        "EVENTLOG_DB": many,
        "_EVENTLOG_COMPLETE": "bash_complete",
        "COMP_WORDS": "eventlog show chat-09",
        "COMP_CWORD": "2",
    }
    calls = {name: functools.partial(_run, each, environment) for name, each in programs.items()}
    calls[COMPLETION] = functools.partial(_run, (START,), completing)
    for call in calls.values():
        await call()  # What is installed is compiled.
    yield calls


@contextlib.asynccontextmanager
async def imports(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Import the SDK alone, and with the session."""
    environment = compiled(place)
    yield {
        AGENTS: functools.partial(_run, ("import agents",), environment),
        SESSION: functools.partial(_run, (SESSION,), environment),
    }


@contextlib.asynccontextmanager
async def first_appends(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Append once in a new process; what it imported before is not counted."""
    environment = compiled(place)
    yield {
        SQLITE_SESSION: functools.partial(_told, ADDING.format(name="SQLiteSession"), environment),
        FIRST_APPEND: functools.partial(_told, ADDING.format(name="EventLogSession"), environment),
    }


def compiled(place: Place) -> dict[str, str]:
    """Return an environment in which modules are compiled once."""
    environment = os.environ | {"PYTHONPYCACHEPREFIX": os.path.join(place.folder, "compiled")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


async def _run(program: tuple[str, ...], environment: Mapping[str, str]) -> Took:
    """Return the seconds of a processor that a program takes, however busy the machine is."""
    command = [sys.executable, "-c", *program]
    before = _processor_time()
    # Nothing else is to be done meanwhile, and a loop would be part of what is measured.
    subprocess.run(command, env=environment, capture_output=True, check=True)  # noqa: ASYNC221
    return Took(_processor_time() - before)


def _processor_time() -> float:
    """Return the seconds that all programs took which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _told(program: str, environment: Mapping[str, str]) -> Took:
    """Return the seconds that a program says."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(  # noqa: ASYNC221
        command, env=environment, capture_output=True, text=True, check=True
    )
    return Took(float(done.stdout))


async def fill_many(path: str) -> None:
    """Write conversations of two items, a few of three, with views as a worker leaves them."""
    turn = ItemsAdded(items(2))
    async with EventLog(path) as log:
        for begin in range(0, CONVERSATIONS, AT_ONCE):
            names = [f"chat-{number:05}" for number in range(begin, begin + AT_ONCE)]
            await asyncio.gather(*[log.append(name, turn) for name in names])
        lost = ItemsAdded([{"role": "user", "content": f"The parcel is {RARE}."}])
        for number in range(HITS):
            await log.append(f"chat-{number * 7:05}", lost)
        await Views(log).catch_up()


async def fill_long(path: str) -> None:
    """Write one conversation of many items, read once."""
    async with EventLog(path) as log:
        for _ in range(ITEMS // 100):
            await log.append("long", ItemsAdded(items(100)))
        await Conversation(log, "long").items()
