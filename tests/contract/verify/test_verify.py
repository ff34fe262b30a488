"""Whatever is changed behind the log's back, the check names the first event that is not right."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from eventlog import (
    EventLog,
    Fault,
    ItemsAdded,
    TreeHead,
    Verification,
)
from eventlog.errors import CorruptEventError, InvalidOptionError
from eventlog.format.records import StoredEvent
from eventlog.store.contract.rights import ALL, Rights
from eventlog_projections import Conversation
from tests.backends import Backend

WHERE = "WHERE version = 2 AND stream_id = (SELECT stream_id FROM {}streams WHERE name = 'chat')"
FLIPPED_BODY = b"\x00not what was said"

Tamper = Callable[[Backend], Awaitable[None]]


async def fill(log: EventLog) -> None:
    for name in ("chat", "other"):
        for number in range(3):
            await log.append(name, ItemsAdded([{"number": number, "text": name * 200}]))


async def test_an_untouched_log_verifies(log: EventLog) -> None:
    """Every event of every conversation is counted, and each of its branches."""
    await fill(log)
    found = await log.verify()
    assert (found.ok, found.conversations, found.events, found.faults) == (True, 2, 6, ())
    await Conversation(log, "chat").fork("chat", branch="idea")
    one = await log.verify("chat")
    assert (one.ok, one.conversations, one.events) == (True, 2, 4)


def of_conversations(found: Verification) -> list[Fault]:
    """Return the faults but those of the feed, which follow from them."""
    return [fault for fault in found.faults if fault.position is None]


COLUMNS = {
    "version": "version = 9",
    "format": "format = 2",
    "event_id": "event_id = 'x'",
    "kind": "kind = 'cleared'",
    "schema": "schema = 2",
    "recorded_at": "recorded_at = recorded_at + 1",
    "header": "header = content_digest",
    "codec": "codec = 0",
    "key_id": "key_id = 'k'",
    "salt": "salt = stream_id",
    "context": "context = header",
    "body": "body = header",
    "content_digest": "content_digest = hash",
    "hash": "hash = content_digest",
    "stream_id": "stream_id = salt",
    "only salt": "salt = NULL",
    "only body": "body = NULL",
}


@pytest.mark.parametrize("column", COLUMNS)
async def test_a_change_of_any_column_is_found_at_its_event(
    backend: Backend, log: EventLog, column: str
) -> None:
    """The first event that is not as appended is the one that was changed."""
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET {COLUMNS[column]} {WHERE}")
    found = await log.verify()
    assert [
        (fault.stream, fault.version) for fault in of_conversations(found) if fault.version
    ] == [("chat", 2)]
    assert (await log.verify("other")).ok


async def test_a_deleted_event_is_missed(backend: Backend, log: EventLog) -> None:
    """In the middle and at the end."""
    await fill(log)
    await backend.tamper(f"DELETE FROM {{}}events {WHERE}")
    await backend.tamper(
        f"DELETE FROM {{}}events {WHERE}".replace("chat", "other").replace("2", "3")
    )
    faults = of_conversations(await log.verify())
    assert [(fault.stream, fault.version, fault.problem) for fault in faults] == [
        ("chat", 2, "missing"),
        ("other", 3, "missing"),
    ]


async def test_two_swapped_events_are_found(backend: Backend, log: EventLog) -> None:
    """Order is part of what is signed for."""
    await fill(log)
    for old, new in ((2, 99), (3, 2), (99, 3)):
        await backend.tamper(
            f"UPDATE {{}}events SET version = {new} "
            + WHERE.replace("version = 2", f"version = {old}")
        )
    (fault,) = of_conversations(await log.verify())
    assert (fault.stream, fault.version, fault.problem) == ("chat", 2, "reordered")


async def test_an_event_moved_from_another_conversation_is_found(
    backend: Backend, log: EventLog
) -> None:
    """A true event of somebody else's is not an event of mine."""
    await fill(log)
    await backend.tamper(f"DELETE FROM {{}}events {WHERE}")
    await backend.tamper(
        "UPDATE {}events SET stream_id = (SELECT stream_id FROM {}streams WHERE name = 'chat')"
        " WHERE version = 2"
    )
    faults = of_conversations(await log.verify())
    assert [(fault.stream, fault.version) for fault in faults] == [("chat", 2), ("other", 2)]
    assert faults[0].problem == "moved"
    assert "version 2 of 'other'" in faults[0].detail


async def test_a_negative_number_is_found_like_any_other(backend: Backend, log: EventLog) -> None:
    """No tampered value may stop the check itself."""
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET codec = -1 {WHERE}")
    (fault,) = of_conversations(await log.verify())
    assert (fault.stream, fault.version, fault.problem) == ("chat", 2, "edited")


