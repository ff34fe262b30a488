"""Comparing what forks say that they began with with the streams that they name."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from eventlog.format.records import Parent, StreamRow
from eventlog.store.contract.log import Store
from eventlog.verify.diagnosis import Finding
from eventlog.verify.lengths import lengths

MOST_FORKS: Final = 1000
"""Maximum number of forks that are checked together: memory stays bounded."""

_NOWHERE: Final = Finding("missing", "what it is a fork of is not there")
_AHEAD: Final = Finding("inserted", "it is a fork of a version that its parent does not have")
_CYCLE: Final = Finding("inserted", "it is a fork of what is, in the end, a fork of it")
_FEWER: Final = Finding("inserted", "its parent had fewer items than it says")


class Fork(NamedTuple):
    """A stream that began with the first `kept` items of its parent at a version."""

    stream: StreamRow
    parent: Parent
    kept: int


class ForkCheck:
    """Collects forks, and checks them many at a time. A fork of an empty list needs no parent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._forks: list[Fork] = []

    def add(self, stream: StreamRow, kept: int) -> bool:
        """Have a sound stream checked, if it is a fork; tell whether there are enough by now."""
        if stream.parent is not None and stream.parent.version > 0:
            self._forks.append(Fork(stream, stream.parent, kept))
        return len(self._forks) >= MOST_FORKS

    async def check(self) -> list[tuple[StreamRow, Finding]]:
        """Return what is wrong with those that were collected, and forget them."""
        forks, self._forks = self._forks, []
        rows: dict[bytes, StreamRow | None] = {}
        rooted: set[bytes] = set()
        found: list[tuple[StreamRow, Finding]] = []
        of: dict[bytes, list[Fork]] = {}
        for fork in forks:
            parent = await self._row(rows, fork.parent.stream_id)
            if parent is None or parent.tenant != fork.stream.tenant:
                found.append((fork.stream, _NOWHERE))
            elif fork.parent.version > parent.head.version:
                found.append((fork.stream, _AHEAD))
            elif await self._is_its_own_ancestor(fork, rows, rooted):
                found.append((fork.stream, _CYCLE))
            elif fork.kept:
                of.setdefault(parent.stream_id, []).append(fork)
        for stream_id, children in of.items():
            found += await self._compare_lengths(stream_id, children)
        return found

    async def _row(self, rows: dict[bytes, StreamRow | None], stream_id: bytes) -> StreamRow | None:
        if stream_id not in rows:
            rows[stream_id] = await self._store.streams.row(stream_id)
        return rows[stream_id]

    async def _is_its_own_ancestor(
        self, fork: Fork, rows: dict[bytes, StreamRow | None], rooted: set[bytes]
    ) -> bool:
        """Follow the parents, up to one of `rooted`: theirs are known to have an end."""
        passed: set[bytes] = set()
        row: StreamRow | None = fork.stream
        while row is not None and row.stream_id not in rooted and row.stream_id not in passed:
            passed.add(row.stream_id)
            parent = row.parent
            if parent is None or not parent.version:
                row = None
            elif parent.stream_id == fork.stream.stream_id:
                return True
            else:
                row = await self._row(rows, parent.stream_id)
        if row is None or row.stream_id in rooted:
            rooted |= passed
        return False

    async def _compare_lengths(
        self, stream_id: bytes, children: Iterable[Fork]
    ) -> list[tuple[StreamRow, Finding]]:
        """Find forks that began with more than there was; as far as its events say."""
        children = list(children)
        versions = {fork.parent.version for fork in children}
        sizes = lengths(await self._store.views.headers(stream_id, 0, max(versions)), versions)
        return [
            (fork.stream, _FEWER)
            for fork in children
            if fork.kept > sizes.get(fork.parent.version, fork.kept)
        ]
