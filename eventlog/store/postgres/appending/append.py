"""Appending on PostgreSQL: one round trip; those that wait together go together."""

import asyncio
import functools
from collections.abc import Awaitable, Sequence
from typing import Any, Final

import asyncpg

from eventlog.addresses.log import PostgresAddress
from eventlog.errors import (
    InDoubtError,
    ReadOnlyError,
    RefusedValueError,
    StoreError,
    UnavailableError,
)
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Lost,
    Outcome,
    StoredEvent,
)
from eventlog.retrying import Tries, others_were_first
from eventlog.store.nouns.append import Clock, Known, Seen, beginning, decide
from eventlog.store.nouns.outcomes import APPEND_AGAIN, UnansweredError, find_out
from eventlog.store.postgres.appending.attempts import Attempt, Try
from eventlog.store.postgres.appending.batcher import Tell
from eventlog.store.postgres.appending.heads import End, Heads
from eventlog.store.postgres.appending.sending import Call, Sending
from eventlog.store.postgres.errors import LOOK_AGAIN
from eventlog.store.postgres.pool import is_elsewhere
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sql.names import PostgresLogStatements

_STANDBY: Final = (
    "{} is a standby, which only reads, and may not have got everything. Nothing was stored. Try"
    " again, or name the server that writes."
)