async def test_an_event_before_the_first_is_found(backend: Backend, log: EventLog) -> None:
    """Whoever can switch triggers off can switch constraints off too."""
    await fill(log)
    if backend.name == "postgres":
        await backend.execute("ALTER TABLE {}events DROP CONSTRAINT events_version")
    copied = (
        "stream_id, 0, format, event_id, kind, schema, recorded_at, header, codec, key_id, salt,"
        " context, body, content_digest, hash"
    )
    columns = copied.replace(" 0,", " version,")
    chat = WHERE.replace("version = 2", "version = 1")
    await backend.tamper(
        f"INSERT INTO {{}}events ({columns}) SELECT {copied} FROM {{}}events {chat}"
    )
    (fault,) = of_conversations(await log.verify())
    assert (fault.stream, fault.version, fault.problem) == ("chat", 0, "inserted")


async def test_an_event_behind_the_last_is_found(backend: Backend, log: EventLog) -> None:
    """One that follows nothing, where everything before it is sound, and the number fits."""
    await fill(log)
    other = WHERE.replace("version = 2", "version = 3").replace("chat", "other")
    await backend.tamper(f"DELETE FROM {{}}events {other}")
    columns = ", ".join(StoredEvent._fields).replace("event_id,", "")
    copied = columns.replace(" version", " 4")
    chat = WHERE.replace("version = 2", "version = 1")
    await backend.tamper(
        f"INSERT INTO {{}}events ({columns}) SELECT {copied} FROM {{}}events {chat}"
    )
    faults = [fault for fault in of_conversations(await log.verify()) if fault.version]
    found = {(fault.stream, fault.version, fault.problem) for fault in faults}
    assert found >= {("chat", 4, "inserted"), ("other", 3, "missing")}
    assert ("chat", 4, "inserted") in [
        (fault.stream, fault.version, fault.problem) for fault in (await log.verify("chat")).faults
    ]


async def test_text_that_is_none_is_found_at_its_event(backend: Backend, log: EventLog) -> None:
    """SQLite keeps any bytes as text; PostgreSQL does not let them in."""
    if backend.name == "postgres":
        return
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET kind = CAST(x'ff' AS TEXT) {WHERE}")
    (fault,) = of_conversations(await log.verify())
    assert (fault.stream, fault.version, fault.problem) == ("chat", 2, "edited")


async def test_a_salt_of_another_length_is_found(backend: Backend, log: EventLog) -> None:
    """A longer salt could take in what was context and body, under the same digest."""
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET salt = ? {WHERE}", bytes(17))
    (fault,) = of_conversations(await log.verify())
    assert (fault.version, "salt" in fault.detail) == (2, True)


async def test_a_log_that_is_written_meanwhile_verifies(log: EventLog) -> None:
    """What is appended during the check is left to the next one."""
    await fill(log)
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(keep_appending(log))
        for _ in range(20):
            assert (await log.verify("chat")).ok
        writing.cancel()


async def keep_appending(log: EventLog) -> None:
    while True:
        await log.append("chat", ItemsAdded(["more"]))


async def test_a_conversation_that_is_not_there_counts_as_none(log: EventLog) -> None:
    """A mistyped name is not a verified conversation."""
    assert (await log.verify("nobody")).conversations == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("UPDATE {}streams SET version = 2 WHERE name = 'chat'", "edited"),
        (
            "UPDATE {}streams SET version = 2, head_hash = e.hash, head_at = e.recorded_at"
            " FROM {}events e WHERE name = 'chat' AND e.version = 2"
            " AND e.stream_id = {}streams.stream_id",
            "inserted",
        ),
        ("UPDATE {}streams SET version = 4 WHERE name = 'chat'", "missing"),
        ("UPDATE {}streams SET head_hash = stream_id WHERE name = 'chat'", "edited"),
        ("UPDATE {}streams SET head_at = 5 WHERE name = 'chat'", "edited"),
        ("UPDATE {}streams SET name = 'chat2' WHERE name = 'chat'", "moved"),
        ("UPDATE {}streams SET tenant = 'other' WHERE name = 'chat'", "moved"),
        ("UPDATE {}streams SET name = '' WHERE name = 'chat'", "moved"),
        ("DELETE FROM {}streams WHERE name = 'chat'", "missing"),
    ],
)
async def test_a_changed_head_is_found(
    backend: Backend, log: EventLog, change: str, problem: str
) -> None:
    """The streams row must name the last event, and every event must have one."""
    await fill(log)
    await backend.tamper(change)
    found = await log.verify()
    assert [fault.problem for fault in of_conversations(found)] == [problem]
    assert found.events >= 3


