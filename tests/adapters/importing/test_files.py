"""Importing a SQLite file: it is only read, whoever has it open and whatever is in it."""

import asyncio
import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from agents import SQLiteSession
from agents.extensions.memory import SQLAlchemySession
from sqlalchemy.ext.asyncio import create_async_engine

from eventlog import EventLog
from eventlog.errors import InvalidOptionError, SourceError
from eventlog.events import RowPreserved
from eventlog_importing import Preserved, SQLiteSource, import_sessions
from eventlog_projections import Conversation
from tests.adapters.importing import stores

ITEM: Final[Any] = {"role": "user", "content": "Hi"}

BAD_ROWS: Final[dict[str, tuple[bytes | str, str]]] = {
    "no JSON": ("{'role': 'user'}", "no JSON"),
    "half a JSON": ('{"role": "us', "no JSON"),
    "empty": ("", "no JSON"),
    "not UTF-8": (b'{"role": "\xff\xfe"}', "no JSON"),
    "a list": ("[1, 2]", "no object"),
    "a text": ('"hello"', "no object"),
    "null": ("null", "no object"),
    "too deep to read": ('{"a":' * 10_000 + "1" + "}" * 10_000, "no JSON"),
    "too deep to keep": ('{"a":' * 950 + "1" + "}" * 950, "nests deeper"),
}


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def insert(path: Path, name: str, *rows: Any, table: str = "agent_messages") -> None:
    """Put rows into a store of theirs, as some other program might."""
    with closing(sqlite3.connect(path)) as db:
        db.executemany(
            f"INSERT INTO {table} (session_id, message_data) VALUES (?, CAST(? AS TEXT))",
            [(name, row) for row in rows],
        )
        db.commit()


async def items(log: EventLog, name: str = "chat") -> list[Any]:
    return await Conversation(log, name).items()


async def test_the_file_is_unchanged_to_the_byte(file: Path, target: EventLog) -> None:
    """It is opened read-only."""
    await stores.sqlite(file).write("chat", [ITEM])
    before = digest(file)
    await import_sessions(target, file)
    assert digest(file) == before
    assert await stores.sqlite(file).read("chat") == [ITEM]


async def test_a_file_that_a_program_writes_to_is_read_as_it_is(
    file: Path, target: EventLog
) -> None:
    """With what is only in its write-ahead log; and the program goes on."""
    async with stores.sqlite(file).session("chat") as session:
        await session.add_items([ITEM])
        assert Path(f"{file}-wal").stat().st_size > 0
        before = digest(file), digest(Path(f"{file}-wal"))
        await import_sessions(target, file)
        assert (digest(file), digest(Path(f"{file}-wal"))) == before
        assert await items(target) == [ITEM]
        await session.add_items([ITEM])
        await import_sessions(target, file)
        assert await items(target) == [ITEM, ITEM]


async def test_what_is_written_during_the_import_is_left_to_the_next(
    file: Path, target: EventLog
) -> None:
    """All conversations are read as of one moment, and no writer has to wait."""
    store = stores.sqlite(file)
    for number in range(600):
        insert(file, f"chat-{number}", '{"a": 1}') if number else await store.write("x", [ITEM])
    written = False

    def write(_: object) -> None:
        nonlocal written
        if not written:
            insert(file, "chat-599", '{"late": 1}')
            written = True

    await import_sessions(target, file, progress=write)
    assert written
    assert (await import_sessions(target, file)).conversations == 600
    assert await items(target, "chat-599") == [{"a": 1}, {"late": 1}]


@pytest.mark.parametrize("case", BAD_ROWS)
async def test_a_row_that_is_no_item_is_reported_and_kept_as_it_is(
    file: Path, target: EventLog, case: str
) -> None:
    """In its place between the others, with every byte; the items around it are read as ever."""
    row, why = BAD_ROWS[case]
    raw = row if isinstance(row, bytes) else row.encode()
    await stores.sqlite(file).write("chat", [ITEM])
    insert(file, "chat", row, json.dumps(ITEM))
    report = await import_sessions(target, file)
    ((name, at, said),) = report.preserved
    assert (name, at, report.items) == ("chat", 1, 2)
    assert why in said
    assert await items(target) == [ITEM, ITEM]
    recorded = [event async for event in target.read("chat")]
    assert [event.kind for event in recorded] == ["added", "preserved", "added", "imported"]
    kept = recorded[1].event
    assert isinstance(kept, RowPreserved)
    assert (kept.raw, kept.why) == (raw, said)
    assert recorded[1].context.source_time is not None
    assert (await import_sessions(target, file)).unchanged == 1


async def test_broken_rows_that_would_be_items_together_are_kept_as_they_are(
    file: Path, target: EventLog
) -> None:
    """As many values as rows, and each of them an object, if one reads on from row to row."""
    rows = ['{"a": 1},{"b": 2}', '{"c": [{"d": 3}', '{"e": 4}]}']
    await stores.sqlite(file).write("chat", [ITEM])
    insert(file, "chat", *rows, json.dumps(ITEM))
    report = await import_sessions(target, file)
    assert [row.row for row in report.preserved] == [1, 2, 3]
    assert await items(target) == [ITEM, ITEM]


