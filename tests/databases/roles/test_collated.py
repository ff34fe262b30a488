"""Giving texts another collation leaves all that hangs on their columns as it was."""

from types import ModuleType
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from eventlog import ItemsAdded
from eventlog.operations import migrate
from eventlog.store.migrations import migrations_folder
from eventlog.store.sql import view_tables
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from tests import locales
from tests.backends import PostgresBackend
from tests.contract.log.test_order_of_names import OTHER_COLLATIONS
from tests.databases.roles.conftest import Roled
from tests.migrations.test_migrations import on_connection

REVISION = "0010"


def script() -> ModuleType:
    found = ScriptDirectory(migrations_folder()).get_revision(REVISION)
    assert found is not None
    return found.module


def uncollate(connection: sa.Connection, schema: str) -> None:
    """Make the columns of a log as they were: in the collation of the database."""
    module = script()
    with in_operations(connection, schema):
        columns = connection.execute(sa.text(COLLATED), {"schema": schema}).all()
        there = list(module.triggers([column.oid for column in columns]))
        for taken, _ in there:
            connection.exec_driver_sql(taken)
        for _, table, name in columns:
            connection.exec_driver_sql(
                f'ALTER TABLE {table} ALTER "{name}" TYPE text COLLATE "default"'
            )
        for _, put_back in there:
            for step in put_back:
                connection.exec_driver_sql(step)


COLLATED = """
SELECT attrelid AS oid, attrelid::regclass::text AS "table", attname FROM pg_attribute
JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = CAST(:schema AS regnamespace)
AND relkind = 'r' AND attcollation = '"C"'::regcollation AND attnum > 0
"""


def in_operations(connection: sa.Connection, schema: str) -> Any:
    context = MigrationContext.configure(connection, opts={"version_table_schema": schema})
    return Operations.context(context)


def collate(connection: sa.Connection, schema: str) -> None:
    """Run the revision on a log that has all of it but the collations."""
    with in_operations(connection, schema):
        script().collate(f'"{schema}"')


@pytest.fixture
async def old(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A log in a locale of people, with roles, tenants, views and SQL views of somebody else."""
    backend = PostgresBackend(await locales.database(postgres_url))
    types: dict[type[Any], Any] = {**view_tables._TYPES, str: sa.Text()}
    monkeypatch.setattr(view_tables, "_TYPES", types)
    view_tables.table.cache_clear()
    await migrate(backend.url, **backend.options)
    roled = Roled(backend)
    try:
        await on_connection(backend, uncollate)
        await roled.create(tenant="ours")
        await roled.create(tenant="o'ther", role=f"{backend.schema} Odd")
        for tenant in ("ours", "theirs"):
            log = roled.open("writer", tenant=tenant)
            for name in ("a-1", "a2", "a-3"):
                await Conversation(log, name).add([{"role": "user", "content": f"I am {name}"}])
            await Views(roled.open("sequencer", tenant=tenant)).catch_up()
        for statement in SOMEBODY:
            await backend.execute(statement)
        yield roled
    finally:
        view_tables.table.cache_clear()
        await roled.discard()


SOMEBODY = (
    "CREATE VIEW {}first WITH (security_barrier = true) AS SELECT name, tenant FROM {}streams",
    "CREATE VIEW {}second AS SELECT f.name, t.message FROM {}first f JOIN {}turns t ON true",
    "COMMENT ON VIEW {}first IS 'whose it''s'",
    "GRANT SELECT ON {}second TO PUBLIC",
)

HANGING = (
    "SELECT tablename::text, policyname::text, permissive, roles::text, cmd, qual, with_check"
    " FROM pg_policies WHERE schemaname = ? ORDER BY 1, 2",
    "SELECT relname::text, pg_get_viewdef(oid), reloptions, relowner::regrole::text,"
    " (SELECT array_agg(one::text ORDER BY one::text) FROM unnest(relacl) one),"
    " obj_description(oid, 'pg_class') FROM pg_class"
    " WHERE relkind = 'v' AND relnamespace = (?::text)::regnamespace ORDER BY 1",
    "SELECT tgname::text, pg_get_triggerdef(pg_trigger.oid), tgenabled::text FROM pg_trigger"
    " JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = (?::text)::regnamespace"
    " ORDER BY 1, 2",
    "SELECT indexname::text, indexdef FROM pg_indexes WHERE schemaname = ? ORDER BY 1",
)


async def hanging(backend: PostgresBackend) -> list[list[tuple[Any, ...]]]:
    return [await backend.execute(query, backend.schema) for query in HANGING]


async def test_an_upgrade_leaves_policies_views_grants_and_triggers_as_they_were(
    old: Roled,
) -> None:
    """Those of tenants, and what somebody made upon them; rows are not written anew."""
    before, files = await hanging(old.backend), await old.backend.execute(FILES, old.backend.schema)
    assert all(before)
    await on_connection(old.backend, collate)
    assert await hanging(old.backend) == before
    assert await old.backend.execute(FILES, old.backend.schema) == files
    others = await old.backend.execute(OTHER_COLLATIONS, old.backend.schema)
    assert {column for table, column in others if table.startswith("view_")} == {"words"}
    assert {table for table, _ in others} & {"streams", "first", "second", "turns"} == set()


FILES = """
SELECT relname::text, relfilenode::text FROM pg_class WHERE relkind = 'r'
AND relnamespace = (?::text)::regnamespace ORDER BY 1
"""


async def test_a_tenant_is_kept_apart_after_the_upgrade_as_before(old: Roled) -> None:
    """Without another call of create_roles; and the log goes on."""
    await on_connection(old.backend, collate)
    seen = await old.run("tenant_ours", "SELECT DISTINCT tenant FROM {}streams")
    assert seen == [("ours",)]
    rows = await old.run("tenant_ours", "SELECT count(*) FROM {}view_conversations_1")
    assert rows == [(3,)]
    log = old.open("tenant_ours", tenant="ours")
    await log.append("a-2", ItemsAdded(["x"]))
    assert [row.name async for row in log.streams()] == ["a-1", "a-2", "a-3", "a2"]
