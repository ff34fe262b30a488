"""Every verb on every table as a tenant's role: refused, or nobody else notices."""

import contextlib
from typing import Any, Final

import asyncpg

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.format.chain import stream_id
from eventlog_projections import Conversation
from eventlog_projections.views import Views, conversations, search
from tests.databases.roles.conftest import Roled

OURS: Final = "tenant_ours"
SIGNER: Final = Signer("example.com/log", bytes(range(32)))
VALUES: Final = {
    "text": ["'sequencer'", "'x'"],
    "bytea": ["$1", "$2", "'\\x00'"],
    "bigint": ["4711", "1", "0"],
    "integer": ["1", "4711"],
    "double precision": ["1"],
    "character varying": ["'0001'"],
}
"""What rows are made of: $1 is a stream of ours, $2 one of theirs."""

WAYS: Final = [
    "LOCK TABLE {table} IN SHARE MODE",
    "TRUNCATE {table}",
    "INSERT INTO {table} SELECT * FROM {table}",
    "INSERT INTO {table} SELECT * FROM {table} ON CONFLICT DO NOTHING",
    "SELECT * FROM {table} FOR UPDATE",
    "COPY {table} FROM PROGRAM 'true'",
]


async def filled(roled: Roled) -> tuple[EventLog, EventLog]:
    await roled.create(tenant="ours")
    ours, theirs = roled.open(OURS, tenant="ours"), roled.open("writer", tenant="theirs")
    for log in (ours, theirs):
        await Conversation(log, "chat").add(
            [{"role": "user", "content": str(n)} for n in range(300)]
        )
        await log.append("other", ItemsAdded(["a"]))
    sequencer = roled.open("sequencer", tenant="theirs")
    await Views(sequencer).catch_up()
    await sequencer.tree.head(SIGNER)
    return ours, theirs


async def tables(roled: Roled) -> dict[str, dict[str, str]]:
    """Return the columns of every table, with their types."""
    rows = await roled.backend.execute(
        "SELECT relname, attname, format_type(atttypid, NULL) FROM pg_attribute"
        " JOIN pg_class ON pg_class.oid = attrelid WHERE relnamespace = ?::regnamespace"
        " AND relkind = 'r' AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        " ORDER BY relname, attnum",
        roled.backend.schema,
    )
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        found.setdefault(str(table), {})[str(column)] = str(kind)
    return found


def attempts(table: str, columns: dict[str, str]) -> list[str]:
    """Return what a tenant may try on a table: rows of every value, every column set to each."""
    tried = [way.replace("{table}", f"{{}}{table}") for way in WAYS]
    longest = max(len(VALUES[kind]) for kind in columns.values())
    for number in range(longest):
        row = ", ".join(VALUES[kind][number % len(VALUES[kind])] for kind in columns.values())
        inserted = f"INSERT INTO {{}}{table} VALUES ({row})"
        tried += [inserted, f"{inserted} ON CONFLICT DO NOTHING"]
    tried += [
        f"UPDATE {{}}{table} SET {column} = {value}"
        for column, kind in columns.items()
        for value in (*VALUES[kind], "NULL")
    ]
    return [*tried, f"DELETE FROM {{}}{table}"]


