"""How appends are sent: to one server in statements, to a log on many nodes by calls of a function.

Those that wait together go together: on one server those that begin a conversation, then those that
go on with one; on many nodes those of each node, and the nodes at once.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from eventlog.cache import Cache
from eventlog.errors import StoreError
from eventlog.store.postgres.appending.attempts import Attempt, Try, values_alone, values_together
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.names import PostgresLogStatements
from eventlog.store.sql.statement import Statement

MAX_NODES: Final = 100_000
"""Streams of which it is remembered where they are."""

FRESH: Final = 60.0
"""Seconds for which that is believed: a shard may move, and by its old node appends are slow."""

Store = Callable[[Sequence[Attempt], "Call"], Awaitable[None]]
"""Stores attempts together, by a call that returns the streams which moved."""

Call = Callable[[], Awaitable[list[Any]]]


class Sending:
    """Sends appends, alone or together. Raises UnansweredError, and LOOK_AGAIN as it comes."""

    def __init__(self, sql: PostgresLogStatements, runner: PostgresRunner, durability: str) -> None:
        """Have a node that commits wait for its disk as `synchronous_commit` says."""
        self._sql = sql
        self._runner = runner
        self._nodes = Nodes(sql, runner)
        self._every: Final = {"durability": durability}

    async def alone(self, one: Try) -> bool:
        """Tell whether its stream moved."""
        if self._sql.is_distributed:
            return bool(await self._call([one]))
        statement = self._statement(first=one.head.version == 0, one=len(one.rows) == 1)
        return await self._runner.store(statement, values_alone(one)) > 0

    async def together(self, attempts: Sequence[Attempt], store: Store) -> None:
        """Store attempts in parts, of which each is one transaction."""
        if self._sql.is_distributed:
            parts = await self._nodes.parted(attempts)
            await asyncio.gather(*[store(part, self._calling(part)) for part in parts])
            return
        for first in (True, False):
            part = [one for one in attempts if (one.tried.head.version == 0) == first]
            if part:
                await store(part, self._sending(part, first=first))

    async def free(self, stream_ids: Sequence[bytes], slots: asyncio.Semaphore) -> set[bytes]:
        """Return the streams that nobody has locked; where nobody tells, none."""
        asked: list[dict[str, Any]] = [{"stream_ids": stream_ids}]
        if self._sql.is_distributed:
            asked = [{"stream_id": stream_id} for stream_id in stream_ids]
        free: set[bytes] = set()

        async def ask(values: dict[str, Any]) -> None:
            async with slots:
                with contextlib.suppress(StoreError):
                    rows = await self._runner.fetch(self._sql.free, values)
                    free.update(row[0] for row in rows)

        await asyncio.gather(*[ask(values) for values in asked])
        return free

    def _calling(self, part: Sequence[Attempt]) -> Call:
        return lambda: self._call([one.tried for one in part])

    def _sending(self, part: Sequence[Attempt], *, first: bool) -> Call:
        statement = self._sql.group_first if first else self._sql.group_next
        return lambda: self._runner.send(statement, values_together([one.tried for one in part]))

    async def _call(self, tries: Sequence[Try]) -> list[Any]:
        values = {**values_together(tries), "place": tries[0].request.stream_id, **self._every}
        return await self._runner.send(self._sql.append, values)

    def _statement(self, *, first: bool, one: bool) -> Statement:
        if one:
            return self._sql.append_first if first else self._sql.append_next
        return self._sql.append_several_first if first else self._sql.append_several_next


class Nodes:
    """On which node each stream of a distributed log is, as far as it is known."""

    def __init__(self, sql: PostgresLogStatements, runner: PostgresRunner) -> None:
        self._sql = sql
        self._runner = runner
        self._known: Cache[bytes, int] = Cache(MAX_NODES)
        self._until = 0.0

    async def parted(self, attempts: Sequence[Attempt]) -> list[list[Attempt]]:
        """Return the attempts of each node; where nobody tells, each is a part of its own."""
        if self._until < time.monotonic():
            self._known = Cache(MAX_NODES)
            self._until = time.monotonic() + FRESH
        streams = [one.request.stream_id for one in attempts]
        nodes = {stream: self._known.get(stream) for stream in streams}
        unknown = [stream for stream, node in nodes.items() if node is None]
        if unknown:
            nodes.update(await self._ask(unknown))
        parts: dict[int | bytes, list[Attempt]] = {}
        for one, stream in zip(attempts, streams, strict=True):
            node = nodes[stream]
            parts.setdefault(stream if node is None else node, []).append(one)
        return [*parts.values()]

    async def _ask(self, streams: Sequence[bytes]) -> dict[bytes, int]:
        try:
            rows = await self._runner.fetch(self._sql.nodes, {"stream_ids": streams})
        except StoreError:
            return {}
        for stream, node in rows:
            self._known.put(stream, node)
        return dict(rows)
