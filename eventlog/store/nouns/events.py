"""The events of streams."""

from collections.abc import Sequence

from eventlog.format.records import EventRow, StoredEvent
from eventlog.store.contract.events import Span, is_last
from eventlog.store.contract.log import MAX_VERSION
from eventlog.store.nouns.work import Each, Noun, Rows, Runner, Work, ask, ask_page, reads
from eventlog.store.sql.names import LogStatements


class Events(Noun):
    """An EventSource."""

    def __init__(self, runner: Runner, sql: LogStatements) -> None:
        super().__init__(runner)
        self._sql = sql

    @reads
    def page(
        self, stream_id: bytes, after: int, until: int, limit: int, kind: str | None = None
    ) -> Work[list[StoredEvent]]:
        statement = self._sql.page if kind is None else self._sql.of_kind
        bounds = {"after": after, "until": until, "limit": limit}
        events = _all((yield ask_page(statement, stream_id=stream_id, kind=kind, **bounds)))
        if kind is None and until >= MAX_VERSION and is_last(events, limit):
            self.came_to_end(stream_id, after, events)
        return events

    @reads
    def many(self, stream_ids: Sequence[bytes], limit: int) -> Work[Sequence[EventRow]]:
        every = [{"stream_id": stream_id} for stream_id in stream_ids]
        return (yield Each(self._sql.many, every, limit=limit))

    @reads
    def many_behind(self, spans: Sequence[Span], limit: int) -> Work[list[StoredEvent]]:
        every = [span._asdict() for span in spans]
        return _all((yield Each(self._sql.many_behind, every, limit=limit)))

    @reads
    def version_at(self, stream_id: bytes, moment: int) -> Work[int]:
        rows = yield ask(self._sql.version_at, stream_id=stream_id, moment=moment)
        return rows[0][0] if rows else 0

    def came_to_end(self, stream_id: bytes, after: int, events: Sequence[StoredEvent]) -> None:
        """Hear what was read up to the end of a stream; for whoever remembers heads."""


def _all(rows: Rows) -> list[StoredEvent]:
    return [StoredEvent._make(row) for row in rows]