async def test_a_fault_reads_as_a_sentence(backend: Backend, log: EventLog) -> None:
    """It says which conversation, which version, and what is wrong."""
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET body = salt {WHERE}")
    (fault,) = of_conversations(await log.verify())
    assert str(fault) == (
        "conversation 'chat', version 2: edited, its content is not what was recorded"
    )


async def test_an_event_that_does_not_decode_is_named(backend: Backend, log: EventLog) -> None:
    """Reading says which event it is; those before it can still be read."""
    await fill(log)
    await backend.tamper(f"UPDATE {{}}events SET body = ?, codec = 0 {WHERE}", FLIPPED_BODY)
    chat = Conversation(log, "chat")
    with pytest.raises(CorruptEventError) as caught:
        await chat.items()
    assert (caught.value.stream, caught.value.version) == ("chat", 2)
    assert len(await chat.items(as_of=1)) == 1


async def test_bodies_that_only_fit_together_are_corrupt(backend: Backend, log: EventLog) -> None:
    """Splicing must not turn two broken bodies into a list."""
    await fill(log)
    for version, body in ((2, b'[{"number":1},"'), (3, b'","]')):
        where = WHERE.replace("version = 2", f"version = {version}")
        await backend.tamper(f"UPDATE {{}}events SET body = ?, codec = 0 {where}", body)
    with pytest.raises(CorruptEventError):
        await Conversation(log, "chat").items()


async def test_progress_is_told(log: EventLog) -> None:
    """How many events were checked so far, growing up to all of them."""
    await fill(log)
    await log.append("long", [ItemsAdded([number]) for number in range(2500)])
    told: list[int] = []
    assert (await log.verify(progress=told.append)).events == told[-1] == 2506
    assert told == sorted(set(told))
    assert len(told) >= 4
    told.clear()
    assert (await log.verify("chat", progress=told.append)).events == told[-1] == 3


@pytest.mark.parametrize("size", [0, 5])
async def test_a_fork_of_many_pages_verifies(log: EventLog, size: int) -> None:
    """Its parent is named by its first page; a fork of nothing has a parent, too."""
    parent = Conversation(log, "parent")
    await parent.add(["said"] * size)
    await parent.fork("fork")
    await log.append("fork", [ItemsAdded([number]) for number in range(2500)])
    found = await log.verify("fork")
    assert (found.ok, found.events) == (True, 2501), found.faults
    assert (await log.verify()).ok


async def test_many_conversations_are_checked_in_few_reads(backend: Backend, log: EventLog) -> None:
    """Small ones together; the one among them that is not sound is named."""
    for number in range(1100):
        await log.append(f"chat {number}", ItemsAdded([number]))
    await backend.tamper(
        "UPDATE {}events SET body = salt"
        " WHERE stream_id = (SELECT stream_id FROM {}streams WHERE name = 'chat 1003')"
    )
    found = await log.verify()
    assert (found.conversations, found.events) == (1100, 1099)
    assert [(fault.stream, fault.version) for fault in found.faults] == [("chat 1003", 1)]


def test_exit_codes_are_those_of_the_documentation() -> None:
    """0 sound, 1 broken, 2 could not check: other programs rely on the numbers."""
    edited, unknown = (Fault("chat", 1, what, "") for what in ("edited", "unknown"))
    faults = ((), (edited,), (unknown,), (unknown, edited))
    assert [Verification(1, 1, found).exit_code for found in faults] == [0, 1, 2, 1]


async def test_small_conversations_are_read_together(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, ten thousand of them would be as many round trips."""
    await fill(log)
    pages = 0
    page = log.spi.store.events.page

    async def counted(*arguments: Any) -> Sequence[StoredEvent]:
        nonlocal pages
        pages += 1
        return await page(*arguments)

    monkeypatch.setattr(log.spi.store.events, "page", counted)
    assert (await log.verify()).events == 6
    assert pages == 0


async def test_a_head_is_not_compared_by_who_sees_one_tenant(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so: what it did not see could be what is missing. Its own tenant it can check."""
    await fill(log)
    head = TreeHead("log", 6, bytes(32))

    async def rights() -> Rights:
        return ALL._replace(sees_all=False)

    monkeypatch.setattr(log.spi.store, "rights", rights)
    assert (await log.verify()).events == 6
    assert (await log.verify("chat")).events == 3
    for names in ((), ("chat",)):
        with pytest.raises(InvalidOptionError, match="all tenants, and this role sees one"):
            await log.verify(*names, against=head)


def test_what_was_found_stays_as_it_was_found() -> None:
    """Whoever is handed a result cannot make it another one."""
    fault = Fault("chat", 1, "missing", "gone")
    found = Verification(1, 1, (fault,))
    with pytest.raises(AttributeError):
        fault.problem = "edited"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        found.faults = ()  # type: ignore[misc]
