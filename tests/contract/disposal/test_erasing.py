"""Erasing: the content is nowhere any more, and the log still shows that it was there."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from redis.asyncio import Redis

from eventlog import Context, ErasedError, EventLog, InvalidInputError
from eventlog.errors import InvalidNameError, SharedContentError
from eventlog.events import ConversationErased, ConversationForked
from eventlog.snapshots import Snapshot
from eventlog_projections import Conversation, erase
from eventlog_projections.items.cutting import cut
from eventlog_projections.items.memory import TOMBSTONE
from eventlog_projections.items.segments import SCHEMA
from eventlog_projections.items.states import StateReader
from tests import distributing
from tests.backends import Backend
from tests.contract.items.test_shared_cache import key
from tests.elsewhere import NAME, cold, elsewhere, filled, open_elsewhere, stream_id

MARKER: Final = "MARKER7b1f"
ITEMS: Final[list[Any]] = [{"n": number, "m": MARKER} for number in range(300)]
WHY: Final[dict[str, Any]] = {"by": "dpo", "reason": "gdpr-17"}


async def bytes_of(backend: Backend) -> bytes:
    """Return every byte of the files that the tables are in, after the documented clean-up."""
    if backend.name == "sqlite":
        db = sqlite3.connect(backend.url, isolation_level=None)
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE name GLOB 'view_*_text'"):
            db.execute(f"INSERT INTO {name} ({name}) VALUES ('optimize')")
        db.execute("VACUUM")
        assert db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
        found = b"".join(path.read_bytes() for path in Path(backend.url).parent.glob("log.db*"))
        db.close()
        return found
    schema = backend.options["schema"]
    tables = await backend.execute("SELECT tablename FROM pg_tables WHERE schemaname = ?", schema)
    for (table,) in tables:
        await backend.execute(f"VACUUM FULL {{}}{table}")
    nodes = await distributing.nodes(backend.url)
    return b"".join([await _bytes_on(node, schema) for node in nodes])


async def _bytes_on(node: str, schema: str) -> bytes:
    connection = await asyncpg.connect(node)
    try:
        for setting in distributing.settings():
            await connection.execute(setting)
        await connection.execute("CHECKPOINT")
        files = await connection.fetch(
            "WITH ours AS (SELECT c.oid, c.reltoastrelid FROM pg_class c JOIN pg_namespace n"
            " ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'i'))"
            " SELECT pg_read_binary_file(pg_relation_filepath(oid)) FROM ours UNION ALL"
            " SELECT pg_read_binary_file(pg_relation_filepath(reltoastrelid)) FROM ours"
            " WHERE reltoastrelid <> 0",
            schema,
        )
        return b"".join(row[0] for row in files)
    finally:
        await connection.close()


async def test_the_content_is_in_no_byte_of_any_file(backend: Backend, redis_url: str) -> None:
    """Neither items nor contexts, reasons, snapshots or segments; nor is it in Redis."""
    long: list[Any] = [{"m": MARKER + "é" * 90, "n": n} for n in range(40)]
    async with backend.open(redis=redis_url) as log, Redis.from_url(redis_url) as r:
        chat = await filled(log, long)
        await chat.add([MARKER], context=Context(actor=MARKER))
        await chat.clear(reason=MARKER)
        for number in range(3):
            await chat.add([{"m": MARKER, "n": number}])  # So short that it is stored as it is.
        await StateReader(log, NAME).save()
        shared: Any = await r.hget(key(log), "value")
        assert MARKER.encode() in shared
        assert MARKER.encode() in await bytes_of(backend)
        await erase(log, NAME, **WHY)
        shared = await r.hget(key(log), "value")
        assert shared == TOMBSTONE
        if backend.name == "postgres":
            assert MARKER.encode() not in await bytes_of(backend)
    assert MARKER.encode() not in await bytes_of(backend)


async def test_the_list_is_empty_and_starts_anew(erasable: Backend) -> None:
    """Here and in every other process; the chain verifies, and what comes reads as ever."""
    async with erasable.open() as log, open_elsewhere(erasable) as other:
        chat, theirs = await filled(log, ITEMS), Conversation(other, NAME)
        assert await theirs.items() == ITEMS
        done = await erase(log, NAME, **WHY)
        assert [(one.name, one.version) for one in done.streams] == [(NAME, 301)]
        assert (await chat.items(), await theirs.items()) == ([], [])
        assert await cold(erasable) == []
        await theirs.add(["new"])
        await chat.add(["again"])
        assert await chat.items() == await theirs.items() == ["new", "again"]
        assert await cold(erasable) == ["new", "again"]
        assert (await log.verify()).ok
        head = await log.stream(NAME)
        assert head is not None
        assert done.streams[0].hash == (await log.read(NAME, after=300, until=301).all())[0].hash
        keys = {event.stored.key_id for event in await log.read(NAME, after=301).all()}
        assert keys == {None if erasable.keyring is None else "2"}


async def test_what_was_before_raises_and_is_never_an_empty_list(erasable: Backend) -> None:
    """Each moment of the past, in this process and in another; and content of each event."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS)
        await erase(log, NAME, **WHY)
        await chat.add(["new"])
        for version in (1, 299, 300):
            with pytest.raises(ErasedError, match="'chat'"):
                await chat.items(as_of=version)
            with pytest.raises(ErasedError):
                await cold(erasable, as_of=version)
        assert await chat.items(as_of=301) == []
        for event in await log.read(NAME, until=300).all():
            assert event.is_erased
            with pytest.raises(ErasedError):
                _ = event.event
            with pytest.raises(ErasedError):
                _ = event.context


