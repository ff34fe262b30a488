"""Reading the feed: a page by positions, of a tenant or of everybody."""

import itertools
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from eventlog import paging
from eventlog.format.records import StoredEvent
from eventlog.store.contract.feed import FeedRow
from eventlog.store.nouns.work import Each, Noun, Rows, Runner, Work, ask, ask_page, reads
from eventlog.store.sql.names import FeedStatements, PostgresFeedStatements


class FeedPages(Noun):
    """Reads pages of a feed that is beside its events."""

    def __init__(self, runner: Runner, sql: FeedStatements) -> None:
        super().__init__(runner)
        self._of_both = sql

    @reads
    def page(self, tenant: str, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        return self.read(tenant, after, until, limit)

    @reads
    def every_page(self, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        return self.read(None, after, until, limit)

    def read(self, tenant: str | None, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        """Read a page of a tenant, or of all with None."""
        bounds = {"after": after, "until": until, "limit": limit}
        if tenant is None:
            return (yield ask_page(self._of_both.every_page, **bounds))
        return (yield ask_page(self._of_both.page, tenant=tenant, **bounds))


class PostgresFeedPages(FeedPages):
    """Reads pages of `feed`; from many nodes, where its events are on many."""

    def __init__(self, runner: Runner, sql: PostgresFeedStatements) -> None:
        super().__init__(runner, sql)
        self._own = sql

    def read(self, tenant: str | None, after: int, until: int, limit: int) -> Work[list[FeedRow]]:
        """Read a page of a tenant, or of all with None."""
        if not self._own.is_distributed:
            return (yield from super().read(tenant, after, until, limit))
        spans = yield from self._spans(tenant, after, until, limit)
        if not spans:
            return []
        most = paging.PAGE_BYTES // limit
        statement = self._own.every_ranges if tenant is None else self._own.ranges
        found = yield Each(statement, _ranges(spans), {"most": most, "tenant": tenant})
        start = 3 if tenant is None else 2
        page = _cut(_placed(spans, found, start))
        contents = yield from self._contents([row[start:] for _, row in page if row[-1] > most])
        return [
            (
                position,
                *row[:start],
                *_whole(row[start:-1], contents.get((row[start], row[start + 1]))),
            )
            for position, row in page
        ]

    def _spans(self, tenant: str | None, after: int, until: int, limit: int) -> Work[Rows]:
        """Find of which streams, and where, the events of a page are."""
        # Of a tenant's events nobody knows where the last is to be found.
        most = limit if tenant is None else max(0, until - after)
        spans = yield ask(self._own.spans, after=after, until=until, limit=most)
        if most <= limit:
            return spans
        every = [{"stream_id": span[0]} for span in spans]
        own = {row[0] for row in (yield Each(self._own.of_tenant, every, {"tenant": tenant}))}
        return list(_first([span for span in spans if span[0] in own], limit))

    def _contents(self, large: Sequence[Any]) -> Work[dict[tuple[bytes, int], Sequence[Any]]]:
        """Read the content of events that are too large to be read before a page is cut."""
        every = [{"stream_id": event[0], "version": event[1]} for event in large]
        return {(row[0], row[1]): row[2:] for row in (yield Each(self._own.contents, every))}


def _first(spans: Rows, limit: int) -> Iterator[Any]:
    """Yield of each span what is among the first positions of all."""
    last = sorted(itertools.chain.from_iterable(positions for _, _, positions in spans))[:limit]
    for stream_id, versions, positions in spans:
        pairs = zip(versions, positions, strict=True)
        if kept := [pair for pair in pairs if pair[1] <= last[-1]]:
            yield stream_id, *zip(*kept, strict=True)


def _ranges(spans: Rows) -> list[dict[str, Any]]:
    """Return of each span, whose versions are in order, where it begins and ends."""
    return [
        {"stream_id": stream_id, "first": versions[0], "last": versions[-1]}
        for stream_id, versions, _ in spans
    ]


def _placed(spans: Rows, found: Rows, start: int) -> list[tuple[int, Any]]:
    """Return the events that were found, by their positions; one that is there twice, twice."""
    events: dict[bytes, dict[int, Any]] = {}
    for row in found:
        events.setdefault(row[start], {})[row[start + 1]] = row
    placed: dict[int, Any] = {}
    for stream_id, versions, positions in spans:
        of_stream = events.get(stream_id, {})
        for version, position in zip(versions, positions, strict=True):
            if version in of_stream:
                placed[position] = of_stream[version]
    return sorted(placed.items(), key=itemgetter(0))


def _cut(placed: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """Leave what is up to the event with which they hold PAGE_BYTES."""
    held = 0
    for number, (_, row) in enumerate(placed, 1):
        held += row[-1]
        if held >= paging.PAGE_BYTES:
            return placed[:number]
    return placed


def _whole(event: Sequence[Any], content: Sequence[Any] | None) -> Sequence[Any]:
    """Return an event with its content in place, if that was left out."""
    if content is None:
        return event
    salt, context, body = content
    return StoredEvent._make(event)._replace(salt=salt, context=context, body=body)
