"""Reading the feed: a page by positions, of a tenant or of everybody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

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
        # Of a tenant's events nobody knows where the last is to be found.
        most_places = limit if tenant is None else max(0, until - after)
        spans = yield ask(self._own.spans, after=after, until=until, limit=most_places)
        if tenant is not None and until - after > limit:
            every = [{"stream_id": span[0]} for span in spans]
            own = {row[0] for row in (yield Each(self._own.of_tenant, every, {"tenant": tenant}))}
            spans = [span for span in spans if span[0] in own]
        places = sorted(_places(spans))[:limit]
        if not places:
            return []
        most = paging.PAGE_BYTES // limit
        statement = self._own.every_ranges if tenant is None else self._own.ranges
        found = yield Each(statement, _ranges(places), {"most": most, "tenant": tenant})
        start = 3 if tenant is None else 2
        rows = {(row[start], row[start + 1]): row for row in found}
        page = _cut(places, rows)
        large = [key for _, key in page if rows[key][-1] > most]
        if not large:
            return [(position, *rows[key][:-1]) for position, key in page]
        every = [{"stream_id": stream_id, "version": version} for stream_id, version in large]
        read = yield Each(self._own.contents, every)
        contents = {(row[0], row[1]): row[2:] for row in read}
        return [
            (position, *rows[key][:start], *_whole(rows[key][start:-1], contents.get(key)))
            for position, key in page
        ]


_Key: TypeAlias = tuple[bytes, int]
"""The stream and the version of an event."""

_Place: TypeAlias = tuple[int, _Key]
"""A position, and the event that has it."""


def _places(spans: Rows) -> Iterator[_Place]:
    for stream_id, versions, positions in spans:
        for version, position in zip(versions, positions, strict=True):
            yield position, (stream_id, version)


def _ranges(places: Iterable[_Place]) -> list[dict[str, Any]]:
    """Return, for each stream, its first and last version among the places."""
    versions: dict[bytes, list[int]] = {}
    for _, (stream_id, version) in places:
        versions.setdefault(stream_id, []).append(version)
    return [
        {"stream_id": stream_id, "first": min(every), "last": max(every)}
        for stream_id, every in versions.items()
    ]


def _cut(places: Iterable[_Place], rows: Mapping[_Key, Any]) -> list[_Place]:
    """Return the places whose events are there, up to the one with which they hold PAGE_BYTES."""
    page: list[_Place] = []
    held = 0
    for place in places:
        if held >= paging.PAGE_BYTES:
            break
        row = rows.get(place[1])
        if row is not None:
            page.append(place)
            held += row[-1]
    return page


def _whole(event: Sequence[Any], content: Sequence[Any] | None) -> Sequence[Any]:
    """Return an event with its content in place, if that was left out."""
    if content is None:
        return event
    salt, context, body = content
    return StoredEvent._make(event)._replace(salt=salt, context=context, body=body)