class Appender:
    """Decides what becomes of appends; remembers heads, and looks again wherever they are wrong."""

    def __init__(
        self,
        address: PostgresAddress,
        sql: PostgresLogStatements,
        heads: Heads,
        runner: PostgresRunner,
        sending: Sending,
        slots: int,
    ) -> None:
        """Have `slots` at once of a group that was not stored together under way, one by one."""
        self._address = address
        self._sql = sql
        self._heads = heads
        self._runner = runner
        self._sending = sending
        self._slots = slots

    def append(self, request: AppendRequest) -> Awaitable[Outcome]:
        """Append one batch to one stream."""
        return self._settle(Attempt(request))

    async def append_group(self, tell: Tell, requests: Sequence[AppendRequest]) -> None:
        """Append to many streams, each of which is named once; tell each as soon as it is known."""
        attempts = [Attempt(request, self._heads.fitting(request)) for request in requests]
        linked = [one for one in attempts if one.is_linked]
        if linked:
            await self._sending.together(linked, self._store_together)
        left: list[tuple[int, Attempt]] = []
        for index, one in enumerate(attempts):
            if one.answer is None:
                left.append((index, one))
            else:
                tell(index, one.answer)
        if left:
            await self._one_by_one(left, tell)

    async def _one_by_one(self, left: list[tuple[int, Attempt]], tell: Tell) -> None:
        """Decide each for itself; those last that somebody has locked."""
        slots = asyncio.Semaphore(self._slots)
        if len(left) > self._slots:
            free = await self._sending.free([one.request.stream_id for _, one in left], slots)
            left.sort(key=lambda each: each[1].request.stream_id not in free)

        async def answer(index: int, attempt: Attempt) -> None:
            async with slots:
                try:
                    outcome: Outcome | BaseException = await self._settle(attempt)
                except Exception as error:  # noqa: BLE001 - told to whoever waits
                    outcome = error
            tell(index, outcome)

        await asyncio.gather(*[answer(*each) for each in left])

    async def _settle(self, attempt: Attempt) -> Outcome:
        """Append, and find out what came of it if something of it was not answered."""
        error: StoreError | None = None
        try:
            return await self._alone(attempt)
        except UnansweredError as unanswered:
            lost = unanswered
        except StoreError as failed:
            if attempt.lost is None:
                raise
            lost, error = attempt.lost, failed
        # Whoever appends next looks first, and hears for sure if nothing of it was sent.
        self._heads.doubt(attempt.request.stream_id)
        return await find_out(
            lost,
            functools.partial(self._found, attempt),
            stream=attempt.request.name,
            what="the append",
            advice=APPEND_AGAIN,
            error=error,
        )

    async def _alone(self, attempt: Attempt) -> Outcome:
        """Try it on the head that is remembered, if it was not yet; then on those that are seen."""
        request = attempt.request
        end = None if attempt.is_linked else self._heads.fitting(request)
        if end is not None and (stored := await self._try(attempt, end)):
            return stored
        async for _ in Tries():
            seen = await self._seen(attempt)
            outcome = decide(request, attempt.outcome, seen)
            if seen.is_standby and not isinstance(outcome, Appended):
                raise ReadOnlyError(_STANDBY.format(self._address))
            if isinstance(outcome, Appended):
                await self._confirm(request)
            if isinstance(outcome, Lost):
                self._heads.lose(request.stream_id)
            end = End.of(seen.known)
            self._heads.put(request.stream_id, end)
            if outcome is not None:
                return outcome
            if stored := await self._try(attempt, end):
                return stored
        raise others_were_first(
            request.name,
            "Nothing was stored. Try again, or let fewer processes write one conversation.",
        )

    async def _try(self, attempt: Attempt, end: End) -> Appended | None:
        """Try it on a head. None says only that the answer was not yes."""
        tried = attempt.on(end)
        try:
            if await self._sending.alone(tried):
                return self._moved(tried)
        except LOOK_AGAIN:
            return None
        except UnansweredError as lost:
            attempt.lost = lost.after(attempt.lost)
            if not lost.is_cut:
                raise attempt.lost from lost
        return None

    async def _found(self, attempt: Attempt) -> Outcome | None:
        """Return the outcome if the rows that were tried are there."""
        tried = attempt.tried
        last = tried.rows[-1]
        hashes = await self._hashes(last.stream_id, last.version)
        if hashes.get(last.version) != last.hash:
            return None
        await self._confirm(tried.request)
        return self._moved(tried)

    async def _confirm(self, request: AppendRequest) -> None:
        """Make sure that what was seen of a stream is where every answered commit is.

        A standby has it already. Raises InDoubtError.
        """
        try:
            await self._runner.fetch(self._sql.confirm, {"stream_id": request.stream_id})
        except ReadOnlyError:
            return
        except StoreError as error:
            why = f"It is on the server, and may not be on its standby. {error}"
            raise InDoubtError(request.name, "the append", why, APPEND_AGAIN) from error.__cause__

    def _moved(self, tried: Try) -> Appended:
        self._heads.put(tried.request.stream_id, tried.end)
        return tried.outcome

    async def _store_together(self, group: Sequence[Attempt], call: Call) -> None:
        """Answer those whose streams moved, and all if nobody can be asked about the others."""
        try:
            rows = await call()
        except UnansweredError as lost:
            await _lose(group, lost)
        except LOOK_AGAIN:
            return
        except StoreError as error:
            _refuse(group, error)
        else:
            moved = {row[0] for row in rows}
            for one in group:
                if one.request.stream_id in moved:
                    one.answer = self._moved(one.tried)

    async def _seen(self, attempt: Attempt) -> Seen:
        try:
            return await self._look(attempt)
        except UnavailableError as error:
            if attempt.lost is None and is_elsewhere(error.__cause__):
                raise error.saying(f"{error} Nothing was stored.") from error.__cause__
            raise

    async def _look(self, attempt: Attempt) -> Seen:
        """Read the head first and the rest after it: what is not there then, came later."""
        request = attempt.request
        stream = {"stream_id": request.stream_id}
        (row,) = await self._runner.fetch(self._sql.head, stream)
        ids = [event.event_id for event in request.events if event.event_id is not None]
        found: list[Any] = []
        if ids:
            found = await self._runner.fetch(self._sql.by_event_id, {**stream, "event_ids": ids})
        known = beginning(request) if row[0] is None else Known.read(row)
        clock = Clock(row[6], str(self._address))
        events = [StoredEvent._make(event) for event in found]
        return Seen(known, events, *await self._compare(attempt, known), clock, is_standby=row[7])

    async def _compare(self, attempt: Attempt, known: Known) -> tuple[bool, int]:
        """Tell whether the rows that were tried are there, and which version is lost, or 0."""
        stream_id = attempt.request.stream_id
        witness = self._heads.witness(stream_id)
        tried = attempt.tried.rows[-1] if attempt.is_linked else None
        if witness is not None and witness[:2] == known.head[:2]:
            witness = None
        wanted = [one.version for one in (tried, witness) if one is not None]
        if not wanted:
            return False, 0
        hashes = await self._hashes(stream_id, *wanted)
        if tried is not None and hashes.get(tried.version) == tried.hash:
            return True, 0
        is_lost = witness is not None and hashes.get(witness.version) != witness.hash
        return False, witness.version if witness is not None and is_lost else 0

    async def _hashes(self, stream_id: bytes, *versions: int) -> dict[int, bytes]:
        """Return the hashes of those versions that are there."""
        where = {"stream_id": stream_id, "versions": versions}
        rows = await self._runner.fetch(self._sql.hashes_at, where)
        return {row[0]: row[1] for row in rows}


async def _lose(group: Sequence[Attempt], lost: UnansweredError) -> None:
    """Have each look for itself, unless there is nobody whom they could ask."""
    for one in group:
        one.lost = lost
    try:
        await lost.ends()
    except StoreError:
        for one in group:
            one.answer = lost.in_doubt(one.request.name, "the append", APPEND_AGAIN)


def _refuse(group: Sequence[Attempt], error: StoreError) -> None:
    """Have each try for itself, perhaps it was one of them; unless nobody was there to be told."""
    if isinstance(error, RefusedValueError) or isinstance(error.__cause__, asyncpg.PostgresError):
        return
    for one in group:
        one.answer = error
