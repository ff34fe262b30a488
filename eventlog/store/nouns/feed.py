"""Reading the feed: a page by positions, of a tenant or of everybody."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from eventlog.format.records import StoredEvent
from eventlog.paging import PAGE_BYTES
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
        spans = yield ask(self._own.spans, after=after, until=until)
        if not spans:
            return []
        statement = self._own.every_named if tenant is None else self._own.named
        named = yield Each(
            statement, [{"stream_id": span[0]} for span in spans], {"tenant": tenant}
        )
        names = {row[0]: tuple(row)[1:] for row in named}
        places = sorted(_places(spans, names))[:limit]
        if not places:
            return []
        small = {"most": PAGE_BYTES // limit}
        found = yield Each(self._own.ranges, _ranges(places), small)
        rows = {(row[0], row[1]): row for row in found}
        page = _cut(places, rows)
        large = [place for place in page if rows[place.event][-1] > small["most"]]
        read = (yield Each(self._own.contents, [_key(place) for place in large])) if large else []
        contents = {(row[0], row[1]): tuple(row)[2:] for row in read}
        return [
            (place.position, *names[place.stream_id], *_whole(rows[place.event], contents))
            for place in page
        ]


class _Place(NamedTuple):
    """A position, and the event that has it."""

    position: int
    stream_id: bytes
    version: int

    @property
    def event(self) -> tuple[bytes, int]:
        return self.stream_id, self.version


def _places(spans: Rows, names: Mapping[bytes, Any]) -> Iterator[_Place]:
    """Yield the places of the streams that are named."""
    for stream_id, versions, positions in spans:
        if stream_id in names:
            for version, position in zip(versions, positions, strict=True):
                yield _Place(position, stream_id, version)


def _ranges(places: Sequence[_Place]) -> list[dict[str, Any]]:
    """Return, for each stream, its first and last version among the places."""
    versions: dict[bytes, list[int]] = {}
    for _, stream_id, version in places:
        versions.setdefault(stream_id, []).append(version)
    return [
        {"stream_id": stream_id, "first": min(every), "last": max(every)}
        for stream_id, every in versions.items()
    ]


def _key(place: _Place) -> dict[str, Any]:
    return {"stream_id": place.stream_id, "version": place.version}


def _cut(places: Iterable[_Place], rows: Mapping[tuple[bytes, int], Any]) -> list[_Place]:
    """Return the places whose events are there, up to the one with which they hold PAGE_BYTES."""
    page: list[_Place] = []
    held = 0
    for place in places:
        if held >= PAGE_BYTES:
            break
        if place.event in rows:
            page.append(place)
            held += rows[place.event][-1]
    return page


def _whole(row: Sequence[Any], contents: Mapping[tuple[bytes, int], Any]) -> Sequence[Any]:
    """Return an event of `ranges`, with its content in place if that was left out."""
    event = tuple(row)[:-1]
    content = contents.get((row[0], row[1]))
    if content is None:
        return event
    stored = StoredEvent._make(event)
    return stored._replace(salt=content[0], context=content[1], body=content[2])
