"""The import of a whole source: many conversations at once, each in its own order."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from eventlog import EventLog
from eventlog.errors import InvalidNameError
from eventlog_importing.copy import Copy
from eventlog_importing.forking import RefusedError
from eventlog_importing.recognising import recognise
from eventlog_importing.report import ImportReport, Preserved, Progress, Refused
from eventlog_importing.rows import Chunk, Origin, Source

AT_ONCE: Final = 256
"""Conversations that are copied at the same time, so that they share commits."""

ACTOR: Final = "import"


async def import_sessions(
    log: EventLog,
    source: Any,
    *,
    actor: str = ACTOR,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Copy every conversation of `source` into `log`, in bounded memory; the source is only read.

    `source` is one of this package's sources, or what one is made of: the path of a SQLite file, a
    SQLAlchemy or Redis URL, an async engine, a client of redis.asyncio, or a session object.

    Items are copied verbatim and in order; `recorded_at` is the time of the import, and
    `source_time` in the context is the source's own time. A row that is no item is kept as it is,
    as `RowPreserved`. A conversation that the log has from elsewhere, or that has changed on both
    sides, is left as it is and reported; all others are copied. After an interruption, or when the
    source has grown, call it again: it copies what is missing. `actor` is recorded with each event.
    `progress` is called after each conversation.

    Raises SourceError, InvalidOptionError, or what `EventLog.append` raises; what was copied until
    then stays.
    """
    return await _Import(log, recognise(source), actor, progress or _ignore).run()


def _ignore(_: Progress) -> None:
    """Report no progress."""


class _Line:
    """The chunks of one conversation, on their way to the task that copies them."""

    def __init__(self, origin: Origin) -> None:
        self.origin: Final = origin
        self.ended = False
        self._chunks: Final[asyncio.Queue[Chunk | None]] = asyncio.Queue(1)

    async def put(self, chunk: Chunk | None) -> None:
        """Hand on the next chunk, or None at the end."""
        await self._chunks.put(chunk)

    async def take(self) -> Chunk | None:
        """Return the next chunk, or None at the end."""
        chunk = await self._chunks.get()
        self.ended = chunk is None
        return chunk


class _Import:
    def __init__(
        self, log: EventLog, source: Source, actor: str, progress: Callable[[Progress], None]
    ) -> None:
        self._log: Final = log
        self._source: Final = source
        self._actor: Final = actor
        self._progress: Final = progress
        self._room: Final = asyncio.Semaphore(AT_ONCE)
        self._tasks: Final[dict[asyncio.Task[None], str]] = {}
        self._failure: BaseException | None = None
        self._copied = self._unchanged = self._items = self._rows = 0
        self._preserved: Final[list[Preserved]] = []
        self._refused: Final[list[Refused]] = []

    async def run(self) -> ImportReport:
        try:
            await self._read()
        finally:
            await self._stop()
        done = self._copied + self._unchanged + len(self._refused)
        return ImportReport(
            done, self._copied, self._unchanged, self._items, self._preserved, self._refused
        )

    async def _read(self) -> None:
        line: _Line | None = None
        async with contextlib.aclosing(self._source.chunks()) as chunks:
            async for chunk in chunks:
                if line is None or line.origin != chunk.origin:
                    if line is not None:
                        await line.put(None)
                    line = await self._begin(chunk)
                self._raise_failure()
                await line.put(chunk)
        if line is not None:
            await line.put(None)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._raise_failure()

    async def _begin(self, chunk: Chunk) -> _Line:
        if chunk.origin.fork is not None:
            await self._finish(chunk.origin.name)
        await self._room.acquire()
        line = _Line(chunk.origin)
        copy = Copy(self._log, chunk.origin, self._source.layout, self._actor)
        task = asyncio.ensure_future(self._work(copy, line))
        self._tasks[task] = chunk.origin.name
        task.add_done_callback(self._tasks.pop)
        return line

    async def _finish(self, name: str) -> None:
        """Wait until the conversation and the branches that a branch may fork from are copied."""
        begun = [task for task, known in self._tasks.items() if known == name]
        if begun:
            await asyncio.wait(begun)

    async def _work(self, copy: Copy, line: _Line) -> None:
        """Copy a line. Takes from it to its end even after an error: its reader waits to put."""
        try:
            await self._copy(copy, line)
            self._count(copy)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - raised by whoever reads the source
            self._failure = self._failure or error
        self._room.release()
        while not line.ended:
            await line.take()

    async def _copy(self, copy: Copy, line: _Line) -> None:
        try:
            while (chunk := await line.take()) is not None:
                await copy.add(chunk)
            await copy.finish()
        except (RefusedError, InvalidNameError) as error:
            self._refused.append(Refused(copy.name, str(error)))
        else:
            self._copied += copy.appended
            self._unchanged += not copy.appended

    def _count(self, copy: Copy) -> None:
        self._items += copy.items
        self._rows += copy.items + len(copy.preserved)
        self._preserved.extend(copy.preserved)
        done = self._copied + self._unchanged + len(self._refused)
        self._progress(Progress(done, self._rows))

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
