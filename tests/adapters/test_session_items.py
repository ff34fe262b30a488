"""What an item may be: all that JSON can hold comes back as it was, all else is refused."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from agents import SQLiteSession
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.errors import InvalidItemError
from eventlog_openai_agents import EventLogSession


def nested(levels: int, leaf: object = 1) -> Any:
    item = leaf
    for level in range(levels):
        item = {"a": item} if level % 2 else [item]
    return {"nested": item}


ITEMS: Final[dict[str, list[Any]]] = {
    "lone surrogates": [{"content": "\ud800"}, {"\udfff": "a\udc00b"}],
    "a surrogate pair in two halves": [{"content": "\ud83d\ude00"}],
    "NaN and Infinity": [{"x": [float("nan"), float("inf"), float("-inf")]}],
    "integers beyond 64 bits": [{"x": [2**63, 2**64, -(2**63) - 1, 2**70, 10**400]}],
    "floats": [{"x": [0.1, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 123456789012345678.0]}],
    "NUL characters": [{"content": "a\x00b", "\x00": "\x00"}],
    "control and odd characters": [{"x": '\u2028\x7f\ufffe\ufeff\x1b\r\n\t"\\/é😀'}],
    "key order": [{"z": 1, "a": 2, "m": {"y": 1, "b": 2}}, {"a": 1, "z": 2}],
    "exact duplicates": [{"role": "user", "content": "Hi"}] * 3,
    "unknown types": [{"type": "from_the_future", "payload": [1, {"deep": None}]}],
    "no role and no type": [{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAA"}],
    "private keys": [{"type": "function_call", "_agents_tool_title": "Title", "_x": {"_y": 0}}],
    "keys that are not strings": [{7: "a", None: "b", True: "c", 1.5: "d"}],
    "keys that become the same": [{1: "first", "1": "second"}],
    "tuples": [{"x": (1, (2, 3))}],
    "empty": [{}, {"": ""}, {"x": [], "y": {}}],
    "no dicts": ["text", 5, None, True, [1, 2]],
    "large": [{"content": "é" * 300_000}, {"content": ["x"] * 20_000}],
    "800 levels": [nested(800)],
    "800 levels around what msgspec refuses": [nested(800, "\ud800"), nested(800, float("nan"))],
}

_circular: Final[dict[str, Any]] = {"role": "user"}
_circular["content"] = [_circular]

REFUSED: Final[dict[str, Any]] = {
    "an object": {"content": object()},
    "bytes": {"content": b"Hi"},
    "a set": {"content": {1}},
    "a datetime": {"content": datetime(2026, 1, 1, tzinfo=UTC)},
    "a key that is a tuple": {(1, 2): "x"},
    "a circle": _circular,
    "5000 levels": nested(5000),
    "an integer too long to read": {"x": 10**5000},
}


async def kinds(session: EventLogSession) -> list[str]:
    return [event.kind async for event in session.log.read(session.session_id)]


@pytest.mark.parametrize("what", ITEMS)
async def test_an_item_comes_back_exactly(
    session: EventLogSession, theirs: SQLiteSession, what: str
) -> None:
    """What the SDK's session gives back, ours gives back, to the last bit and in the same order."""
    items = ITEMS[what]
    await session.add_items(items)
    await theirs.add_items(items)
    ours, expected = await session.get_items(), await theirs.get_items()
    assert repr(ours) == repr(expected)
    assert json.dumps(ours) == json.dumps(expected)
    assert repr(await session.pop_item()) == repr(await theirs.pop_item())
    assert (await session.log.verify("user-123")).ok


async def test_an_odd_item_leaves_its_neighbours_as_they_are(session: EventLogSession) -> None:
    """What needs another way of writing or reading does not change what stands beside it."""
    every = [item for items in ITEMS.values() for item in items]
    for items in ITEMS.values():
        await session.add_items(items)
    expected = [json.loads(json.dumps(item)) for item in every]
    assert repr(await session.get_items()) == repr(expected)
    assert repr(await session.get_items(7)) == repr(expected[-7:])


_text = st.text(st.characters(exclude_categories=()), max_size=8)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_text, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.dictionaries(_text, _json, max_size=4), min_size=1, max_size=6))
async def test_any_json_comes_back_as_json_gives_it_back(items: list[Any]) -> None:
    """`json` is the measure, not whatever is faster."""
    async with EventLogSession("user-123") as session:
        await session.add_items(items)
        assert repr(await session.get_items()) == repr(json.loads(json.dumps(items)))


async def test_an_item_that_json_cannot_hold_is_refused(session: EventLogSession) -> None:
    """A TypeError, as in the SDK, that names the item; not even its neighbours are stored."""
    good: Any = {"role": "user"}
    await session.add_items([good])
    for bad in REFUSED.values():
        with pytest.raises(InvalidItemError, match=r"Item 1 of 3: .*Nothing was stored") as caught:
            await session.add_items([good, bad, good])
        assert isinstance(caught.value, TypeError)
    assert await kinds(session) == ["added"]


async def test_items_that_come_as_no_list_are_refused(session: EventLogSession) -> None:
    """One item instead of a list of them is a mistake, not a list of its keys."""
    mistakes: list[Any] = ["text", "", {"role": "user"}, {}, None, 5]
    for mistake in mistakes:
        with pytest.raises(InvalidItemError, match="Items come as a list"):
            await session.add_items(mistake)
    assert await kinds(session) == []


async def test_a_caller_deep_in_its_stack_reads_and_writes_deep_items(
    session: EventLogSession,
) -> None:
    """How deep an item may nest does not depend on how deep its caller is."""

    async def deeper(levels: int, call: Callable[[], Awaitable[Any]]) -> Any:
        return await (deeper(levels - 1, call) if levels else call())

    await deeper(300, lambda: session.add_items([nested(800)]))
    assert await deeper(300, session.get_items) == [nested(800)]
