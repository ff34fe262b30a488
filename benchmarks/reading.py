"""Reading in a process that has read before: the whole list, its end, a turn, after clearing."""

import contextlib
import functools
import json
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack
from typing import Final

from benchmarks.kit.contenders import (
    EVERYBODY,
    Session,
    event_log,
    file_of,
    on_files,
    on_postgres,
)
from benchmarks.kit.filling import fill
from benchmarks.kit.floor import BARE_DECODE, Hop, decode
from benchmarks.kit.harness import Call
from benchmarks.kit.place import OURS, SQLALCHEMY, SQLITE, Place, Scale, items
from benchmarks.kit.scenario import Bar, Point, Scenario, Timing

PLOT: Final = "reading"
FEW: Final = (OURS, SQLITE, SQLALCHEMY)
LIMIT: Final = 20
USUAL: Final = 1_000
CLEARED: Final = 1_000
NEW: Final = "EventLogSession, new"


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    return [
        *map(_warm, scale.lengths),
        _limited("SQLite", SQLITE, 1.0, scale.limited),
        Timing(f"get_items(limit={LIMIT}) of {USUAL:,} items", limited_usual, (), calls=20),
        _limited("PostgreSQL", SQLALCHEMY, 0.3, scale.limited),
        _turn("SQLite", SQLITE, 0.4),
        _turn("PostgreSQL", SQLALCHEMY, 0.18),
        Timing(
            f"get_items after {scale.clears} clears of {CLEARED:,} items, SQLite",
            after_clears,
            (Bar(OURS, NEW, 1.1),),
            calls=10,
        ),
    ]


def _turn(database: str, base: str, at_most: float) -> Timing:
    opened = functools.partial(turn, database=database)
    title = f"a turn at {USUAL:,} items, {database}"
    return Timing(title, opened, (Bar(OURS, base, at_most),), calls=5)


def _warm(count: int) -> Timing:
    bars = (Bar(OURS, SQLITE, 0.22 if count == USUAL else 0.3), Bar(OURS, BARE_DECODE, 1.3))
    return Timing(
        f"get_items of {count:,} items, SQLite",
        functools.partial(warm, count=count, who=EVERYBODY if count == USUAL else FEW),
        bars if count >= USUAL else (),
        calls=max(3, 20 * USUAL // max(count, USUAL // 2)),
        point=Point(PLOT, count),
    )


def _limited(database: str, base: str, at_most: float, counts: tuple[int, ...]) -> Timing:
    sizes = [Bar(_of(OURS, count), _of(base, count), at_most) for count in counts]
    flat = Bar(_of(OURS, counts[-1]), _of(OURS, counts[0]))
    opened = functools.partial(limited, database=database, base=base, counts=counts)
    return Timing(f"get_items(limit={LIMIT}), {database}", opened, (*sizes, flat), calls=20)


def _of(who: str, count: int) -> str:
    return f"{who}, {count:,} items"


@contextlib.asynccontextmanager
async def warm(
    place: Place, *, count: int, who: Iterable[str]
) -> AsyncGenerator[Mapping[str, Call]]:
    """Read the whole list, again and again."""
    past = items(count)
    array = json.dumps(past).encode()
    hop = Hop(place.folder / f"warm-{count}-bare.db")
    async with AsyncExitStack() as stack:
        stack.callback(hop.close)
        sessions = await on_files(stack, place, f"warm-{count}", who)
        for session in sessions.values():
            await fill(session, past)
        calls: dict[str, Call] = {who: each.get_items for who, each in sessions.items()}
        yield calls | {BARE_DECODE: lambda: decode(hop, array)}


@contextlib.asynccontextmanager
async def limited(
    place: Place, *, database: str, base: str, counts: tuple[int, ...]
) -> AsyncGenerator[Mapping[str, Call]]:
    """Read the end of lists of several lengths."""
    calls: dict[str, Call] = {}
    advance = place.track(f"filling: {database}", sum(counts))
    async with AsyncExitStack() as stack:
        for count in counts:
            name = f"limited_{count}"
            if database == "SQLite":
                sessions = await on_files(stack, place, name, (OURS, base))
            else:
                sessions = await on_postgres(stack, place, name)
            for who, session in sessions.items():
                await fill(session, items(count))
                calls[_of(who, count)] = functools.partial(session.get_items, LIMIT)
            advance(count)
        yield calls


@contextlib.asynccontextmanager
async def limited_usual(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read the end of a list of usual length."""
    async with AsyncExitStack() as stack:
        sessions = await on_files(stack, place, "limited-usual")
        for session in sessions.values():
            await fill(session, items(USUAL))
        yield {who: functools.partial(each.get_items, LIMIT) for who, each in sessions.items()}


@contextlib.asynccontextmanager
async def turn(place: Place, *, database: str) -> AsyncGenerator[Mapping[str, Call]]:
    """Do what a run does: read the list, add what the user said, add what the model answered."""
    said, answered = items(2)
    async with AsyncExitStack() as stack:
        opened = on_files if database == "SQLite" else on_postgres
        sessions = await opened(stack, place, "turn")
        for session in sessions.values():
            await fill(session, items(USUAL))

        async def run(session: Session) -> None:
            await session.get_items()
            await session.add_items([said])
            await session.add_items([answered])

        yield {who: functools.partial(run, session) for who, session in sessions.items()}


@contextlib.asynccontextmanager
async def after_clears(place: Place) -> AsyncGenerator[Mapping[str, Call]]:
    """Read a list whose conversation was cleared many times, beside one that never was."""
    past = items(CLEARED)
    advance = place.track("clearing", place.scale.clears)
    async with AsyncExitStack() as stack:
        old = await event_log(stack, file_of(place, "cleared", OURS), "cleared")
        new = await on_files(stack, place, "uncleared", (OURS, SQLITE))
        for _ in range(place.scale.clears):
            await fill(old, past)
            await old.clear_session()
            advance(1)
        for session in (old, *new.values()):
            await fill(session, past)
        yield {OURS: old.get_items, NEW: new[OURS].get_items, SQLITE: new[SQLITE].get_items}
