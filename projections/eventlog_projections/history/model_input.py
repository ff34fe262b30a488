"""Where the items are that a model was given: found again by their digests."""

from collections.abc import Iterable

from eventlog import EventLog
from eventlog.events import ConversationForked, ModelCalled
from eventlog.format.codec import digest
from eventlog.format.names import MAIN
from eventlog_projections.history.following import HistoryTail
from eventlog_projections.history.pairs import Place
from eventlog_projections.stream import Stream


async def given_items(
    log: EventLog, name: str, version: int, called: ModelCalled, branch: str = MAIN
) -> list[Place | None]:
    """Return the place of each item, the last of equal ones; None for one that was in no list.

    Looks at the events before `version`, and at what a fork began with (version 0). Reads them all.
    """
    places: dict[str, Place] = {}
    async for event in HistoryTail(log, name, branch).more():
        if event.version >= version:
            break
        if event.kind == ConversationForked.kind:
            _note(places, 0, (await Stream(log, name, branch).read(as_of=event.version)).items)
        _note(places, event.version, (each.item for each in event.items))
    return [places.get(each) for each in called.input]


def _note(places: dict[str, Place], version: int, items: Iterable[object]) -> None:
    for n, item in enumerate(items):
        places[digest(item)] = Place(version, n)
