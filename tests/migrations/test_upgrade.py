"""Each revision up, from a real database of the revision before with events in it."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from eventlog import EventLog, ItemsAdded
from eventlog.errors import SchemaTooOldError
from eventlog.format.records import StreamRow
from eventlog.operations import migrate
from eventlog.store.contract.revisions import HEAD, REVISIONS, VERSION_TABLE
from eventlog.store.migrations import config
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.migrations.test_migrations import on_connection


@pytest.fixture(params=REVISIONS[:-1])
async def old(backend: Backend, request: pytest.FixtureRequest) -> Backend:
    """A log at an earlier revision: five events in two conversations, never sequenced."""

    def build(connection: sa.Connection, schema: str | None) -> None:
        if schema is not None:
            connection.execute(sa.schema.CreateSchema(schema))
        command.upgrade(config(connection, schema), request.param)

    await on_connection(backend, build)
    async with EventLog(":memory:") as log:
        await log.append("chat", [ItemsAdded(["a"]), ItemsAdded(["b"])])
        await log.append("other", ItemsAdded(["c"]))
        await log.append("chat", [ItemsAdded(["d"]), ItemsAdded(["e"])])
        for event in [event async for event in log.feed()]:
            await insert(backend, "events", **event.stored._asdict())
            if backend.name == "postgres":
                place = event.stored._asdict()
                keys = ("stream_id", "version", "recorded_at")
                await insert(backend, "queue", **{key: place[key] for key in keys})
        for row in await log.streams().all():
            await insert(backend, "streams", **first_columns(row))
    return backend


def first_columns(row: StreamRow) -> dict[str, Any]:
    """Return a row as every revision has it."""
    head = {"version": row.head.version, "head_hash": row.head.hash, "head_at": row.head.at}
    who = {"stream_id": row.stream_id, "tenant": row.tenant, "name": row.name}
    return {**who, **head, "created_at": row.created_at}


async def insert(backend: Backend, table: str, **row: Any) -> None:
    names, marks = ", ".join(row), ", ".join("?" * len(row))
    await backend.execute(f"INSERT INTO {{}}{table} ({names}) VALUES ({marks})", *row.values())


async def revision(backend: Backend) -> str:
    ((found,),) = await backend.execute(f"SELECT version_num FROM {{}}{VERSION_TABLE}")
    return str(found)


async def test_an_old_log_is_refused_until_it_is_migrated(old: Backend) -> None:
    """Every call names migrate(); the log stays as it was."""
    log = old.open()
    before = await revision(old)
    with pytest.raises(SchemaTooOldError, match="migrate"):
        await log.version("chat")
    with pytest.raises(SchemaTooOldError):
        await log.append("chat", ItemsAdded(["f"]))
    assert await revision(old) == before != HEAD
    await log.close()


@pytest.mark.parametrize("by_opening", [False, True])
async def test_an_old_log_is_upgraded_with_its_events(old: Backend, by_opening: bool) -> None:
    """Nothing changes in them, they verify, with all that guards, and they go on."""
    if not by_opening:
        await migrate(old.url, **old.options)
    async with old.open(migrate=by_opening) as log:
        assert await Conversation(log, "chat").items() == ["a", "b", "d", "e"]
        assert (await log.append("chat", ItemsAdded(["f"]), expected_version=4)).last == 5
        found = await log.verify()
        assert (found.ok, found.warnings) == (True, ())
    assert await revision(old) == HEAD


async def test_conversations_of_an_old_log_are_main_branches_that_can_be_forked(
    old: Backend,
) -> None:
    """With the identities that they had; their branches are listed apart from them."""
    async with old.open(migrate=True) as log:
        branch = await Conversation(log, "chat").fork("chat", branch="idea", at=2)
        await branch.add(["f"])
        assert await branch.items() == ["a", "b", "f"]
        assert [(row.name, row.branch) async for row in log.streams()] == [
            ("chat", ""),
            ("other", ""),
        ]
        assert [row.branch async for row in log.branches("chat")] == ["idea"]
        assert (await log.verify()).ok


async def test_the_feed_of_an_old_log_begins_with_its_first_event(old: Backend) -> None:
    """What waited in `queue` since before the upgrade gets its positions, in order."""
    await migrate(old.url, **old.options)
    async with old.open() as log:
        await log.append("chat", ItemsAdded(["f"]))
        feed = [event async for event in log.feed()]
    assert [event.position for event in feed] == [1, 2, 3, 4, 5, 6]
    assert [event.version for event in feed if event.stream == "chat"] == [1, 2, 3, 4, 5]
    assert await rows_left_in_queue(old) == 0


async def test_a_feed_is_rebuilt_as_the_document_says(log: EventLog, backend: Backend) -> None:
    """The same order of each stream, dense from 1 again."""
    if backend.name == "sqlite":
        return  # Its positions are in the events.
    for number in range(10):
        await log.append(f"chat-{number % 3}", [ItemsAdded([number])] * 3)
    before = [(event.stream, event.version) async for event in log.feed()]
    for statement in (
        "ALTER TABLE {}feed DISABLE TRIGGER feed_rows",
        "DELETE FROM {}feed",
        "ALTER TABLE {}feed ENABLE ALWAYS TRIGGER feed_rows",
        "DELETE FROM {}queue",
        "UPDATE {}feed_head SET position = 0",
        "INSERT INTO {}queue SELECT stream_id, version, recorded_at FROM {}events",
    ):
        await backend.execute(statement)
    after = [event async for event in log.feed()]
    assert [event.position for event in after] == list(range(1, 31))
    assert [(event.stream, event.version) for event in after] == before


async def rows_left_in_queue(backend: Backend) -> int:
    if backend.name == "sqlite":
        return 0
    ((count,),) = await backend.execute("SELECT count(*) FROM {}queue")
    return int(count)
