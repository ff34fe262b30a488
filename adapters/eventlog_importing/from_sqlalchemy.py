"""Reads databases of SQLAlchemySession: PostgreSQL, MySQL, and others that SQLAlchemy reaches."""

import contextlib
from collections.abc import AsyncGenerator, Generator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import column, exists, func, inspect, select, table
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from eventlog.errors import SourceError
from eventlog.format.codec import encode_json
from eventlog_importing.rows import Chunk, Origin, Row, chunked, moment

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

PAGE: Final = 2048
"""Rows that are fetched at once."""

_UNREACHABLE: Final = (
    "The database of SQLAlchemySession cannot be reached. Is the server running, and are host and"
    " port right?"
)

_REFUSED: Final = (
    "The server of SQLAlchemySession lets this user in with no such password, or not into this"
    " database. Look at both in the URL."
)

_NO_DATABASE: Final = "The server has no database of this name. Look at the end of the URL."

_NO_TABLE: Final = (
    "The database has no such tables of SQLAlchemySession. If they have other names:"
    " SQLAlchemySource(url, sessions_table=..., messages_table=...)."
)

_KNOWN: Final[dict[object, str]] = {
    **dict.fromkeys((2002, 2003, 2005, 2006, 2013), _UNREACHABLE),
    **dict.fromkeys((1044, 1045, 1698, "28000", "28P01"), _REFUSED),
    **dict.fromkeys((1049, "3D000"), _NO_DATABASE),
    **dict.fromkeys((1146, "42P01"), _NO_TABLE),
}
"""What a driver's error means, by its number (MySQL) or SQLSTATE (PostgreSQL).

https://mariadb.com/docs/server/reference/error-codes/mariadb-error-code-reference
"""


