"""The row of a stream, as both databases return it. Imports no SQLAlchemy."""

from collections.abc import Sequence
from typing import Any, Final

from eventlog.format.records import Head, Parent, StreamId, StreamRow

STREAM: Final = (
    "stream_id",
    "tenant",
    "name",
    "version",
    "head_hash",
    "head_at",
    "parent_id",
    "parent_version",
    "created_at",
    "branch",
    "key_id",
    "erased_version",
)
"""The columns of a stream's row, in the order of the table."""

FIRST: Final = STREAM[:-1]
"""The columns that the first append of a stream inserts."""

ASKED: Final = (*(name for name in FIRST if name != "created_at"), "linked_version", "linked_hash")
"""What appends that go together ask of a stream's row; it was created at its `head_at`."""

NO_PARENT: Final = (None, None)


def stream_row(row: Sequence[Any]) -> StreamRow:
    """Read the columns of STREAM."""
    stream_id, tenant, name, version, digest, at, *parent, created_at, branch, key_id, erased = row
    head = Head(version, digest, at)
    identity = StreamId(stream_id, name)
    return StreamRow(
        identity, tenant, name, head, branch, _parent(*parent), created_at, key_id, erased
    )


def _parent(stream_id: bytes | None, version: int | None) -> Parent | None:
    """Read a parent. One NULL of two becomes a value that no event has: a check finds it."""
    if (stream_id, version) == NO_PARENT:
        return None
    return Parent(stream_id or b"", -1 if version is None else version)
