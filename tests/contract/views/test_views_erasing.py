"""What an erasure takes from the views: all that they made of it, before it returns."""

from typing import Any, Final

import pytest

from eventlog import EventLog
from eventlog.views import Checkpoint
from eventlog_projections import Conversation, erase, erase_event
from eventlog_projections.views import (
    BUILT_IN,
    PLAIN_SEARCH,
    Views,
    branches,
    conversations,
    search,
    tool_calls,
    tools,
    turns,
    usage,
)
from eventlog_projections.views.projection import Projection, specs
from eventlog_projections.views.runner import Runner
from tests.backends import Backend
from tests.contract.disposal.test_erasing import MARKER, WHY, bytes_of
from tests.contract.views.test_views_reading import used, user
from tests.elsewhere import open_elsewhere

NAMES: Final = tuple(projection.name for projection in BUILT_IN)


def call(secret: str, call_id: str = "c") -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": secret, "arguments": secret}


def answer(secret: str) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": "c", "output": secret}


async def talk(log: EventLog, name: str, secret: str = MARKER) -> Conversation:
    """Fill a conversation with what every view makes something of."""
    chat = Conversation(log, name)
    await chat.add([user(f"a {secret}"), call(secret)])
    await chat.add([answer(secret)])
    await log.append(name, used(7))
    await chat.label(title=secret, owner=secret, tags=[secret])
    return chat


async def in_rows(backend: Backend) -> list[str]:
    """Return the tables of views in which the marker is, of every generation."""
    points = await backend.execute("SELECT projection, generation FROM {}checkpoints")
    tables = {view.name: view.tables for view in (*BUILT_IN, PLAIN_SEARCH)}
    found: list[str] = []
    for projection, generation in points:
        for kind in tables[projection]:
            rows = await backend.execute(f"SELECT * FROM {{}}view_{kind.table}_{generation}")
            found += [kind.table] if MARKER in repr(rows) else []
    return found


async def beside(log: EventLog, projection: Projection) -> None:
    """Fill a generation that takes over later."""
    name, schema = projection.name, projection.schema
    number = await log.spi.views.tables.begin(name, schema, specs(projection), beside=True)
    point = Checkpoint(name, number, schema, 0, 0, 0, is_serving=False)
    assert await Runner(log, [projection]).fill(point) is not None


async def differences(views: Views) -> list[Any]:
    """Compare each view, as it is, with one that is made anew."""
    return [difference for name in NAMES for difference in await views.check(name)]


async def test_every_view_loses_what_was_erased_and_is_as_if_made_anew(
    backend: Backend, log: EventLog
) -> None:
    """Text, title, tools, turns and usage, of branches and forks too; others keep theirs."""
    chat, other = await talk(log, "chat"), await talk(log, "other", "known")
    await (await chat.fork("chat", branch="idea")).add([user(MARKER), call("known", "d")])
    await chat.fork("child")
    views = Views(log)
    await views.catch_up()
    assert len(await search(views, MARKER)) == 4
    assert {"conversations", "turns", "tool_calls", "tools", "items"} <= set(await in_rows(backend))
    await erase(log, "chat", **WHY)
    assert await in_rows(backend) == []
    await chat.add([user("again")])
    assert await differences(views) == []
    assert await search(views, MARKER) == []
    rows = {row.name: (row.title, row.owner, row.items) for row in await conversations(views)}
    assert rows == {
        "chat": ("again", None, 1),
        "other": ("known", "known", 3),
        "child": (None, None, 0),
    }
    assert [row.branch for row in await branches(views, "chat")] == ["", "idea"]
    assert (await tool_calls(views, "chat"), await usage(views, "chat")) == ([], [])
    (tool,) = await tools(views)
    assert (tool.name, tool.calls, tool.results) == ("known", 1, 1)
    assert [count.total_tokens for count in await usage(views)] == [
        count.total_tokens for count in await usage(views, "other")
    ]
    assert [turn.message for turn in await turns(views, "chat")] == ["again"]
    assert await other.items() != []


