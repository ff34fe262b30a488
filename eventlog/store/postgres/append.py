"""Appending on PostgreSQL: one statement, one round trip; those that wait together go together."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from eventlog.addresses.log import PostgresAddress
from eventlog.format.preparing import link, prepare_all
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Head,
    Outcome,
    PreparedEvent,
    StoredEvent,
)
from eventlog.retrying import Tries, others_were_first
from eventlog.store.nouns.append import Clock, Known, Seen, beginning, decide
from eventlog.store.postgres.errors import LOOK_AGAIN, translated
from eventlog.store.postgres.heads import Heads
from eventlog.store.postgres.pool import LOST
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.names import PostgresLogStatements
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import NO_PARENT


class _Try(NamedTuple):
    """A request linked to the head that it is tried on."""

    request: AppendRequest
    prepared: list[PreparedEvent]
    head: Head
    rows: list[StoredEvent]
    moved: Head

    @property
    def outcome(self) -> Appended:
        """What becomes of the request if the rows are stored."""
        return Appended(self.head.version + 1, self.moved.version)

    @classmethod
    def on(cls, head: Head, request: AppendRequest, prepared: list[PreparedEvent]) -> "_Try":
        """Link to a head."""
        return cls(request, prepared, head, *link(request, head, prepared))


class Appender:
    """Decides what becomes of appends; remembers heads, and looks again wherever they are wrong."""

    def __init__(
        self,
        address: PostgresAddress,
        sql: PostgresLogStatements,
        heads: Heads,
        runner: PostgresRunner,
    ) -> None:
        self._address = address
        self._sql = sql
        self._heads = heads
        self._runner = runner

    async def append(self, request: AppendRequest) -> Outcome:
        """Append one batch to one stream."""
        with translated(self._address):
            return await self._alone(request, prepare_all(request), None)

    async def append_group(
        self, requests: Sequence[AppendRequest]
    ) -> list[Outcome | BaseException]:
        """Append to many streams, each of which is named once; answer each on its own."""
        tries = {request.stream_id: self._link(request) for request in requests}
        moved: set[bytes] = set()
        for first in (True, False):
            group = [one for one in tries.values() if one and (one.head.version == 0) == first]
            moved |= await self._store_group(group, first=first)
        return [
            await self._answer(request, tries[request.stream_id], moved) for request in requests
        ]

    def _link(self, request: AppendRequest) -> _Try | None:
        """Link to the head that is remembered, if that is the expected one."""
        head = self._heads.get(request.stream_id)
        if head is None or request.expected not in (None, head.version):
            return None
        return _Try.on(head, request, prepare_all(request))

    async def _answer(
        self, request: AppendRequest, tried: _Try | None, moved: set[bytes]
    ) -> Outcome | BaseException:
        if tried is not None and request.stream_id in moved:
            self._heads.put(request.stream_id, tried.moved)
            return tried.outcome
        prepared = prepare_all(request) if tried is None else tried.prepared
        try:
            with translated(self._address):
                return await self._alone(request, prepared, tried)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            return error

    async def _alone(
        self, request: AppendRequest, prepared: list[PreparedEvent], tried: _Try | None
    ) -> Outcome:
        head = self._heads.get(request.stream_id) if tried is None else None
        async for _ in Tries(at_once=2):
            if head is None or request.expected not in (None, head.version):
                seen = await self._look(request, tried)
                head = seen.known.head
                self._heads.put(request.stream_id, head)
                outcome = decide(request, None if tried is None else tried.outcome, seen)
                if outcome is not None:
                    return outcome
            if tried is None or tried.head != head:
                # On the same head it is the same rows again: their hashes tell that they are ours.
                tried = _Try.on(head, request, prepared)
            if await self._store_or_look(tried):
                self._heads.put(request.stream_id, tried.moved)
                return tried.outcome
            head = None
        raise others_were_first(
            request.name,
            "Nothing was stored. Try again, or let fewer processes write one conversation.",
        )

    async def _store_or_look(self, tried: _Try) -> bool:
        try:
            return await self._store(tried)
        except TimeoutError:
            # Perhaps only the answer did not come. Once: it may be a lock that holds it up.
            if await self._is_stored(tried.rows[-1]):
                return True
            raise

    async def _store(self, one: _Try) -> bool:
        """Run the one statement. False says only that it did not answer yes."""
        request, _, head, rows, moved = one
        parent = request.parent or NO_PARENT
        values: dict[str, Any] = {
            "stream_id": request.stream_id,
            "of_stream": request.stream_id,
            "tenant": request.tenant,
            "name": request.name,
            "branch": request.branch,
            "parent_id": parent[0],
            "parent_version": parent[1],
            "version": moved.version,
            "head_hash": moved.hash,
            "head_at": moved.at,
            "created_at": moved.at,
            "linked_version": head.version,
            "linked_hash": head.hash,
            "key_id": request.key_id,
            "at": request.at,
            **(_scalars("event_", rows[0]) if len(rows) == 1 else _arrays("event_", rows)),
        }
        statement = self._statement(first=head.version == 0, one=len(rows) == 1)
        try:
            return bool(await self._runner.send(statement, values))
        except (*LOST, *LOOK_AGAIN):
            return False

    def _statement(self, *, first: bool, one: bool) -> Statement:
        if one:
            return self._sql.append_first if first else self._sql.append_next
        return self._sql.append_several_first if first else self._sql.append_several_next

    async def _store_group(self, group: Sequence[_Try], *, first: bool) -> set[bytes]:
        """Return the streams that moved; of the others nobody knows anything yet."""
        if not group:
            return set()
        values = {
            **_arrays("event_", [row for one in group for row in one.rows]),
            **_arrays("stream_", [_StreamRow.of(one) for one in group]),
            "at": max(one.request.at for one in group),
        }
        statement = self._sql.group_first if first else self._sql.group_next
        try:
            return {row[0] for row in await self._runner.send(statement, values)}
        except (*LOST, *LOOK_AGAIN):
            return set()

    async def _look(self, request: AppendRequest, tried: _Try | None) -> Seen:
        """Read the head first and the rest after it: what is not there then, came later."""
        stream = {"stream_id": request.stream_id}
        (row,) = await self._runner.fetch(self._sql.head, stream)
        ids = [event.event_id for event in request.events if event.event_id is not None]
        found: list[Any] = []
        if ids:
            found = await self._runner.fetch(self._sql.by_event_id, {**stream, "event_ids": ids})
        is_stored = tried is not None and await self._is_stored(tried.rows[-1])
        known = beginning(request) if row[0] is None else Known(Head(*row[:3]), row[4])
        clock = Clock(row[3], str(self._address))
        return Seen(known, [StoredEvent._make(event) for event in found], is_stored, clock)

    async def _is_stored(self, event: StoredEvent) -> bool:
        where = {"stream_id": event.stream_id, "version": event.version}
        rows = await self._runner.fetch(self._sql.hash_at, where)
        return bool(rows) and rows[0][0] == event.hash


class _StreamRow(NamedTuple):
    """What the group statements ask of a stream's row."""

    stream_id: bytes
    tenant: str
    name: str
    branch: str
    parent_id: bytes | None
    parent_version: int | None
    version: int
    head_hash: bytes
    head_at: int
    linked_version: int
    linked_hash: bytes
    key_id: str | None

    @classmethod
    def of(cls, one: _Try) -> "_StreamRow":
        request, head, moved = one.request, one.head, one.moved
        parent = request.parent or NO_PARENT
        identity = (request.stream_id, request.tenant, request.name, request.branch)
        return cls(
            *identity,
            parent[0],
            parent[1],
            moved.version,
            moved.hash,
            moved.at,
            head.version,
            head.hash,
            request.key_id,
        )


def _scalars(prefix: str, row: StoredEvent) -> dict[str, Any]:
    return {prefix + name: value for name, value in zip(row._fields, row, strict=True)}


def _arrays(prefix: str, rows: Sequence[StoredEvent] | Sequence[_StreamRow]) -> dict[str, Any]:
    columns = zip(*rows, strict=True)
    return {prefix + name: column for name, column in zip(rows[0]._fields, columns, strict=True)}
