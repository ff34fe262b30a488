"""What becomes of one append on its way: what it was tried on, and what nobody has answered."""

from collections.abc import Sequence
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
from eventlog.store.sql.stream_rows import ASKED, NO_PARENT


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

    tried: Try
    """What was linked last, if anything was."""

    def __init__(self, request: AppendRequest, end: End | None = None) -> None:
        self.request = request
        self.answer: Outcome | BaseException | None = None
        self.lost: UnansweredError | None = None
        """Sendings of the last try that were not answered: it may still be stored."""
        self.is_linked = False
        """Whether it was tried, or is about to be."""
        if end is not None:
            self.on(end)

    @property
    def outcome(self) -> Appended | None:
        """What becomes of it if the rows that were tried are there."""
        return self.tried.outcome if self.is_linked else None

    def on(self, end: End) -> Try:
        """Link to a head.

        On the same head it is the same rows again: their hashes tell that they are ours. What was
        tried on an earlier head, and was not there when this one was seen, never will be.
        """
        if not self.is_linked:
            self.tried = Try.on(end, self.request, prepare_all(self.request))
            self.is_linked = True
        elif self.tried.head != end.head:
            self.tried = Try.on(end, self.request, self.tried.prepared)
            self.lost = None
        return self.tried


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
        **_arrays(_STREAM, [_stream_row(one) for one in tries]),
        "at": max(one.request.at for one in tries),
    }


def _stream_row(one: Try) -> tuple[Any, ...]:
    """Return the values of ASKED."""
    request, _, head, _, moved, _ = one
    identity = (request.stream_id, request.tenant, request.name)
    parent = request.parent or NO_PARENT
    return (*identity, *moved, *parent, request.branch, request.key_id, head.version, head.hash)


_EVENT: Final = tuple(f"event_{name}" for name in StoredEvent._fields)
_STREAM: Final = tuple(f"stream_{name}" for name in ASKED)


def _arrays(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Make a list of each column; none of one without a value: the driver looks at each element."""
    columns = zip(*rows, strict=True)
    known = [None if column.count(None) == len(rows) else column for column in columns]
    return dict(zip(names, known, strict=True))
