"""The planner knows nothing of what anybody said: not for a tenant, and not after an erasure."""

import json
import re
from typing import Any, Final

import asyncpg
import pytest
from alembic import command

from eventlog import EventLog, ItemsAdded
from eventlog.events import ConversationLabelled
from eventlog.store.migrations import config
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from tests.backends import PostgresBackend
from tests.databases.roles.conftest import Roled
from tests.migrations.test_migrations import on_connection

OURS: Final = "tenant_ours"
SAID: Final = "I have diabetes"
MANY: Final = 400


def message(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


async def said_by(log: EventLog, text: str) -> None:
    """Have one tenant say it in many conversations, so that ANALYZE would find it common."""
    chat = Conversation(log, "chat")
    await chat.add([message(text)] * MANY)
    await log.append("other", [ItemsAdded([message(text)])] * 20)


async def estimates(roled: Roled, role: str, statement: str) -> list[Any]:
    """Return how many rows the planner expects of each node that reads a table."""
    ((plan,),) = await roled.run(role, f"EXPLAIN (FORMAT json) {statement}")
    found: list[Any] = []

    def walk(node: dict[str, Any]) -> None:
        if "Relation Name" in node:
            found.append((node["Relation Name"], node["Plan Rows"]))
        for inner in node.get("Plans", []):
            walk(inner)

    walk(json.loads(plan)[0]["Plan"])
    return found


async def columns(roled: Roled) -> list[tuple[str, str, str]]:
    rows = await roled.backend.execute(
        "SELECT relname, attname, atttypid::regtype::text FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = ?::regnamespace"
        " AND relkind = 'r' AND relrowsecurity AND attnum > 0 AND NOT attisdropped",
        roled.backend.schema,
    )
    return [(row[0], row[1], row[2]) for row in rows]


OTHER: Final = {
    "text": "'nobody'",
    "bytea": "'\\x00'",
    "bigint": "'-17'",
    "integer": "'-17'",
    "double precision": "'-17'",
}


async def test_explain_tells_a_tenant_nothing_of_what_others_hold(roled: Roled) -> None:
    """Of every column that can be compared: a value of another's is like one that nobody has."""
    await roled.create(tenant="ours")
    await said_by(roled.open("writer", tenant="theirs"), SAID)
    await said_by(roled.open("writer", tenant="ours"), "mine")
    await Views(roled.open("sequencer")).catch_up()
    await roled.backend.execute("ANALYZE")
    asked = 0
    for table, column, kind in await columns(roled):
        pairs = ["@@ 'diabetes'::tsquery", "@@ 'nobody'::tsquery"]
        if kind != "tsvector":
            held = await held_by_others(roled, table, column)
            pairs = [f"= {held}", f"= {OTHER[kind]}"] if held else []
        found = [
            await estimates(roled, OURS, f"SELECT FROM {{}}{table} WHERE {column} {each}")
            for each in pairs
        ]
        assert found[:1] == found[1:], (table, column)
        asked += 1
    assert asked > 60


@pytest.mark.parametrize("indexes", ["on", "off"])
async def test_running_it_tells_no_more(roled: Roled, indexes: str) -> None:
    """EXPLAIN ANALYZE counts rows that a condition left: none of another tenant is among them."""
    await roled.create(tenant="ours")
    await said_by(roled.open("writer", tenant="theirs"), SAID)
    await roled.open("writer", tenant="theirs").append("chat", ConversationLabelled(owner="ana"))
    await said_by(roled.open("writer", tenant="ours"), "mine")
    await Views(roled.open("sequencer")).catch_up()
    await roled.backend.execute("ANALYZE")
    for table, column, held in (
        ("view_items_1", "text", SAID),
        ("view_turns_1", "message", SAID),
        ("view_conversations_1", "owner", "ana"),
        ("view_conversations_1", "tenant = 'theirs' AND owner", "ana"),
        ("events", "kind", "labelled"),
    ):
        plans = [
            await ran(roled, f"SELECT FROM {{}}{table} WHERE {column} = '{each}'", indexes)
            for each in (held, "nobody")
        ]
        assert plans[0] == plans[1], column


async def ran(roled: Roled, statement: str, indexes: str) -> str:
    """Return what a tenant is told of a statement that was run, but for its words and times."""
    what = "ANALYZE, TIMING off, SUMMARY off, BUFFERS off"
    connection = await asyncpg.connect(roled.url(OURS))
    try:
        await connection.execute(f"SET enable_indexscan = {indexes}")
        await connection.execute(f"SET enable_bitmapscan = {indexes}")
        text = f"EXPLAIN ({what}) {statement}".replace("{}", f"{roled.backend.schema}.")
        lines = [row[0] for row in await connection.fetch(text)]
    finally:
        await connection.close()
    return re.sub(r"'[^']*'", "?", "\n".join(lines))


async def held_by_others(roled: Roled, table: str, column: str) -> str | None:
    """Return the commonest value of a column, as SQL; None where there is none."""
    if column == "tenant":
        return "'theirs'"
    rows = await roled.backend.execute(
        f"SELECT quote_literal({column}) FROM {{}}{table} WHERE {column} IS NOT NULL"
        f" GROUP BY {column} ORDER BY count(*) DESC LIMIT 1"
    )
    return str(rows[0][0]) if rows else None


async def test_ranges_tell_nothing_either(roled: Roled) -> None:
    """Nor do beginnings, sets, or how many different values there are."""
    await roled.create(tenant="ours")
    await said_by(roled.open("writer", tenant="theirs"), SAID)
    await Views(roled.open("sequencer")).catch_up()
    await roled.backend.execute("ANALYZE")
    for held, other in (
        ("text >= 'I h' AND text < 'I i'", "text >= 'X h' AND text < 'X i'"),
        ("text LIKE 'I have%'", "text LIKE 'X have%'"),
        ("text IN ('I have diabetes', 'x')", "text IN ('y', 'x')"),
        ("text <> 'I have diabetes'", "text <> 'x'"),
    ):
        found = [
            await estimates(roled, OURS, f"SELECT FROM {{}}view_items_1 WHERE {each}")
            for each in (held, other)
        ]
        assert found[0] == found[1], held


async def test_pg_stats_has_nothing_of_any_tenant(roled: Roled) -> None:
    """Not even for the owner: what is not there cannot leak."""
    await roled.create(tenant="ours")
    await said_by(roled.open("writer", tenant="theirs"), SAID)
    views = Views(roled.open("sequencer"))
    await views.catch_up()
    await views.rebuild("turns")
    await roled.backend.execute("ANALYZE")
    guarded = {table for table, _, _ in await columns(roled)}
    assert {"events", "feed", "view_items_1", "view_turns_2"} <= guarded
    rows = await roled.backend.execute(
        "SELECT tablename, attname FROM pg_stats WHERE schemaname = ?", roled.backend.schema
    )
    assert [row for row in rows if row[0] in guarded] == []


async def test_the_migration_forgets_what_analyze_has_noted(
    blank_postgres: PostgresBackend,
) -> None:
    """Of a log, and of tables of views, that were there before."""
    backend = blank_postgres
    await on_connection(backend, lambda connection, schema: _at(connection, schema, "0008"))
    marker = "MARKER8f2a"
    await backend.execute(
        "INSERT INTO {}events SELECT decode(md5('x'), 'hex'), n, 1, NULL, 'added', 1, 1, '{}', 0,"
        " NULL, '', ''::bytea, ?::bytea, '', '' FROM generate_series(1, 500) n",
        marker.encode(),
    )
    await backend.execute("CREATE TABLE {}view_old_1 (stream_id bytea, text text)")
    await backend.execute(
        "INSERT INTO {}view_old_1 SELECT '', ? FROM generate_series(1, 99)", marker
    )
    await backend.execute("ANALYZE")
    count = (
        "SELECT count(*) FROM pg_stats WHERE schemaname = ? AND attname IN ('body', 'text')"
        " AND most_common_vals IS NOT NULL"
    )
    assert await backend.execute(count, backend.schema) == [(2,)]
    await on_connection(backend, lambda connection, schema: _at(connection, schema, "head"))
    assert await backend.execute(count, backend.schema) == [(0,)]
    await backend.execute("ANALYZE")
    assert await backend.execute(count, backend.schema) == [(0,)]


def _at(connection: Any, schema: str, revision: str) -> None:
    import sqlalchemy as sa

    connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
    command.upgrade(config(connection, schema), revision)
