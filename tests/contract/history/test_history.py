"""History, labels and differences: what happened, told in order, with nothing left out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eventlog import (
    Context,
    EventLog,
    InvalidInputError,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
)
from eventlog.errors import InvalidMomentError
from eventlog.events import ConversationLabelled, OpaqueEvent
from eventlog_projections import (
    Conversation,
    Diff,
    HistoryEvent,
    HistoryItem,
    Labels,
    Span,
    erase_event,
)
from tests.backends import Backend
from tests.conftest import Clock
from tests.elsewhere import add_many

NAME = "chat"
USER = {"role": "user", "content": "a question"}
ANSWER = {"role": "assistant", "content": "an answer"}


async def told(chat: Conversation) -> list[HistoryEvent]:
    return await chat.history().all()


def moved(event: HistoryEvent) -> tuple[Any, ...]:
    return event.kind, list(event.removed), list(event.restored), event.total


async def test_each_event_says_what_it_did_to_the_list(log: EventLog) -> None:
    """Which items left, named by where they came from, and which came back."""
    chat = Conversation(log, NAME)
    await chat.add([USER, ANSWER, USER])
    await chat.pop()
    await chat.replace(1, ["summary"], await chat.read())
    await chat.undo()
    await chat.redo()
    await chat.restore(1)
    await chat.label(title="A chat")
    await chat.clear()
    assert [moved(event) for event in await told(chat)] == [
        ("added", [], [], 3),
        ("popped", [Span(1, 2, 3)], [], 2),
        ("replaced", [Span(1, 1, 2)], [], 2),
        ("rewound", [Span(1, 0, 1), Span(3, 0, 1)], [], 0),
        ("rewound", [], [Span(1, 0, 1), Span(3, 0, 1)], 2),
        ("rewound", [Span(3, 0, 1)], [Span(1, 1, 3)], 3),
        ("labelled", [], [], 3),
        ("cleared", [Span(1, 0, 3)], [], 0),
    ]


async def test_items_are_marked_by_whether_they_are_in_the_list_now(log: EventLog) -> None:
    """Each beside the event that brought it, in order."""
    chat = Conversation(log, NAME)
    await chat.add(["a", "b", "c"])
    await chat.add(["gone"])
    await chat.pop()
    await chat.pop()
    await chat.replace(1, ["B"], await chat.read())
    marked = [(event.version, item) for event in await told(chat) for item in event.items]
    assert marked == [
        (1, HistoryItem("a", True)),
        (1, HistoryItem("b", False)),
        (1, HistoryItem("c", False)),
        (2, HistoryItem("gone", False)),
        (5, HistoryItem("B", True)),
    ]


async def test_who_when_and_why_are_told(backend: Backend, clock: Clock) -> None:
    """As recorded: time, actor, run and reason."""
    async with backend.open(clock=clock) as log:
        chat = Conversation(log, NAME)
        await chat.add(["a"], context=Context(actor="ana", run_id="run-1"))
        clock.tick()
        await chat.clear(reason="done", context=Context(actor="lin"))
        first, second = await told(chat)
    assert (first.actor, first.run_id, first.reason) == ("ana", "run-1", None)
    assert (second.actor, second.run_id, second.reason) == ("lin", None, "done")
    now = datetime.fromtimestamp(clock.now / 1e6, UTC)
    assert (first.recorded_at, second.recorded_at) == (now - timedelta(seconds=1), now)
    assert first.event == ItemsAdded(["a"])


async def test_a_fork_and_a_deleted_branch_have_their_own_history(log: EventLog) -> None:
    """What was inherited is version 0; the parent's events are the parent's."""
    chat = Conversation(log, NAME)
    await chat.add([USER, ANSWER])
    branch = await chat.fork(NAME, branch="idea")
    await branch.pop()
    await branch.delete_branch(reason="no use")
    assert [moved(event) for event in await told(branch)] == [
        ("forked", [], [Span(0, 0, 2)], 2),
        ("popped", [Span(0, 1, 2)], [], 1),
        ("deleted", [Span(0, 0, 1)], [], 0),
    ]
    assert [event.version for event in await told(chat)] == [1]


async def test_erased_and_unknown_events_are_told_as_far_as_they_can(
    backend: Backend, log: EventLog
) -> None:
    """What is gone is None; what this release does not know is opaque."""
    chat = Conversation(log, NAME)
    await chat.add(["secret"], context=Context(actor="ana"))
    await chat.add(["kept"])
    await backend.tamper(
        "UPDATE {}events SET salt = NULL, context = NULL, body = NULL WHERE version = 1"
    )
    await backend.tamper("UPDATE {}events SET schema = 2 WHERE version = 2")
    erased, unknown = await told(chat)
    assert (erased.event, erased.context, erased.items) == (None, None, ())
    assert (erased.actor, erased.run_id, erased.reason, erased.total) == (None, None, None, 1)
    assert isinstance(unknown.event, OpaqueEvent)
    assert unknown.items == ()


async def test_a_history_is_of_what_was_there_when_it_began(log: EventLog) -> None:
    """Marks and events agree, whatever is written while somebody reads."""
    chat = Conversation(log, NAME)
    await chat.add(["a"])
    reading = chat.history()
    first = await anext(reading)
    await chat.clear()
    assert first.items == (HistoryItem("a", True),)
    with pytest.raises(StopAsyncIteration):
        await anext(reading)
    assert [event.items for event in await told(chat)] == [(HistoryItem("a", False),), ()]


async def test_a_history_begins_behind_a_version(log: EventLog) -> None:
    """With the same entries as the whole one has there, whatever was undone or erased before."""
    chat = Conversation(log, NAME)
    for number in range(4):
        await chat.add([{"role": "user", "content": f"{number}"}, "answer"])
    await chat.undo()
    await chat.redo()
    await chat.pop()
    await erase_event(log, NAME, 2, by="ana", reason="asked to")
    fork = await chat.fork("fork", at=1)
    await fork.undo()
    await fork.add(["more"])
    for each in (chat, fork):
        whole = await each.history().all()
        for after in range(len(whole) + 2):
            assert await each.history(after=after).all() == whole[after:]
    with pytest.raises(InvalidMomentError):
        chat.history(after=-1)


async def test_a_history_of_nothing_is_empty(log: EventLog) -> None:
    """A conversation that is not there has none."""
    assert await told(Conversation(log, "nobody's")) == []


async def test_a_history_reads_a_page_at_a_time(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it is: no more contents in memory than one page."""
    monkeypatch.setattr("eventlog.pages.PAGE", 10)
    monkeypatch.setattr("eventlog.paging.PAGE", 10)
    await add_many(log, list(range(95)))
    seen = [item.item async for event in Conversation(log, NAME).history() for item in event.items]
    assert seen == list(range(95))