async def test_an_item_that_is_too_large_for_the_log_is_kept_as_a_row(
    file: Path, tmp_path: Path
) -> None:
    """The log has a limit; what the source has is not lost."""
    large = {"role": "user", "content": "x" * 5_000}
    await stores.sqlite(file).write("chat", [ITEM, large, ITEM])
    async with EventLog(tmp_path / "small.db", max_item_bytes=1_000) as log:
        report = await import_sessions(log, file)
        assert report.preserved == [Preserved("chat", 1, "it has 5028 bytes; this log takes 1000")]
        assert await items(log) == [ITEM, ITEM]


async def test_the_order_is_that_of_the_session_that_wrote_it(file: Path, target: EventLog) -> None:
    """SQLAlchemySession goes by time and then by id, the others by id."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
    session = SQLAlchemySession("chat", engine=engine, create_tables=True)
    await session.add_items([{"n": 2}, {"n": 3}, {"n": 1}])  # type: ignore[list-item]
    await engine.dispose()
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE agent_messages SET created_at = '2020-01-01' WHERE id = 3")
        db.commit()
    await import_sessions(target, file)
    assert await items(target) == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_each_row_keeps_its_own_time(file: Path, target: EventLog) -> None:
    """To what the source has; a time that is none is told as unknown."""
    await stores.sqlite(file).write("chat", [ITEM, ITEM, ITEM])
    with closing(sqlite3.connect(file)) as db:
        db.execute("UPDATE agent_messages SET created_at = '2026-01-02 03:04:05' WHERE id = 1")
        db.execute("UPDATE agent_messages SET created_at = 'yesterday' WHERE id = 2")
        db.execute("UPDATE agent_messages SET created_at = '1970-01-01 00:00:01.5' WHERE id = 3")
        db.commit()
    await import_sessions(target, file)
    added = await anext(aiter(target.read("chat")))
    assert added.context.source_time == [1_767_323_045_000_000, None, 1_500_000]


async def test_several_tables_of_messages_have_to_be_named(file: Path, target: EventLog) -> None:
    """Conversations of two programs in one file are not mixed."""
    SQLiteSession("a", file, "s1", "m1").close()
    SQLiteSession("b", file, "s2", "m2").close()
    with pytest.raises(InvalidOptionError, match="m1, m2"):
        await import_sessions(target, file)
    insert(file, "a", '{"a": 1}', table="m1")
    insert(file, "b", '{"b": 1}', table="m2")
    await import_sessions(target, SQLiteSource(file, messages_table="m2"))
    assert [row.name async for row in target.streams()] == ["b"]


@pytest.mark.parametrize("content", [None, b"", b"These are my notes." * 100])
async def test_what_is_no_store_is_an_error_that_says_so(
    file: Path, target: EventLog, content: bytes | None
) -> None:
    """Missing, empty or something else; it is left untouched, and nothing is created."""
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SourceError, match="left untouched"):
        await import_sessions(target, file)
    assert file.exists() == (content is not None)
    assert content is None or file.read_bytes() == content


async def test_a_log_of_ours_is_no_store_of_theirs(tmp_path: Path, target: EventLog) -> None:
    """The message names the tables that were found."""
    async with EventLog(tmp_path / "ours.db") as ours:
        await ours.version("chat")
    with pytest.raises(SourceError, match="streams"):
        await import_sessions(target, tmp_path / "ours.db")


async def test_a_cancelled_import_ends_and_can_be_gone_on_with(
    file: Path, target: EventLog
) -> None:
    """Nothing is stranded, and nothing is there twice."""
    await stores.sqlite(file).write("chat-0", [ITEM])
    for number in range(1, 700):
        insert(file, f"chat-{number}", '{"a": 1}')
    started = asyncio.Event()
    importing = asyncio.ensure_future(
        import_sessions(target, file, progress=lambda _: started.set())
    )
    await started.wait()
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    assert len(asyncio.all_tasks()) == 1
    report = await import_sessions(target, file)
    assert report.copied + report.unchanged == 700
    for number in range(1, 700):
        assert await items(target, f"chat-{number}") == [{"a": 1}]


async def test_two_imports_at_once_copy_everything_once(file: Path, target: EventLog) -> None:
    """Each finds what the other has done."""
    store = stores.sqlite(file)
    for number in range(50):
        await store.write(f"chat-{number}", [ITEM, ITEM])
    reports = await asyncio.gather(*(import_sessions(target, file) for _ in range(3)))
    assert sum(report.items for report in reports) == 100
    assert not any(report.refused for report in reports)
    for number in range(50):
        assert await items(target, f"chat-{number}") == [ITEM, ITEM]
