"""What an item may be: what JSON can hold comes back as it was."""

# ruff: noqa: D401 - the docstring of a case is its promise

import copy
import json
from typing import Any, Final

from eventlog_session_conformance.case import Bench, Case, Check, Collection, expect, said

case: Final = Collection()

_AS_STORED: Final = "run_internal/items.py:395"
"""Where a resumed run compares digests of what it wrote and what it reads."""


def _nested(levels: int) -> Any:
    item: Any = "leaf"
    for level in range(levels):
        item = {"a": item} if level % 2 else [item]
    return {"nested": item}


_MESSAGE: Any = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": list[Any](), "x": None}],
}
_CALL: Any = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "f",
    "arguments": '{"a":  1}',
}

_PROMISES: Final[dict[str, tuple[str, list[Any]]]] = {
    "ids_are_kept": (
        "The id of an item is part of it: stripping it breaks 123 of the SDK's tests",
        [_MESSAGE, _CALL, {"id": None, "type": "reasoning", "summary": []}],
    ),
    "no_field_is_added_or_dropped": (
        "Nothing is added, dropped or filled in: one more field breaks 208 of the SDK's tests",
        [{"role": "user", "content": "Hi"}, {"type": "item_reference", "id": "x"}, _MESSAGE],
    ),
    "unknown_types_are_kept": (
        "Item types are the SDK's business, and there will be others",
        [{"type": "from_the_future", "payload": [1, {"deep": None}]}, {"type": None}, {"type": 7}],
    ),
    "items_without_role_and_type_are_kept": (
        "An item is opaque: EncryptedSession stores envelopes",
        [{"__enc__": 1, "v": 1, "kid": "hkdf-v1", "payload": "gAAAA"}, {"x": 1}],
    ),
    "private_keys_are_kept": (
        "The SDK keeps keys of its own in items",
        [
            {
                "type": "function_call",
                "_agents_tool_title": "T",
                "_x": {"_y": 0},
                "$ref": ".",
                "a.b": 1,
            }
        ],
    ),
    "exact_duplicates_are_kept": (
        "Saying the same thing twice is saying it twice",
        [said("Yes"), said("Yes"), _CALL, _CALL, said("Yes")],
    ),
    "empty_values_are_kept": (
        "Empty strings, lists, dicts, None and False are values",
        [
            {},
            {"": ""},
            {"role": "", "content": [], "x": {}, "n": None, "f": False, "z": 0},
            said(""),
        ],
    ),
    "floats_are_kept": (
        "Numbers come back to the last bit, and a float stays a float",
        [{"x": [0.1, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 1.0, 100.0, True, 1]}],
    ),
    "integers_beyond_64_bits_are_kept": (
        "JSON has no biggest integer",
        [{"x": [2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**60]}],
    ),
    "nan_and_infinity_are_kept": (
        "json.dumps writes NaN and Infinity, and json.loads reads them",
        [{"x": [float("nan"), float("inf"), float("-inf")]}],
    ),
    "lone_surrogates_are_kept": (
        "Half of a surrogate pair, as a cut stream leaves it, is a str of Python's",
        [said("\ud800"), {"\udfff": "a\udc00b"}],
    ),
    "nul_characters_are_kept": (
        "NUL is a character of JSON, and PostgreSQL's JSONB refuses it",
        [said("a\x00b"), {"\x00": "\x00"}],
    ),
    "odd_characters_are_kept": (
        "Line separators, control characters, and composed beside decomposed accents",
        [
            said('\u2028\u2029\x7f\ufffe\ufeff\x1b\r\n\t"\\/<é😀'),
            said("e\u0301"),
            said("\u00e9"),
            said(" x "),
        ],
    ),
    "strings_that_look_like_something_are_kept": (
        "A date, a number or JSON inside a string is a string",
        [
            said("2026-01-01T00:00:00Z"),
            said("1e5"),
            said("null"),
            said('{"a": 1}'),
            said("\\u0041"),
        ],
    ),
    "deep_nesting_is_kept": ("A hundred levels are no error", [_nested(100)]),
    "a_big_item_is_kept": (
        "Two megabytes: an image in an item",
        [said("é" + "x" * 2_000_000), said([{"n": n} for n in range(2000)])],
    ),
    "a_big_batch_is_kept": ("A thousand items in one call", [said(n) for n in range(1000)]),
}


def _kept(items: list[Any]) -> Check:
    async def check(it: Bench) -> None:
        session = await it.session()
        expected = [json.loads(json.dumps(item)) for item in items]
        await session.add_items(copy.deepcopy(items))
        expect(await session.get_items(), expected, "get_items()")
        expect(await session.get_items(1), expected[-1:], "get_items(1)")
        expect(await session.pop_item(), expected[-1], "pop_item()")

    return check


case.extend(
    Case(name, promise, _AS_STORED, _kept(items)) for name, (promise, items) in _PROMISES.items()
)


@case("memory/session.py:75")
async def duplicates_of_other_batches_are_kept(it: Bench) -> None:
    """A batch that was added before may be added again."""
    session = await it.session()
    for _ in range(3):
        await session.add_items([said("Yes"), said("Yes")])
    expect(await session.get_items(), [said("Yes")] * 6, "get_items() after the same batch thrice")
    await session.pop_item()
    expect(len(await session.get_items()), 5, "the number of items after one pop")


@case("memory/session.py:75")
async def one_object_may_be_added_twice(it: Bench) -> None:
    """Two items that are one dict are two items."""
    session = await it.session()
    item = said([{"text": "Yes"}])
    await session.add_items([item, item])
    read: Any = await session.get_items()
    expect(read, [item, item], "get_items()")
    read[0]["content"][0]["text"] = "changed"
    expect(read[1], item, "the second of two items after the first was changed")


@case("run_internal/items.py:395")
async def the_order_of_keys_is_kept(it: Bench) -> None:
    """Nothing in the SDK needs it, but a prompt that is cached does."""
    session = await it.session()
    items: list[Any] = [{"z": 1, "a": 2, "m": {"y": 1, "b": 2}}, {"a": 1, "z": 2}]
    await session.add_items(items)
    expect(json.dumps(await session.get_items()), json.dumps(items), "the JSON of get_items()")
