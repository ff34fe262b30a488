"""Encryption at rest: without the key nothing can be read or changed, with it all is as ever."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from eventlog import (
    Context,
    ConversationCleared,
    EventIdReusedError,
    ItemsAdded,
    NewEvent,
)
from eventlog.errors import (
    CorruptEventError,
    InvalidOptionError,
    KeyDestroyedError,
    NoKeyError,
    WrongKeyError,
)
from eventlog.format.chain import link
from eventlog.format.preparing import prepare_all
from eventlog.format.requests import build
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey
from eventlog.store.contract.snapshots import dump_pieces, load_snapshot
from eventlog_projections import Conversation, rebuild
from eventlog_projections.items.state import dump
from tests.backends import Backend
from tests.contract.items.test_shared_cache import key
from tests.elsewhere import NAME, add_many, elsewhere, filled, make_small, open_elsewhere, stream_id

MARKER: Final = "MARKER7b1f"
ITEMS: Final[list[Any]] = [{"n": number, "m": MARKER} for number in range(300)]

CHANGES: Final[dict[str, Callable[[Conversation], Awaitable[object]]]] = {
    "read": lambda chat: chat.items(),
    "read the past": lambda chat: chat.items(as_of=1),
    "pop": lambda chat: chat.pop(),
    "clear": lambda chat: chat.clear(),
    "add": lambda chat: chat.add(["over it"]),
    "fork": lambda chat: chat.fork("fork", at=1),
}


async def everything(backend: Backend) -> bytes:
    """Return all bytes that the tables hold, as text and as hexadecimal."""
    tables = ("streams", "events", "snapshots", "segments", "keys")
    rows = [row for table in tables for row in await backend.execute(f"SELECT * FROM {{}}{table}")]
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )


async def test_nothing_that_was_said_is_in_the_tables_or_files(sealed: Backend) -> None:
    """Bodies, contexts, segments and, on SQLite, every byte of the file and of its WAL."""
    async with sealed.open() as log:
        chat = await filled(log, ITEMS)
        await chat.clear(reason=MARKER, context=Context(actor=MARKER))
        await chat.add(ITEMS)
        assert await rebuild(log) == 1
        assert MARKER.encode() not in await everything(sealed)
        if sealed.name == "sqlite":
            for path in Path(sealed.url).parent.glob("log.db*"):
                assert MARKER.encode() not in path.read_bytes()
    sealed.keyring = None
    async with sealed.open() as log:  # Had it not been encrypted, it would be found.
        await Conversation(log, "plain").clear(context=Context(actor=MARKER))
    assert MARKER.encode() in await everything(sealed)


async def test_nothing_that_was_said_is_in_redis(sealed: Backend, redis_url: str) -> None:
    """What processes share is encrypted; another one opens it, one without the key does not."""
    async with (
        sealed.open(redis=redis_url) as log,
        open_elsewhere(sealed, redis=redis_url) as other,
        Redis.from_url(redis_url) as client,
    ):
        await filled(log, ITEMS)
        kept: Any = await client.hgetall(key(log))
        assert kept[b"version"] == b"300"
        assert MARKER.encode() not in kept[b"value"]
        assert await Conversation(other, NAME).items() == ITEMS
        assert other.counters.shared_hits == 1
    async with open_elsewhere(sealed, redis=redis_url, keyring=None) as without:
        with pytest.raises(NoKeyError):
            await Conversation(without, NAME).items()


async def test_what_somebody_put_into_redis_in_plain_is_not_believed(
    sealed: Backend, redis_url: str
) -> None:
    """Never plain text where there should be none: it is a miss."""
    async with (
        sealed.open(redis=redis_url) as log,
        open_elsewhere(sealed, redis=redis_url) as other,
        Redis.from_url(redis_url) as client,
    ):
        await filled(log, ITEMS)
        state: Any = log.spi.cache.get(stream_id(log))
        await client.hset(key(log), "value", dump(state) or b"")
        assert await Conversation(other, NAME).items() == ITEMS
        assert (other.counters.shared_hits, other.counters.shared_misses) == (0, 1)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("empty", [False, True], ids=["with items", "cleared"])
async def test_a_log_without_a_keyring_reads_and_changes_nothing(
    sealed: Backend, change: str, empty: bool
) -> None:
    """One precise error; never an empty list; nothing is stored."""
    async with sealed.open() as log:
        chat = await filled(log, ITEMS)
        if empty:
            await chat.clear()
            await rebuild(log)  # A snapshot of an empty list names no segment.
        version = await log.version(NAME)
    sealed.keyring = None
    async with sealed.open() as log:
        with pytest.raises(NoKeyError, match="'chat'"):
            await CHANGES[change](Conversation(log, NAME))
        assert await log.version(NAME) == version
        assert [row.name async for row in log.streams()] == [NAME]
        assert (await log.verify()).ok


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    ("name", "error"), [("kek-1", WrongKeyError), ("another", NoKeyError)], ids=["wrong", "other"]
)
async def test_a_log_with_another_keyring_reads_and_changes_nothing(
    sealed: Backend, change: str, name: str, error: type[Exception]
) -> None:
    """A key of the same name that is another one, and a keyring that has none of that name."""
    async with sealed.open() as log:
        await filled(log, ITEMS[:40])
    sealed.keyring = parse_keyring(new_key(name))
    async with sealed.open() as log:
        with pytest.raises(error, match="'chat'"):
            await CHANGES[change](Conversation(log, NAME))
        assert await log.version(NAME) == 40
        assert [row.name async for row in log.streams()] == [NAME]


DESTROYED: Final = "UPDATE {}keys SET wrapped_key = NULL"
GONE: Final = [
    *[(change, "DELETE FROM {}keys") for change in CHANGES],
    *[(change, DESTROYED) for change in CHANGES if change not in ("add", "clear")],
]


@pytest.mark.parametrize(("change", "statement"), GONE)
async def test_a_data_key_that_is_gone_is_told_apart(
    sealed: Backend, change: str, statement: str
) -> None:
    """Neither an empty list nor a wrong key; and nobody writes under a key that is lost."""
    async with sealed.open() as log:
        await filled(log, ITEMS[:40])
    await sealed.execute(statement)
    async with sealed.open() as log:
        with pytest.raises(KeyDestroyedError, match="'chat'"):
            await CHANGES[change](Conversation(log, NAME))
        assert await log.version(NAME) == 40


@pytest.mark.parametrize("change", ["add", "clear"])
async def test_a_conversation_whose_key_was_destroyed_goes_on_under_a_new_one(
    sealed: Backend, change: str
) -> None:
    """Whoever destroyed it and left the stream at it: what comes is encrypted, and readable."""
    async with sealed.open() as log:
        await filled(log, ITEMS[:40])
    await sealed.execute(DESTROYED)
    async with sealed.open() as log, sealed.open() as other:
        await asyncio.gather(*[CHANGES[change](Conversation(each, NAME)) for each in (log, other)])
        assert await log.version(NAME) == 42
        with pytest.raises(KeyDestroyedError, match="'chat'"):
            await Conversation(other, NAME).items(as_of=40)
    async with sealed.open() as log:
        events = await log.read(NAME, after=40).all()
        assert [event.kind for event in events] == [events[0].kind] * 2
    assert await sealed.execute("SELECT key_id FROM {}streams") == [("2",)]


TAMPERED: Final = {
    "body": "UPDATE {}events SET body = ? WHERE version = 2",
    "version": "UPDATE {}events SET body = ? WHERE version = 2",
    "stream": "UPDATE {}events SET body = ? WHERE version = 2",
    "field": "UPDATE {}events SET body = context WHERE version = 2",
    "kind": "UPDATE {}events SET kind = 'cleared' WHERE version = 2",
    "kind nobody knows": "UPDATE {}events SET kind = 'other' WHERE version = 2",
    "schema": "UPDATE {}events SET schema = 2 WHERE version = 2",
    "header": "UPDATE {}events SET header = ? WHERE version = 2",
    "codec": "UPDATE {}events SET codec = 1 - codec WHERE version = 2",
    "plain text": "UPDATE {}events SET key_id = NULL, body = ? WHERE version = 2",
}
TAKEN: Final = {
    "version": "SELECT body FROM {}events WHERE stream_id = ? AND version = 1",
    "stream": "SELECT body FROM {}events WHERE stream_id <> ? AND version = 2",
}
GIVEN: Final = {"body": b"x" * 40, "header": b'{"items":2}', "plain text": b'["forged"]'}


@pytest.mark.parametrize("what", TAMPERED)
async def test_a_body_opens_in_its_own_place_only(sealed: Backend, what: str) -> None:
    """Changed, or moved to another version, stream, kind, schema or field: it is refused by name.

    So is plain text behind what was encrypted, and nothing is popped or stored then.
    """
    async with sealed.open() as log:
        for name in (NAME, "other"):
            await add_many(log, ["one", "two", "three"], name=name)
        mine = stream_id(log)
    where = f"{TAMPERED[what]} AND stream_id = ?"
    args: list[object] = [GIVEN[what]] if what in GIVEN else []
    if what in TAKEN:
        ((body,),) = await sealed.execute(TAKEN[what], mine)
        args = [body]
    await sealed.tamper(where, *args, mine)
    async with sealed.open() as log:
        chat = Conversation(log, NAME)
        for change in (chat.items, chat.pop):
            with pytest.raises(CorruptEventError, match="ersion 2 of conversation 'chat'"):
                await change()
        assert await log.version(NAME) == 3
        assert not (await log.verify(NAME)).ok
        assert await Conversation(log, "other").items() == ["one", "two", "three"]


async def test_a_context_opens_in_its_own_place_only(sealed: Backend) -> None:
    """A context cannot be given to another event."""
    async with sealed.open() as log:
        for actor in ("ana", "bob"):
            await log.append(NAME, NewEvent(ItemsAdded([1]), Context(actor=actor)))
        assert [event.context.actor for event in await log.read(NAME).all()] == ["ana", "bob"]
    ((moved,),) = await sealed.execute("SELECT context FROM {}events WHERE version = 1")
    await sealed.tamper("UPDATE {}events SET context = ? WHERE version = 2", moved)
    async with sealed.open() as log:
        _, second = await log.read(NAME).all()
        with pytest.raises(CorruptEventError, match="ersion 2"):
            _ = second.context


async def test_plain_events_at_the_end_are_refused_even_by_a_process_that_read_before(
    sealed: Backend,
) -> None:
    """Whoever can write the tables and not the key adds nothing to a list, and clears none."""
    async with sealed.open() as log:
        chat = await filled(log, ["one", "two"])
        sealed.keyring = None
        async with open_elsewhere(sealed) as forger:
            stream = await forger.stream(NAME)
            assert stream is not None
            request = build("default", NAME, ConversationCleared(), None, stream.head.at, 1000)
            (row,), head = link(stream.stream_id, stream.head, prepare_all(request), stream.head.at)
        marks = ", ".join("?" * len(row))
        await sealed.execute(
            f"INSERT INTO {{}}events ({', '.join(row._fields)}) VALUES ({marks})", *row
        )
        await sealed.execute("UPDATE {}streams SET version = ?, head_hash = ?", *head[:2])
        with pytest.raises(CorruptEventError, match="ersion 3 of conversation 'chat'"):
            await chat.items()
        faults = (await log.verify("chat")).faults  # The chain alone does not tell.
        assert [(fault.version, fault.problem) for fault in faults] == [(3, "inserted")]


async def test_a_snapshot_of_somebody_without_the_key_is_not_believed(
    sealed: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pieces that were left out, and segments of another place, are misses: the list is right."""
    make_small(monkeypatch)
    async with sealed.open() as log:
        await filled(log, ITEMS)
    rows = await sealed.execute(
        "SELECT s.version, s.hash, s.pieces, e.salt FROM {}snapshots s JOIN {}events e"
        " ON e.stream_id = s.stream_id AND e.version = s.version"
    )
    for version, chained, pieces, salt in rows:
        stored = load_snapshot(version, chained, pieces, salt)
        assert stored is not None
        forged = dump_pieces(stored._replace(pieces=()), salt)  # Its seal is about other pieces.
        await sealed.execute("UPDATE {}snapshots SET pieces = ? WHERE version = ?", forged, version)
    async with elsewhere(sealed) as chat:
        assert await chat.items() == ITEMS
        assert chat.log.counters.snapshots_refused >= 1
        await rebuild(chat.log)
    (_, moved), (place, _), *_ = await sealed.execute("SELECT segment_id, body FROM {}segments")
    await sealed.execute("UPDATE {}segments SET body = ? WHERE segment_id = ?", moved, place)
    async with elsewhere(sealed) as chat:
        assert await chat.items() == ITEMS


