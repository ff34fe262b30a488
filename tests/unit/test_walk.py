"""Following the events of a stream tells the same however they were parted into pages."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from eventlog import ItemsAdded, ItemsReplaced
from eventlog.events import ConversationRewound
from eventlog.format.encryption import DataKey
from eventlog.format.records import PreparedEvent, StoredEvent
from eventlog.verify.structure import Structure
from eventlog.verify.walk import Walk
from tests.vectors.making import Stream, event, fixed, stream_of, under
from tests.vectors.streams import hashes

KEY: Final = DataKey(Stream("chat").stream_id, "1", fixed("data key", 32))
VECTORS: Final = [vector for vectors in hashes().values() for vector in vectors]


ADDED: Final[Sequence[Callable[[int], PreparedEvent]]] = (
    lambda _: event(ItemsAdded(["one", 2])),
    lambda _: event(ItemsReplaced(0, ["other"])),
    lambda version: under(KEY, event(ItemsAdded(["secret"])), version),
    lambda _: event(ItemsAdded(["one"]), header=b'{"items":2}'),
    lambda _: event(ItemsAdded(["one"]), header=b"{"),
    lambda _: event(ItemsAdded(["one"]), body=b"[1,", codec=1),
    lambda version: event(ConversationRewound(version)),
)
"""Events of a version: some that may be, and some that say what they cannot."""

GONE: Final[list[dict[str, Any]]] = [{}, {"salt": None, "context": None}, {"version": 3}]


@st.composite
def streams(draw: st.DrawFn) -> list[StoredEvent]:
    """Return a chain of events of which some were erased, and in which one may be changed."""
    stream = Stream("chat")
    for version in range(1, draw(st.integers(2, 12))):
        if draw(st.integers(0, 5)):
            stream.add(draw(st.sampled_from(ADDED))(version))
        else:
            stream.erase(draw(st.sampled_from([None, *range(1, version)])))
    events = list(stream.events)
    if draw(st.booleans()):
        at = draw(st.integers(0, len(events) - 1))
        events[at] = events[at]._replace(body=None, **draw(st.sampled_from(GONE)))
    return events


def said(walk: Walk) -> tuple[object, ...]:
    """Return all that was seen."""
    contents = walk.contents.gone, walk.contents.restored, walk.contents.compare()
    keys = walk.keys.holding, walk.keys.is_encrypted
    return walk.sound, walk.wrong, walk.unchecked, walk.parent, walk.kept, *contents, *keys


def followed(events: list[StoredEvent], size: int) -> tuple[object, ...]:
    walk = Walk(Structure())
    for start in range(0, len(events), size):
        found = walk.follow(events[start : start + size])
        if found is not None:
            return found, *said(walk)
    return None, *said(walk)


@given(st.one_of(streams(), st.sampled_from(VECTORS).map(lambda one: list(stream_of(one).events))))
def test_pages_say_what_events_say_one_by_one(events: list[StoredEvent]) -> None:
    """Sound or not."""
    expected = followed(events, 1)
    for size in (2, 3, len(events)):
        assert followed(events, size) == expected
