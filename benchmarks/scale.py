"""What one node holds: the same work on logs of growing size, kept side by side.

Nothing that somebody waits for may take longer in a larger log. Calls take turns between the logs,
so that a busy machine slows down all of them. Filling the largest takes long, so this runs only
when asked for: `make bench ONLY=scale`.
"""

import asyncio
import contextlib
import functools
import itertools
import random
import resource
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg

from benchmarks.kit.harness import Call
from benchmarks.kit.place import Note, Place, Scale, items
from benchmarks.kit.processes import in_new_process
from benchmarks.kit.scenario import Bar, Count, Scenario, Timing
from eventlog import EventLog, ItemsAdded, PostgresOptions, Signer, TreeHead
from eventlog.proof.checkpoint import parse_head
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.history.last_use import last_used
from eventlog_projections.views import Views, search
from eventlog_projections.views.queries import conversations

LENGTH: Final = 100
"""Events of a conversation."""

AT_ONCE: Final = 64
"""Writers that fill a log: their appends share transactions."""

BATCH: Final = 50
"""Events of an append, so that a conversation lies in two places."""

WINDOW: Final = 1_000
"""Conversations that are written in the same while."""

TEXT: Final = 120
"""Characters of an item."""

NEW: Final = 1_000
"""Events that are new since the head that a check goes on from."""

PATIENCE: Final = 3600.0
SIGNER: Final = Signer("example.com/log", bytes(32))
BASES: Final = ("SQLite", "PostgreSQL")


class Node(NamedTuple):
    """One log: where it is, how it is opened, and how many events it was filled with."""

    url: str
    schema: str
    size: int

    def open(self, *, quick: bool = False) -> EventLog:
        """Open it; `quick` is for filling it, before anything is measured."""
        return EventLog(
            self.url,
            durability="normal" if quick else "full",
            postgres=PostgresOptions(schema=self.schema, statement_timeout=PATIENCE),
        )

    @property
    def label(self) -> str:
        """Say how large it is."""
        return f"{self.size:,} events"

    @property
    def conversations(self) -> int:
        """How many there are."""
        return self.size // LENGTH


class Work(NamedTuple):
    """What work in a process of its own took: seconds, those of its processors, and its memory."""

    seconds: float
    processor: float
    peak: int
    """Bytes: the most that were resident."""


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    return [each for base in BASES for each in _scenarios(base, scale)]


def _scenarios(base: str, scale: Scale) -> Iterator[Scenario]:
    waits: dict[str, tuple[Callable[[Node, EventLog], Awaitable[Call]], int]] = {
        "one append of 2 items": (_appending, 20),
        "get_items of 100 events": (_reading, 20),
        "items(as_of=50)": (_as_of, 20),
        "a page of sessions": (_listing, 10),
        "the conversation used last": (_latest, 10),
        "search for a rare word": (_searching, 10),
        "verify of 1,000 new events since a head": (_verifying, 1),
    }
    for what, (call, calls) in waits.items():
        opened = contextlib.asynccontextmanager(functools.partial(_waiting, base, call))
        yield Timing(f"scale, {base}: {what}", opened, _bars(scale, 1.5), calls=calls, rounds=5)
    for what, count in (("disk", _disk), ("verify", _verify), ("view", _rebuild)):
        taken = functools.partial(count, base)
        bars, unit = _bars(scale, 1.5), "bytes an event" if what == "disk" else "us an event"
        yield Count(f"scale, {base}: {_TITLES[what]}", taken, bars, unit)


_TITLES: Final = {
    "disk": "bytes on disk, with views",
    "verify": "processor time of verify, of everything",
    "view": "processor time of making the view conversations anew",
}


def _bars(scale: Scale, at_most: float) -> tuple[Bar, ...]:
    """Hold every larger log against the smallest."""
    first, *others = (f"{size:,} events" for size in scale.nodes)
    return tuple(Bar(other, first, at_most) for other in others)


async def _waiting(
    base: str, call: Callable[[Node, EventLog], Awaitable[Call]], place: Place
) -> AsyncGenerator[Mapping[str, Call]]:
    async with contextlib.AsyncExitStack() as stack:
        calls: dict[str, Call] = {}
        for node in await _nodes(base, place):
            log = await stack.enter_async_context(node.open())
            calls[node.label] = await call(node, log)
        yield calls


async def _appending(node: Node, log: EventLog) -> Call:
    batch, chosen = items(2), random.Random(node.size)

    async def append() -> None:
        name = f"chat-{chosen.randrange(node.conversations)}"
        await EventLogSession(name, log=log).add_items(batch)

    return append


async def _reading(node: Node, log: EventLog) -> Call:
    chosen = random.Random(node.size)

    async def read() -> None:
        name = f"chat-{chosen.randrange(node.conversations)}"
        assert len(await EventLogSession(name, log=log).get_items()) >= LENGTH

    return read


async def _as_of(node: Node, log: EventLog) -> Call:
    chosen = random.Random(node.size)

    async def read() -> None:
        name = f"chat-{chosen.randrange(node.conversations)}"
        assert len(await Conversation(log, name).items(as_of=50)) == 50

    return read


async def _listing(_node: Node, log: EventLog) -> Call:
    views = Views(log)
    await views.catch_up("conversations")
    return lambda: conversations(views)


async def _latest(_node: Node, log: EventLog) -> Call:
    return lambda: last_used(log)


