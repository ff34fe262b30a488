"""docs/copying.md is true: its statements copy a log with erasures, and leave it on guard."""

import asyncio
import contextlib
import os
import re
import sqlite3
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from eventlog import EventLog
from eventlog.errors import ErasedError
from eventlog.operations import migrate
from eventlog.proof.checkpoint import Signer
from eventlog.store.sql.schema import metadata
from eventlog_projections import Conversation, erase
from eventlog_projections.views import Views
from tests import servers
from tests.backends import TRIGGERS
from tests.docs.pages import blocks, text
from tests.waiting import until

DOCUMENT: Final = text("docs/copying.md")
PREPARE, PUBLISH, SUBSCRIBE, ON_SQLITE = blocks(DOCUMENT, "sql")
COPY, _ = blocks(DOCUMENT, "sh")
SIGNER: Final = Signer("example.com/log", bytes(range(32)))
DERIVED: Final = {"checkpoints", "set_aside", "purges", "lease"}
"""What a log makes anew, beside the tables of views."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server whose changes can be replicated."""
    with contextlib.ExitStack() as stack:
        yield servers.start_postgres(stack, settings=["wal_level = logical"])


@pytest.fixture
async def source(server: str) -> AsyncIterator[str]:
    """A database with a log in which something was erased."""
    async with database(server, "source") as url:
        async with EventLog(url) as log:
            await fill(log)
        yield url


@pytest.fixture
async def target(server: str) -> AsyncIterator[str]:
    """A database with an empty log."""
    async with database(server, "target") as url:
        await migrate(url)
        yield url


@contextlib.asynccontextmanager
async def database(server: str, name: str) -> AsyncGenerator[str]:
    await run(server, f"CREATE DATABASE {name}")
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        await run(server, f"DROP DATABASE {name} WITH (FORCE)")


async def run(url: str, *statements: str) -> list[Any]:
    """Run statements each by itself; return the rows of the last."""
    connection = await asyncpg.connect(url)
    try:
        rows: list[Any] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


def steps(block: str) -> list[str]:
    return [step.strip() for step in block.split(";") if step.strip()]


async def fill(log: EventLog) -> None:
    for name in ("gone", "kept"):
        await Conversation(log, name).add([{"n": name}])
    await erase(log, "gone", by="dpo", reason="gdpr-17")
    await Views(log).catch_up()
    await log.tree.head(SIGNER)


async def content(log: EventLog) -> list[Any]:
    """Return what is in a log: events with their positions, rows of streams, heads."""
    events = [(event.position, event.stream, event.stored) async for event in log.feed()]
    streams = await log.streams(branches=True).all()
    return [events, streams, await log.tree.heads().all()]


async def check(log: EventLog, expected: list[Any]) -> None:
    """A copy has the same content, verifies, and is gone on with."""
    assert await content(log) == expected
    assert (await log.verify(key=SIGNER.verifier)).ok
    with pytest.raises(ErasedError):
        await Conversation(log, "gone").items(as_of=1)
    await Conversation(log, "kept").add([{"n": "later"}])
    assert await Conversation(log, "kept").items() == [{"n": "kept"}, {"n": "later"}]
    await Views(log).catch_up()


