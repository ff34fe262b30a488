"""Reading the events of streams for a check, and what opens their contents."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import groupby
from operator import itemgetter
from typing import Final, TypeAlias, TypeVar

from eventlog.format.opening import Opener
from eventlog.format.records import EventRow, StoredEvent, StreamRow
from eventlog.keys.data_keys import DataKeys
from eventlog.paging import PAGE
from eventlog.store.contract.events import Span, is_last
from eventlog.store.contract.log import MAX_VERSION, Store
from eventlog.verify import diagnosis

_T = TypeVar("_T")
_Row = TypeVar("_Row", bound=EventRow)

Ahead: TypeAlias = AbstractAsyncContextManager[AsyncGenerator[_T]]
"""What is read one after the other: a server reads the next while one is checked."""

Group: TypeAlias = tuple[Sequence[StreamRow], Mapping[bytes, Sequence[EventRow]]]
"""Streams, and the events of each: of none of them where they are not read together."""

TOGETHER: Final = 2 * PAGE
"""Maximum number of events of several streams in one read: memory stays bounded."""


class EventReader:
    """Reads streams; contents are to be opened only with `opens`."""

    def __init__(self, store: Store, keys: DataKeys, *, opens: bool) -> None:
        self._events = store.events
        self._is_beside = store.runs_out_of_process
        self._keys = keys
        self._opens = opens

    def groups(self, streams: AsyncIterator[StreamRow]) -> Ahead[Group]:
        """Read streams a group of about a page at a time, with what `together` returns of them."""
        return self._ahead(self._groups(streams))

    async def _groups(self, streams: AsyncIterator[StreamRow]) -> AsyncGenerator[Group]:
        while group := await _next_group(streams):
            yield group, await self.together(group)

    async def together(self, streams: Sequence[StreamRow]) -> dict[bytes, list[EventRow]]:
        """Return the events of streams, in one read; none if there are more than heads say."""
        total = sum(stream.head.version for stream in streams)
        if not 0 < total <= TOGETHER:
            return {}
        events = await self._events.many([stream.stream_id for stream in streams], total + 1)
        return _by_stream(events) if len(events) <= total else {}

    async def behind_each(self, spans: Sequence[Span]) -> dict[bytes, list[StoredEvent]]:
        """Return parts of several streams, in one read; not all of it where that is large."""
        total = sum(span.until - span.after for span in spans)
        if not 0 < total <= TOGETHER:
            return {}
        return _by_stream(await self._events.many_behind(spans, total + len(spans)))

    def pages(self, stream: StreamRow, after: int = -MAX_VERSION) -> Ahead[Sequence[StoredEvent]]:
        """Read the events of a stream up to its head, and those that are there twice twice."""
        return self._ahead(self._pages(stream, after))

    async def _pages(self, stream: StreamRow, after: int) -> AsyncGenerator[Sequence[StoredEvent]]:
        seen = 0
        while True:
            page = await self._events.page(stream.stream_id, after, stream.head.version, PAGE)
            if page[seen:]:
                yield page[seen:]
            if is_last(page, PAGE):
                return
            # From the last version on, in case there is another event of it; unless that one fills
            # a page by itself.
            seen = int(len(page) > seen)
            after = page[-1].version - seen

    def _ahead(self, source: AsyncGenerator[_T]) -> Ahead[_T]:
        return contextlib.aclosing(ahead(source) if self._is_beside else source)

    async def behind(self, stream: StreamRow) -> list[StoredEvent]:
        """Return a page of events behind the head."""
        return await self._events.page(stream.stream_id, stream.head.version, MAX_VERSION, PAGE)

    async def window(self, bad: StoredEvent) -> list[StoredEvent]:
        """Return an event and those that follow it, as many as a diagnosis compares."""
        return await self._events.page(
            bad.stream_id, bad.version - 1, MAX_VERSION, diagnosis.WINDOW
        )

    async def openers(
        self, streams: Sequence[StreamRow], events: Mapping[bytes, Sequence[EventRow]]
    ) -> dict[bytes, Opener]:
        """Return what opens the events of each stream, if they are to be opened."""
        if not self._opens:
            return {}
        every = [
            (stream.name, StoredEvent._make(event))
            for stream in streams
            for event in events.get(stream.stream_id, ())
        ]
        openers = await self._keys.openers(every)
        return {each.stream_id: openers.get(each.stream_id, self._keys.plain) for each in streams}


async def ahead(source: AsyncGenerator[_T]) -> AsyncGenerator[_T]:
    """Yield what `source` yields, which it was asked for while the one before was used.

    It is one ahead at most, and yields no None. To be closed by whoever may stop early.
    """
    asked = asyncio.ensure_future(anext(source, None))
    try:
        while (one := await asked) is not None:
            asked = asyncio.ensure_future(anext(source, None))
            await asyncio.sleep(0)  # It is on its way before anybody computes.
            yield one
    finally:
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        await source.aclose()


async def _next_group(streams: AsyncIterator[StreamRow]) -> list[StreamRow]:
    """Return streams of at least a page of events together, the last ones, or none."""
    group: list[StreamRow] = []
    size = 0
    async for stream in streams:
        group.append(stream)
        size += stream.head.version
        if size >= PAGE:
            break
    return group


def _by_stream(events: Iterable[_Row]) -> dict[bytes, list[_Row]]:
    """Part the events of several streams, those of each beside each other."""
    return {stream_id: list(rows) for stream_id, rows in groupby(events, itemgetter(0))}
