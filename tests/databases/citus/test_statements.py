"""Every statement that a distributed log sends is held against what Citus refuses."""

import re
import uuid
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from eventlog.operations import create_roles, migrate
from eventlog.store.postgres.distributed import DISTRIBUTED
from eventlog.store.sql import session
from tests import distributing
from tests.backends import PostgresBackend
from tests.databases.citus import faults
from tests.databases.citus.refusals import Catalog, refusals
from tests.databases.citus.trees import analysed, parse
from tests.databases.citus.workload import use
from tests.databases.test_distributed_form import distribute

TAKEN: Final = {
    "a WITH clause changes queue": (
        "WITH batch AS",
        "the sequencer reads the queue of all nodes, and moves it to the coordinator at once",
    ),
    "a WITH clause changes snapshots": ("WITH saved AS", "one stream, and nobody waits for it"),
    "a WITH clause changes segments": ("WITH saved AS", "one stream, and nobody waits for it"),
}
"""What Citus takes of that which is found, with the statement that does it, and why."""

POLICIES: Final = """
SELECT relname, polname FROM pg_policy JOIN pg_class ON pg_class.oid = polrelid
WHERE relnamespace = to_regnamespace($1) AND relname = ANY ($2)
AND (polqual::text LIKE '%{SUBLINK%' OR polwithcheck::text LIKE '%{SUBLINK%')
"""
"""Those with a subquery: Citus makes none on a distributed table."""

ERASES: Final = """
SELECT count(*) FROM pg_roles AS eraser WHERE rolname = $2 AND NOT rolsuper
AND has_column_privilege(eraser.oid, to_regclass($1 || '.events'), 'body', 'UPDATE')
"""


class Heard:
    """What a server made of the statements that it was sent."""

    def __init__(self) -> None:
        self.trees: dict[str, str] = {}
        """The statement of each tree."""

    def hear(self, _connection: Any, message: Any) -> None:
        """Take what a connection is told beside its answers."""
        if message.message.startswith("rewritten parse tree") and "{QUERY" in message.detail:
            tree = re.sub(r":(location|stmt_len|stmt_location) -?\d+", "", message.detail)
            self.trees.setdefault(tree, message.query)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What listens on every connection that the process opens."""
    heard, connect = Heard(), asyncpg.connect

    async def listened(*args: Any, **options: Any) -> Any:
        connection = await connect(*args, **options)
        connection.add_log_listener(heard.hear)
        return connection

    monkeypatch.setattr(asyncpg, "connect", listened)
    return heard


@pytest.fixture
async def spread(postgres_url: str) -> AsyncIterator[PostgresBackend]:
    """A log that runs what a distributed one does, in a database that tells what it is sent."""
    name = f"test_{uuid.uuid4().hex[:16]}"
    async with distributing.database(postgres_url, name) as url:
        backend = PostgresBackend(url)
        await migrate(url, **backend.options)
        if distributing.kind() is None:
            await distribute(backend)
        for setting in ("debug_print_rewritten = on", "debug_pretty_print = off"):
            await backend.execute(f"ALTER DATABASE {name} SET {setting}")
        await backend.execute(f"ALTER DATABASE {name} SET client_min_messages = log")
        yield backend


@pytest.fixture
async def catalog(spread: PostgresBackend) -> Catalog:
    async with spread._connection() as connection:
        return await Catalog.read(connection, spread.schema, DISTRIBUTED)


async def test_nothing_that_a_distributed_log_sends_is_refused(
    spread: PostgresBackend, heard: Heard, catalog: Catalog
) -> None:
    """Whatever it is used for: the trees of all statements, also of those within functions."""
    await use(spread.url, **spread.options)
    found = {
        (finding, statement.strip())
        for tree, statement in heard.trees.items()
        for finding in refusals(parse(tree), catalog)
    }
    unknown = {
        (finding, statement)
        for finding, statement in found
        if not statement.startswith(TAKEN.get(finding, ("\0",))[0])
    }
    assert unknown == set()
    assert {finding for finding, _ in found} == TAKEN.keys()
    assert len(heard.trees) > 150


@pytest.mark.parametrize("name", faults.STATEMENTS)
async def test_a_statement_that_failed_on_citus_is_found(
    spread: PostgresBackend, catalog: Catalog, name: str
) -> None:
    """As it was when it failed there."""
    statement, finding = faults.STATEMENTS[name]
    async with spread._connection() as connection:
        tree = await analysed(connection, statement.replace("{}", f"{spread.schema}."))
    assert finding in refusals(tree, catalog)


async def test_policies_of_distributed_tables_ask_no_other_table(spread: PostgresBackend) -> None:
    """Not those that `roles` makes; one with EXISTS is found."""
    async with spread._connection() as connection:
        tables = [*DISTRIBUTED]
        assert await connection.fetch(POLICIES, spread.schema, tables) == []
        await connection.execute(faults.POLICY.replace("{}", f"{spread.schema}."))
        found = await connection.fetch(POLICIES, spread.schema, tables)
        assert [tuple(row) for row in found] == [("events", "of_tenant")]


async def test_somebody_who_is_no_superuser_can_erase(spread: PostgresBackend) -> None:
    """The eraser can, after `roles`; the former REVOKE left nobody."""
    roles = await create_roles(spread.url, **spread.options)
    eraser, owner = (f"{spread.schema}_{name}" for name in ("eraser", "owner"))
    async with spread._connection() as connection:
        try:
            assert await connection.fetchval(ERASES, spread.schema, eraser) == 1
            await connection.execute(f"SET ROLE {owner}")
            await connection.execute(faults.NOBODY_ERASES.replace("{}", f"{spread.schema}."))
            assert await connection.fetchval(ERASES, spread.schema, owner) == 0
        finally:
            await connection.execute("RESET ROLE")
            for role in roles:
                await connection.execute(f"DROP OWNED BY {role} CASCADE")
                await connection.execute(f"DROP ROLE {role}")


def test_nobody_asks_the_catalog_while_citus_hides_tables_from_it() -> None:
    """Neither the driver on a distributed log's connections, nor a migration."""
    name, value = faults.HIDDEN
    assert session.DISTRIBUTED[name] == session.MIGRATING[name] == value
