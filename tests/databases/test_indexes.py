"""An index that disagrees with its table: who reads by it reads something else than is there."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsAdded, NewEvent, Signer, Verification
from eventlog.operations import migrate
from tests.backends import PostgresBackend
from tests.options import grouped

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
BY_VERSION: Final = "sqlite_autoindex_events_1"


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Two conversations with ids of their events, in a file that is closed."""
    path = tmp_path / "log.db"
    async with EventLog(path) as log:
        for number in range(5):
            for name in ("a", "b"):
                event = NewEvent(ItemsAdded([name]), event_id=f"{name} {number}")
                await log.append(name, event)
        await log.tree.head(SIGNER)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def ask(path: Path, *statements: str) -> list[Any]:
    db = sqlite3.connect(path)
    rows = [db.execute(statement).fetchall() for statement in statements]
    db.commit()
    db.close()
    return rows[-1]


def page_of(path: Path, name: str) -> tuple[int, int]:
    """Return where the first page of a table or an index begins and ends."""
    ((size,),) = ask(path, "PRAGMA page_size")
    ((root,),) = ask(path, f"SELECT rootpage FROM sqlite_master WHERE name = '{name}'")
    return (root - 1) * size, root * size


def flip_a_version(path: Path) -> None:
    """Have the index find version 3 of a conversation in the place of another."""
    start, end = page_of(path, BY_VERSION)
    data = bytearray(path.read_bytes())
    ((stream_id,),) = ask(path, "SELECT stream_id FROM streams WHERE name = 'a'")
    at = data.index(stream_id, start, end)
    data[at] ^= 1
    path.write_bytes(data)


def point_elsewhere(path: Path) -> None:
    """Have the index name a row that is not there."""
    start, end = page_of(path, BY_VERSION)
    data = bytearray(path.read_bytes())
    ((stream_id,),) = ask(path, "SELECT stream_id FROM streams WHERE name = 'b'")
    at = data.index(stream_id, start, end) + len(stream_id)
    # Behind it: the version, and the number of the row.
    data[at + 1] = 99
    path.write_bytes(data)


def forget_ids(path: Path) -> None:
    """Change an id while SQLite does not know the index."""
    ((sql,),) = ask(path, "SELECT sql FROM sqlite_master WHERE name = 'events_by_event_id'")
    ((page,),) = ask(path, "SELECT rootpage FROM sqlite_master WHERE name = 'events_by_event_id'")
    triggers = ask(path, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    ask(
        path,
        "PRAGMA writable_schema = ON",
        "DELETE FROM sqlite_master WHERE name = 'events_by_event_id'",
    )
    ask(path, *[f"DROP TRIGGER {name}" for name, _ in triggers])
    ask(path, "UPDATE events SET event_id = 'x' WHERE position = 5", *[sql for _, sql in triggers])
    ask(
        path,
        "PRAGMA writable_schema = ON",
        "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql)"
        f" VALUES ('index', 'events_by_event_id', 'events', {page}, '{sql}')",
    )


def spoil_a_page(path: Path) -> None:
    """Write over the page of an index."""
    start, end = page_of(path, BY_VERSION)
    data = bytearray(path.read_bytes())
    data[start + 3 : end] = bytes([255]) * (end - start - 3)
    path.write_bytes(data)


async def verified(path: Path, **options: Any) -> Verification:
    async with EventLog(path) as log:
        return await log.verify(**options)


async def test_a_file_that_is_sound_has_no_damage(path: Path) -> None:
    """Nor any warning."""
    found = await verified(path)
    assert (found.faults, found.warnings) == ((), ())


@pytest.mark.parametrize("harm", [flip_a_version, point_elsewhere, forget_ids, spoil_a_page])
@pytest.mark.parametrize("all_tenants", [False, True])
async def test_an_index_that_disagrees_is_named(
    path: Path,
    harm: Callable[[Path], None],
    all_tenants: bool,
) -> None:
    """Whether it hides an event, names one that is not there, or cannot be read: never exit 2."""
    harm(path)
    found = await verified(path, all_tenants=all_tenants)
    assert found.exit_code == 1
    told = [
        fault.detail for fault in found.faults if "an index or a page is damaged" in fault.detail
    ]
    assert told, found.faults
    assert any("events_by" in each or "autoindex" in each or "page" in each for each in told), told
    if harm is forget_ids:
        assert (found.faults[0].stream, found.faults[0].version) == ("a", 3)


@pytest.mark.parametrize("partitions", [None, 3])
@pytest.mark.parametrize("schema", ["order", "Of the office", "plain"])
async def test_a_schema_of_any_name_has_its_guards(
    postgres_url: str, schema: str, partitions: int | None
) -> None:
    """In partitions, too: no warning where nothing is missing, and one where something is."""
    backend = PostgresBackend(postgres_url)
    named = f"{schema}{backend.schema[-8:]}" if schema != "order" else schema
    quoted = '"' + named.replace('"', '""') + '"'
    await migrate(postgres_url, schema=named, partitions=partitions)
    try:
        async with EventLog(postgres_url, **grouped(schema=named)) as log:
            await log.append("a", ItemsAdded(["a"]))
            assert (await log.verify()).warnings == ()
            for lost in ("DROP TRIGGER events_told ON {}.events", "DROP INDEX {}.streams_by_name"):
                await backend.execute(lost.replace("{}", quoted))
            assert len((await log.verify()).warnings) == 2
            await migrate(postgres_url, schema=named)
            assert (await log.verify()).warnings == ()
    finally:
        await backend.execute(f"DROP SCHEMA {quoted} CASCADE")