async def test_the_audit_shows_by_whom_and_why(erasable: Backend) -> None:
    """Also without the key, and after another erasure; the feed brings it too."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:3])
        await erase(log, NAME, **WHY)
        await chat.add(["new"])
        await erase(log, NAME, by="dpo", reason="again")
        events = [entry.event for entry in await chat.history().all()]
        said = [event for event in events if isinstance(event, ConversationErased)]
        assert said == [ConversationErased("dpo", reason) for reason in ("gdpr-17", "again")]
        feed = [event.header.reason async for event in log.feed() if event.kind == "erased"]
        assert feed == ["gdpr-17", "again"]
        assert events[:3] == [None] * 3
    erasable.keyring = None
    async with erasable.open() as log:
        (first, _) = await log.read(NAME, kind="erased").all()
        assert first.event == ConversationErased("dpo", "gdpr-17")


async def test_forks_and_branches_lose_it_too(erasable: Backend) -> None:
    """However far they are, whoever remembers them; what only shares a parent's name is left."""
    async with erasable.open() as log, open_elsewhere(erasable) as other:
        chat = await filled(log, ITEMS)
        child = await chat.fork("child", at=200)
        grandchild = await child.fork("grandchild")
        await grandchild.add(["own"])
        await chat.fork(NAME, branch="b")
        nothing = await chat.fork("nothing of it", kept=0)
        await nothing.add(["stays"])
        theirs = Conversation(other, "grandchild")
        assert await theirs.items() == [*ITEMS[:200], "own"]
        done = await erase(log, NAME, **WHY)
        assert {(one.name, one.branch) for one in done.streams} == {
            (NAME, ""),
            (NAME, "b"),
            ("child", ""),
            ("grandchild", ""),
        }
        for each in (chat, child, grandchild, theirs, *await Conversation(log, NAME).branches()):
            assert await each.items() == []
        for each in (grandchild, theirs):
            with pytest.raises(ErasedError):
                await each.items(as_of=1)
        assert await nothing.items() == ["stays"]
        assert (await log.verify()).ok


async def test_it_can_be_refused_where_forks_share_the_content(erasable: Backend) -> None:
    """Nothing is erased then, and the error names the forks; branches are no others."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS)
        await chat.fork(NAME, branch="b")
        child = await chat.fork("child")
        with pytest.raises(SharedContentError) as caught:
            await erase(log, NAME, **WHY, with_forks=False)
        assert caught.value.forks == ("child",)
        assert await chat.items() == await child.items() == ITEMS


async def test_a_fork_that_is_made_meanwhile_reads_as_erased(erasable: Backend) -> None:
    """Of an erased moment there is no fork; one that was appended all the same is no empty list."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        await erase(log, NAME, **WHY)
        with pytest.raises(ErasedError):
            await chat.fork("late", at=40)
        assert await log.version("late") == 0
        forked = ConversationForked(stream_id(log), 40, 40)
        await log.append("late", forked, expected_version=0)
        with pytest.raises(ErasedError):
            await Conversation(log, "late").items()


