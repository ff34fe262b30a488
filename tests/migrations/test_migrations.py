"""Creating and upgrading the tables, alone and beside an application's own Alembic."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine

from eventlog import EventLog, ItemsAdded
from eventlog.operations import migrate
from eventlog.store.contract.revisions import HEAD, REVISIONS, VERSION_TABLE
from eventlog.store.migrations import config, migrations_folder
from eventlog.store.sql.schema import metadata
from eventlog.store.sqlite.migration import sqlite_connection
from eventlog_projections import Conversation
from tests import processes
from tests.backends import Backend
from tests.options import grouped


async def on_connection(backend: Backend, function: Any) -> Any:
    """Call `function(connection, schema)` on a SQLAlchemy connection of the backend."""
    if backend.name == "sqlite":
        with (
            contextlib.closing(sqlite3.connect(backend.url, isolation_level=None)) as db,
            sqlite_connection(db) as connection,
        ):
            return function(connection, None)
    engine = create_async_engine(backend.url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.begin() as opened:
            return await opened.run_sync(function, backend.options["schema"])
    finally:
        await engine.dispose()


async def test_the_tables_are_what_the_schema_module_says(backend: Backend) -> None:
    """`alembic check`: what the migrations build is what the statements are compiled from."""
    await migrate(backend.url, **backend.options)

    def check(connection: sa.Connection, schema: str | None) -> None:
        command.check(config(connection, schema))

    await on_connection(backend, check)


async def test_a_difference_would_be_noticed(backend: Backend) -> None:
    """The check above can fail: a column too many is found."""
    await migrate(backend.url, **backend.options)
    await backend.execute("ALTER TABLE {}streams ADD COLUMN extra INTEGER")

    def differences(connection: sa.Connection, schema: str | None) -> list[Any]:
        wanted = metadata("sqlite" if schema is None else "postgresql", schema)
        options = {
            "include_schemas": schema is not None,
            "include_name": lambda name, kind, _: kind != "schema" or name == schema,
            "version_table": VERSION_TABLE,
            "version_table_schema": schema,
        }
        found = compare_metadata(MigrationContext.configure(connection, opts=options), wanted)
        return [difference for difference in found if difference[0] == "remove_column"]

    assert len(await on_connection(backend, differences)) == 1


def test_this_release_reads_the_newest_migration() -> None:
    """The number that opening compares is the one that Alembic ends at, and all are known."""
    script = ScriptDirectory(migrations_folder())
    assert script.get_current_head() == HEAD
    assert [step.revision for step in script.walk_revisions()][::-1] == list(REVISIONS)


def test_opening_a_current_log_imports_no_alembic(tmp_path: Path) -> None:
    """Alembic takes longer to import than a log to open."""
    path = tmp_path / "log.db"
    asyncio.run(migrate(path))
    script = (
        "import asyncio, sys; from eventlog import EventLog\n"
        "asyncio.run(EventLog(sys.argv[1]).version('chat'))\n"
        "assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


async def test_migrating_twice_changes_nothing(backend: Backend) -> None:
    """At head it is a look, with the data in place."""
    await migrate(backend.url, **backend.options)
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
    await migrate(backend.url, **backend.options)
    async with backend.open() as log:
        assert await Conversation(log, "chat").items() == ["a"]


async def test_eight_at_once_create_one_log(backend: Backend) -> None:
    """In one process and several: nobody fails, and there is one log."""
    schema = backend.options.get("schema", "eventlog")
    script = ("-c", OPENER, backend.url, schema)
    async with asyncio.TaskGroup() as group:
        openers = [group.create_task(processes.output_of(*script)) for _ in range(3)]
        for _ in range(5):
            group.create_task(migrate(backend.url, **backend.options))
    assert [opener.result() for opener in openers] == [(0, "")] * 3
    async with backend.open() as log:
        assert await log.version("chat") == 3


OPENER = """
import asyncio, sys
from eventlog import EventLog, ItemsAdded
from eventlog import PostgresOptions, SqliteOptions
sqlite, postgres = SqliteOptions(busy_timeout=30), PostgresOptions(schema=sys.argv[2])
log = EventLog(sys.argv[1], sqlite=sqlite, postgres=postgres)
asyncio.run(log.append('chat', ItemsAdded(['a'])))
"""


async def test_an_application_with_its_own_alembic_is_not_disturbed(backend: Backend) -> None:
    """Its version table, its tables and its autogenerate stay its own, in the same database."""
    schema = backend.options.get("schema")
    app = f"app_{schema}" if schema else "app"
    await on_connection(backend, lambda connection, _: stamp(connection, app))
    await migrate(backend.url, beside=True, **backend.options)
    async with backend.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
    assert await on_connection(backend, lambda connection, _: versions(connection, app)) == ["abc"]
    await on_connection(backend, lambda connection, _: remove(connection, app))


def stamp(connection: sa.Connection, app: str) -> None:
    connection.execute(sa.text(f"CREATE TABLE {app}_version (version_num VARCHAR(32) NOT NULL)"))
    connection.execute(sa.text(f"INSERT INTO {app}_version VALUES ('abc')"))
    connection.execute(sa.text(f"CREATE TABLE {app}_customers (id INTEGER PRIMARY KEY)"))


def versions(connection: sa.Connection, app: str) -> list[str]:
    context = MigrationContext.configure(connection, opts={"version_table": f"{app}_version"})
    return list(context.get_current_heads())


def remove(connection: sa.Connection, app: str) -> None:
    for table in ("version", "customers"):
        connection.execute(sa.text(f"DROP TABLE {app}_{table}"))


async def test_a_role_that_may_not_create_is_told_who_may(
    backend: Backend, postgres_url: str
) -> None:
    """The error names migrate() and the owner, not a traceback of the driver."""
    if backend.name == "sqlite":
        return  # A file has no roles.
    from eventlog.errors import ReadOnlyError

    role = f"role_{backend.options['schema']}"
    await backend.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    try:
        url = sa.engine.make_url(postgres_url).set(username=role, password="pw")
        log = EventLog(url.render_as_string(hide_password=False), **grouped(**backend.options))
        with pytest.raises(ReadOnlyError, match="owner"):
            await log.version("chat")
        await log.close()
    finally:
        await backend.execute(f"DROP ROLE {role}")