async def _searching(node: Node, log: EventLog) -> Call:
    views, chosen = Views(log), random.Random(node.size)
    await views.catch_up("search")

    async def look() -> None:
        assert await search(views, f"number{chosen.randrange(node.conversations)}")

    return look


async def _verifying(node: Node, log: EventLog) -> Call:
    """Check what came since a head of just before, in at most 100 conversations."""
    head = parse_head((await log.tree.head(SIGNER)).note)
    chosen = random.Random(node.size)
    some = min(node.conversations, NEW // 10)
    for number in chosen.sample(range(node.conversations), some):
        await log.append(f"chat-{number}", _events(number, NEW // some))
    await log.tree.head(SIGNER)
    return functools.partial(_verify_since, log, head)


async def _verify_since(log: EventLog, head: TreeHead) -> None:
    found = await log.verify(since=head)
    assert (found.ok, found.events) == (True, NEW), found


async def _disk(base: str, place: Place) -> Mapping[str, float]:
    """Count the bytes of a file, or of all relations of a schema."""
    found: dict[str, float] = {}
    for node in await _nodes(base, place):
        if base == BASES[0]:
            path = Path(node.url)
            taken = sum(each.stat().st_size for each in path.parent.glob(f"{path.name}*"))
        else:
            bare = await asyncpg.connect(node.url)
            taken = await bare.fetchval(_RELATIONS, node.schema)
            await bare.close()
        found[node.label] = taken / node.size
    return found


_RELATIONS: Final = """
    SELECT sum(pg_total_relation_size(oid)) FROM pg_class
    WHERE relkind = 'r' AND relnamespace = $1::regnamespace
"""


async def _verify(base: str, place: Place) -> Mapping[str, float]:
    return await _each(base, place, "verify", _verify_all)


async def _rebuild(base: str, place: Place) -> Mapping[str, float]:
    return await _each(base, place, "view", _make_anew)


async def _each(
    base: str, place: Place, what: str, work: Callable[[Node], Awaitable[None]]
) -> Mapping[str, float]:
    """Work on each log in a process of its own; note how long it took and how much memory."""
    found: dict[str, float] = {}
    for node in await _nodes(base, place):
        took = await in_new_process(functools.partial(_worked, work, node))
        title = f"scale, {base}: {what}"
        place.notes.append(Note(title, f"{node.label}, seconds", took.seconds, "s"))
        place.notes.append(Note(title, f"{node.label}, memory", took.peak / 2**20, "MiB"))
        found[node.label] = took.processor * 1e6 / node.size
    return found


def _worked(work: Callable[[Node], Awaitable[None]], node: Node) -> Work:
    started, processor = time.perf_counter(), time.process_time()
    asyncio.run(_run(work, node))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Work(time.perf_counter() - started, time.process_time() - processor, peak)


async def _run(work: Callable[[Node], Awaitable[None]], node: Node) -> None:
    await work(node)


async def _verify_all(node: Node) -> None:
    async with node.open() as log:
        found = await log.verify()
        assert found.ok, found


async def _make_anew(node: Node) -> None:
    async with node.open() as log:
        await Views(log).rebuild("conversations")


async def _nodes(base: str, place: Place) -> list[Node]:
    """Return the logs, which the first scenario that asks fills."""
    nodes = [_node(base, place, size) for size in place.scale.nodes]
    for node in nodes:
        async with node.open(quick=True) as log:
            if not await log.position():
                await fill(place, node, log, f"{node.label}, {base}")
    return nodes


def _node(base: str, place: Place, size: int) -> Node:
    if base == BASES[0]:
        return Node(str(place.folder / f"scale-{size}.db"), "eventlog", size)
    return Node(place.postgres_url, f"scale_{size}", size)


async def fill(place: Place, node: Node, log: EventLog, title: str) -> None:
    """Append all that a log is to have, window by window, and sign a head."""
    advance = place.track(f"filling: {title}", node.size)
    started = time.perf_counter()
    for first in range(0, node.conversations, WINDOW):
        last = min(first + WINDOW, node.conversations)
        for _ in range(LENGTH // BATCH):
            await _write(log, range(first, last))
        await log.position()  # On PostgreSQL it places what waits.
        advance(LENGTH * (last - first))
    passed = time.perf_counter() - started
    place.notes.append(Note("scale, filling", title, node.size / passed, "events/s"))
    await log.tree.head(SIGNER)
    if node.schema != "eventlog":
        bare = await asyncpg.connect(node.url)
        await bare.execute("VACUUM ANALYZE")
        await bare.close()


async def _write(log: EventLog, numbers: Sequence[int]) -> None:
    """Append a batch to each of these conversations, many at once."""
    left = iter(numbers)

    async def write() -> None:
        for number in left:
            await log.append(f"chat-{number}", _events(number, BATCH))

    await asyncio.gather(*[write() for _ in range(AT_ONCE)])


def _events(number: int, count: int) -> list[ItemsAdded]:
    """Return events of one short item each; the first has the conversation's own word."""
    texts = itertools.islice(itertools.cycle(_TEXTS), number % len(_TEXTS), None)
    first = {"role": "user", "content": f"number{number} {next(texts)}"}
    rest: list[Any] = [{"role": "user", "content": next(texts)} for _ in range(count - 1)]
    return [ItemsAdded([item]) for item in (first, *rest)]


_TEXTS: Final = [str(item["content"])[:TEXT] for item in items(997)]
