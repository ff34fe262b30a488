"""What an import promises, for every store of the SDK and on every backend of ours."""

from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsAdded, RecordedEvent
from eventlog.events import ConversationImported
from eventlog_importing import Progress, import_sessions
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from tests.adapters.importing.stores import Store

ITEMS: Final[list[Any]] = [
    {"role": "user", "content": "Größe? \U0001f389 \ud800", "b": 1, "a": [1.5, None, 10**30]},
    {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c", "output": "\x00"},
    {"role": "assistant", "content": [{"type": "output_text", "text": "42"}]},
]
PLAIN: Final[list[Any]] = [{"role": "user", "content": f"item {number}"} for number in range(7)]


async def items(log: EventLog, name: str) -> list[Any]:
    return await Conversation(log, name).items()


async def events(log: EventLog, name: str) -> list[RecordedEvent]:
    return [event async for event in log.read(name)]


async def test_every_conversation_is_copied_verbatim(store: Store, log: EventLog) -> None:
    """Each item as their session returns it, key order included, and nothing else."""
    written = ITEMS if "Encrypted" not in store.source.layout else PLAIN
    await store.write("chat", written[:1], written[1:])
    await store.write("other:messages", PLAIN)
    await store.write("größe/2", PLAIN[:1])
    report = await import_sessions(log, store.source)
    assert (report.conversations, report.copied, report.unchanged) == (3, 3, 0)
    assert report.items == len(written) + len(PLAIN) + 1
    assert not report.preserved
    assert not report.refused
    assert {row.name async for row in log.streams()} == {"chat", "other:messages", "größe/2"}
    for name in ("chat", "other:messages", "größe/2"):
        assert repr(await items(log, name)) == repr(await store.read(name))
    assert (await log.verify()).ok


async def test_a_second_import_changes_nothing(store: Store, log: EventLog) -> None:
    """It says so, and no event is added."""
    await store.write("chat", PLAIN)
    await store.write("other", PLAIN[:2])
    await import_sessions(log, store.source)
    before = [row async for row in log.streams()]
    report = await import_sessions(log, store.source)
    assert (report.conversations, report.copied, report.unchanged) == (2, 0, 2)
    assert [row async for row in log.streams()] == before


async def test_what_was_added_since_is_copied_by_the_next_import(
    store: Store, log: EventLog
) -> None:
    """Behind what is there, and a new conversation too."""
    await store.write("chat", PLAIN[:3])
    await store.write("other", PLAIN)
    await import_sessions(log, store.source)
    await store.write("chat", PLAIN[3:])
    await store.write("new", PLAIN)
    report = await import_sessions(log, store.source)
    assert (report.copied, report.unchanged, report.items) == (2, 1, 4 + len(PLAIN))
    for name in ("chat", "other", "new"):
        assert await items(log, name) == PLAIN


async def test_a_conversation_of_our_own_is_never_mixed_with_theirs(
    store: Store, log: EventLog
) -> None:
    """It stays as it is and is reported; all others are copied."""
    await store.write("chat", PLAIN)
    await store.write("other", PLAIN)
    await log.append("chat", ItemsAdded([{"mine": 1}]))
    report = await import_sessions(log, store.source)
    assert (report.copied, [refused.conversation for refused in report.refused]) == (1, ["chat"])
    assert "of its own" in report.refused[0].why
    assert await items(log, "chat") == [{"mine": 1}]
    assert await items(log, "other") == PLAIN


async def test_a_conversation_that_went_on_on_both_sides_is_reported(
    store: Store, log: EventLog
) -> None:
    """What came to ours stays, what came to theirs is not put behind it."""
    await store.write("chat", PLAIN[:2])
    await import_sessions(log, store.source)
    await log.append("chat", ItemsAdded([{"mine": 1}]))
    assert (await import_sessions(log, store.source)).unchanged == 1
    await store.write("chat", PLAIN[2:])
    report = await import_sessions(log, store.source)
    assert [refused.conversation for refused in report.refused] == ["chat"]
    assert "both have gone on" in report.refused[0].why
    assert await items(log, "chat") == [*PLAIN[:2], {"mine": 1}]


async def test_a_conversation_that_was_changed_in_the_source_is_reported(
    store: Store, log: EventLog
) -> None:
    """Popped, or other rows in the place of those that were copied: ours stays as it is."""
    await store.write("popped", PLAIN)
    await store.write("other", PLAIN[:3])
    await import_sessions(log, store.source)
    async with store.session("popped") as session:
        await session.pop_item()
    async with store.session("other") as session:
        await session.clear_session()
        await session.add_items(PLAIN[3:])
    report = await import_sessions(log, store.source)
    assert {refused.conversation for refused in report.refused} == {"popped", "other"}
    assert all("not its first rows any more" in refused.why for refused in report.refused)
    assert await items(log, "popped") == PLAIN
    assert await items(log, "other") == PLAIN[:3]


async def test_a_conversation_without_items_is_copied_too(store: Store, log: EventLog) -> None:
    """That it exists is kept, where their store keeps it."""
    await store.write("chat", PLAIN[:1])
    await store.write("empty", PLAIN[:1])
    async with store.session("empty") as session:
        await session.pop_item()
    report = await import_sessions(log, store.source)
    assert report.conversations == 2
    assert await items(log, "empty") == []
    assert [event.kind for event in await events(log, "empty")] == ["imported"]
    assert (await import_sessions(log, store.source)).unchanged == 2
    await store.write("empty", PLAIN)
    assert (await import_sessions(log, store.source)).copied == 1
    assert await items(log, "empty") == PLAIN


async def test_the_time_of_the_import_and_of_the_source_are_both_kept(
    store: Store, log: EventLog
) -> None:
    """Recorded now, and the source's own times beside it: an audit log is never backdated."""
    await store.write("chat", PLAIN)
    await import_sessions(log, store.source, actor="ana")
    added, imported = await events(log, "chat")
    assert added.context.actor == imported.context.actor == "ana"
    fact = imported.event
    assert isinstance(fact, ConversationImported)
    assert fact.source == store.source.layout
    assert fact.rows == len(PLAIN)
    recorded = int(imported.recorded_at.timestamp() * 1_000_000)
    times = added.context.source_time
    if "Redis" in fact.source:
        assert times is None
    else:
        assert times is not None
        assert len(times) == len(PLAIN)
        assert all(at is not None and 0 <= recorded - at < 300_000_000 for at in times)
    assert fact.created_at is not None
    assert 0 <= recorded - fact.created_at < 300_000_000


async def test_progress_is_told_after_each_conversation(store: Store, log: EventLog) -> None:
    """How many are done, and how many rows were copied."""
    for number in range(3):
        await store.write(f"chat-{number}", PLAIN)
    told: list[Progress] = []
    await import_sessions(log, store.source, progress=told.append)
    assert [progress.conversations for progress in told] == [1, 2, 3]
    assert told[-1].rows == 3 * len(PLAIN)


async def test_the_session_goes_on_where_theirs_was(store: Store, log: EventLog) -> None:
    """An imported conversation is an ordinary one."""
    await store.write("chat", PLAIN)
    await import_sessions(log, store.source)
    async with EventLogSession("chat", log=log) as session:
        assert await session.get_items(limit=2) == PLAIN[-2:]
        assert await session.pop_item() == PLAIN[-1]
        await session.add_items([{"role": "user", "content": "more"}])
        assert (await session.get_items())[-2:] == [PLAIN[-2], {"role": "user", "content": "more"}]


async def test_a_long_conversation_is_copied_in_parts(store: Store, log: EventLog) -> None:
    """More rows than one event takes, in order."""
    long: list[Any] = [{"role": "user", "content": f"item {number}"} for number in range(2_500)]
    await store.write("long", long)
    await store.write("short", PLAIN)
    report = await import_sessions(log, store.source)
    assert report.items == 2_500 + len(PLAIN)
    assert await items(log, "long") == long
    assert len(await events(log, "long")) >= 20


async def test_a_name_that_a_log_cannot_keep_is_reported(store: Store, log: EventLog) -> None:
    """And all others are copied."""
    await store.write("x" * 1_001, PLAIN[:1])
    await store.write("chat", PLAIN)
    report = await import_sessions(log, store.source)
    assert [refused.conversation for refused in report.refused] == ["x" * 1_001]
    assert await items(log, "chat") == PLAIN


@pytest.mark.parametrize("fails_at", [1, 3])
async def test_a_progress_that_fails_ends_the_import_with_its_error(
    store: Store, log: EventLog, fails_at: int
) -> None:
    """Whoever watches may stop it; the next import copies the rest."""
    for number in range(4):
        await store.write(f"chat-{number}", PLAIN)

    def stop(progress: Progress) -> None:
        if progress.conversations == fails_at:
            raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        await import_sessions(log, store.source, progress=stop)
    await import_sessions(log, store.source)
    for number in range(4):
        assert await items(log, f"chat-{number}") == PLAIN
