"""The rows of streams."""

from collections.abc import Sequence
from typing import Any

from eventlog.format.records import Head, StreamRow
from eventlog.store.nouns.work import Each, Noun, Runner, Work, ask, examines, reads
from eventlog.store.sql.names import LogStatements
from eventlog.store.sql.stream_rows import stream_row


class Streams(Noun):
    """A StreamSource."""

    def __init__(self, runner: Runner, sql: LogStatements) -> None:
        super().__init__(runner)
        self._sql = sql

    @reads
    def head(self, stream_id: bytes) -> Work[Head | None]:
        rows = yield ask(self._sql.head, stream_id=stream_id)
        # PostgreSQL has a row of NULLs for a stream that is not there, beside its clock.
        return Head(*rows[0][:3]) if rows and rows[0][0] is not None else None

    @reads
    def row(self, stream_id: bytes) -> Work[StreamRow | None]:
        return _first((yield ask(self._sql.stream, stream_id=stream_id)))

    @reads
    def several(self, stream_ids: Sequence[bytes]) -> Work[list[StreamRow]]:
        every = [{"stream_id": stream_id} for stream_id in stream_ids]
        return _all((yield Each(self._sql.several, every)))

    @reads
    def children(self, parent_id: bytes) -> Work[list[StreamRow]]:
        return _all((yield ask(self._sql.children, parent_id=parent_id)))

    @reads
    def latest(self, tenant: str, limit: int) -> Work[list[StreamRow]]:
        return _all((yield ask(self._sql.latest, tenant=tenant, limit=limit)))

    @reads
    def page(self, tenant: str, after: str, limit: int) -> Work[list[StreamRow]]:
        return _all((yield ask(self._sql.stream_page, tenant=tenant, after=after, limit=limit)))

    @reads
    def every_page(self, tenant: str, after: tuple[str, str], limit: int) -> Work[list[StreamRow]]:
        behind = {"after": after[0], "after_branch": after[1]}
        return _all((yield ask(self._sql.every_stream_page, tenant=tenant, limit=limit, **behind)))

    @reads
    def all_page(self, after: bytes, limit: int) -> Work[list[StreamRow]]:
        return _all((yield ask(self._sql.all_stream_page, after=after, limit=limit)))

    @reads
    def branches(self, tenant: str, name: str, after: str, limit: int) -> Work[list[StreamRow]]:
        of = {"tenant": tenant, "name": name}
        return _all((yield ask(self._sql.branch_page, after=after, limit=limit, **of)))

    @reads
    def unlisted(
        self, tenant: str, after: bytes, limit: int
    ) -> Work[list[tuple[bytes, str, str, str]]]:
        rows = yield ask(self._sql.unlisted, tenant=tenant, after=after, limit=limit)
        return [(row[0], row[1], row[2], row[3]) for row in rows]

    @examines
    def strays(self) -> Work[list[bytes]]:
        return [row[0] for row in (yield ask(self._sql.strays))]


def _all(rows: Sequence[Any]) -> list[StreamRow]:
    return [stream_row(row) for row in rows]


def _first(rows: Sequence[Any]) -> StreamRow | None:
    return stream_row(rows[0]) if rows else None
