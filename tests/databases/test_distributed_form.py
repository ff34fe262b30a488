"""What a distributed log runs, on a plain server: its function appends as the statements do.

Nothing in `append` is Citus'. Two nodes are made up for streams, so that what is appended together
goes in two parts.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
from sqlalchemy.dialects import postgresql

from eventlog import EventLog, ItemsAdded
from eventlog.errors import InDoubtError, SchemaTooOldError
from eventlog.store.postgres.append_function import (
    NODES,
    TAKES,
    TYPES,
    append_body,
    append_function,
)
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.postgres.statements import of
from eventlog.store.sql.schema import Tables
from eventlog.store.sql.statement import Statement, literal, quoted
from tests.backends import Backend, PostgresBackend, SharedBackend, migrated
from tests.contract.log import test_clocks
from tests.contract.log.test_append import *  # noqa: F403
from tests.contract.log.test_group_commit import *  # noqa: F403

test_a_clock_ahead_is_taken = test_clocks.test_a_clock_that_is_a_little_ahead_is_taken
test_a_time_to_come_is_refused = test_clocks.test_a_time_that_has_not_come_is_refused

NODE = f"""
CREATE FUNCTION {{schema}}.nodes(streams {NODES}) RETURNS TABLE (stream_id bytea, node integer)
LANGUAGE sql AS $$ SELECT one, get_byte(one, 0) % 2 FROM unnest(streams) AS one $$
"""


@pytest.fixture(scope="module")
def distributed(postgres_url: str) -> Iterator[SharedBackend]:
    with migrated(SharedBackend(postgres_url)) as opened:
        asyncio.run(distribute(opened))
        yield opened


async def distribute(backend: PostgresBackend) -> None:
    """Give a log what makes a store take it for one on two nodes."""
    schema = quoted(backend.schema)
    for statement in (append_function(schema), NODE.format(schema=schema)):
        await backend.execute(statement)


@pytest.fixture
async def backend(distributed: SharedBackend) -> AsyncIterator[Backend]:
    """What the imported tests run on."""
    async for lent in distributed.lend():
        yield lent


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[EventLog]:
    async with backend.open() as opened:
        yield opened


def test_arrays_have_the_types_of_their_columns() -> None:
    """The function and the tables cannot drift apart."""
    tables, dialect = Tables("postgresql"), postgresql.dialect()  # type: ignore[no-untyped-call]
    columns = {**tables.streams.c, **tables.events.c}
    assert set(TYPES) == {name.split("_", 1)[1] for name in [*TAKES][3:]}
    for name, kind in TYPES.items():
        column = columns[name.replace("linked_hash", "head_hash").removeprefix("linked_")]
        assert kind == column.type.compile(dialect).split()[0].lower(), name


def calls_of(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Record what appends call the function with."""
    calls: list[dict[str, Any]] = []
    send = PostgresRunner.send

    async def recorded(
        self: PostgresRunner, statement: Statement, values: dict[str, Any]
    ) -> list[Any]:
        assert ".append(" in statement.text
        calls.append(values)
        return await send(self, statement, values)

    monkeypatch.setattr(PostgresRunner, "send", recorded)
    return calls


async def test_a_log_with_the_function_is_appended_to_by_it_alone(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening tells: the first event, the next and several are each one call of it."""
    await log.version("chat")
    calls = calls_of(monkeypatch)
    for events in ([ItemsAdded(["a"])], [ItemsAdded(["b"])], [ItemsAdded(["c"])] * 3):
        await log.append("chat", events)
    assert [len(values["event_version"]) for values in calls] == [1, 1, 3]
    assert all(values["place"] == values["stream_stream_id"][0] for values in calls)


async def test_those_of_one_node_go_together(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call has streams of one node, which it finds by one of them."""
    names = [f"chat-{number}" for number in range(30)]
    await asyncio.gather(*[log.append(name, ItemsAdded(["first"])) for name in names])
    calls = calls_of(monkeypatch)
    await asyncio.gather(*[log.append(name, ItemsAdded(["next"])) for name in names])
    sent = [{stream[0] % 2 for stream in values["stream_stream_id"]} for values in calls]
    assert {len(nodes) for nodes in sent} == {1}
    assert len(calls) < len(names)
    assert [await log.version(name) for name in names] == [2] * len(names)


@pytest.mark.parametrize("durability", ["full", "normal"])
async def test_a_node_commits_as_durably_as_was_asked(
    backend: Backend, durability: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No setting of a session reaches it, so the call says so, whatever the node has."""
    async with backend.open(durability=durability) as log:
        await log.version("chat")
        calls = calls_of(monkeypatch)
        await log.append("chat", ItemsAdded(["a"]))
    (values,) = calls
    assert values["durability"] == {"full": "on", "normal": "off"}[durability]
    statement = of(backend.options["schema"]).log.append
    connection = await asyncpg.connect(backend.url)
    async with connection.transaction():
        await connection.execute("SET LOCAL synchronous_commit = local")
        await connection.fetch(statement.text, *statement.args(values))
        assert await connection.fetchval("SHOW synchronous_commit") == values["durability"]
    await connection.close()


@pytest.fixture
async def own(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A log of the test's own, with the function."""
    opened = PostgresBackend(postgres_url)
    await opened.make()
    await distribute(opened)
    yield opened
    await opened.discard()


async def test_a_node_that_is_lost_leaves_an_append_in_doubt_at_once(own: PostgresBackend) -> None:
    """The coordinator says so of another server: its own connection is used again."""
    async with own.open() as log:
        await log.append("chat", ItemsAdded(["a"]))
        await own.execute(failing(quoted(own.schema)))
        before = await backends(own)
        with pytest.raises(InDoubtError, match=r"chat.*cannot reach a node.*worker-1:5432"):
            await log.append("chat", ItemsAdded(["b"]))
        assert await backends(own) == before
        await own.execute(append_function(quoted(own.schema)))
        assert (await log.append("chat", ItemsAdded(["b"]))).last == 2


async def test_a_log_that_an_earlier_release_distributed_says_what_to_call(
    postgres_url: str,
) -> None:
    """On it a conversation takes one append: it is not opened as one of a single server."""
    old = PostgresBackend(postgres_url)
    await old.make()
    await old.execute(f"CREATE FUNCTION {{}}citus_truncate_trigger() {TRIGGER}")
    await old.execute(
        "CREATE TRIGGER truncate_trigger_1 BEFORE TRUNCATE ON {}streams"
        " EXECUTE FUNCTION {}citus_truncate_trigger()"
    )
    async with old.open() as log:
        with pytest.raises(SchemaTooOldError, match="migrate"):
            await log.version("chat")
    await old.discard()


LOST = """
BEGIN RAISE EXCEPTION 'connection to worker-1:5432 failed' USING ERRCODE = '08006'; END
"""
TRIGGER = "RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"


def failing(schema: str) -> str:
    """Make a function that fails as a call does whose node cannot be reached."""
    return append_function(schema).replace(literal(append_body(schema)), literal(LOST))


async def backends(backend: PostgresBackend) -> set[int]:
    """Return the sessions of logs on the server."""
    rows = await backend.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'eventlog'"
    )
    return {pid for (pid,) in rows}
