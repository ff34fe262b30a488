"""The database itself refuses to change or remove an event."""

import sqlite3

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded, NewEvent, Signer
from eventlog_projections import erase, erase_event
from tests.backends import Backend

SIGNER = Signer("example.com/log", bytes(range(32)))
REFUSED = (sqlite3.IntegrityError, sqlite3.OperationalError, asyncpg.RaiseError)
EVERY = "stream_id, version, format, event_id, kind, schema, recorded_at, header, codec, key_id, "
COPY = EVERY + "salt, context, body, content_digest, hash"

STATEMENTS = [
    "UPDATE {}events SET kind = 'cleared'",
    "UPDATE {}events SET body = header",
    "UPDATE {}events SET body = NULL",
    "UPDATE {}events SET salt = NULL, body = NULL",
    "UPDATE {}events SET salt = NULL, context = NULL, body = NULL, version = version + 10",
    "UPDATE {}events SET salt = NULL, context = NULL, body = NULL, hash = stream_id",
    "DELETE FROM {}events",
    "DELETE FROM {}events WHERE version = 1",
]
ONLY_SQLITE = [
    f"INSERT OR REPLACE INTO events ({COPY}) SELECT {COPY} FROM events",
    f"REPLACE INTO events (position, {COPY}) SELECT position, {COPY} FROM events",
    f"INSERT OR REPLACE INTO events ({COPY}) SELECT {COPY.replace('version', '50')} FROM events"
    " WHERE event_id IS NOT NULL",
    f"INSERT INTO events (position, {COPY}) SELECT 1, {COPY.replace('version', '50')} FROM events"
    " WHERE event_id IS NULL ON CONFLICT (position) DO UPDATE SET kind = 'cleared'",
    "UPDATE OR REPLACE events SET position = 1 WHERE position = 2",
    "UPDATE events SET position = 50 WHERE position = 2",
    f"INSERT INTO events ({COPY}) SELECT {COPY.replace('body', 'NULL').replace('version', '50')}"
    " FROM events WHERE event_id IS NULL",
    f"INSERT INTO events ({COPY}) SELECT {COPY.replace('stream_id', 'hex(stream_id)')} FROM events",
]
ONLY_POSTGRES = [
    "TRUNCATE {}events",
    "TRUNCATE {}events CASCADE",
    "INSERT INTO {}events SELECT (e).* FROM {}events e ON CONFLICT (stream_id, version)"
    " DO UPDATE SET kind = 'cleared'",
    "MERGE INTO {}events e USING {}events o ON e.version = o.version"
    " WHEN MATCHED THEN UPDATE SET kind = 'cleared'",
    f"INSERT INTO {{}}events ({COPY}) SELECT {COPY.replace('body', 'NULL')}"
    " FROM {}events WHERE event_id IS NULL",
]

OTHER_EVIDENCE = [
    "UPDATE {}streams SET stream_id = head_hash",
    "UPDATE {}streams SET tenant = 'other'",
    "UPDATE {}streams SET name = 'other'",
    "UPDATE {}streams SET branch = 'other'",
    "UPDATE {}streams SET parent_id = stream_id",
    "UPDATE {}streams SET parent_version = 1",
    "UPDATE {}streams SET created_at = 0",
    "DELETE FROM {}streams",
    "DELETE FROM {}tree_heads",
    "UPDATE {}tree_heads SET size = 1",
]
OTHER_ON_SQLITE = [
    "INSERT OR REPLACE INTO streams SELECT * FROM streams",
    "INSERT OR REPLACE INTO tree_heads SELECT size, zeroblob(32), note, 0 FROM tree_heads",
    "UPDATE tree_heads SET root = zeroblob(32)",
]
OTHER_ON_POSTGRES = [
    "UPDATE {}tree_heads SET root = decode('00', 'hex')",
    "UPDATE {}feed SET position = position + 10",
    "UPDATE {}feed SET version = version + 10",
    "DELETE FROM {}feed",
    "TRUNCATE {}feed",
    "TRUNCATE {}streams",
    "TRUNCATE {}tree_heads",
    "INSERT INTO {}feed SELECT * FROM {}feed ON CONFLICT (position) DO UPDATE SET version = 9",
]


async def fill(log: EventLog) -> None:
    await log.append("chat", [NewEvent(ItemsAdded(["a"]), event_id="one"), ItemsAdded(["b"])])


async def snapshot(backend: Backend) -> list[tuple[object, ...]]:
    return await backend.execute(f"SELECT {COPY} FROM {{}}events ORDER BY version")


@pytest.mark.parametrize("statement", STATEMENTS)
async def test_no_event_is_changed_or_removed(
    backend: Backend, log: EventLog, statement: str
) -> None:
    """Every way to edit a row is refused, and nothing has changed."""
    await fill(log)
    before = await snapshot(backend)
    with pytest.raises(REFUSED, match="immutable"):
        await backend.execute(statement)
    assert await snapshot(backend) == before


@pytest.mark.parametrize("number", range(max(len(ONLY_SQLITE), len(ONLY_POSTGRES))))
async def test_the_ways_round_a_trigger_are_closed(
    backend: Backend, log: EventLog, number: int
) -> None:
    """REPLACE, upsert, MERGE, TRUNCATE, a second identity by type, an event without content."""
    statements = ONLY_SQLITE if backend.name == "sqlite" else ONLY_POSTGRES
    await fill(log)
    before = await snapshot(backend)
    with pytest.raises(REFUSED):
        await backend.execute(statements[number % len(statements)])
    assert await snapshot(backend) == before


