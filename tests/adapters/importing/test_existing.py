"""import_existing=True: the file, or the database, of a session of the SDK goes on as a log."""

import logging
import shutil
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from agents import SQLiteSession

from eventlog import EventLogError
from eventlog.errors import InvalidOptionError, NotAnEventLogError
from eventlog_openai_agents import EventLogSession
from tests import distributing
from tests.adapters.importing import stores
from tests.adapters.importing.test_branches import written
from tests.adapters.importing.test_files import insert

ITEM: Final[Any] = {"role": "user", "content": "Hi"}
MORE: Final[Any] = {"role": "user", "content": "more"}


def rows(path: Path) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        tables = ("agent_sessions", "agent_messages", "sqlite_sequence")
        return [db.execute(f"SELECT * FROM {table}").fetchall() for table in tables[:2]]


def opened(name: str, path: Path) -> EventLogSession:
    return EventLogSession(name, path, import_existing=True)


CALLS: Final[dict[str, Any]] = {
    "get_items": lambda session: session.get_items(),
    "add_items": lambda session: session.add_items([MORE]),
    "pop_item": lambda session: session.pop_item(),
    "clear_session": lambda session: session.clear_session(),
}
AFTER: Final[dict[str, list[Any]]] = {
    "get_items": [ITEM, ITEM],
    "add_items": [ITEM, ITEM, MORE],
    "pop_item": [ITEM],
    "clear_session": [],
}


@pytest.mark.parametrize("call", CALLS)
async def test_whatever_is_called_first_finds_the_history(file: Path, call: str) -> None:
    """Every conversation of the file is there, whichever session comes first."""
    store = stores.sqlite(file)
    await store.write("chat", [ITEM, ITEM])
    await store.write("other", [MORE])
    async with opened("chat", file) as session:
        await CALLS[call](session)
        assert await session.get_items() == AFTER[call]
        assert await session.get_items(as_of=2) == [ITEM, ITEM]
        assert [row.name async for row in session.log.streams()] == ["chat", "other"]
        assert (await session.log.verify()).ok


async def test_branches_are_found_by_whatever_is_called_first(file: Path) -> None:
    """By name, in a list, and to switch to."""
    session = await written(file)
    session.close()
    async with opened("chat", file) as ours:
        assert len(await ours.get_items(branch_id="other")) == 8
    shutil.copy(file, file.with_name("a.db"))
    async with opened("chat", file) as ours:
        assert len(await ours.list_branches()) == 4
    async with opened("chat", file.with_name("a.db")) as ours:
        await ours.switch_to_branch("of other")
        assert len(await ours.get_items()) == 8


async def test_their_tables_stay_as_they_are(file: Path) -> None:
    """Their session reads its history from the same file as before."""
    store = stores.sqlite(file)
    await store.write("chat", [ITEM])
    before = rows(file)
    async with opened("chat", file) as session:
        await session.add_items([MORE])
    assert rows(file) == before
    assert await store.read("chat") == [ITEM]


async def test_the_next_program_finds_the_log_without_importing(file: Path) -> None:
    """The option may be left out from then on."""
    await stores.sqlite(file).write("chat", [ITEM])
    async with opened("chat", file) as session:
        await session.add_items([MORE])
    async with EventLogSession("chat", file) as session:
        assert await session.get_items() == [ITEM, MORE]


async def test_what_came_to_theirs_after_ours_went_on_is_said_loudly(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning names the conversation; nothing of it is mixed in, and no content is logged."""
    store = stores.sqlite(file)
    await store.write("chat", [ITEM])
    async with opened("chat", file) as session:
        await session.add_items([MORE])
    await store.write("chat", [{"role": "user", "content": "a secret"}])
    insert(file, "other", "{broken")
    monkeypatch.setattr("eventlog_importing.existing._imported", set())
    with caplog.at_level(logging.WARNING, "eventlog.importing"):
        async with opened("chat", file) as session:
            assert await session.get_items() == [ITEM, MORE]
    assert "Conversation 'chat' was not imported: both have gone on" in caplog.text
    assert "1 rows are no items" in caplog.text
    assert "secret" not in caplog.text


async def test_a_process_imports_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many session objects it makes."""
    await stores.sqlite(file).write("chat", [ITEM])
    async with opened("chat", file) as session:
        await session.get_items()
    monkeypatch.setattr("eventlog_importing.existing.import_sessions", None)
    async with opened("other", file) as session:
        assert await session.get_items() == []


@pytest.mark.parametrize("content", [None, b""])
async def test_where_nothing_is_a_new_log_is_created(file: Path, content: bytes | None) -> None:
    """The option may stay in a program that starts with no history."""
    if content is not None:
        file.write_bytes(content)
    async with opened("chat", file) as session:
        await session.add_items([ITEM])
        assert await session.get_items() == [ITEM]


async def test_a_file_of_somebody_else_is_still_left_alone(file: Path) -> None:
    """Only the SDK's tables are a reason to stand beside them."""
    with closing(sqlite3.connect(file)) as db:
        db.execute("CREATE TABLE notes (text)")
    before = file.read_bytes()
    async with opened("chat", file) as session:
        with pytest.raises(NotAnEventLogError):
            await session.get_items()
    assert file.read_bytes() == before


async def test_tables_of_theirs_that_are_called_as_ours_are_never_touched(file: Path) -> None:
    """Then there is no place for a log in the file, and an error says so."""
    session = SQLiteSession("chat", file, "streams", "events")
    await session.add_items([ITEM])
    session.close()
    async with opened("chat", file) as ours:
        for _ in range(2):
            with pytest.raises(EventLogError):
                await ours.get_items()
    session = SQLiteSession("chat", file, "streams", "events")
    assert await session.get_items() == [ITEM]
    session.close()


async def test_a_log_that_is_open_is_imported_into_by_a_call_of_its_own(file: Path) -> None:
    """The message says which."""
    async with EventLogSession("chat", file) as session:
        with pytest.raises(InvalidOptionError, match="import_sessions"):
            EventLogSession("chat", log=session.log, import_existing=True)


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[str]:
    """A database of the test's own: both sides use their default names in it."""
    async with distributing.database(postgres_url, f"test_{uuid.uuid4().hex[:16]}") as url:
        yield url


async def test_on_postgresql_the_log_has_a_schema_beside_their_tables(database: str) -> None:
    """The URL is the same."""
    from agents.extensions.memory import SQLAlchemySession

    url = database.replace("postgresql://", "postgresql+asyncpg://")
    theirs = SQLAlchemySession.from_url("chat", url=url, create_tables=True)
    await theirs.add_items([ITEM, ITEM])
    async with EventLogSession.from_url("chat", url=database, import_existing=True) as session:
        assert await session.get_items() == [ITEM, ITEM]
    assert await theirs.get_items() == [ITEM, ITEM]
    await theirs.engine.dispose()


async def test_on_postgresql_where_nothing_is_a_new_log_is_created(database: str) -> None:
    """As in a file."""
    async with EventLogSession.from_url("chat", url=database, import_existing=True) as session:
        await session.add_items([ITEM])
        assert await session.get_items() == [ITEM]
