"""Where items stand: whatever a stream goes through, as a naive list says."""

import itertools
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from eventlog import ConversationCleared, Event, ItemPopped, ItemsAdded, ItemsReplaced
from eventlog.events import ConversationRewound, EventErased
from eventlog.snapshots import FoldInput
from eventlog_projections.items.places import (
    Places,
    changed,
    end_of,
    every,
    gaps,
    items_in,
    place_of,
    stop_of,
)

NUMBERS = st.integers(0, 12)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 3)),
        st.tuples(st.just("replace"), NUMBERS, st.integers(1, 3)),
        st.tuples(st.just("rewind"), NUMBERS, st.none() | NUMBERS),
        st.tuples(st.just("erase"), NUMBERS),
        st.sampled_from([("pop",), ("clear",)]),
    ),
    max_size=14,
)


def played(steps: Any) -> tuple[list[FoldInput], list[list[int]]]:
    """Return the events of a stream, and of which events the items are in its list at versions."""
    lists: list[list[int]] = [[]]
    entries: list[FoldInput] = []
    for version, step in enumerate(steps, start=1):
        now = list(lists[-1])
        event: Event
        match step:
            case ("add", count):
                event = ItemsAdded([0] * count)
                now += [version] * count
            case ("replace", number, count):
                event = ItemsReplaced(number % (len(now) + 1), [0] * count)
                now[event.start :] = [version] * count
            case ("rewind", number, kept):
                to = number % version
                event = ConversationRewound(to, kept and kept % (len(lists[to]) + 1))
                now = lists[to][: event.kept]
            case ("erase", number):
                event = EventErased(1 + number % version, "me", "why")
                now = [source for source in now if source != event.erased]
            case ("pop",):
                event = ItemPopped()
                del now[-1:]
            case _:
                event = ConversationCleared()
                now = []
        header = msgspec.json.encode(event.header())
        entries.append(FoldInput(version, event.kind, event.schema, header, 0, None, b"", b""))
        lists.append(now)
    return entries, lists


def there(found: Places) -> list[tuple[int, int]]:
    items: list[tuple[int, int]] = []
    while found is not None:
        if not found.is_gone:
            items += [(found.version, place) for place in reversed(range(found.start, found.stop))]
        found = found.below
    return items[::-1]


@given(STEPS)
def test_a_list_has_the_items_that_a_naive_fold_says(steps: Any) -> None:
    """How many, of which events, and each at a place of its own that grows with its index."""
    entries, expected = played(steps)
    for found, naive in zip(every("chat", entries), expected, strict=True):
        items = there(found)
        assert [version for version, _ in items] == naive
        assert items_in(found) == len(items)
        places = [place for _, place in items]
        assert places == sorted(set(places))
        assert places == [place_of(index, gaps(found)) for index in range(len(items))]


@given(STEPS)
def test_an_item_keeps_its_place_for_as_long_as_it_is_in_the_list(steps: Any) -> None:
    """Whatever is erased before it; what differs between two lists begins where they part."""
    entries, _ = played(steps)
    lists = every("chat", entries)
    for before, after in itertools.pairwise(lists):
        old, new = there(before), there(after)
        start, behind = changed(before, after)
        came = [
            (span.version, place)
            for span in behind
            if not span.is_gone
            for place in range(span.start, span.stop)
        ]
        assert [item for item in old if item[1] < start] + came == new


@given(STEPS, st.integers(1, 14))
def test_the_last_events_tell_the_end_of_a_list_or_that_they_do_not(steps: Any, reach: int) -> None:
    """Whatever they were, as long as nothing was erased; additions alone always do."""
    entries, _ = played([step for step in steps if step[0] != "erase"])
    lists = every("chat", entries)
    for version, found in enumerate(lists[1:], start=1):
        cut = [
            before
            for before, (one, other) in enumerate(itertools.pairwise(lists))
            if changed(one, other)[0] < stop_of(one)
        ]
        stops = {each: stop_of(lists[each]) for each in (*cut, version)}
        last = entries[max(0, version - reach) : version]
        for start in range(stop_of(found) + 1):
            told = end_of("chat", last, stops, start)
            items = [item for item in there(found) if item[1] >= start]
            if told is not None:
                assert [
                    (span.version, place) for span in told for place in range(span.start, span.stop)
                ] == items
            if all(entry.kind == ItemsAdded.kind for entry in last) and len(last) == version:
                assert told is not None
