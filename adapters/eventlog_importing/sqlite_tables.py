"""Finds the tables of the SDK's sessions in a SQLite file by their columns."""

import sqlite3
from typing import Final, NamedTuple

from eventlog.errors import InvalidOptionError, SourceError
from eventlog_importing.sqlite_usage import TABLE

MESSAGE_COLUMNS: Final = {"id", "session_id", "message_data", "created_at"}
SESSION_COLUMNS: Final = {"session_id", "created_at", "updated_at"}

STRUCTURE: Final = "message_structure"
"""AdvancedSQLiteSession's; it has this name in every file."""


class Tables(NamedTuple):
    """The names of the tables of messages and of sessions, and how messages are ordered."""

    messages: str
    sessions: str
    by_time: bool
    """SQLAlchemySession orders by time, the others by id."""
    has_branches: bool
    has_usage: bool

    def select_messages(self) -> str:
        """Read name, times of the conversation, content and time of every row, in order."""
        if self.has_branches:
            return _MAIN.format(messages=quoted(self.messages), sessions=quoted(self.sessions))
        return _ALL.format(
            messages=quoted(self.messages),
            sessions=quoted(self.sessions),
            order="m.created_at, m.id" if self.by_time else "m.id",
        )

    def select_empty(self) -> str:
        """Read name and times of the conversations without a message."""
        return _EMPTY.format(messages=quoted(self.messages), sessions=quoted(self.sessions))


_ALL: Final = """
    SELECT m.session_id, s.created_at, s.updated_at, m.message_data, m.created_at
    FROM {messages} m LEFT JOIN {sessions} s ON s.session_id = m.session_id
    ORDER BY m.session_id, {order}
"""

_MAIN: Final = """
    SELECT m.session_id, s.created_at, s.updated_at, m.message_data, m.created_at
    FROM {messages} m LEFT JOIN {sessions} s ON s.session_id = m.session_id
    LEFT JOIN message_structure t ON t.message_id = m.id AND t.session_id = m.session_id
        AND t.branch_id = 'main'
    WHERE t.id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM message_structure o WHERE o.message_id = m.id AND o.session_id = m.session_id
    )
    ORDER BY m.session_id, t.sequence_number NULLS FIRST, m.id
"""
"""What no branch has was written before the file had branches: it comes first."""

_EMPTY: Final = """
    SELECT s.session_id, s.created_at, s.updated_at FROM {sessions} s
    WHERE NOT EXISTS (SELECT 1 FROM {messages} m WHERE m.session_id = s.session_id)
    ORDER BY s.session_id
"""


def find_tables(db: sqlite3.Connection, path: str, messages: str | None) -> Tables:
    """Find them by their columns. Raises SourceError or InvalidOptionError."""
    columns = _columns(db)
    found = _found(columns, messages)
    if not found:
        named = "" if messages is None else f" called {messages!r}"
        raise SourceError(
            f"{path} has no table of messages of the SDK's sessions{named}. It was left untouched."
            f" Its tables: {', '.join(sorted(columns)) or 'none'}."
        )
    if len(found) > 1:
        raise InvalidOptionError(
            f"{path} has several tables of messages: {', '.join(sorted(found))}. Import each:"
            " SQLiteSource(path, messages_table=...)."
        )
    return _describe(db, path, found[0], columns)


def has_messages(db: sqlite3.Connection, messages: str | None) -> bool:
    """Tell whether there is a table of messages."""
    return bool(_found(_columns(db), messages))


def _found(columns: dict[str, set[str]], messages: str | None) -> list[str]:
    return [
        name
        for name, names in columns.items()
        if names >= MESSAGE_COLUMNS and (messages is None or name.lower() == messages.lower())
    ]


def _describe(
    db: sqlite3.Connection, path: str, messages: str, columns: dict[str, set[str]]
) -> Tables:
    sessions = [
        table
        for (table, column) in db.execute(
            'SELECT "table", "from" FROM pragma_foreign_key_list(?)', (messages,)
        )
        if column == b"session_id" and columns.get(table.decode(), set()) >= SESSION_COLUMNS
    ]
    if len(sessions) != 1:
        raise SourceError(
            f"{path}: the table {messages!r} does not say which table has its sessions."
            " It was left untouched."
        )
    has_branches = STRUCTURE in columns and _owns_structure(db, messages)
    return Tables(
        messages,
        sessions[0].decode(),
        by_time=_is_indexed_by_time(db, messages),
        has_branches=has_branches,
        has_usage=has_branches and TABLE in columns,
    )


def _columns(db: sqlite3.Connection) -> dict[str, set[str]]:
    rows = db.execute(
        "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c"
        " WHERE m.type = 'table'"
    )
    columns: dict[str, set[str]] = {}
    for table, column in rows:
        columns.setdefault(table.decode(), set()).add(column.decode())
    return columns


def _is_indexed_by_time(db: sqlite3.Connection, messages: str) -> bool:
    rows = db.execute(
        "SELECT group_concat(c.name) FROM pragma_index_list(?) i, pragma_index_info(i.name) c"
        " GROUP BY i.name",
        (messages,),
    )
    return (b"session_id,created_at",) in rows.fetchall()


def _owns_structure(db: sqlite3.Connection, messages: str) -> bool:
    owners = db.execute(
        'SELECT "table" FROM pragma_foreign_key_list(?) WHERE "from" = ?', (STRUCTURE, "message_id")
    )
    return any(owner.decode().lower() == messages.lower() for (owner,) in owners)


def quoted(name: str) -> str:
    """Return a name as a quoted identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