class SQLAlchemySource:
    """A database by the URL or the engine that SQLAlchemySession was given.

    Whoever made an engine disposes of it. It is read in one transaction, through a server cursor.
    """

    layout: str = "SQLAlchemySession"

    def __init__(
        self,
        engine: "str | AsyncEngine",
        *,
        sessions_table: str = "agent_sessions",
        messages_table: str = "agent_messages",
    ) -> None:
        self._engine: Final = engine
        self._messages_table: Final = messages_table
        self._sessions: Final = table(
            sessions_table, column("session_id"), column("created_at"), column("updated_at")
        ).alias("s")
        self._messages: Final = table(
            messages_table,
            column("id"),
            column("session_id"),
            column("message_data"),
            column("created_at"),
        ).alias("m")

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield every conversation, those without rows last."""
        with _translated():
            async with self._connect() as connection:
                async for rows in _pages(connection, self._select_messages()):
                    for chunk in chunked(rows, _origin, _row):
                        yield chunk
                async for rows in _pages(connection, self._select_empty()):
                    for row in rows:
                        yield Chunk(_origin(row), [])

    async def is_there(self) -> bool:
        """Tell whether the database has the table of messages."""
        with _translated():
            async with self._connect() as connection:
                return await connection.run_sync(
                    lambda sync: inspect(sync).has_table(self._messages_table)
                )

    @contextlib.asynccontextmanager
    async def _connect(self) -> "AsyncGenerator[AsyncConnection]":
        if not isinstance(self._engine, str):
            async with self._engine.connect() as connection, _in_utc(connection):
                yield connection
            return
        engine = _open(self._engine)
        try:
            async with engine.connect() as connection, _in_utc(connection):
                yield connection
        finally:
            await engine.dispose()

    def _select_messages(self) -> Any:
        messages, sessions = self._messages.c, self._sessions.c
        return (
            select(
                # MySQL may take names for one that are not, as SQLAlchemySession does there.
                func.coalesce(sessions.session_id, messages.session_id).label("name"),
                sessions.created_at,
                sessions.updated_at,
                messages.message_data,
                messages.created_at,
            )
            .select_from(self._messages)
            .outerjoin(self._sessions, sessions.session_id == messages.session_id)
            .order_by(messages.session_id, messages.created_at, messages.id)
        )

    def _select_empty(self) -> Any:
        sessions = self._sessions.c
        has_messages = exists().where(self._messages.c.session_id == sessions.session_id)
        return (
            select(sessions.session_id, sessions.created_at, sessions.updated_at)
            .where(~has_messages)
            .order_by(sessions.session_id)
        )


def _open(url: str) -> "AsyncEngine":
    """Return an engine. Raises SourceError where a package that it needs is not installed."""
    try:
        # It needs greenlet, which a log in a file does without.
        from sqlalchemy.ext.asyncio import create_async_engine

        return create_async_engine(_asynchronous(url))
    except ImportError as error:
        raise SourceError(
            f"The database of SQLAlchemySession cannot be read: {error.name or 'its driver'} is not"
            " installed. For PostgreSQL pip install 'conversation-eventlog[postgres]', for MySQL or"
            " MariaDB pip install aiomysql; another database has an asynchronous driver of its own,"
            " which its URL names."
        ) from error
    except SQLAlchemyError as error:
        raise SourceError(
            "The database of SQLAlchemySession cannot be read: SQLAlchemy has no asynchronous"
            " driver for this URL. Write it as SQLAlchemySession was given it, such as"
            " postgresql+asyncpg://user@host/database or mysql+aiomysql://user@host/database."
        ) from error


@contextlib.asynccontextmanager
async def _in_utc(connection: "AsyncConnection") -> AsyncGenerator[None]:
    """Have MySQL tell a TIMESTAMP in UTC, as which it keeps it; leave the connection as it was."""
    if connection.dialect.name not in ("mysql", "mariadb"):
        yield
        return
    zone = (await connection.exec_driver_sql("SELECT @@session.time_zone")).scalar_one()
    await connection.exec_driver_sql("SET time_zone = '+00:00'")
    try:
        yield
    finally:
        with contextlib.suppress(SQLAlchemyError):  # What failed before is what is told.
            await connection.exec_driver_sql("SET time_zone = %s", (zone,))


_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "mysql": "mysql+aiomysql",
    "mariadb": "mariadb+aiomysql",
}


def _asynchronous(url: str) -> URL:
    """Return it with an asynchronous driver, where it names no driver at all."""
    made = make_url(url)
    return made.set(drivername=_DRIVERS.get(made.drivername, made.drivername))


async def _pages(connection: "AsyncConnection", query: Any) -> AsyncGenerator[Any]:
    async with connection.stream(query) as rows:
        async for page in rows.partitions(PAGE):
            yield page


@contextlib.contextmanager
def _translated() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise SourceError(_UNREACHABLE) from error
    except SQLAlchemyError as error:
        raise SourceError(_said(error)) from error


def _said(error: SQLAlchemyError) -> str:
    code = _code(error.orig) if isinstance(error, DBAPIError) else None
    if code in _KNOWN:
        return _KNOWN[code]
    number = "" if code is None else f" (its error {code})"
    return (
        f"The database of SQLAlchemySession cannot be read{number}. Look at the URL, the names of"
        " its tables, and the error that caused this one."
    )


def _code(error: BaseException | None) -> object:
    """Return what the server calls the error: a number of MySQL's, or a SQLSTATE."""
    numbers = [one for one in getattr(error, "args", ()) if isinstance(one, int)]
    return numbers[0] if numbers else getattr(error, "sqlstate", None)


def _row(stored: Any, at: Any) -> Row:
    """Read a row of any column that holds JSON: text, bytes, or what a driver has decoded."""
    if stored is None:
        return Row(b"", moment(at), "it is NULL")
    if isinstance(stored, str):
        return Row(stored.encode("utf-8", "surrogatepass"), moment(at))
    raw = bytes(stored) if isinstance(stored, bytes | bytearray) else encode_json(stored)
    return Row(raw, moment(at))


def _origin(columns: Any) -> Origin:
    name, created_at, updated_at = columns
    return Origin(name, moment(created_at), moment(updated_at))
