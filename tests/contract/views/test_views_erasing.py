"""What an erasure leaves to do in the views, and what they say then."""

import pytest

from eventlog import EventLog, ItemsAdded
from projections import Conversation, erase, erase_event, label
from projections.views import Views, conversations, search, tool_calls, turns, usage
from tests.contract.views.test_views_reading import used, user

BUILT_IN = ("conversations", "turns", "tools", "search")

CALL = {"type": "function_call", "call_id": "c", "name": "secret", "arguments": "{}"}


async def test_views_made_anew_after_an_erasure_say_nothing_of_it(log: EventLog) -> None:
    """Text, title, tools and usage of an erased conversation are gone; the others stay."""
    chat, other = Conversation(log, "chat"), Conversation(log, "other")
    await chat.add([user("a secret"), CALL])
    await log.append("chat", used(7))
    await label(chat, title="secret")
    await other.add([user("no secret")])
    views = Views(log)
    assert len(await search(views, "secret")) == 3
    await erase(log, "chat", by="office", reason="wish")
    await chat.add([user("again")])
    for name in BUILT_IN:
        await views.rebuild(name)
    assert [found.conversation for found in await search(views, "secret")] == ["other"]
    rows = {row.name: (row.title, row.items) for row in await conversations(views)}
    assert rows == {"chat": ("again", 1), "other": ("no secret", 1)}
    assert await tool_calls(views, "chat") == []
    assert await usage(views, "chat") == []
    assert [turn.message for turn in await turns(views, "chat")] == ["again"]


@pytest.mark.parametrize("rebuilt", [False, True])
async def test_an_erased_event_takes_its_items_off_the_views(
    log: EventLog, *, rebuilt: bool
) -> None:
    """What others brought stays in the list."""
    for text in ("one", "two", "three"):
        await log.append("chat", ItemsAdded([user(text)]))
    views = Views(log)
    await search(views, "one")
    await erase_event(log, "chat", 2, by="office", reason="wish")
    if rebuilt:
        await views.rebuild("search")
    (row,) = await conversations(views)
    assert row.items == 2
    assert await search(views, "two", removed=False) == []
    for text in ("one", "three"):
        assert [found.removed for found in await search(views, text)] == [False]
    assert bool(await search(views, "two")) is not rebuilt
