"""Appending on PostgreSQL: one statement, one round trip; those that wait together go together."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import BusyError, ClockAheadError
from eventlog.format.chain import GENESIS
from eventlog.format.preparing import link, prepare_all
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Head,
    KeyChanged,
    Outcome,
    PreparedEvent,
    Stale,
    StoredEvent,
)
from eventlog.store.contract.log import answer_replay
from eventlog.store.postgres.heads import Heads
from eventlog.store.postgres.pool import LOST
from eventlog.store.postgres.statements import MAX_CLOCK_LEAD, PostgresStatements
from eventlog.store.sql.statement import Statement
from eventlog.store.sql.stream_rows import NO_PARENT

MAX_TRIES: Final = 30
"""How often an append takes a new head before it gives up: every loss was another one's win."""

LOOK_AGAIN: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)
"""Nothing was stored, and only a fresh snapshot tells why."""

OPEN: Final = (*LOST, *LOOK_AGAIN, TimeoutError)
"""What an append wants to see as it is: the errors that leave its outcome open."""


class Ask(Protocol):
    """Runs a statement and returns its rows. With `again`, once more if the connection broke."""

    async def __call__(
        self, statement: Statement, values: dict[str, Any], *, again: bool
    ) -> list[Any]:
        """Run it."""
        ...


class _Try(NamedTuple):
    """A request linked to the head that it is tried on."""

    request: AppendRequest
    prepared: list[PreparedEvent]
    head: Head
    rows: list[StoredEvent]
    moved: Head

    @classmethod
    def on(cls, head: Head, request: AppendRequest, prepared: list[PreparedEvent]) -> "_Try":
        """Link to a head."""
        return cls(request, prepared, head, *link(request, head, prepared))


class _Seen(NamedTuple):
    """What a second look found; `stored` says that the rows that were tried are in the log."""

    head: Head
    clock: int
    known: list[StoredEvent]
    stored: bool
    key_id: str | None


class Appender:
    """Decides what becomes of appends; remembers heads, and looks again wherever they are wrong."""

    def __init__(
        self, address: PostgresAddress, sql: PostgresStatements, heads: Heads, ask: Ask
    ) -> None:
        self._address = address
        self._sql = sql
        self._heads = heads
        self._ask = ask

    async def append(self, request: AppendRequest) -> Outcome:
        """Append one batch to one stream."""
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
            return Appended(tried.head.version + 1, tried.moved.version)
        prepared = prepare_all(request) if tried is None else tried.prepared
        try:
            return await self._alone(request, prepared, tried)
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            return error

    async def _alone(
        self, request: AppendRequest, prepared: list[PreparedEvent], tried: _Try | None
    ) -> Outcome:
        head = self._heads.get(request.stream_id) if tried is None else None
        for attempt in range(MAX_TRIES):
            if head is None or request.expected not in (None, head.version):
                seen = await self._look(request, tried)
                self._heads.put(request.stream_id, seen.head)
                if (outcome := self._judge(request, tried, seen)) is not None:
                    return outcome
                head = seen.head
            if tried is None or tried.head != head:
                # On the same head it is the same rows again: their hashes tell that they are ours.
                tried = _Try.on(head, request, prepared)
            if await self._store_or_look(tried):
                self._heads.put(request.stream_id, tried.moved)
                return Appended(head.version + 1, tried.moved.version)
            head = None
            if attempt:
                await asyncio.sleep(random.uniform(0, min(0.05, 0.001 * 2**attempt)))
        raise BusyError(
            f"Conversation {request.name!r}: other writers were first {MAX_TRIES} times in a row."
            " Nothing was stored. Try again, or let fewer processes write one conversation."
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
            return bool(await self._ask(statement, values, again=False))
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
            **_arrays("stream_", [_Place.of(one) for one in group]),
            "at": max(one.request.at for one in group),
        }
        statement = self._sql.group_first if first else self._sql.group_next
        try:
            return {row[0] for row in await self._ask(statement, values, again=False)}
        except (*LOST, *LOOK_AGAIN):
            return set()

    async def _look(self, request: AppendRequest, tried: _Try | None) -> _Seen:
        """Read the head first and the rest after it: what is not there then, came later."""
        stream = {"stream_id": request.stream_id}
        (row,) = await self._ask(self._sql.head, stream, again=True)
        ids = [event.event_id for event in request.events if event.event_id is not None]
        known: list[Any] = []
        if ids:
            known = await self._ask(self._sql.by_event_id, {**stream, "event_ids": ids}, again=True)
        stored = tried is not None and await self._is_stored(tried.rows[-1])
        head = GENESIS if row[0] is None else Head(*row[:3])
        in_order = sorted(map(StoredEvent._make, known), key=lambda event: event.version)
        return _Seen(head, row[3], in_order, stored, request.key_id if row[0] is None else row[4])

    async def _is_stored(self, event: StoredEvent) -> bool:
        place = {"stream_id": event.stream_id, "version": event.version}
        rows = await self._ask(self._sql.hash_at, place, again=True)
        return bool(rows) and rows[0][0] == event.hash

    def _judge(self, request: AppendRequest, tried: _Try | None, seen: _Seen) -> Outcome | None:
        """Decide from a fresh look. None: nothing speaks against trying on the head it saw."""
        if tried is not None and seen.stored:
            return Appended(tried.head.version + 1, tried.moved.version)
        if (replay := answer_replay(request, seen.known)) is not None:
            return replay
        if request.expected not in (None, seen.head.version):
            return Stale(seen.head.version)
        if request.key_id != seen.key_id:
            return KeyChanged(seen.key_id)
        if request.at > seen.clock + MAX_CLOCK_LEAD:
            raise ClockAheadError(
                f"This machine's clock is {(request.at - seen.clock) / 1e6:.0f} s ahead of that of"
                f" {self._address}; at most {MAX_CLOCK_LEAD / 1e6:.0f} s are accepted, or the"
                " conversation's time would run ahead for good. Nothing was stored. Set the clock."
            )
        return None


class _Place(NamedTuple):
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
    def of(cls, one: _Try) -> "_Place":
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


def _arrays(prefix: str, rows: Sequence[StoredEvent] | Sequence[_Place]) -> dict[str, Any]:
    columns = zip(*rows, strict=True)
    return {prefix + name: column for name, column in zip(rows[0]._fields, columns, strict=True)}
