"""A file of the SDK's own sessions is told from a log, explained, and left alone."""

import hashlib
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from agents import Session, SQLiteSession
from agents.extensions.memory import (
    AdvancedSQLiteSession,
    AsyncSQLiteSession,
    SQLAlchemySession,
)

from eventlog.errors import NotAnEventLogError
from eventlog_openai_agents import EventLogSession

ITEM: Final[Any] = {"role": "user", "content": "Hi"}


@asynccontextmanager
async def sqlite(path: Path) -> AsyncGenerator[Session]:
    session = SQLiteSession("user-123", path)
    yield session
    session.close()


@asynccontextmanager
async def sqlite_with_tables_named(path: Path) -> AsyncGenerator[Session]:
    session = SQLiteSession("user-123", path, "my_sessions", "my_messages")
    yield session
    session.close()


@asynccontextmanager
async def sqlite_with_tables_named_as_ours(path: Path) -> AsyncGenerator[Session]:
    session = SQLiteSession("user-123", path, "streams", "events")
    yield session
    session.close()


@asynccontextmanager
async def async_sqlite(path: Path) -> AsyncGenerator[Session]:
    session = AsyncSQLiteSession("user-123", path)
    yield session
    await session.close()


@asynccontextmanager
async def advanced_sqlite(path: Path) -> AsyncGenerator[Session]:
    session = AdvancedSQLiteSession(session_id="user-123", db_path=path, create_tables=True)
    yield session
    session.close()


@asynccontextmanager
async def sqlalchemy(path: Path) -> AsyncGenerator[Session]:
    url = f"sqlite+aiosqlite:///{path}"
    session = SQLAlchemySession.from_url("user-123", url=url, create_tables=True)
    yield session
    await session.engine.dispose()


WRITERS: Final = [
    sqlite,
    sqlite_with_tables_named,
    sqlite_with_tables_named_as_ours,
    async_sqlite,
    advanced_sqlite,
    sqlalchemy,
]

CALLS: Final[list[Callable[[EventLogSession], Awaitable[Any]]]] = [
    lambda it: it.get_items(),
    lambda it: it.add_items([ITEM]),
    lambda it: it.pop_item(),
    lambda it: it.clear_session(),
]

Writer = Callable[[Path], Any]


async def write(writer: Writer, path: Path) -> None:
    async with writer(path) as session:
        await session.add_items([ITEM])


async def refused(path: Path) -> None:
    async with EventLogSession("user-123", path) as session:
        for call in CALLS:
            with pytest.raises(NotAnEventLogError):
                await call(session)


def digests(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


@pytest.mark.parametrize("writer", WRITERS)
async def test_each_call_says_whose_file_it_is_and_what_to_do(
    tmp_path: Path, writer: Writer
) -> None:
    """Never an empty history: the message names the file's owner and the ways out."""
    path = tmp_path / "conversations.db"
    await write(writer, path)
    async with EventLogSession("user-123", path) as session:
        for call in CALLS:
            with pytest.raises(NotAnEventLogError, match="the SDK's own sessions") as caught:
                await call(session)
            for words in ("left untouched", "a file of its own", "the session that wrote it"):
                assert words in str(caught.value)


@pytest.mark.parametrize("writer", WRITERS)
async def test_the_file_stays_as_it_was(tmp_path: Path, writer: Writer) -> None:
    """To the byte, and nothing appears beside it."""
    path = tmp_path / "conversations.db"
    await write(writer, path)
    before = digests(tmp_path)
    await refused(path)
    assert digests(tmp_path) == before


@pytest.mark.parametrize("writer", WRITERS)
async def test_the_sdk_reads_and_writes_its_file_as_before(tmp_path: Path, writer: Writer) -> None:
    """Its session opens the file again and goes on."""
    path = tmp_path / "conversations.db"
    await write(writer, path)
    await refused(path)
    await write(writer, path)
    async with writer(path) as session:
        assert await session.get_items() == [ITEM, ITEM]


async def test_a_file_that_the_sdk_has_open_is_left_alone(tmp_path: Path) -> None:
    """Its session goes on meanwhile, and the file and its log of changes stay as they are."""
    path = tmp_path / "conversations.db"
    async with sqlite(path) as theirs:
        await theirs.add_items([ITEM])
        before = digests(tmp_path)
        await refused(path)
        after = digests(tmp_path)
        for name in ("conversations.db", "conversations.db-wal"):
            assert after[name] == before[name]
        await theirs.add_items([ITEM])
        assert await theirs.get_items() == [ITEM, ITEM]


async def test_a_file_that_a_killed_program_left_is_left_alone(tmp_path: Path) -> None:
    """With the changes beside it that SQLite has not moved into it yet."""
    path = tmp_path / "conversations.db"
    left = tmp_path / "left"
    left.mkdir()
    async with sqlite(path) as theirs:
        await theirs.add_items([ITEM])
        for name in ("conversations.db", "conversations.db-wal"):
            shutil.copy(tmp_path / name, left)
    before = digests(left)
    await refused(left / "conversations.db")
    after = digests(left)
    assert {name: after.get(name) for name in before} == before
    async with sqlite(left / "conversations.db") as theirs:
        assert await theirs.get_items() == [ITEM]


async def test_a_file_of_the_sdk_without_any_history_is_still_the_sdks(tmp_path: Path) -> None:
    """Its tables are there: a log beside them would be found by nobody."""
    path = tmp_path / "conversations.db"
    async with sqlite(path):
        pass
    before = digests(tmp_path)
    await refused(path)
    assert digests(tmp_path) == before


async def test_the_error_names_the_tables_that_were_found(tmp_path: Path) -> None:
    """A program that wants to import the history knows where it is."""
    path = tmp_path / "conversations.db"
    await write(sqlite_with_tables_named, path)
    with pytest.raises(NotAnEventLogError, match="'my_messages'") as caught:
        await EventLogSession("user-123", path).get_items()
    assert set(caught.value.tables) == {"my_sessions", "my_messages"}
    assert {"session_id", "message_data"} <= set(caught.value.tables["my_messages"])


async def test_a_file_of_somebody_else_is_not_called_the_sdks(tmp_path: Path) -> None:
    """The explanation is given only where it is true."""
    path = tmp_path / "notes.txt"
    path.write_text("These are my notes, and no database at all.\n" * 20)
    with pytest.raises(NotAnEventLogError) as caught:
        await EventLogSession("user-123", path).get_items()
    assert "SDK" not in str(caught.value)
    assert path.read_text().startswith("These are my notes")
