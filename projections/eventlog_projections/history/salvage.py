"""What is left of a list that cannot be read whole: the items around what is unreadable."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

from eventlog import EventLog, EventLogError
from eventlog.errors import CorruptEventError
from eventlog.format.names import MAIN
from eventlog_projections.history.events import HistoryEvent, history
from eventlog_projections.items.state import ListRead
from eventlog_projections.stream import Stream


class Unreadable(NamedTuple):
    """So many items of a list that cannot be read, and why."""

    items: int
    error: EventLogError


Salvaged = list[Any | Unreadable]


async def salvage(
    log: EventLog, name: str, *, branch: str = MAIN, as_of: int | datetime | None = None
) -> Salvaged:
    """Return the items of a list that are intact, with an `Unreadable` in the place of others.

    For a list that `Conversation.items` refuses, because an event of it was changed. What happened
    in an event whose header is unreadable, or that is missing, is not known: the list is told as if
    it had changed nothing. Raises InvalidMomentError.
    """
    stream = Stream(log, name, branch)
    return await _salvage(stream, None if as_of is None else await stream.version_at(as_of), ())


async def read_intact(
    stream: Stream, as_of: int | datetime | None = None, limit: int | None = None
) -> ListRead:
    """Return the items as `Stream.read` does; around an event that was changed, those left of them.

    There is an `Unreadable` in the place of others, as from `salvage`; `total` counts these, too.
    """
    try:
        return await stream.read(as_of=as_of, limit=limit)
    except CorruptEventError:
        version = await (stream.version() if as_of is None else stream.version_at(as_of))
        items = await _salvage(stream, version, ())
        total = sum(map(size, items))
        shown = items if limit is None else items[-limit:] * bool(limit)
        return ListRead(version, shown, total, frozenset())


def size(item: object) -> int:
    """Return how many items of a list this stands for."""
    return item.items if isinstance(item, Unreadable) else 1


async def _salvage(stream: Stream, version: int | None, passed: Collection[bytes]) -> Salvaged:
    entries = await history(stream, version).all()
    found: Salvaged = []
    for entry in entries:
        found += [each.item for each in entry.items if each.is_listed]
        if entry.error is not None:
            found.append(Unreadable(entry.hidden, entry.error))
    return [*await _inherited(stream, entries, passed), *found]


async def _inherited(
    stream: Stream, entries: list[HistoryEvent], passed: Collection[bytes]
) -> Salvaged:
    """Return what of its beginning a fork still has."""
    kept = 0
    for entry in entries:
        kept += sum(len(range(*span[1:])) for span in entry.restored if span.version == 0)
        kept -= sum(len(range(*span[1:])) for span in entry.removed if span.version == 0)
    if not kept:
        return []
    try:
        origin = await stream.origin()
        if origin.row.stream_id in passed:
            raise CorruptEventError(stream.name, 1, "it began with a list that began with its own")
        parent = stream.beside(origin.row.name, origin.row.branch)
        beginning = await _salvage(parent, origin.at_version, (*passed, origin.row.stream_id))
    except EventLogError as error:
        return [Unreadable(kept, error)]
    return first(beginning, kept)


def first(items: Salvaged, kept: int) -> Salvaged:
    """Return as much of a list as stands for its first `kept` items."""
    found: Salvaged = []
    for each in items:
        if kept <= 0 and size(each):
            break
        is_lost = isinstance(each, Unreadable)
        found.append(each._replace(items=min(each.items, kept)) if is_lost else each)
        kept -= size(each)
    return found
