"""The branches of AdvancedSQLiteSession, each as a fork at the longest beginning that it shares.

That class copies references to rows and stores no parent; which rows two branches share tells it.
"""

import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from eventlog.format.names import MAIN
from eventlog_importing.rows import Chunk, Fork, Origin, Row, cut, moment
from eventlog_importing.sqlite_tables import Tables, quoted

_WITH_BRANCHES: Final = """
    SELECT DISTINCT session_id FROM message_structure WHERE branch_id <> 'main' ORDER BY session_id
"""

_MAIN: Final = """
    SELECT m.id FROM {messages} m
    LEFT JOIN message_structure t ON t.message_id = m.id AND t.session_id = m.session_id
        AND t.branch_id = 'main'
    WHERE m.session_id = ? AND (t.id IS NOT NULL OR NOT EXISTS (
        SELECT 1 FROM message_structure o WHERE o.message_id = m.id AND o.session_id = m.session_id
    ))
    ORDER BY t.sequence_number NULLS FIRST, m.id
"""
"""In the order in which it is imported."""

_BRANCHES: Final = """
    SELECT t.branch_id, min(t.created_at) FROM message_structure t
    WHERE t.session_id = ? AND t.branch_id <> 'main' GROUP BY t.branch_id ORDER BY min(t.id)
"""

_IDS: Final = """
    SELECT t.message_id FROM message_structure t JOIN {messages} m ON m.id = t.message_id
    WHERE t.session_id = ? AND t.branch_id = ? ORDER BY t.sequence_number, t.id
"""

_ROWS: Final = """
    SELECT m.message_data, m.created_at
    FROM message_structure t JOIN {messages} m ON m.id = t.message_id
    WHERE t.session_id = ? AND t.branch_id = ? ORDER BY t.sequence_number, t.id
    LIMIT -1 OFFSET ?
"""


def branch_chunks(db: sqlite3.Connection, tables: Tables) -> Iterator[list[Chunk]]:
    """Yield the branches of every conversation, in the order in which they were made."""
    for (session,) in db.execute(_WITH_BRANCHES).fetchall():
        yield from _Branches(db, tables, session.decode("utf-8", "surrogateescape")).chunks()


class _Branches:
    """The branches of one conversation."""

    def __init__(self, db: sqlite3.Connection, tables: Tables, session: str) -> None:
        self._db: Final = db
        self._messages: Final = quoted(tables.messages)
        self._session: Final = session
        self._ids: Final = {MAIN: [one for (one,) in self._select(_MAIN)]}
        self._forks: Final[dict[str, Fork]] = {}

    def chunks(self) -> Iterator[list[Chunk]]:
        if not self._ids[MAIN]:
            yield [Chunk(Origin(self._session), [])]
        for stored, created_at in self._select(_BRANCHES).fetchall():
            branch = stored.decode("utf-8", "surrogateescape")
            ids = [one for (one,) in self._select(_IDS, stored.decode())]
            fork = self._fork(ids)
            self._ids[branch], self._forks[branch] = ids, fork
            origin = Origin(self._session, moment(created_at), None, branch, fork)
            rows = self._select(_ROWS, stored.decode(), fork.rows)
            parts = list(cut(Row(raw, moment(at)) for raw, at in rows))
            yield [Chunk(origin, part) for part in parts or [[]]]

    def _fork(self, ids: list[int]) -> Fork:
        best = Fork(MAIN, 0, 0)
        for parent, other in self._ids.items():
            rows = _shared(ids, other)
            if rows > best.rows:
                known = self._forks.get(parent)
                best = Fork(parent, rows, known.rows if known else 0)
        return best

    def _select(self, query: str, *more: Any) -> sqlite3.Cursor:
        return self._db.execute(query.format(messages=self._messages), (self._session, *more))


def _shared(one: list[int], other: list[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))
