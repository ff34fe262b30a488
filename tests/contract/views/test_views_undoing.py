"""Going back and forth in the views: they take what changed, and agree with the list."""

from typing import Any, Final

import pytest

from eventlog import EventLog, ItemsReplaced
from eventlog.format.chain import stream_id
from eventlog.views import Batch, LogViews
from eventlog_projections import Conversation, erase_event
from eventlog_projections.views import BUILT_IN, Views, conversations, list_sizes, turns
from eventlog_projections.views.search import ItemRow
from tests.contract.disposal.test_erasing import WHY
from tests.contract.views.test_views_reading import user

FEW: Final = 3
SOME: Final = 9
MANY: Final = 40


async def in_list(log: EventLog, views: Views, name: str) -> list[str]:
    """Return the texts that the view of search says are in a list, in its order."""
    rows = await views.select(ItemRow, {"stream_id": stream_id(log.tenant, name)})
    return [row.text for row in sorted(rows, key=lambda row: row.place) if not row.removed]


async def turned(log: EventLog, views: Views, name: str) -> list[str]:
    return [turn.message for turn in await turns(views, name) if not turn.removed]


class Watched:
    """What the views ask and store."""

    def __init__(self, tables: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rows = 0
        self.events = 0
        apply, headers = tables.apply, tables.headers

        async def applied(batch: Batch) -> bool:
            self.rows += sum(len(write[2]) for write in batch.writes)
            stored: bool = await apply(batch)
            return stored

        async def read(*args: Any) -> Any:
            found = await headers(*args)
            self.events += len(found)
            return found

        monkeypatch.setattr(tables, "apply", applied)
        monkeypatch.setattr(tables, "headers", read)


@pytest.fixture
async def chats(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> list[Conversation]:
    """Two conversations, one of few turns and one of many; nothing takes over from the server."""
    monkeypatch.setattr(LogViews, "server", 0)
    made: list[Conversation] = []
    for name, size in (("short", FEW), ("long", MANY)):
        chat = Conversation(log, name)
        for number in range(size):
            await chat.add([user(f"{name} {number}"), {"role": "assistant", "content": "yes"}])
        made.append(chat)
    return made


async def test_an_undo_stores_as_much_however_long_the_conversation_is(
    log: EventLog, chats: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes off the end of the list, and reads no event of it again; so does the next one."""
    views = Views(log)
    await views.catch_up()
    watched = Watched(log.spi.views.tables, monkeypatch)
    stored: list[list[int]] = []
    for chat in chats:
        stored.append([])
        for _ in range(2):
            before = watched.rows
            await chat.undo()
            await views.catch_up()
            stored[-1].append(watched.rows - before)
    assert stored[0] == stored[1]
    assert watched.events == 0
    assert await turned(log, views, "long") == [f"long {n}" for n in range(MANY - 2)]


async def test_a_redo_stores_and_reads_as_much_however_long_the_conversation_is(
    log: EventLog, chats: list[Conversation], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It brings back what the undo took, and touches nothing else; so do several."""
    monkeypatch.setattr(list_sizes, "REACH", SOME)
    views = Views(log)
    await views.catch_up()
    watched = Watched(log.spi.views.tables, monkeypatch)
    stored: list[list[int]] = []
    for chat in chats:
        stored.append([])
        await chat.undo()
        await chat.undo()
        for _ in range(2):
            await views.catch_up()
            before = watched.rows, watched.events
            await chat.redo()
            await views.catch_up()
            stored[-1].append(watched.rows - before[0])
            assert watched.events - before[1] <= SOME
    assert stored[0] == stored[1]
    for name, size in (("short", FEW), ("long", MANY)):
        assert await turned(log, views, name) == [f"{name} {n}" for n in range(size)]
    for projection in BUILT_IN:
        assert await views.check(projection.name) == []


@pytest.mark.parametrize("erased", [1, 2])
async def test_views_say_what_is_in_the_list_after_an_event_before_it_was_erased(
    log: EventLog, erased: int
) -> None:
    """Whatever is taken off, replaced, undone or added then."""
    chat, views = Conversation(log, "chat"), Views(log)
    for text in ("one", "two", "three"):
        await chat.add([user(text)])
    await views.catch_up()
    await erase_event(log, "chat", erased, **WHY)
    for change in (
        chat.pop,
        lambda: chat.add([user("four"), user("five")]),
        chat.undo,
        chat.redo,
        lambda: log.append("chat", ItemsReplaced(1, [user("six")])),
        lambda: chat.add([user("seven")]),
        chat.undo,
    ):
        await change()
        left = [item["content"] for item in await chat.items()]
        assert await in_list(log, views, "chat") == left
        assert await turned(log, views, "chat") == left
        assert [row.items for row in await conversations(views)] == [len(left)]
    for projection in BUILT_IN:
        assert await views.check(projection.name) == []