async def test_a_log_that_was_plain_goes_on_encrypted(sealed: Backend) -> None:
    """What was there stays as it is and can be read; what comes is encrypted."""
    keyring, sealed.keyring = sealed.keyring, None
    async with sealed.open() as log:
        await filled(log, ITEMS)
    sealed.keyring = keyring
    async with sealed.open() as log:
        chat = Conversation(log, NAME)
        assert await chat.items() == ITEMS
        await chat.add(["new"])
        assert await chat.items() == [*ITEMS, "new"]
        await chat.add(ITEMS)
        keys = [event.stored.key_id for event in await log.read(NAME).all()]
        assert keys == [None] * 300 + ["1"] * 2
    async with elsewhere(sealed) as chat:
        assert await chat.items() == [*ITEMS, "new", *ITEMS]
        assert await chat.items(as_of=300) == ITEMS
    sealed.keyring = None
    async with sealed.open() as log:
        for change in (Conversation(log, NAME).items, Conversation(log, NAME).clear):
            with pytest.raises(NoKeyError):
                await change()


async def test_a_plain_writer_who_remembers_the_head_adds_nothing_behind_the_first_key(
    sealed: Backend,
) -> None:
    """Its next append is refused by the same statement that checks the head."""
    async with open_elsewhere(sealed, keyring=None) as plain, sealed.open() as log:
        old = Conversation(plain, NAME)
        await old.add(["plain"])
        assert await old.items() == ["plain"]
        await Conversation(log, NAME).add(["encrypted"])
        with pytest.raises(NoKeyError):
            await old.add(["plain again"])
        assert await Conversation(log, NAME).items() == ["plain", "encrypted"]


