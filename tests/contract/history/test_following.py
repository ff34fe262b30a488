"""The history for whoever follows it, and where the items are that a model was given."""

from eventlog import ConversationCleared, EventLog, ItemsAdded
from eventlog.events import ModelCalled
from eventlog.format.codec import digest
from eventlog.paging import PAGE
from eventlog_projections import Conversation, HistoryTail, Span, erase_event
from eventlog_projections.history.model_input import given_items
from eventlog_projections.history.pairs import Place
from tests.backends import Backend


async def test_each_event_is_told_once_also_those_that_come(log: EventLog) -> None:
    """And what they did to the list that was there before."""
    chat = Conversation(log, "chat")
    tail = HistoryTail(log, "chat")
    assert await tail.more().all() == []
    await chat.add(["a", "b"])
    assert [(each.version, each.total) for each in await tail.more().all()] == [(1, 2)]
    assert await tail.more().all() == []
    await chat.pop(reason="wrong")
    await log.append("chat", [ConversationCleared(), ItemsAdded(["c"])])
    told = await tail.more().all()
    assert [each.version for each in told] == [2, 3, 4]
    assert told[0].removed == (Span(1, 1, 2),)
    assert told[0].reason == "wrong"
    assert told[1].removed == (Span(1, 0, 1),)
    assert tail.version == 4


async def test_it_tells_what_history_tells(log: EventLog) -> None:
    """Of more events than one page has, but for what became of the items later."""
    await log.append("chat", [ItemsAdded([n]) for n in range(PAGE + 10)])
    told = await HistoryTail(log, "chat").more().all()
    assert [each._replace(items=()) for each in told] == [
        each._replace(items=()) async for each in Conversation(log, "chat").history()
    ]


async def test_what_is_missing_is_told_as_missing(backend: Backend) -> None:
    """And what stands behind it is told, too."""
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([n]) for n in range(4)])
    await backend.tamper("DELETE FROM {}events WHERE version IN (2, 3)")
    async with backend.open() as log:
        told = await HistoryTail(log, "chat").more().all()
    assert [(each.version, each.kind) for each in told] == [
        (1, "added"),
        (2, "missing"),
        (4, "added"),
    ]


async def test_items_that_were_erased_are_still_counted(log: EventLog) -> None:
    """How many an event brought is structure, which an erasure keeps."""
    await log.append("chat", ItemsAdded(["a", "b"]))
    await erase_event(log, "chat", 1, by="office", reason="gdpr")
    (first, _) = await HistoryTail(log, "chat").more().all()
    assert (first.items, first.brought) == ((), 2)


async def test_what_a_model_was_given_is_found_by_its_digest(log: EventLog) -> None:
    """The last of equal items, inherited ones too; what was in no list is nowhere."""
    chat = Conversation(log, "chat")
    await chat.add(["a", "b"])
    fork = await chat.fork("other")
    await fork.add(["b", "c"])
    called = ModelCalled(input=[digest(each) for each in ("a", "b", "c", "never")])
    await log.append("other", called)
    await fork.add(["a"])
    found = await given_items(log, "other", 3, called)
    assert found == [Place(0, 0), Place(2, 0), Place(2, 1), None]