LABELLED: list[tuple[dict[str, Any], Labels]] = [
    ({"title": "A chat"}, Labels("A chat")),
    ({"owner": "ana", "tags": ["b", "a"]}, Labels("A chat", "ana", ("b", "a"))),
    ({"title": "Ours", "tags": ("c",)}, Labels("Ours", "ana", ("c",))),
    ({"owner": ""}, Labels("Ours", None, ("c",))),
    ({"tags": []}, Labels("Ours")),
    ({"title": ""}, Labels()),
]


async def test_labels_are_what_was_given_last(log: EventLog) -> None:
    """Each on its own: None leaves it, an empty one removes it."""
    chat = Conversation(log, NAME)
    assert await chat.labels() == Labels()
    for given, expected in LABELLED:
        await chat.label(**given)
        await chat.add(["between"])
        assert await chat.labels() == expected
    assert await chat.items() == ["between"] * len(LABELLED)


@pytest.mark.parametrize(
    "wrong", [{}, {"title": 5}, {"tags": "a text"}, {"tags": [1]}, {"owner": "\ud800"}]
)
async def test_labels_that_are_none_are_refused(log: EventLog, wrong: dict[str, Any]) -> None:
    """Nothing is stored."""
    with pytest.raises(InvalidInputError):
        await Conversation(log, NAME).label(**wrong)
    assert await log.version(NAME) == 0


async def test_labels_of_a_branch_are_its_own(log: EventLog) -> None:
    """A fork begins without any."""
    chat = Conversation(log, NAME)
    await chat.label(title="A chat")
    assert await (await chat.fork("fork")).labels() == Labels()


async def test_events_of_one_kind_are_read_alone(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In order, by pages, between bounds."""
    monkeypatch.setattr("eventlog.pages.PAGE", 2)
    monkeypatch.setattr("eventlog.paging.PAGE", 2)
    for number in range(5):
        await log.append(NAME, [ItemsAdded([number]), ConversationLabelled(str(number))])
    read = log.read(NAME, kind="labelled", after=2, until=9)
    assert [event.version for event in await read.all()] == [4, 6, 8]
    assert await log.read(NAME, kind="nothing").all() == []


async def test_a_difference_is_what_went_and_what_came(log: EventLog) -> None:
    """Between two versions, in either direction, or from one to now."""
    chat = Conversation(log, NAME)
    await chat.add(["a", "b"])
    await chat.replace(1, ["c", "d"], await chat.read())
    assert await chat.diff(1, 2) == Diff(1, ["b"], ["c", "d"])
    assert await chat.diff(2, 1) == Diff(1, ["c", "d"], ["b"])
    assert await chat.diff(0) == Diff(0, [], ["a", "c", "d"])
    assert await chat.diff() == Diff(3, [], [])
    with pytest.raises(InvalidMomentError):
        await chat.diff(1, 3)


async def test_a_difference_is_of_what_items_say(log: EventLog) -> None:
    """An item that was popped and came again is the same; 1, 1.0 and True are not."""
    chat = Conversation(log, NAME)
    await chat.add([float("nan"), 1])
    await chat.pop()
    await chat.add([1])
    assert (await chat.diff(1, 3)).common == 2
    await chat.pop()
    await chat.add([True])
    assert await chat.diff(1) == Diff(1, [1], [True])


async def test_every_item_has_the_time_of_its_event(backend: Backend, clock: Clock) -> None:
    """Also where it was inherited from an ancestor's ancestor, or came back."""
    async with backend.open(clock=clock) as log:
        chat, expected = Conversation(log, NAME), []
        for level in range(3):
            now = datetime.fromtimestamp(clock.tick() / 1e6, UTC)
            await chat.add([USER, ANSWER])
            before = await log.version(chat.name)
            await chat.add(["gone"])
            await chat.restore(before)
            expected += [now, now]
            head = await log.version(chat.name)
            assert await chat.moments(head) == expected
            chat = await chat.fork(f"fork {level}")
        assert await chat.moments(1) == expected
        assert await chat.moments(0) == []


async def test_a_session_of_the_log_writes_while_its_history_is_read(log: EventLog) -> None:
    """Many readers and writers at once: each history is one that was true."""
    chat = Conversation(log, NAME)
    await chat.add([0])
    writing = [chat.add([number]) for number in range(1, 20)]
    answers = await asyncio.gather(*[told(chat) for _ in range(5)], *writing)
    for history in answers[:5]:
        assert isinstance(history, list)
        listed = [item for event in history for item in event.items]
        assert all(item.is_listed for item in listed)
        assert len(listed) == history[-1].total == history[-1].version
    await log.append(NAME, NewEvent(ItemsReplaced(0, [])))
    assert not any(item.is_listed for event in await told(chat) for item in event.items)
