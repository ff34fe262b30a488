"""What becomes of one append on its way: what it was tried on, and what nobody has answered."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from eventlog.format.preparing import link, prepare_all
from eventlog.format.records import (
    Appended,
    AppendRequest,
    Head,
    Outcome,
    PreparedEvent,
    StoredEvent,
)
from eventlog.store.nouns.outcomes import UnansweredError
from eventlog.store.postgres.appending.heads import End
from eventlog.store.sql.stream_rows import NO_PARENT


class Try(NamedTuple):
    """A request linked to the head that it is tried on."""

    request: AppendRequest
    prepared: list[PreparedEvent]
    head: Head
    rows: list[StoredEvent]
    moved: Head
    erased: int
    """As `End` has it of the head."""

    @property
    def outcome(self) -> Appended:
        """What becomes of the request if the rows are stored."""
        return Appended(self.head.version + 1, self.moved.version)

    @classmethod
    def on(cls, end: End, request: AppendRequest, prepared: list[PreparedEvent]) -> "Try":
        """Link to a head."""
        return cls(request, prepared, end.head, *link(request, end.head, prepared), end.erased)

    @property
    def end(self) -> End:
        """The end of the stream if the rows are stored."""
        return End(self.moved, self.request.closes, self.erased)


class Attempt:
    """A request, what it was linked to, and its answer once there is one."""

    def __init__(self, request: AppendRequest, end: End | None = None) -> None:
        self.request = request
        self.answer: Outcome | BaseException | None = None
        self.lost: UnansweredError | None = None
        """Sendings of the last try that were not answered: it may still be stored."""
        self._tries: list[Try] = []
        if end is not None:
            self.on(end)

    @property
    def is_linked(self) -> bool:
        """Whether it was tried, or is about to be."""
        return bool(self._tries)

    @property
    def tried(self) -> Try:
        """What was linked last."""
        return self._tries[-1]

    @property
    def outcome(self) -> Appended | None:
        """What becomes of it if the rows that were tried are there."""
        return self._tries[-1].outcome if self._tries else None

    def on(self, end: End) -> "Attempt":
        """Link to a head.

        On the same head it is the same rows again: their hashes tell that they are ours. What was
        tried on an earlier head, and was not there when this one was seen, never will be.
        """
        if not self._tries:
            self._tries = [Try.on(end, self.request, prepare_all(self.request))]
        elif self._tries[0].head != end.head:
            self._tries = [Try.on(end, self.request, self._tries[0].prepared)]
            self.lost = None
        return self


def values_alone(one: Try) -> dict[str, Any]:
    """Return what the statements of one append take."""
    request, _, head, rows, moved, _ = one
    parent = request.parent or NO_PARENT
    return {
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
        **(dict(zip(_EVENT, rows[0], strict=True)) if len(rows) == 1 else _arrays(_EVENT, rows)),
    }


def values_together(tries: Sequence[Try]) -> dict[str, Any]:
    """Return what the statements of many appends take."""
    return {
        **_arrays(_EVENT, [row for one in tries for row in one.rows]),
        **_arrays(_STREAM, [_StreamRow.of(one) for one in tries]),
        "at": max(one.request.at for one in tries),
    }


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
    def of(cls, one: Try) -> "_StreamRow":
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


_EVENT: Final = tuple(f"event_{name}" for name in StoredEvent._fields)
_STREAM: Final = tuple(f"stream_{name}" for name in _StreamRow._fields)


def _arrays(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return dict(zip(names, zip(*rows, strict=True), strict=True))
