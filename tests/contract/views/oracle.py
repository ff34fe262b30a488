"""What the views must say, folded naively: whole lists, from the first event on, kept for ever."""

import itertools
from collections import defaultdict
from typing import Any, NamedTuple

from eventlog import (
    ConversationCleared,
    EventLog,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    RecordedEvent,
)
from eventlog.events import (
    BranchDeleted,
    ConversationForked,
    ConversationLabelled,
    ConversationRewound,
    UsageRecorded,
)

Place = tuple[int, int]
"""Version and index of an item."""

INHERITED: Place = (0, 0)


class Told(NamedTuple):
    """Everything the views say about one stream."""

    texts: set[tuple[int, int, str, bool]]
    """Version, index, text, whether it is removed."""
    turns: list[tuple[int, int, int, int, int | None, bool]]
    """Version, index, items, tokens, context, whether it is removed: in the order of beginning."""
    used_by_turn: list[tuple[int, int]]
    """Version of the usage, number of the turn."""
    calls: list[tuple[int, int, str, bool, bool]]
    """Version, index, id, whether it was called, and answered: in the order of standing."""
    items: int
    is_deleted: bool
    labels: tuple[str | None, str | None]
    first: str | None


class Call:
    def __init__(self, version: int, index: int, place: int, turn: int, call_id: str) -> None:
        self.at = (version, index)
        self.place = place
        self.turn = turn
        self.call_id = call_id
        self.is_called = self.is_answered = False


class Calls:
    """Every call there ever was; one that a replacement takes off and puts back is the same."""

    def __init__(self) -> None:
        self.all: list[Call] = []
        self.turn = 0

    def take(self, version: int, event: ItemsAdded | ItemsReplaced, start: int) -> None:
        is_replaced = isinstance(event, ItemsReplaced)
        taken_off = self._taken_off(start) if is_replaced else {}
        answered_there = set(taken_off)
        for index, item in enumerate(event.items):
            self.turn += is_user(item)
            if not isinstance(item, dict) or "call_id" not in item:
                continue
            new = Call(version, index, start + index, self.turn, item["call_id"])
            if item["type"] == "function_call":
                if again := taken_off.get(new.call_id):
                    again.pop(0).place = new.place
                    continue
                new.is_called = True
                self.all.append(new)
            elif (asked := self._waiting(new.call_id)) is not None:
                asked.is_answered = True
            elif new.call_id not in answered_there:
                new.is_answered = True
                self.all.append(new)

    def _taken_off(self, start: int) -> dict[str, list[Call]]:
        """By id, the last calls with it that stood at `start` or behind."""
        found: dict[str, list[Call]] = {}
        for call_id in {call.call_id for call in self.all}:
            calls = [call for call in self.all if call.call_id == call_id and call.is_called]
            behind = itertools.takewhile(lambda call: call.place >= start, reversed(calls))
            if last := list(behind)[::-1]:
                found[call_id] = last
        return found

    def _waiting(self, call_id: str) -> Call | None:
        there = [call for call in self.all if call.call_id == call_id and not call.is_answered]
        latest = max((call.turn for call in there), default=0)
        return next((call for call in there if call.turn == latest), None)

    def told(self) -> list[tuple[int, int, str, bool, bool]]:
        return sorted((*c.at, c.call_id, c.is_called, c.is_answered) for c in self.all)


def is_user(item: Any) -> bool:
    return isinstance(item, dict) and item.get("role") == "user"


async def tell(log: EventLog, name: str, branch: str = "") -> Told:
    return fold(await log.read(name, branch=branch).all())


def fold(events: list[RecordedEvent]) -> Told:  # noqa: C901 - the whole truth in one place
    lists: list[list[Place]] = [[]]
    contents: dict[Place, Any] = {}
    turns: list[Place] = []
    in_turn: dict[Place, int] = defaultdict(int)
    tokens: dict[Place, int] = defaultdict(int)
    context: dict[Place, int | None] = {}
    used: list[tuple[int, int]] = []
    calls = Calls()
    title = owner = first = None
    is_deleted = False

    def last_turn(now: list[Place]) -> Place | None:
        return next((place for place in reversed(now) if place in turns), None)

    for recorded in events:
        event, now = recorded.event, list(lists[-1])
        if not isinstance(event, UsageRecorded | ConversationLabelled):
            is_deleted = isinstance(event, BranchDeleted)
        match event:
            case ItemsAdded() | ItemsReplaced():
                if isinstance(event, ItemsReplaced):
                    del now[event.start :]
                for index, item in enumerate(event.items):
                    place = (recorded.version, index)
                    contents[place] = item
                    now.append(place)
                    if is_user(item):
                        turns.append(place)
                        if first is None and isinstance(event, ItemsAdded):
                            first = item["content"]
                    if (turn := last_turn(now)) is not None:
                        in_turn[turn] += 1
                start = len(now) - len(event.items)
                calls.take(recorded.version, event, start)
            case ItemPopped():
                del now[-1:]
            case ConversationCleared():
                now = []
            case BranchDeleted():
                now = []
            case ConversationRewound():
                now = list(lists[event.to_version])
                if event.kept is not None:
                    del now[event.kept :]
            case ConversationForked():
                now = [INHERITED] * event.kept
            case ConversationLabelled():
                title = title if event.title is None else event.title or None
                owner = owner if event.owner is None else event.owner or None
            case UsageRecorded():
                turn = last_turn(now)
                used.append((recorded.version, 0 if turn is None else turns.index(turn) + 1))
                if turn is not None:
                    tokens[turn] += event.total_tokens
                    both = event.input_tokens + event.output_tokens
                    context[turn] = both if event.requests == 1 else None
            case _:
                pass
        lists.append(now)
    there = set(lists[-1])
    return Told(
        {
            (*place, item["content"], place not in there)
            for place, item in contents.items()
            if isinstance(item, dict) and item.get("content")
        },
        [
            (*turn, in_turn[turn], tokens[turn], context.get(turn), turn not in there)
            for turn in turns
        ],
        used,
        calls.told(),
        len(lists[-1]),
        is_deleted,
        (title, owner),
        first,
    )
