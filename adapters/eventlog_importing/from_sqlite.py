"""SQLite files of SQLiteSession, AsyncSQLiteSession, AdvancedSQLiteSession and SQLAlchemySession.

The file is opened read-only and read in one transaction: a program that writes to it goes on, and
what it writes meanwhile is left to the next import.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from typing import Any, Final

from eventlog.addresses.log import printable
from eventlog.errors import SourceError
from eventlog.files import frozen, sqlite_uri
from eventlog.format.names import RESERVED
from eventlog_importing.rows import Chunk, Origin, Row, chunked, moment
from eventlog_importing.sqlite_branches import branch_chunks
from eventlog_importing.sqlite_tables import Tables, find_tables, has_messages
from eventlog_importing.sqlite_usage import turns_of

PAGE: Final = 2048
"""Rows that are fetched at once."""

BUSY_SECONDS: Final = 5.0


class SQLiteSource:
    """A SQLite file. `messages_table` names its table of messages, if it has more than one."""

    layout: str = "SQLite"

    def __init__(self, path: str | os.PathLike[str], *, messages_table: str | None = None) -> None:
        self._path: Final = os.path.abspath(path)
        self._messages: Final = messages_table

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield every conversation, then those without rows, then the branches of each."""
        pages = self._pages()
        try:
            while (page := await asyncio.to_thread(next, pages, None)) is not None:
                for chunk in page:
                    yield chunk
        finally:
            await asyncio.to_thread(pages.close)

    async def is_there(self) -> bool:
        """Tell whether the file has tables of the SDK's sessions."""
        return await asyncio.to_thread(self._is_there)

    def _is_there(self) -> bool:
        if not os.path.exists(self._path):
            return False
        with self._translated(), contextlib.closing(_connect(self._path)) as db:
            return has_messages(db, self._messages)

    def _pages(self) -> Generator[list[Chunk]]:
        with self._translated(), contextlib.closing(_connect(self._path)) as db:
            db.execute("BEGIN")
            tables = find_tables(db, printable(self._path), self._messages)
            for page in _chunks(db, tables):
                yield [_with_turns(db, chunk) for chunk in page] if tables.has_usage else page

    @contextlib.contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if os.path.isdir(self._path):
                raise SourceError(
                    f"{printable(self._path)} is a folder. Name a file that one of the SDK's"
                    " sessions has written."
                ) from error
            raise SourceError(
                f"{printable(self._path)} cannot be read: {error}. It was left untouched. Give the"
                " path of a file that one of the SDK's sessions has written."
            ) from error


def _chunks(db: sqlite3.Connection, tables: Tables) -> Iterator[list[Chunk]]:
    for rows in _fetched(db.execute(tables.select_messages())):
        yield list(chunked(rows, _origin, _row))
    for rows in _fetched(db.execute(tables.select_empty())):
        yield [Chunk(_origin(row), []) for row in rows]
    if tables.has_branches:
        yield from branch_chunks(db, tables)


def _with_turns(db: sqlite3.Connection, chunk: Chunk) -> Chunk:
    origin = chunk.origin
    return chunk._replace(turns=turns_of(db, origin.name, origin.branch or RESERVED))


def _connect(path: str) -> sqlite3.Connection:
    left = frozen(path)  # On read-only media SQLite can make nothing beside it.
    db = sqlite3.connect(
        sqlite_uri(path, "ro", *([] if left is None else [left.option])),
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    if left is not None and left.has_wal:
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
    db.text_factory = bytes  # What is no UTF-8 is kept too.
    return db


def _fetched(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Any, ...]]]:
    while rows := cursor.fetchmany(PAGE):
        yield rows


def _row(stored: Any, at: Any) -> Row:
    return Row(stored if isinstance(stored, bytes) else str(stored).encode(), moment(at))


def _origin(columns: Sequence[Any]) -> Origin:
    name, created_at, updated_at = columns
    return Origin(name.decode("utf-8", "surrogateescape"), moment(created_at), moment(updated_at))
