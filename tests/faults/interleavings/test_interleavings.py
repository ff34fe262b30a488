"""Whatever two programs do to one conversation, in whatever order: what must hold, holds.

A failure names its schedule; EVENTLOG_SCHEDULE="append append erase ..." runs that one alone.
"""

import contextlib
import functools
import itertools
import os
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from typing import Any, Final, NamedTuple

import pytest

from eventlog import EventLog
from eventlog.errors import ErasedError
from eventlog_projections import Conversation, Erased, rebuild
from eventlog_projections.views import Views, conversations
from tests.backends import Backend
from tests.elsewhere import open_elsewhere, stream_id
from tests.faults.interleavings.operations import OPERATIONS, RING, item
from tests.faults.interleavings.scheduler import Ended, Scheduler, explore, paused_before_calls

LONG: Final = bool(os.environ.get("EVENTLOG_TORTURE"))
PREEMPTIONS: Final = 3 if LONG else 1
MOST: Final = 200 if LONG else 4
"""Schedules of one pair; those with the fewest preemptions come first."""

LEAVES: Final = {
    "append": "added",
    "pop": "popped",
    "compact": "replaced",
    "clear": "cleared",
    "undo": "rewound",
}
"""The kind of event that an operation leaves in the conversation if it succeeds."""

ERASING: Final = ("erased", "redacted")
WRITING: Final = (*LEAVES, "erase", "erase_event")
BESIDE: Final = ("fork", "rekey", "snapshot", "place", *(("view",) if LONG else ()))
PAIRS: Final = [
    *itertools.combinations_with_replacement(WRITING, 2),
    *itertools.product(BESIDE, WRITING),
    ("fork", "rekey"),
    ("fork", "snapshot"),
    ("snapshot", "snapshot"),
    ("rekey", "rekey"),
    ("view", "erase"),
    ("place", "place"),
]
MAKING_KEYS: Final = [("append", "append"), ("append", "erase"), ("append", "erase", "append")]
TRIPLES: Final = [
    ("append", "erase", "append"),
    ("append", "pop", "erase"),
    ("append", "rekey", "erase"),
    ("compact", "append", "pop"),
    ("erase", "fork", "append"),
    ("snapshot", "append", "erase"),
    ("view", "append", "erase"),
]
BEGINNINGS: Final = {
    "there, encrypted": (True, True),
    **(
        {"there": (True, False), "new": (False, False), "new, encrypted": (False, True)}
        if LONG
        else {}
    ),
}
SECRET: Final = "said before"


class Place(NamedTuple):
    """Programs of their own on one database, and one that looks at what they left."""

    programs: tuple[EventLog, ...]
    observer: EventLog


@contextlib.asynccontextmanager
async def programs(backend: Backend, many: int) -> AsyncGenerator[Place]:
    async with contextlib.AsyncExitStack() as stack:
        logs = [
            await stack.enter_async_context(open_elsewhere(backend, poll_interval=0.01))
            for _ in range(many + 1)
        ]
        yield Place(tuple(logs[1:]), logs[0])


