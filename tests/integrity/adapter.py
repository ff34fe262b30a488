"""What agmi-check needs to know of our session: how to fill it, how to edit its tables, who looks.

agmi-check --adapter tests.integrity.adapter:SqliteSession
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from agmi.adapters.base import MemoryAdapter, Record

from eventlog import EventLog, Signer, TreeHead
from eventlog.format import chain
from eventlog.format.records import StoredEvent
from eventlog.store.sql.schema import metadata
from eventlog_openai_agents import EventLogSession
from tests.backends import Backend
from tests.conftest import open_backend

_T = TypeVar("_T")

MINE: Final = "agmi-user-A"
OTHER: Final = "agmi-user-B"
SIGNER: Final = Signer("example.com/log", bytes(32))

COLUMNS: Final = StoredEvent._fields
PLACE: Final = ("stream_id", "version")
CONTENT: Final = ("kind", "schema", "header", "codec", "salt", "context", "body", "content_digest")
META: Final = ("event_id", "recorded_at")
TABLES: Final = ("events", "streams", "tree", "tree_heads", "snapshots", "segments")
ON_SERVER: Final = ("feed", "queue", "feed_head")


class OurSession(MemoryAdapter):  # type: ignore[misc]
    """A session on one database for all edits, and a head that is kept where nobody edits."""

    name = "conversation-eventlog EventLogSession, verify() audit"
    detection_point = "audit"
    supports_replay = True
    supports_metadata = True
    supports_snapshot = True
    database = "sqlite"

    def __init__(self) -> None:
        self._runner: Final = asyncio.Runner()
        self._stack: Final = contextlib.AsyncExitStack()
        self.without_head: list[bool] = []
        """What each answer would have been if nobody had kept a head."""
        self._head: TreeHead | None = None
        self._log: EventLog | None = None
        folder = self._stack.enter_context(tempfile.TemporaryDirectory())
        opening = open_backend(self.database, Path(folder))
        self._backend: Final[Backend] = self._run(self._stack.enter_async_context(opening))
        self._tables = TABLES if self.database == "sqlite" else (*TABLES, *ON_SERVER)
        self._run(self._opened().version(MINE))
        self._run(self._backend.drop_triggers())

    def close(self) -> None:
        self.teardown()
        self._run(self._stack.aclose())
        self._runner.close()

    def setup(self) -> None:
        self._run(self._empty())
        if "feed_head" in self._tables:
            self._insert("feed_head", ["id", "position"], [1, 0])

    def teardown(self) -> None:
        self.reload()
        self._head = None

    def seed(self, n: int) -> None:
        self._run(self._add(MINE, [f"agmi-seed-{number}" for number in range(n)]))

    def seed_other(self, n: int) -> None:
        self._run(self._add(OTHER, [f"agmi-other-{number}" for number in range(n)]))

    def append_genuine(self) -> None:
        self._run(self._add(MINE, ["agmi-seed-late"]))

    def reload(self) -> None:
        if self._log is not None:
            self._run(self._log.close())
        self._log = None

    def verify(self) -> bool:
        log = self._opened()
        self.without_head.append(self._run(log.verify()).ok)
        found = self._run(log.verify(against=self._head))
        self.verify_detail = "; ".join(map(str, found.faults)) or None
        return found.ok

    def read_all_raw(self) -> list[Record]:
        return self._records(MINE)

    def read_other_raw(self) -> list[Record]:
        return self._records(OTHER)

    def write_raw(self, record: Record) -> None:
        if record.seq < len(self.read_all_raw()):
            self._update(record.seq, record.fields, [c for c in COLUMNS if c not in PLACE])
        else:
            placed = {**record.fields, "version": record.seq + 1}
            self._insert("events", COLUMNS, [placed[column] for column in COLUMNS])

    def delete_raw(self, seq: int) -> None:
        gone = self.read_all_raw()[seq].fields
        where = "WHERE stream_id = ? AND version = ?"
        self._execute(f"DELETE FROM {{}}events {where}", gone["stream_id"], gone["version"])
        if seq == len(self.read_all_raw()):  # Whoever cuts the end off moves the head back.
            last = self.read_all_raw()[-1].fields
            head = "version = ?, head_hash = ?, head_at = ? WHERE stream_id = ?"
            values = [last[name] for name in ("version", "hash", "recorded_at", "stream_id")]
            self._execute(f"UPDATE {{}}streams SET {head}", *values)

    def replay_onto(self, victim_seq: int, donor: Record) -> None:
        self._update(victim_seq, donor.fields, CONTENT)

    def mutate_payload(self, record: Record) -> Record:
        body: bytes = record.fields["body"]
        record.fields["body"] = body.replace(b"agmi-seed", b"agmi-TAMP")
        return record

    def read_meta(self, seq: int) -> dict[str, Any]:
        fields = self.read_all_raw()[seq].fields
        return {name: fields[name] for name in META}

    def write_meta(self, seq: int, meta: dict[str, Any]) -> None:
        unknown = [name for name in meta if name not in META]
        self._update(seq, {**meta, "event_id": unknown[0]}, META)

    def snapshot_store(self) -> object:
        self.reload()
        return {table: self._run(self._all_of(table)) for table in self._tables}

    def restore_store(self, token: object) -> None:
        assert isinstance(token, dict)
        self.reload()
        self._run(self._empty())
        for table, (columns, rows) in token.items():
            for row in rows:
                self._insert(table, columns, row)

    def identity_of(self, record: Record) -> str:
        return f"{self.owner_of(record)} {record.fields['version']}"

    def payload_of(self, record: Record) -> str:
        return repr(record.fields["body"])

    def owner_of(self, record: Record) -> str:
        return str(record.fields["stream_id"].hex())

    def _run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return self._runner.run(work)

    def _opened(self) -> EventLog:
        if self._log is None:
            self._log = self._backend.open()
        return self._log

    async def _add(self, session_id: str, texts: list[str]) -> None:
        log = self._opened()
        session = EventLogSession(session_id, log=log)
        for text in texts:
            await session.add_items([{"role": "user", "content": text}])
        self._head = SIGNER.verifier.open((await log.tree.head(SIGNER)).note)

    def _records(self, session_id: str) -> list[Record]:
        select = f"SELECT {', '.join(COLUMNS)} FROM {{}}events WHERE stream_id = ? ORDER BY version"
        rows = self._run(self._backend.execute(select, chain.stream_id("default", session_id)))
        return [Record(seq, dict(zip(COLUMNS, row, strict=True))) for seq, row in enumerate(rows)]

    def _update(self, seq: int, values: dict[str, Any], columns: Any) -> None:
        place = self.read_all_raw()[seq].fields
        changes = ", ".join(f"{column} = ?" for column in columns)
        self._execute(
            f"UPDATE {{}}events SET {changes} WHERE stream_id = ? AND version = ?",
            *[values[column] for column in columns],
            *[place[column] for column in PLACE],
        )

    def _insert(self, table: str, columns: Any, values: Any) -> None:
        marks = ", ".join("?" * len(columns))
        self._execute(f"INSERT INTO {{}}{table} ({', '.join(columns)}) VALUES ({marks})", *values)

    def _execute(self, statement: str, *args: object) -> None:
        self._run(self._backend.execute(statement, *args))

    async def _all_of(self, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        dialect = "postgresql" if "feed_head" in self._tables else "sqlite"
        columns = [column.name for column in metadata(dialect).tables[table].columns]
        return columns, await self._backend.execute(f"SELECT {', '.join(columns)} FROM {{}}{table}")

    async def _empty(self) -> None:
        for table in self._tables:
            await self._backend.execute(f"DELETE FROM {{}}{table}")
        if "feed_head" not in self._tables:
            await self._backend.execute("DELETE FROM sqlite_sequence")


class SqliteSession(OurSession):
    """In a file."""


class PostgresSession(OurSession):
    """In a schema of the server that EVENTLOG_TEST_POSTGRES_URL names."""

    database = "postgres"