async def on_guard(url: str) -> list[tuple[str, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return sorted(tuple(row) for row in await connection.fetch(TRIGGERS, "eventlog"))
    finally:
        await connection.close()


async def copied(source: str, target: str, guards: list[tuple[str, ...]]) -> None:
    """Check a copy after the last step, which puts its triggers back on guard."""
    assert await on_guard(target) != guards
    await migrate(target)
    assert await on_guard(target) == guards
    async with EventLog(source) as log:
        expected = await content(log)
    async with EventLog(target) as log:
        await check(log, expected)
    with pytest.raises(asyncpg.RaiseError, match="immutable"):
        await run(target, "SET session_replication_role = replica", "DELETE FROM eventlog.events")


async def shell(script: str, **variables: str) -> None:
    """Run a block of the page, with the programs of the server."""
    folder = os.fspath(Path(servers.program("pg_dump")).parent)
    found = {**os.environ, **variables, "PATH": f"{folder}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = await asyncio.to_thread(subprocess.run, command, env=found, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


async def test_rows_are_dumped_and_restored(source: str, target: str, tmp_path: Path) -> None:
    """As the page says, into a log that is there already."""
    guards = await on_guard(target)
    await run(target, *steps(PREPARE))
    copy = COPY.replace("rows.dump", os.fspath(tmp_path / "rows.dump"))
    await shell(copy, SOURCE=source, TARGET=target)
    await copied(source, target, guards)


async def test_a_restore_that_switches_triggers_itself_is_put_right(
    source: str, target: str, tmp_path: Path
) -> None:
    """`pg_restore --disable-triggers` leaves them as they are by default, not as ours were."""
    guards = await on_guard(target)
    await run(target, "DELETE FROM eventlog.feed_head")
    copy = COPY.replace("rows.dump", os.fspath(tmp_path / "rows.dump"))
    copy = copy.replace("pg_restore", "pg_restore --disable-triggers")
    await shell(copy, SOURCE=source, TARGET=target)
    await copied(source, target, guards)


async def test_a_whole_copy_needs_nothing(source: str, server: str, tmp_path: Path) -> None:
    """Triggers come after the rows, and fire as before."""
    file = tmp_path / "whole.dump"
    async with database(server, "whole") as whole:
        await shell(
            f'pg_dump --format=custom --schema=eventlog --file={file} "$SOURCE"\n'
            f'pg_restore --exit-on-error --dbname="$TARGET" {file}',
            SOURCE=source,
            TARGET=whole,
        )
        assert await on_guard(whole) == await on_guard(source)
        async with EventLog(source) as log:
            expected = await content(log)
        async with EventLog(whole) as log:
            await check(log, expected)


async def test_changes_are_replicated(source: str, target: str) -> None:
    """What was there, what comes, and what is erased meanwhile."""
    guards = await on_guard(target)
    await run(target, *steps(PREPARE))
    # On one server a slot has to be there before its subscriber (CREATE SUBSCRIPTION, Notes).
    await run(source, *steps(PUBLISH), "SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    here = make_url(source)
    place = f"'host={here.query['host']} user={here.username} dbname={here.database}'"
    subscribe = re.sub(r"'[^']*'", place, steps(SUBSCRIBE)[0])
    await run(target, f"{subscribe} WITH (create_slot = false, slot_name = 's')")
    async with EventLog(source) as log:
        await Conversation(log, "new").add([{"n": "new"}])
        await erase(log, "kept", by="dpo", reason="gdpr-17")
        await Conversation(log, "kept").add([{"n": "kept"}])
        end = await log.position()
        await log.tree.head(SIGNER)

    async def are_there() -> bool:
        heads = await run(target, "SELECT max(size) FROM eventlog.tree_heads")
        return bool(heads[0][0] == end)

    await until(are_there, "the head is replicated")
    await run(target, "ALTER SUBSCRIPTION eventlog_rows DISABLE")
    await run(target, "ALTER SUBSCRIPTION eventlog_rows SET (slot_name = NONE)")
    await run(target, "DROP SUBSCRIPTION eventlog_rows")
    await until(lambda: slot_is_free(source), "the slot is free")
    await run(source, "SELECT pg_drop_replication_slot('s')")
    await migrate(target)
    assert await on_guard(target) == guards
    async with EventLog(source) as log, EventLog(target) as copy:
        assert await content(copy) == await content(log)
        assert (await copy.verify(key=SIGNER.verifier)).ok
        assert await Conversation(copy, "kept").items() == [{"n": "kept"}]


async def slot_is_free(source: str) -> bool:
    rows = await run(source, "SELECT FROM pg_replication_slots WHERE slot_name = 's' AND active")
    return not rows


async def test_without_the_first_step_it_is_told_where_the_page_is(target: str) -> None:
    """An erased event is refused, with a hint for whoever copies rows."""
    async with EventLog(target) as log:
        await fill(log)
    await run(target, "CREATE TABLE rows AS SELECT * FROM eventlog.events WHERE body IS NULL")
    with pytest.raises(asyncpg.RaiseError, match="content is missing") as caught:
        await run(target, "INSERT INTO eventlog.events SELECT * FROM rows")
    assert "docs/copying.md" in str(caught.value.hint)


def test_the_page_names_every_table_that_holds_what_was_said() -> None:
    """A new one is copied, or made anew: nobody forgets it."""
    tables = {table.name for table in metadata("postgresql").tables.values()}
    assert set(re.findall(r"eventlog\.(\w+)", PUBLISH)) == tables - DERIVED
    excluded = set(re.findall(r"--exclude-table='?eventlog\.(\w+)", COPY))
    assert excluded == {"view_", "eventlog_version", *DERIVED}


async def test_the_first_step_lets_rows_pass_everywhere(target: str) -> None:
    """No trigger is left on."""
    await run(target, *steps(PREPARE))
    assert await on_guard(target) == []


async def test_rows_of_a_file_are_copied(tmp_path: Path) -> None:
    """As the page says; without dropping the trigger it is told where the page is."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    async with EventLog(old) as log:
        await fill(log)
        expected = await content(log)
    await migrate(new)
    script = ON_SQLITE.replace("old.db", os.fspath(old))
    with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as db:
        before = db.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall()
        with pytest.raises(sqlite3.IntegrityError, match="copying"):
            db.executescript(script.replace("DROP TRIGGER events_insert;", ""))
        db.rollback()
        db.execute("DETACH old")
        db.executescript(script)
    await migrate(new)
    with contextlib.closing(sqlite3.connect(new)) as db:
        after = db.execute("SELECT * FROM sqlite_master ORDER BY name").fetchall()
        assert [(row[1], row[4]) for row in after] == [(row[1], row[4]) for row in before]
    async with EventLog(new) as log:
        await check(log, expected)


async def test_a_dump_of_a_file_is_a_copy(tmp_path: Path) -> None:
    """Rows first, triggers last."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    async with EventLog(old) as log:
        await fill(log)
        await Views(log).drop("search")  # The dump of Python 3.11 knows no virtual tables.
        expected = await content(log)
    with (
        contextlib.closing(sqlite3.connect(old)) as db,
        contextlib.closing(sqlite3.connect(new)) as to,
    ):
        to.executescript("\n".join(db.iterdump()))
    async with EventLog(new) as log:
        await check(log, expected)
