"""A bench for whoever asks what became of a change: a database that is locked, cut off or slow."""

import contextlib
import uuid
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import asyncpg
from sqlalchemy.engine import make_url

from eventlog import EventLog
from tests import distributing
from tests.backends import PostgresBackend
from tests.backends import checked_out as lent
from tests.faults.ledger import Ledger
from tests.faults.proxy import Proxy
from tests.options import grouped
from tests.waiting import PATIENCE, until

LIMIT: Final = 1.0
"""Seconds after which a statement ends."""


RUNNING: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE application_name = 'eventlog' AND state <> 'idle' AND query LIKE ?
"""
RUNNING_ANYWHERE: Final = """
SELECT count(*) FROM citus_stat_activity WHERE (application_name = 'eventlog'
OR application_name LIKE 'citus_internal%') AND state = 'active' AND query LIKE ?
AND query NOT LIKE '%citus_stat_activity%'
"""


async def lock(
    connection: "asyncpg.Connection[Any]",
    backend: PostgresBackend,
    tenant: str,
    streams: Sequence[str],
) -> None:
    """Lock the rows of streams in the transaction of a connection."""
    table = f"{backend.schema}.streams"
    query = f"SELECT stream_id FROM {table} WHERE tenant = $1 AND name = ANY($2)"
    for (stream_id,) in await connection.fetch(query, tenant, streams):
        # One by one: they may be on several nodes.
        await connection.execute(f"SELECT FROM {table} WHERE stream_id = $1 FOR UPDATE", stream_id)


async def running(backend: PostgresBackend) -> int:
    """Return how many statements of the log run on the server, or on any of its nodes."""
    query = RUNNING if distributing.kind() is None else RUNNING_ANYWHERE
    ((count,),) = await backend.execute(query, f"%{backend.schema}%")
    return int(count)


class Bench:
    """A log on a database that is behaving, a proxy before it, and locks on rows of streams."""

    def __init__(self, backend: PostgresBackend, proxy: Proxy) -> None:
        self.backend = backend
        self.proxy = proxy
        self.ledger = Ledger()
        self.options: dict[str, Any] = {"tenant": uuid.uuid4().hex, **backend.options}
        self.direct = EventLog(backend.url, **grouped(**self.options))
        self._logs = [self.direct]
        self.impatient: str | None = None
        """A role that waits 300 ms for a lock, where no setting of a session reaches the nodes."""

    def open(self, way: str = "direct", **options: Any) -> EventLog:
        """Open a log by way of the proxy, whose statements end after LIMIT."""
        url = self.proxy.url
        given = {"statement_timeout": LIMIT, **self.options, **options}
        if way == "server":
            given["statement_timeout"] = PATIENCE
            if self.impatient is None:
                url += "?lock_timeout=300"
            else:
                url = (
                    make_url(url).set(username=self.impatient).render_as_string(hide_password=False)
                )
        log = EventLog(url, **grouped(**given, pgbouncer=way == "bouncer"))
        self._logs.append(log)
        return log

    @contextlib.asynccontextmanager
    async def locked(self, *streams: str) -> AsyncGenerator["asyncpg.Connection[Any]"]:
        """Lock the rows of streams for the length of the block."""
        connection = await asyncpg.connect(self.backend.url)
        try:
            async with connection.transaction():
                await lock(connection, self.backend, self.options["tenant"], streams)
                yield connection
        finally:
            await connection.close()

    @contextlib.asynccontextmanager
    async def nodes_bound(self) -> AsyncGenerator[None]:
        """Have the nodes of a distributed log bound the waiting for locks, for `way="server"`."""
        if distributing.kind() is None:
            yield
            return
        role = f"impatient_{uuid.uuid4().hex[:12]}"
        await self.backend.execute(f"CREATE ROLE {role} LOGIN SUPERUSER")
        await self.backend.execute(f"ALTER ROLE {role} SET lock_timeout = 300")
        self.impatient = role
        try:
            yield
        finally:
            await self.backend.execute(f"DROP ROLE {role}")

    async def check(self) -> None:
        """Hold what was told against the log, now and once nothing runs any more."""
        await self.ledger.check(self.direct)

        async def is_quiet() -> bool:
            return await running(self.backend) == 0

        await until(is_quiet, "the server has nothing to do")
        await self.ledger.check(self.direct)

    async def close(self) -> None:
        assert [lent(log) for log in self._logs] == [0] * len(self._logs)
        for log in self._logs:
            await log.close()