async def test_a_batch_that_is_sent_again_is_recognized(sealed: Backend) -> None:
    """By its event_id, by another process, under a newer key; other content under it is refused."""
    batch = NewEvent(ItemsAdded(ITEMS), event_id="once")
    async with sealed.open() as log:
        first = await log.append(NAME, batch)
        await rekey(log, NAME)
        await Conversation(log, NAME).add(["more"])
        again = await log.append(NAME, batch)
        assert (first.first, again.first, again.replayed) == (1, 1, True)
    async with open_elsewhere(sealed) as log:
        assert (await log.append(NAME, batch)).replayed
        with pytest.raises(EventIdReusedError):
            await log.append(NAME, NewEvent(ItemsAdded(["other"]), event_id="once"))
        assert await log.version(NAME) == 2


async def test_a_fork_has_a_key_of_its_own_and_reads_its_parents_items(sealed: Backend) -> None:
    """What it inherited is opened with the parent's key, its own events with its own."""
    async with sealed.open() as log:
        chat = await filled(log, ITEMS)
        child = await chat.fork("child", at=250)
        await child.add(["own"])
        branch = await child.fork("child", branch="b")
        await branch.add(["branch"])
    async with elsewhere(sealed) as chat:
        child = Conversation(chat.log, "child")
        assert await child.items() == [*ITEMS[:250], "own"]
        (branch,) = await Conversation(chat.log, "child").branches()
        assert await branch.items() == [*ITEMS[:250], "own", "branch"]
    assert len(await sealed.execute("SELECT DISTINCT wrapped_key FROM {}keys")) == 3


