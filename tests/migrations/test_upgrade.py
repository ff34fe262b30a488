"""Each revision up, from a real database of the revision before with events in it."""

import pytest
import sqlalchemy as sa
from alembic import command

from eventlog import EventLog, ItemsAdded, SchemaTooOldError, migrate
from eventlog.store import base
from eventlog.store.migrate import config
from eventlog.store.schema import HEAD, VERSION_TABLE
from projections import Conversation
from tests.backends import Backend
from tests.migrations.test_migrations import on_connection

OLD = "0001"


@pytest.fixture
async def old(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A log at the first revision: five events in two conversations, never sequenced."""

    def build(connection: sa.Connection, schema: str | None) -> None:
        if schema is not None:
            connection.execute(sa.schema.CreateSchema(schema))
        command.upgrade(config(connection, schema), OLD)

    await on_connection(backend, build)
    with monkeypatch.context() as earlier:
        # What an append touches is as it was: only the number differs.
        earlier.setattr(base, "HEAD", OLD)
        async with backend.open() as log:
            await log.append("chat", [ItemsAdded(["a"]), ItemsAdded(["b"])])
            await log.append("other", ItemsAdded(["c"]))
            await log.append("chat", [ItemsAdded(["d"]), ItemsAdded(["e"])])
    return backend


async def revision(backend: Backend) -> str:
    ((found,),) = await backend.execute(f"SELECT version_num FROM {{}}{VERSION_TABLE}")
    return str(found)


async def test_an_old_log_is_refused_until_it_is_migrated(old: Backend) -> None:
    """Every call names migrate(); the log stays as it was."""
    log = old.open()
    with pytest.raises(SchemaTooOldError, match="migrate"):
        await log.version("chat")
    with pytest.raises(SchemaTooOldError):
        await log.append("chat", ItemsAdded(["f"]))
    assert await revision(old) == OLD
    await log.close()


@pytest.mark.parametrize("by_opening", [False, True])
async def test_an_old_log_is_upgraded_with_its_events(old: Backend, by_opening: bool) -> None:
    """Nothing changes in them, they verify, and they go on being appended to."""
    if not by_opening:
        await migrate(old.url, **old.options)
    async with old.open(migrate=by_opening) as log:
        assert await Conversation(log, "chat").items() == ["a", "b", "d", "e"]
        assert (await log.append("chat", ItemsAdded(["f"]), expected_version=4)).last == 5
        assert (await log.verify()).ok
    assert await revision(old) == HEAD


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
        "DELETE FROM {}feed",
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
