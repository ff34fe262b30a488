"""Has every PostgreSQL log of a run be a distributed one: EVENTLOG_TEST_DISTRIBUTED=citus.

EVENTLOG_TEST_POSTGRES_URL then names the coordinator of a cluster: a database that has Citus on
every node, in which the user of the URL is a superuser. Servers that a test starts for itself, to
kill them or to have a standby, are plain ones. What Citus cannot do is in
tests/databases/citus/limits.py, test by test.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator
from typing import Any, Final

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import InvalidOptionError
from eventlog.store.postgres import migration
from eventlog.store.postgres.distributed import Spread
from eventlog.store.sql import session
from eventlog.store.sql.statement import quoted
from tests.databases.citus.limits import LIMITS, Limits

VARIABLE: Final = "EVENTLOG_TEST_DISTRIBUTED"

PLAIN: Final = """
SELECT oid::regclass::text FROM pg_class
WHERE oid = to_regclass($1 || '.events') AND to_regclass($1 || '.eventlog_version') IS NOT NULL
AND relkind = 'r' AND oid NOT IN (SELECT logicalrelid FROM pg_dist_partition)
"""
"""The events of a log that is on one server after all, and not because it was partitioned."""

_KIND: Final = os.environ.get(VARIABLE) or None
"""Asked for once: tests take variables away."""

STAYS: Final = """
SELECT current_setting('citus.shard_count', true) IS NULL
OR EXISTS (SELECT FROM pg_partitioned_table WHERE partrelid = to_regclass($1 || '.events'))
"""
"""Whether a log stays as it is: its server has not loaded Citus, or it is partitioned."""


def kind() -> str | None:
    """Return what the logs of this run are distributed by, or None."""
    return _KIND


def settings() -> list[str]:
    """Return what a connection of the tests needs that makes tables or changes triggers."""
    if kind() is None:
        return []
    needed = {"citus.enable_unsafe_triggers": "on", **session.DISTRIBUTED}
    return [f"SET {name} = {value}" for name, value in needed.items()]


def activity() -> str:
    """Return the view that has what runs on the server, or on every node of the cluster."""
    return "pg_stat_activity" if kind() is None else "citus_stat_activity"


def register(config: pytest.Config) -> None:
    """Distribute the logs of a run if it is asked for, in each of its processes."""
    if kind() is None:
        return
    if kind() != "citus" or "EVENTLOG_TEST_POSTGRES_URL" not in os.environ:
        raise pytest.UsageError(
            f"{VARIABLE} is 'citus', and EVENTLOG_TEST_POSTGRES_URL names the coordinator."
        )
    distribute_every_log()
    config.pluginmanager.register(LimitsFail(LIMITS))


def distribute_every_log() -> None:
    """Have a new log be distributed by whoever makes it in this process, if the run is to.

    But for a partitioned one, and one on a server that a test has started for itself.
    """
    if kind() is None:
        return
    migrate_postgres = migration.migrate_postgres

    def migrate_distributed(
        address: PostgresAddress, patience: float, *, spread: Spread | None = None, **how: Any
    ) -> None:
        if spread is not None and spread.is_wanted:
            migrate_postgres(address, patience, spread=spread, **how)
            return
        try:
            migrate_postgres(address, patience, spread=Spread(kind()), **how)
        except InvalidOptionError:
            if not asyncio.run(_stays(address)):
                raise
            migrate_postgres(address, patience, **how)

    migration.migrate_postgres = migrate_distributed


async def _stays(address: PostgresAddress) -> bool:
    connection = await asyncpg.connect(address.dsn)
    try:
        return bool(await connection.fetchval(STAYS, quoted(address.schema)))
    finally:
        await connection.close()


class LimitsFail:
    """Expects the tests of a table to fail: one that passes, or is not there, fails the run."""

    def __init__(self, limits: Limits) -> None:
        self._reasons: Final = {test: why for why, tests in limits.items() for test in tests}

    @pytest.hookimpl(tryfirst=True)  # Before anybody deselects.
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.nodeid in self._reasons:
                mark = pytest.mark.xfail(strict=True, reason=self._reasons[item.nodeid])
                item.add_marker(mark)


@contextlib.asynccontextmanager
async def database(url: str, name: str, how: str = "") -> AsyncGenerator[str]:
    """Give the URL of a database of its own on the server, or on the nodes of the cluster."""
    await create(url, name, how)
    try:
        yield _of(make_url(url), name)
    finally:
        for node in await nodes(url):
            await _execute(node, f"DROP DATABASE {name} WITH (FORCE)")


async def create(url: str, name: str, how: str = "") -> str:
    """Create a database, on every node of a cluster, and join the nodes; return its URL."""
    urls = [make_url(node) for node in await nodes(url)]
    for node in urls:
        await _execute(node, f"CREATE DATABASE {name} {how}")
    if kind() is not None:
        for node in urls:
            await _execute(_of(node, name), "CREATE EXTENSION citus")
        first, *others = urls
        joins = [f"citus_set_coordinator_host('{first.host}', {first.port})"]
        joins += [f"citus_add_node('{node.host}', {node.port})" for node in others]
        await _execute(_of(first, name), "; ".join(f"SELECT {join}" for join in joins))
    return _of(make_url(url), name)


async def on_every_node(url: str, statement: str) -> None:
    """Run what Citus does not pass on, in the database of the URL: on each node for itself."""
    for node in await nodes(url):
        alone = "" if kind() is None else "SET citus.enable_ddl_propagation = off; "
        await _execute(node, alone + statement)


async def plain_logs(connection: "asyncpg.Connection[Any]", schema: str) -> list[str]:
    """Return what is not distributed of the log of a schema, if this run distributes logs."""
    if kind() is None:
        return []
    return [name for (name,) in await connection.fetch(PLAIN, schema)]


async def nodes(url: str) -> list[str]:
    """Return the URL of the server, or of the coordinator and then its workers."""
    if kind() is None:
        return [url]
    connection = await asyncpg.connect(url)
    try:
        workers = await connection.fetch("SELECT * FROM citus_get_active_worker_nodes()")
    finally:
        await connection.close()
    named = make_url(url)
    return [url, *[_text(named.set(host=host, port=port)) for host, port in workers]]


def _of(node: URL, database: str) -> str:
    return _text(node.set(database=database))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


async def _execute(node: str | URL, statement: str) -> None:
    connection = await asyncpg.connect(node if isinstance(node, str) else _text(node))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