async def rows_of_others(roled: Roled, columns: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Return every row of every table that is not of a stream of ours."""
    own = "(SELECT stream_id FROM {}streams WHERE tenant = 'ours')"
    known = "(SELECT stream_id FROM {}streams)"
    found: dict[str, Any] = {}
    for table, names in columns.items():
        where = "true"
        if "stream_id" in names:
            where = f"stream_id NOT IN {own}"
            if table == "keys":  # Under an id of nobody it may leave one: docs/security.md.
                where += f" AND stream_id IN {known}"
        elif "tenant" in names:
            where = "tenant <> 'ours'"
        found[table] = await roled.backend.execute(
            f"SELECT rows::text FROM {{}}{table} AS rows WHERE {where} ORDER BY 1"
        )
    return found


async def answers(log: EventLog, reader: EventLog) -> list[Any]:
    """Return what the other tenant is told."""
    views = Views(reader)
    return [
        await Conversation(log, "chat").items(),
        [(event.position, event.stored.hash) async for event in log.feed()],
        [row.name async for row in log.streams()],
        [(one.name, one.items) for one in await conversations(views)],
        [hit.text for hit in await search(views, "7")],
        await log.position(),
        (await reader.verify(key=SIGNER.verifier)).faults,
        [head.size for head in await reader.tree.heads().all()],
        (await reader.tree.prove_inclusion("chat", 1)).hashes,
    ]


async def test_whatever_a_tenant_tries_others_read_what_they_read_before(roled: Roled) -> None:
    """Each is refused or harmless: rows and answers of another tenant stay what they were."""
    _, theirs = await filled(roled)
    reader = roled.open("reader", tenant="theirs")
    columns = await tables(roled)
    told, rows = await answers(theirs, reader), await rows_of_others(roled, columns)
    connection = await asyncpg.connect(roled.url(OURS))
    done: set[tuple[str, str]] = set()
    ids = (stream_id("ours", "chat"), stream_id("theirs", "chat"))
    try:
        for table, of_table in columns.items():
            for text in attempts(table, of_table):
                if await ran(connection, roled, text, ids):
                    done.add((text.split()[0], table))
    finally:
        await connection.close()
    assert done == {
        ("INSERT", "events"),
        ("INSERT", "keys"),
        ("INSERT", "segments"),
        ("INSERT", "snapshots"),
        ("DELETE", "segments"),
        ("DELETE", "snapshots"),
        ("UPDATE", "streams"),
        ("SELECT", "streams"),  # FOR UPDATE: it locks what is its own.
    }
    assert await rows_of_others(roled, columns) == rows
    assert await answers(theirs, reader) == told
    await theirs.append("chat", ItemsAdded(["more"]))
    owner = roled.open("owner", tenant="theirs")
    assert await owner.position() == (await owner.tree.head(SIGNER)).size
    assert (await owner.verify(key=SIGNER.verifier)).ok


async def ran(
    connection: "asyncpg.Connection[Any]", roled: Roled, text: str, ids: tuple[bytes, bytes]
) -> bool:
    """Run a statement for good; tell whether it did anything."""
    args = [each for number, each in enumerate(ids, 1) if f"${number}" in text]
    if "$2" in text and "$1" not in text:
        text = text.replace("$2", "$1")
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError):
        status = await connection.execute(text.replace("{}", f"{roled.backend.schema}."), *args)
        return not status.endswith(" 0")
    return False


async def test_what_a_role_of_a_tenant_may_call_tells_nothing_of_another(roled: Roled) -> None:
    """Functions of ours: of a stream of another it hears what it hears of one that nobody has."""
    await filled(roled)
    functions = await roled.backend.execute(
        "SELECT proname FROM pg_proc WHERE pronamespace = ?::regnamespace"
        " AND has_function_privilege(?, oid, 'EXECUTE') AND prorettype <> 'trigger'::regtype",
        roled.backend.schema,
        roled.name(OURS),
    )
    assert {row[0] for row in functions} == {
        "own_tenant",
        "in_own_streams",
        "is_own",
        "is_new",
        "is_taken",  # It tells whether a name that was guessed is taken: docs/security.md.
    }
    for name in ("in_own_streams", "is_own"):
        for tenant in ("theirs", "nobody"):
            asked = f"SELECT {{}}{name}($1)"
            assert await roled.run(OURS, asked, stream_id(tenant, "chat")) == [(False,)]
    of_event = "SELECT {}is_new($1, 1, recorded_at) FROM {}events LIMIT 1"
    assert await roled.run(OURS, of_event, stream_id("theirs", "chat")) == [(False,)]
    assert await roled.run(OURS, "SELECT {}own_tenant()") == [("ours",)]
