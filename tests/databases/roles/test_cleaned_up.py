"""After the documented clean-up of an erasure, no file of the database has a byte of it."""

import contextlib
import os
from pathlib import Path
from typing import Any, Final

import asyncpg

from eventlog import Context, EventLog
from eventlog.keys import new_key, parse_keyring
from eventlog_projections import Conversation, erase
from eventlog_projections.views import Views
from tests.databases.roles.conftest import Roled

MARKER: Final = "MARKER41c7a9"
WAL: Final = "pg_wal"
"""Not ours to clean: docs/erasure.md."""


async def say(log: EventLog) -> list[bytes]:
    """Have it said in every way, often; return what is stored of it: bodies, contexts and salts."""
    chat = Conversation(log, "chat")
    message: dict[str, Any] = {"role": "user", "content": f"{MARKER} said"}
    await chat.add([message] * 300, context=Context(actor=MARKER))
    for _ in range(20):
        await chat.add([message], context=Context(actor=MARKER))
    await chat.clear(reason=MARKER)
    await chat.add([message] * 300)
    stored = [event.stored async for event in log.read("chat")]
    return [part for each in stored for part in (each.body, each.context, each.salt) if part]


async def clean_up(roled: Roled) -> Path:
    """Do what docs/erasure.md says; return the folder of the server."""
    connection = await asyncpg.connect(roled.backend.url)
    try:
        schema = roled.backend.schema
        rows = await connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = $1", schema
        )
        for (table,) in rows:
            await connection.execute(f"VACUUM FULL {schema}.{table}")
        await connection.execute("CHECKPOINT")
        return Path(await connection.fetchval("SHOW data_directory"))
    finally:
        await connection.close()


def files_with(folder: Path, wanted: list[bytes]) -> list[tuple[str, int]]:
    """Return the files that have one of these."""
    found: list[tuple[str, int]] = []
    for parent, _, names in os.walk(folder):  # The server removes files meanwhile.
        for path in (Path(parent, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                is_looked_at = path.is_file() and WAL not in path.parts
                data = path.read_bytes() if is_looked_at else b""
                found += [(path.name, at) for at, each in enumerate(wanted) if each in data]
    return found


async def test_no_file_of_the_server_has_what_was_erased(roled: Roled) -> None:
    """Nor its words, its ciphertext or its salts; also where ANALYZE ran while it was there."""
    ring = parse_keyring(new_key("kek"))
    plain, sealed = roled.open("owner"), roled.open("eraser", tenant="sealed", keyring=ring)
    writer = roled.open("writer", tenant="sealed", keyring=ring)
    wanted = [MARKER.encode(), MARKER.lower().encode()]
    for log in (plain, writer):
        # Very short ones, such as an empty body, are everywhere.
        wanted += [part for part in await say(log) if len(part) >= 16]
    await Views(roled.open("sequencer", keyring=ring)).catch_up()
    await roled.backend.execute("ANALYZE")
    await roled.backend.execute("CHECKPOINT")
    folder = await clean_up(roled)
    assert files_with(folder, wanted[:1])
    for log in (plain, sealed):
        await erase(log, "chat", by="dpo", reason="r")
    await roled.backend.execute("ANALYZE")
    assert files_with(await clean_up(roled), wanted) == []