async def test_nobody_goes_back_to_what_was_erased(erasable: Backend) -> None:
    """A restore to an erased moment is refused, so is a redo: the list stays one that reads."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        await erase(log, NAME, **WHY)
        with pytest.raises(ErasedError):
            await chat.restore(40)
        with pytest.raises(InvalidInputError):
            await chat.redo()
        assert (await chat.items(), await log.version(NAME)) == ([], 41)


async def test_a_snapshot_of_before_is_not_stored_afterwards(erasable: Backend) -> None:
    """By a process that read before the erasure and stores what it read after it."""
    async with open_elsewhere(erasable) as other, erasable.open() as log:
        await filled(log, ITEMS)
        late = StateReader(other, NAME)
        state = await late.current()
        assert state is not None
        stored = other.spi.snapshots(NAME, SCHEMA)
        await stored.drop()
        await erase(log, NAME, **WHY)
        done = cut(state.blocks)
        snapshot = Snapshot(state.version, state.hash, done.pieces)
        assert not await stored.save(snapshot, done.segments)
        for table in ("snapshots", "segments"):
            assert await erasable.execute(f"SELECT 1 FROM {{}}{table}") == []


async def test_an_old_list_does_not_come_back_into_redis(backend: Backend, redis_url: str) -> None:
    """By a process that shares late what it read before."""
    async with (
        open_elsewhere(backend, redis=redis_url) as other,
        backend.open(redis=redis_url) as log,
        Redis.from_url(redis_url) as client,
    ):
        await filled(log, ITEMS)
        late = StateReader(other, NAME)
        state = await late.current()
        assert state is not None
        await erase(log, NAME, **WHY)
        assert await Conversation(log, NAME).items() == []
        async with open_elsewhere(backend, redis=redis_url) as third:
            assert await Conversation(third, NAME).items() == []
        await late._memory.share(other.spi.snapshots(NAME, SCHEMA), state)
        assert await client.hget(key(log), "value") == TOMBSTONE


async def test_writers_go_on_while_it_is_erased(erasable: Backend) -> None:
    """What was acknowledged is before the erasure and gone, or behind it and readable."""
    async with erasable.open() as log, open_elsewhere(erasable) as other:
        chat, theirs = await filled(log, ITEMS[:10]), Conversation(other, NAME)

        async def write(to: Conversation) -> list[tuple[int, str]]:
            done: list[tuple[int, str]] = []
            for number in range(15):
                added = await to.add([f"{id(to)} {number}"])
                assert added is not None
                done.append((added.last, f"{id(to)} {number}"))
            return done

        async def erase_twice() -> None:
            for _ in range(2):
                await erase(log, NAME, **WHY)

        one, two, _ = await asyncio.gather(write(chat), write(theirs), erase_twice())
        row = await log.stream(NAME)
        assert row is not None
        assert row.erased_version is not None
        left = [item for version, item in sorted([*one, *two]) if version > row.erased_version]
        assert await chat.items() == await theirs.items() == left
        assert await cold(erasable) == left
        assert (await log.verify()).ok


async def test_an_erasure_that_was_interrupted_is_gone_on_with(
    erasable: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Called again it erases what is left, and does not erase twice what is done."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        for name in ("a", "b"):
            await chat.fork(name)
        store, done = type(log.spi.store), 0
        real = store.erase

        async def failing(self: Any, erasure: Any) -> bool:
            nonlocal done
            done += 1
            if done == 2:
                raise ConnectionError("the process ends here")
            return await real(self, erasure)

        monkeypatch.setattr(store, "erase", failing)
        with pytest.raises(ConnectionError):
            await erase(log, NAME, **WHY)
        assert await chat.items() == ITEMS[:40]  # It shows to the end that there is work left.
        await erase(log, NAME, **WHY)
        await erase(log, NAME, **WHY)
        versions = [await log.version(name) for name in (NAME, "a", "b")]
        assert versions == [41, 2, 2]
        assert done == 4


async def test_an_erasure_settles_though_its_caller_is_cancelled(
    erasable: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left half told: forks, memory and Redis follow."""
    async with erasable.open() as log:
        chat = await filled(log, ITEMS[:40])
        child = await chat.fork("child")
        store = type(log.spi.store)
        real, began, go_on = store.erase, asyncio.Event(), asyncio.Event()

        async def held_up(self: Any, erasure: Any) -> bool:
            began.set()
            await go_on.wait()
            return await real(self, erasure)

        monkeypatch.setattr(store, "erase", held_up)
        erasing = asyncio.create_task(erase(log, NAME, **WHY))
        await began.wait()
        erasing.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await erasing
        assert await chat.items() == await child.items() == []


async def test_it_takes_no_key(erasable: Backend) -> None:
    """Whoever lost the key, or never had it, can still erase; what comes has a new one."""
    async with erasable.open() as log:
        await filled(log, ITEMS[:40])
    keyring, erasable.keyring = erasable.keyring, None
    async with erasable.open() as log:
        await erase(log, NAME, **WHY)
        assert (await log.verify()).ok
    erasable.keyring = keyring
    async with erasable.open() as log:
        assert await Conversation(log, NAME).items() == []
        await Conversation(log, NAME).add(["new"])
        assert await Conversation(log, NAME).items() == ["new"]
    wrapped = await erasable.execute("SELECT key_id FROM {}keys WHERE wrapped_key IS NOT NULL")
    assert wrapped == ([] if keyring is None else [("2",)])


@pytest.mark.parametrize(("by", "reason"), [("", "r"), ("b", ""), ("b", "\x00"), ("b", "x" * 2000)])
async def test_what_stays_for_ever_is_looked_at_first(log: EventLog, by: str, reason: str) -> None:
    """Nothing is erased without saying by whom and why."""
    chat = await filled(log, ITEMS[:3])
    with pytest.raises(InvalidNameError):
        await erase(log, NAME, by=by, reason=reason)
    assert await chat.items() == ITEMS[:3]


async def test_an_event_alone_erases_nothing(log: EventLog) -> None:
    """It would say that content is gone which is there."""
    with pytest.raises(InvalidInputError, match="erase"):
        await log.append(NAME, ConversationErased("dpo", "gdpr-17"))
    assert await log.version(NAME) == 0


async def test_a_conversation_that_is_not_there_stays_so(erasable: Backend) -> None:
    """There is nothing to erase, and no event says that there was."""
    async with erasable.open() as log:
        assert (await erase(log, NAME, **WHY)).streams == ()
        assert [row async for row in log.streams()] == []
        assert stream_id(log)
    async with elsewhere(erasable) as chat:
        assert await chat.items() == []
