"""A session by an async engine of SQLAlchemy: where its log is, and what is no place for one."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from agents.extensions.memory import SQLAlchemySession
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from eventlog.addresses.engine import address_of
from eventlog.errors import InvalidAddressError, InvalidOptionError
from eventlog_openai_agents import EventLogSession

ITEMS: Any = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]


def engine_of(url: str) -> AsyncEngine:
    """An engine that was given this URL, whether its driver is there or not."""
    engine = create_async_engine("postgresql+asyncpg://")
    engine.sync_engine.url = make_url(url)
    return engine


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql+asyncpg://u:p%40@h:1/db", "postgresql://u:p%40@h:1/db"),
        (
            "postgresql+psycopg://u@h/db?connect_timeout=3&prepare_threshold=0",
            "postgresql://u@h/db",
        ),
        ("postgresql+asyncpg://u@h/db?ssl=require", "postgresql://u@h/db?sslmode=require"),
        ("postgresql+psycopg_async://h/db?options=-csearch_path%3Dx", None),
        ("postgresql+asyncpg:///db?host=a:1&host=b:2", "postgresql:///db?host=a%3A1%2Cb%3A2"),
        ("sqlite+aiosqlite:///a b/c.db?timeout=30", "a b/c.db"),
    ],
)
def test_what_an_engine_was_given_is_said_as_a_log_takes_it(url: str, address: str | None) -> None:
    """Every way of writing it; how the driver waits and prepares is not the log's."""
    unchanged = "postgresql://h/db?options=-csearch_path%3Dx"
    assert address_of(engine_of(url)) == (address or unchanged)


async def test_sessions_of_one_database_share_its_log(tmp_path: Path) -> None:
    """By the engine and by the path; and the engine is not used."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'log.db'}")
    async with (
        EventLogSession("chat", engine=engine) as one,
        EventLogSession("chat", tmp_path / "log.db") as other,
    ):
        await one.add_items(ITEMS)
        assert await other.get_items() == ITEMS
        assert one.log.spi.store is other.log.spi.store
        assert (one.engine, other.engine) == (engine, None)
    assert engine.pool.status() == create_async_engine(engine.url).pool.status()


async def test_what_was_stored_through_the_engine_is_imported(tmp_path: Path) -> None:
    """The constructor line is all that changes, and the history is there."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'both.db'}")
    await SQLAlchemySession("chat", engine=engine, create_tables=True).add_items(ITEMS)
    async with EventLogSession("chat", engine=engine, import_existing=True) as session:
        assert await session.get_items() == ITEMS
    await engine.dispose()


@pytest.mark.parametrize("path", ["", "/", "/:memory:", "/file:shared?cache=shared&uri=true"])
def test_a_database_in_memory_is_refused(path: str) -> None:
    """Only its engine sees it; it would be another one."""
    with pytest.raises(InvalidOptionError, match="engine of a file, or leave engine out"):
        EventLogSession("chat", engine=create_async_engine(f"sqlite+aiosqlite://{path}"))


def test_an_engine_of_another_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the error says what can be done with what is stored there."""
    flags = SimpleNamespace(CLIENT=SimpleNamespace(FOUND_ROWS=2))
    monkeypatch.setitem(sys.modules, "pymysql", SimpleNamespace())
    monkeypatch.setitem(sys.modules, "pymysql.constants", flags)
    driver = SimpleNamespace(paramstyle="pyformat", version_info=(1, 0, 0), __version__="1.0")
    engine = create_async_engine("mysql+aiomysql://u:secret@h/db", module=driver)
    with pytest.raises(InvalidAddressError, match=r"of mysql.*import_sessions") as raised:
        EventLogSession("chat", engine=engine)
    assert "secret" not in str(raised.value)


def test_what_is_no_async_engine_is_refused(tmp_path: Path) -> None:
    """Nor are two places for one log taken."""
    make: Any = EventLogSession
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'log.db'}")
    with pytest.raises(InvalidOptionError, match="not Engine"):
        make("chat", engine=create_engine("sqlite://"))
    with pytest.raises(InvalidOptionError, match="one of db_path, engine and log"):
        make("chat", tmp_path / "other.db", engine=engine)
    assert not list(tmp_path.iterdir())


USING: Final = """
import asyncio, sys
from eventlog_openai_agents import EventLogHooks, EventLogSession, RecordedSession

async def main(path):
    session = EventLogSession("chat", path)
    await session.add_items([{"role": "user", "content": "more"}])
    print(len(await session.get_items()))

asyncio.run(main(sys.argv[1]))
print(sorted({"sqlalchemy", "alembic", "asyncpg", "redis"} & {*sys.modules}))
"""


async def test_a_session_on_a_file_is_used_without_sqlalchemy(tmp_path: Path) -> None:
    """Only who gives an engine, and so has loaded it, or a URL, pays for it."""
    path = tmp_path / "log.db"
    await EventLogSession("chat", path).add_items(ITEMS)
    done = subprocess.run(
        [sys.executable, "-c", USING, str(path)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("3\n[]\n", "")