@pytest.mark.parametrize("version", [1, 2, 3, 4])
async def test_one_event_leaves_every_view(backend: Backend, log: EventLog, version: int) -> None:
    """Whether it added items, was an answer, counted or labelled; what follows keeps its place."""
    chat = await talk(log, "chat")
    await chat.add([user("the end")])
    views = Views(log)
    await views.catch_up()
    await erase_event(log, "chat", version, **WHY)
    assert await differences(views) == []
    await chat.add([user("more")])
    assert await differences(views) == []
    for text in ("end", "more"):
        assert [found.removed for found in await search(views, text)] == [False]
    assert (version > 1) is ("tools" in await in_rows(backend))


async def test_a_generation_that_is_filled_beside_loses_it_too(
    backend: Backend, log: EventLog
) -> None:
    """And so does a runner of another process that still remembers the rows."""
    await talk(log, "chat")
    views = Views(log)
    async with open_elsewhere(backend) as theirs:
        runner = Runner(theirs, BUILT_IN)
        await runner.catch_up(NAMES)
        for projection in BUILT_IN:
            await beside(log, projection)
        assert set(await in_rows(backend)) > {"items"}
        await erase(log, "chat", **WHY)
        assert await in_rows(backend) == []
        await Conversation(theirs, "chat").add([user("again")])
        await runner.catch_up(NAMES)
    assert await in_rows(backend) == []
    assert await differences(views) == []


async def test_the_files_have_no_byte_of_it_after_the_clean_up(backend: Backend) -> None:
    """Rows, indexes of words and generations that are not there any more."""
    async with backend.open() as log:
        await talk(log, "chat")
        views = Views(log)
        await views.catch_up()
        await views.rebuild("search")
        assert MARKER.lower().encode() in await bytes_of(backend)
        await erase(log, "chat", **WHY)
        if backend.name == "postgres":
            assert MARKER.lower().encode() not in (await bytes_of(backend)).lower()
    assert MARKER.lower().encode() not in (await bytes_of(backend)).lower()


async def test_views_of_an_encrypted_log_have_its_numbers_and_no_content(sealed: Backend) -> None:
    """Nothing of it is readable beside the events; without the keyring the views are an error."""
    async with sealed.open() as log:
        chat = await talk(log, "chat", "known")
        await chat.add([user(MARKER)])
        views = Views(log)
        (row,) = await conversations(views)
        assert (row.items, row.turns, row.title, row.owner, row.tags) == (4, 2, None, None, ())
        assert [turn.message for turn in await turns(views, "chat")] == ["", ""]
        assert [count.total_tokens for count in await usage(views)] != []
        assert [(tool.name, tool.calls) for tool in await tools(views)] == [("known", 1)]
        assert await search(views, MARKER) == []
        assert await in_rows(sealed) == []
        assert (await views.status())[0].set_aside == ()
        assert MARKER.encode() not in await bytes_of(sealed)
        async with open_elsewhere(sealed, keyring=None) as blind:
            await Conversation(log, "chat").add([user("more")])
            assert [row.items for row in await conversations(Views(blind))] == [5]
            assert len(await turns(Views(blind), "chat")) == 2
        assert await views.retry() == []
        assert len(await turns(views, "chat")) == 3
        await erase(log, "chat", **WHY)
        assert await differences(views) == []


async def test_a_search_of_an_encrypted_log_has_to_be_asked_for(sealed: Backend) -> None:
    """It keeps the words in plain, finds them, and loses them as every view does."""
    async with sealed.open() as log:
        chat = await talk(log, "chat")
        views = Views(log, [*BUILT_IN, PLAIN_SEARCH])
        assert (await search(Views(log), MARKER), len(await search(views, MARKER))) == ([], 3)
        await chat.pop()
        assert len(await search(views, MARKER, removed=True)) == 1
        assert await in_rows(sealed) == ["plain_items"]
        await erase(log, "chat", **WHY)
        assert await in_rows(sealed) == []
        assert await views.check("plain_search") == []


async def test_an_erasure_without_the_keyring_purges_every_view(sealed: Backend) -> None:
    """What is left of the conversation needs no key; others' rows are as they were."""
    async with sealed.open() as log:
        await talk(log, "chat")
        await talk(log, "other", "known")
        await Views(log).catch_up()
        await Conversation(log, "other").add([user("more")])
    async with sealed.open(keyring=None) as blind:
        assert (await erase(blind, "chat", **WHY)).pending == ()
        assert await in_rows(sealed) == []
    async with sealed.open() as log:
        rows = {row.name: row.items for row in await conversations(Views(log))}
        assert rows == {"chat": 0, "other": 4}
