"""add_items, pop_item and clear_session, one call after the other."""

# ruff: noqa: D401 - the docstring of a case is its promise

import asyncio
import copy
import json
from typing import Any, Final

from eventlog_session_conformance.case import (
    Bench,
    Collection,
    contents,
    expect,
    expect_error,
    said,
)

case: Final = Collection()


@case("memory/sqlite_session.py:453")
async def adding_nothing_changes_nothing(it: Bench) -> None:
    """add_items([]) is allowed, on an empty session and on another."""
    session = await it.session()
    await session.add_items([])
    expect(await session.get_items(), [], "get_items() after adding no items")
    await session.add_items([said(1)])
    await session.add_items([])
    expect(await session.get_items(), [said(1)], "get_items() after adding one item and none")


@case("run_internal/session_persistence.py:1444")
async def adding_leaves_the_callers_items_alone(it: Bench) -> None:
    """No id and no time is written into what the Runner still uses."""
    session = await it.session()
    items: list[Any] = [{"b": 1, "a": {"c": [2]}}]
    await session.add_items(items)
    expect(json.dumps(items), '[{"b": 1, "a": {"c": [2]}}]', "the caller's list after add_items")


@case("run_internal/session_persistence.py:1444")
async def the_caller_may_change_items_after_adding(it: Bench) -> None:
    """The Runner's items live on: what was added is what they were then."""
    session = await it.session()
    item: Any = {"role": "user", "content": [{"text": "Hi"}]}
    items = [item]
    before = copy.deepcopy(items)
    await session.add_items(items)
    item["content"][0]["text"] = "changed"
    items.append("more")
    expect(await session.get_items(), before, "get_items() after the caller changed its items")


@case("run_internal/session_persistence.py:1444")
async def the_caller_may_change_items_while_adding(it: Bench) -> None:
    """Items are written down before the first await of add_items."""
    session = await it.session()
    item: Any = {"role": "user", "content": [{"text": "Hi"}]}
    items = [item]
    before = copy.deepcopy(items)
    call = asyncio.ensure_future(session.add_items(items))
    await asyncio.sleep(0)
    item["content"][0]["text"] = "changed"
    items.append("more")
    await call
    expect(await session.get_items(), before, "get_items() after a change while adding")


@case(".agents/references/session-persistence.md")
async def a_batch_with_a_bad_item_stores_nothing(it: Bench) -> None:
    """What JSON cannot hold is refused, together with the good items around it."""
    session = await it.session()
    await session.add_items([said(0)])
    for bad in (object(), b"Hi", {1}):
        adding = session.add_items([said(1), said(bad), said(2)])
        await expect_error(adding, Exception, f"adding {type(bad).__name__}")
        expect(await session.get_items(), [said(0)], "get_items() after a refused batch")
    await session.add_items([said(3)])
    expect(
        contents(await session.get_items()),
        [0, 3],
        "get_items() after a refused batch and one more",
    )


@case("memory/session.py:85")
async def a_pop_takes_the_last_item(it: Bench) -> None:
    """One after the other, across the bounds of batches."""
    session = await it.session()
    await session.add_items([said(1), said(2)])
    await session.add_items([said(3)])
    for left in (2, 1, 0):
        expect(await session.pop_item(), said(left + 1), f"pop_item() of {left + 1} items")
        expect(len(await session.get_items()), left, "the number of items left")


@case("memory/session.py:89")
async def a_pop_of_nothing_is_none(it: Bench) -> None:
    """Of a new session, of one that was popped empty, and of one that was cleared."""
    session = await it.session()
    expect(await session.pop_item(), None, "pop_item() of a new session")
    await session.add_items([said(1)])
    await session.pop_item()
    expect(await session.pop_item(), None, "pop_item() of a session that was popped empty")
    await session.add_items([said(1)])
    await session.clear_session()
    expect(await session.pop_item(), None, "pop_item() of a session that was cleared")


@case("memory/session.py:85")
async def adding_goes_on_where_a_pop_left_off(it: Bench) -> None:
    """A popped item's place is taken by the next."""
    session = await it.session()
    await session.add_items([said(1), said(2), said(3)])
    await session.pop_item()
    await session.add_items([said(4)])
    await session.add_items([said(5)])
    await session.pop_item()
    expect(contents(await session.get_items()), [1, 2, 4], "get_items() after adds and pops")
    expect(contents(await session.get_items(2)), [2, 4], "get_items(2) after adds and pops")


@case("memory/session.py:94")
async def a_clear_empties_the_list(it: Bench) -> None:
    """What is added afterwards starts anew; an empty list may be cleared."""
    session = await it.session()
    await session.clear_session()
    await session.add_items([said(1), said(2)])
    await session.clear_session()
    expect(await session.get_items(), [], "get_items() after clear_session()")
    await session.clear_session()
    await session.add_items([said(3)])
    expect(await session.get_items(), [said(3)], "get_items() after a clear and an add")


@case("memory/session.py:94")
async def other_conversations_stay_as_they_are(it: Bench) -> None:
    """Whatever is done in one session id, another id does not see it."""
    one, two = await it.session(), await it.session("-two")
    await one.add_items([said(1), said(2)])
    await two.add_items([said(3), said(4)])
    expect(await two.pop_item(), said(4), "pop_item() of the second conversation")
    await two.clear_session()
    expect(contents(await one.get_items()), [1, 2], "the first after the second was cleared")
    expect(await two.get_items(), [], "the second after it was cleared")


_ALIKE: Final = ("", ":messages", ":counter", ":", " ", "%", "_", "/", "'", ".UPPER", ".upper", "é")


@case("extensions/memory/redis_session.py:404 (issue 5202)")
async def ids_that_look_alike_are_different(it: Bench) -> None:
    """An id is taken as it is: no suffix, case or wildcard makes two of them one."""
    sessions = [await it.session(suffix) for suffix in _ALIKE]
    for suffix, session in zip(_ALIKE, sessions, strict=True):
        await session.add_items([said(suffix)])
    for suffix, session in zip(_ALIKE, sessions, strict=True):
        expect(await session.get_items(), [said(suffix)], f"the conversation with the id …{suffix}")
