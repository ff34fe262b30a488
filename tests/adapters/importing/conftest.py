"""One store of the SDK's after the other, and what an import of it must leave alone."""

import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventLog
from tests import servers
from tests.adapters.importing import stores
from tests.adapters.importing.stores import Store

FILES: Final[Any] = {
    "SQLiteSession": stores.sqlite,
    "SQLiteSession, tables named": stores.sqlite_with_tables_named,
    "AsyncSQLiteSession": stores.async_sqlite,
    "AdvancedSQLiteSession": stores.advanced_sqlite,
    "EncryptedSession": stores.encrypted_sqlite,
}
STORES: Final = [
    *FILES,
    "SQLAlchemySession, SQLite",
    "SQLAlchemySession, PostgreSQL",
    *(f"SQLAlchemySession, MySQL by {driver}" for driver in stores.MYSQL_DRIVERS),
    "RedisSession",
]


@pytest.fixture(scope="session")
def mysql_url() -> Iterator[str]:
    """A MySQL or MariaDB server, for tests of both."""
    with contextlib.ExitStack() as stack:
        yield os.environ.get(servers.MYSQL) or servers.start_mariadb(stack)


@pytest.fixture(params=STORES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, postgres_url: str, redis_url: str
) -> AsyncIterator[Store]:
    """A store of each kind, written by the real class of the SDK."""
    path = tmp_path / "theirs.db"
    if request.param in FILES:
        yield FILES[request.param](path)
        return
    async with contextlib.AsyncExitStack() as stack:
        opening: Any
        if request.param == "RedisSession":
            opening = stores.on_redis(redis_url)
        elif request.param == "SQLAlchemySession, SQLite":
            opening = stores.sqlalchemy_sqlite(path)
        elif " by " in request.param:
            mysql_url: str = request.getfixturevalue("mysql_url")
            opening = stores.sqlalchemy_mysql(mysql_url, request.param.rpartition(" ")[2])
        else:
            opening = stores.sqlalchemy_postgres(postgres_url)
        yield await stack.enter_async_context(opening)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a test's source is."""
    return tmp_path / "theirs.db"


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[EventLog]:
    """A log in a file, for what does not depend on the backend of the target."""
    async with EventLog(tmp_path / "log.db", tenant=uuid.uuid4().hex) as opened:
        yield opened