async def test_other_evidence_is_not_changed_or_removed(backend: Backend, log: EventLog) -> None:
    """Whose a stream is and where it came from, places in the feed, heads that were signed."""
    await fill(log)
    await log.tree.head(SIGNER)
    own = OTHER_ON_SQLITE if backend.name == "sqlite" else OTHER_ON_POSTGRES
    for statement in [*OTHER_EVIDENCE, *own]:
        with pytest.raises(REFUSED, match="immutable"):
            await backend.execute(statement)
    assert (await log.verify(key=SIGNER.verifier)).ok


async def test_a_head_can_be_signed_anew(log: EventLog) -> None:
    """By another key, for example: size and root are the same."""
    await fill(log)
    first = await log.tree.head(SIGNER)
    again = await log.tree.head(Signer("example.com/log", bytes(reversed(range(32)))))
    assert (again.size, again.root) == (first.size, first.root)
    assert [head.note for head in await log.tree.heads().all()] == [again.note]


async def test_replication_role_does_not_switch_the_guard_off(
    backend: Backend, log: EventLog
) -> None:
    """Plain triggers do not fire under session_replication_role = replica; ours do."""
    if backend.name == "sqlite":
        return  # There is no such role.
    await fill(log)
    with pytest.raises(REFUSED, match="immutable"):
        await backend.execute(
            "DO $$ BEGIN SET LOCAL session_replication_role = replica;"
            f" DELETE FROM {backend.options['schema']}.events; END $$"
        )


async def test_a_partition_is_guarded_like_its_table(backend: Backend, log: EventLog) -> None:
    """Row triggers reach partitions; the same functions guard a partitioned log."""
    if backend.name == "sqlite":
        return  # There are no partitions.
    await fill(log)
    await backend.execute("CREATE TABLE {}parts (LIKE {}events) PARTITION BY HASH (stream_id)")
    await backend.execute(
        "CREATE TABLE {}part_0 PARTITION OF {}parts FOR VALUES WITH (MODULUS 1, REMAINDER 0)"
    )
    await backend.execute(
        "CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON {}parts"
        " FOR EACH ROW EXECUTE FUNCTION {}events_stay()"
    )
    await backend.execute("INSERT INTO {}parts SELECT * FROM {}events")
    with pytest.raises(REFUSED, match="immutable"):
        await backend.execute("DELETE FROM {}part_0")


EMPTIED = "UPDATE {}events SET salt = NULL, context = NULL, body = NULL"


async def test_content_goes_only_with_the_event_that_says_so(
    backend: Backend, log: EventLog
) -> None:
    """Whoever sets it to NULL, in whichever order: an erasing event comes first, and covers it."""
    await fill(log)
    before = await snapshot(backend)
    for where in ("", " WHERE version = 1", " WHERE version = 2"):
        with pytest.raises(REFUSED, match="immutable: content goes with the event"):
            await backend.execute(EMPTIED + where)
    assert await snapshot(backend) == before
    await erase_event(log, "chat", 1, by="dpo", reason="r")
    with pytest.raises(REFUSED, match="immutable: content goes with the event"):
        await backend.execute(f"{EMPTIED} WHERE version = 2")
    await erase(log, "chat", by="dpo", reason="r")
    await log.append("chat", ItemsAdded(["new"]))
    with pytest.raises(REFUSED, match="immutable: content goes with the event"):
        await backend.execute(f"{EMPTIED} WHERE version = 5")
    assert [event.is_erased async for event in log.read("chat")] == [True, True, True, False, False]
    assert (await log.verify()).ok


async def test_an_erasing_event_of_another_stream_erases_nothing_here(
    backend: Backend, log: EventLog
) -> None:
    """Nor does one that was written by hand and says of another version that it is gone."""
    await fill(log)
    await fill_other(log)
    await erase(log, "other", by="dpo", reason="r")
    with pytest.raises(REFUSED, match="immutable: content goes with the event"):
        await backend.execute(EMPTIED)
    assert (await log.verify()).ok


async def test_erased_content_does_not_come_back(backend: Backend, log: EventLog) -> None:
    """NULL has one meaning, and stays."""
    await fill(log)
    await erase(log, "chat", by="dpo", reason="r")
    with pytest.raises(REFUSED, match="immutable"):
        await backend.execute("UPDATE {}events SET salt = hash, context = hash, body = hash")


async def test_positions_are_dense_whatever_fails(backend: Backend, log: EventLog) -> None:
    """On SQLite the position is the feed: no failed append may burn one."""
    if backend.name == "postgres":
        return  # Positions are given by a sequencer, outside the append.
    await fill(log)
    for statement in ONLY_SQLITE[:4]:
        with pytest.raises(REFUSED):
            await backend.execute(statement)
    await log.append("chat", NewEvent(ItemsAdded(["a"]), event_id="one"))
    await fill_other(log)
    rows = await backend.execute("SELECT position FROM {}events ORDER BY position")
    assert [row[0] for row in rows] == [1, 2, 3]


async def fill_other(log: EventLog) -> None:
    await log.append("other", ItemsAdded(["c"]))