@pytest.mark.parametrize("operations", [*PAIRS, *TRIPLES], ids="+".join)
@pytest.mark.parametrize(("is_there", "is_encrypted"), BEGINNINGS.values(), ids=BEGINNINGS)
async def test_what_must_hold_holds_in_every_order(
    backend: Backend,
    operations: tuple[str, ...],
    is_there: bool,
    is_encrypted: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer is true, nothing is lost or twice, and everybody reads the same list."""
    await _explore(backend, operations, monkeypatch, is_there=is_there, is_encrypted=is_encrypted)


@pytest.mark.parametrize("operations", MAKING_KEYS, ids="+".join)
async def test_keys_are_made_in_every_order(
    backend: Backend, operations: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first events of a conversation need a data key that nobody has made yet."""
    await _explore(backend, operations, monkeypatch, is_there=False, is_encrypted=True)


async def _explore(
    backend: Backend,
    operations: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_there: bool,
    is_encrypted: bool,
) -> None:
    backend.keyring = RING if is_encrypted else None
    one = os.environ.get("EVENTLOG_SCHEDULE")
    async with programs(backend, len(operations)) as place:
        schedules = explore(PREEMPTIONS, 1 if one else MOST)
        numbers = itertools.count()
        schedule = next(schedules, None)
        while schedule is not None:
            scheduler = Scheduler(one.split() if one else schedule)
            name = f"chat {next(numbers)}"
            try:
                await _run(place, name, operations, scheduler, monkeypatch, is_there=is_there)
            except Exception as error:
                order = " ".join(choice.chosen for choice in scheduler.choices)
                error.add_note(f"EVENTLOG_SCHEDULE={order!r}")
                raise
            try:
                schedule = schedules.send(scheduler.choices)
            except StopIteration:
                schedule = None


async def _run(
    place: Place,
    name: str,
    operations: tuple[str, ...],
    scheduler: Scheduler,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_there: bool,
) -> None:
    if is_there:
        for number in range(4):
            await Conversation(place.observer, name).add([item(f"{SECRET} {number}")])
        for log in place.programs:
            await Conversation(log, name).items()
            await log.spi.background.finish()
    before = await _kinds(place.observer, name)
    todo = {
        _named(operations, number): functools.partial(OPERATIONS[operation], log, name)
        for number, (operation, log) in enumerate(zip(operations, place.programs, strict=True))
    }
    with paused_before_calls(monkeypatch):
        ended = await scheduler.run(todo)
    await _check(place, name, before, ended)


def _named(operations: tuple[str, ...], number: int) -> str:
    """Name an operation; two of one kind by their numbers."""
    operation = operations[number]
    return operation if operations.count(operation) == 1 else f"{operation}{number}"


async def _kinds(log: EventLog, name: str) -> Counter[str]:
    return Counter([event.kind async for event in log.read(name)])


async def _check(place: Place, name: str, before: Counter[str], ended: Mapping[str, Ended]) -> None:
    done = Counter(_left(name, one) for name, one in ended.items())
    del done[""]
    after = await _kinds(place.observer, name) - before
    for kind in ERASING:
        after.pop(kind, 0)
    assert after == done, ended
    log = place.observer
    verified = await log.verify(name)
    assert verified.ok, verified.faults
    await _check_erasures(log, name, ended)
    chat = Conversation(log, name)
    items = await _cold(chat)
    await _check_alike(place, name, items)
    if _is_done(ended, "erase"):
        assert SECRET not in repr(items)
        await _check_fork(log, name, ended)
    await rebuild(log, name)
    assert await _cold(chat) == items
    await chat.add([item("afterwards")])
    await _check_alike(place, name, [*items, item("afterwards")])
    if "view" in ended:
        (row,) = [row for row in await conversations(Views(log)) if row.name == name]
        assert row.items == len(items) + 1


async def _cold(chat: Conversation) -> list[Any]:
    """Read as a process that remembers nothing of it."""
    await chat.log.spi.background.finish()
    chat.log.spi.cache.evict(stream_id(chat.log, chat.name))
    return await chat.items()


def _left(operation: str, ended: Ended) -> str:
    kind = LEAVES.get(operation.rstrip("012"), "")
    if ended.error is not None or (kind == "popped" and ended.value is None):
        return ""
    return kind


async def _check_erasures(log: EventLog, name: str, ended: Mapping[str, Ended]) -> None:
    """Who is told that something is erased is told of a version by which the log says so."""
    erased = [one.value for one in ended.values() if isinstance(one.value, Erased)]
    told = [stream.version for one in erased for stream in one.streams if stream.name == name]
    said = [event.version async for event in log.read(name) if event.kind in ERASING]
    assert len(said) <= len(told), ended
    assert not told or min(said) <= min(told), ended


def _is_done(ended: Mapping[str, Ended], operation: str) -> bool:
    return any(
        name.startswith(operation) and not name.startswith(f"{operation}_") and one.error is None
        for name, one in ended.items()
    )


async def _check_alike(place: Place, name: str, items: list[Any]) -> None:
    for log in place.programs:
        assert await Conversation(log, name).items() == items


async def _check_fork(log: EventLog, name: str, ended: Mapping[str, Ended]) -> None:
    if _is_done(ended, "fork"):
        with contextlib.suppress(ErasedError):
            assert SECRET not in repr(await Conversation(log, f"{name} forked").items())
