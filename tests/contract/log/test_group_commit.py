"""Appends that wait at the same time are committed together, and each is answered on its own."""

import asyncio
import threading
from typing import Any

import pytest

from eventlog import (
    Appended,
    ConflictError,
    EventIdReusedError,
    EventLog,
    ItemsAdded,
    NewEvent,
)
from eventlog.store.postgres.appending.append import Appender
from eventlog.store.sqlite.append import Committer
from eventlog.store.sqlite.store import SqliteStore
from eventlog.store.sqlite.worker import MAX_GROUP
from tests.backends import Backend
from tests.waiting import PATIENCE


def added(*items: object) -> ItemsAdded:
    return ItemsAdded(list(items))


async def warm(log: EventLog, streams: list[str]) -> None:
    for stream in streams:
        await log.append(stream, added("first"))


async def test_many_conversations_at_once_all_get_their_own_answer(log: EventLog) -> None:
    """Three hundred at once, more than one group, new and known ones mixed."""
    streams = [f"chat-{number}" for number in range(MAX_GROUP + 44)]
    await asyncio.gather(*[log.append(stream, added("a")) for stream in streams[::2]])
    answers = await asyncio.gather(*[log.append(stream, added("b")) for stream in streams])
    assert [answer.last for answer in answers[:4]] == [2, 1, 2, 1]
    assert (await log.verify()).events == len(streams) + len(streams[::2])


async def test_a_conflict_in_a_group_harms_no_other(log: EventLog) -> None:
    """Stale ones hear of the true head; the rest is stored."""
    streams = [f"chat-{number}" for number in range(20)]
    await warm(log, streams)
    calls = [
        log.append(stream, added("b"), expected_version=0 if number % 5 == 0 else 1)
        for number, stream in enumerate(streams)
    ]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    for number, answer in enumerate(answers):
        if number % 5 == 0:
            assert isinstance(answer, ConflictError)
            assert answer.actual == 1
        else:
            assert answer == Appended(2, 2)
    assert (await log.verify()).events == 20 + 16


async def test_repeated_ids_in_a_group_harm_no_other(log: EventLog) -> None:
    """A repetition gets its first answer and a misuse its error, in the midst of others."""
    await log.append("again", NewEvent(added("a"), event_id="x"))
    await log.append("misused", NewEvent(added("a"), event_id="x"))
    await log.append("misused", added("b"))
    calls = [
        log.append("one", added("a")),
        log.append("again", NewEvent(added("a"), event_id="x")),
        log.append("two", added("a")),
        log.append("misused", NewEvent(added("other"), event_id="x")),
        log.append("three", NewEvent(added("a"), event_id="x")),
    ]
    one, again, two, misused, three = await asyncio.gather(*calls, return_exceptions=True)
    assert [one, two, three] == [Appended(1, 1)] * 3
    assert again == Appended(1, 1, replayed=True)
    assert isinstance(misused, EventIdReusedError)
    assert (await log.verify()).ok


async def test_a_column_of_a_later_release_stops_no_program_that_appends(
    backend: Backend, log: EventLog
) -> None:
    """A log may be upgraded while programs of this release are connected to it."""
    streams = [f"chat-{number}" for number in range(20)]
    await asyncio.gather(*[log.append(stream, added("a")) for stream in streams])
    await backend.execute("ALTER TABLE {}events ADD COLUMN later INTEGER")
    answers = [
        log.append(stream, [added("b"), added("c")][: 1 + number % 2])
        for number, stream in enumerate(streams)
    ]
    assert [answer.first for answer in await asyncio.gather(*answers)] == [2] * len(streams)
    assert (await log.verify()).ok


async def test_one_conversation_many_times_in_a_group_stays_in_order(log: EventLog) -> None:
    """Calls that were made one behind the other are stored one behind the other."""
    await asyncio.gather(*[log.append("chat", added(number)) for number in range(40)])
    bodies = [event.body async for event in log.read("chat")]
    assert bodies == [f"[{number}]".encode() for number in range(40)]


async def test_a_row_that_cannot_be_stored_harms_no_other(backend: Backend, log: EventLog) -> None:
    """Whatever spoils a group, only whoever spoilt it hears of it."""
    await warm(log, ["good-1", "good-2", "bad"])
    # Somebody put an event where the next one belongs: its place is taken, behind the head.
    copied = (
        "stream_id, 2, format, event_id, kind, schema, recorded_at, header, codec, key_id, salt,"
        " context, body, content_digest, hash"
    )
    columns = copied.replace(" 2,", " version,")
    await backend.execute(
        f"INSERT INTO {{}}events ({columns}) SELECT {copied} FROM {{}}events"
        " WHERE stream_id = (SELECT stream_id FROM {}streams WHERE name = 'bad')"
    )
    calls = [log.append(stream, added("b")) for stream in ("good-1", "bad", "good-2")]
    one, bad, two = await asyncio.gather(*calls, return_exceptions=True)
    assert [one, two] == [Appended(2, 2)] * 2
    assert isinstance(bad, Exception)
    assert await log.version("bad") == 1


async def test_those_who_wait_go_together(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty conversations cost a commit or three, not fifty: that is what groups are for."""
    streams = [f"chat-{number}" for number in range(50)]
    groups: list[int] = []
    whose = Committer if isinstance(log.spi._store, SqliteStore) else Appender
    name = "_commit" if whose is Committer else "append_group"
    commit = getattr(whose, name)

    def counted(self: object, *args: Any) -> Any:
        groups.append(len(args[-1]))
        return commit(self, *args)

    monkeypatch.setattr(whose, name, counted)
    await warm(log, streams)
    groups.clear()
    waiting = hold_the_thread(log)
    try:
        calls = [asyncio.ensure_future(log.append(stream, added("b"))) for stream in streams]
        await asyncio.sleep(0)
    finally:
        waiting.set()
    await asyncio.gather(*calls)
    assert sum(groups) >= 48
    assert len(groups) <= 3


def hold_the_thread(log: EventLog) -> threading.Event:
    """Keep SQLite's thread busy until the event is set; PostgreSQL needs a round trip anyway."""
    waiting = threading.Event()
    if isinstance(log.spi._store, SqliteStore):
        log.spi._store.runner._writer.run(lambda db: waiting.wait(PATIENCE))
    return waiting


async def test_positions_of_a_group_are_dense(backend: Backend, log: EventLog) -> None:
    """Conflicts in a group burn none."""
    if backend.name == "postgres":
        return  # Positions are given by a sequencer, outside the append.
    await warm(log, ["a", "b", "c"])
    calls = [log.append(stream, added("x"), expected_version=9) for stream in ("a", "b")]
    await asyncio.gather(log.append("c", added("x")), *calls, return_exceptions=True)
    found = await backend.execute("SELECT position FROM events ORDER BY 1")
    assert found == [(1,), (2,), (3,), (4,)]


@pytest.mark.parametrize("size", [200_000, 3_000_000])
async def test_large_appends_at_once_are_stored_whole(log: EventLog, size: int) -> None:
    """Groups are bounded by bytes; what does not fit waits."""
    calls = [log.append(f"chat-{number}", added("x" * size)) for number in range(8)]
    await asyncio.gather(*calls)
    assert (await log.verify()).events == 8