async def test_the_feed_opens_what_it_brings(sealed: Backend) -> None:
    """Of many streams with keys of their own; without a keyring it brings all but content."""
    async with sealed.open() as log:
        for number in range(5):
            await Conversation(log, f"{number}").add([number])
        feed = [event async for event in log.feed()]
        assert [getattr(event.event, "items", None) for event in feed] == [[n] for n in range(5)]
    sealed.keyring = None
    async with sealed.open() as log:
        feed = [event async for event in log.feed()]
        assert [event.header.items for event in feed] == [1] * 5
        for event in feed:
            with pytest.raises(NoKeyError):
                _ = event.body
            with pytest.raises(NoKeyError):
                _ = event.context


async def test_bodies_are_not_compressed_where_that_is_not_wanted(sealed: Backend) -> None:
    """The length of an encrypted body tells then how long it is, and not what it repeats."""
    async with sealed.open(compress=False) as log:
        await Conversation(log, NAME).add(["x" * 5000])
        (event,) = await log.read(NAME).all()
        assert (event.stored.codec, len(event.stored.body or b"")) == (0, 5004 + 28)
        assert await Conversation(log, NAME).items() == ["x" * 5000]
    with pytest.raises(InvalidOptionError):
        sealed.open(compress=False, keyring=None)
