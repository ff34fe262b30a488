"""Puts the streams of vectors into a SQLite file, past the library and its checks."""

import contextlib
import sqlite3
from pathlib import Path

from eventlog import EventLog
from eventlog.events import ConversationForked
from eventlog.format.events import load_header
from tests.vectors.making import Stream


async def store(path: Path, *streams: Stream) -> None:
    """Make a log of these streams; no trigger is left in it."""
    async with EventLog(path) as log:
        await log.position()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA ignore_check_constraints = ON")
        triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in db.execute(triggers).fetchall():
            db.execute(f"DROP TRIGGER {name}")
        for stream in streams:
            for event in stream.events:
                fields = ", ".join("?" * len(event))
                db.execute(f"INSERT INTO events VALUES (NULL, {fields})", event)
            row = _row(stream)
            fields = ", ".join("?" * len(row))
            names = ", ".join(row)
            db.execute(f"INSERT INTO streams ({names}) VALUES ({fields})", tuple(row.values()))


def _row(stream: Stream) -> dict[str, object]:
    first, head = stream.events[0], stream.head
    erased = [e.version for e in stream.events if e.kind in ("erased", "redacted")]
    keys = [e.key_id for e in stream.events if e.key_id is not None]
    tenant, name, branch = stream.names
    row: dict[str, object] = {
        "stream_id": stream.stream_id,
        "tenant": tenant,
        "name": name,
        "branch": branch,
        "version": head.version,
        "head_hash": head.hash,
        "head_at": head.at,
        "created_at": first.recorded_at,
        "key_id": keys[-1] if keys else None,
        "erased_version": erased[-1] if erased else None,
    }
    if first.kind == ConversationForked.kind:
        header = load_header(first.header)
        row |= {
            "parent_id": bytes.fromhex(header.parent or ""),
            "parent_version": header.at_version,
        }
    return row
