"""Turns: what a user's message began.

Pure. A turn is a user's message and everything up to the next one. What comes before the first of
them, a system message for example or what a compaction left, belongs to no turn. An item answers
another if it is the output of its call, or the response to its request for approval.
"""

from collections.abc import Sequence
from typing import Any, cast


def fields(item: Any) -> dict[str, Any]:
    """Return the fields of an item, which may be any JSON value."""
    return cast(dict[str, Any], item) if isinstance(item, dict) else {}


def is_user_message(item: Any) -> bool:
    """Tell whether the item begins a turn."""
    return isinstance(item, dict) and cast(Any, item).get("role") == "user"


def start_of_last(items: Sequence[Any], turns: int, *, is_whole_list: bool) -> int | None:
    """Return the index at which the last `turns` turns begin; None if that is not among `items`.

    Where the items before it hold a call whose output would be behind it, it is the beginning of an
    earlier turn. `items` are the end of a list, or all of it.
    """
    unasked: set[str] = set()
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        unasked |= _answers(item)
        unasked -= _asks(item)
        if not is_user_message(item):
            continue
        turns -= 1
        if turns <= 0 and not _cuts(items[:index], unasked, is_whole_list=is_whole_list):
            return index
    return None


def _cuts(before: Sequence[Any], unasked: set[str], *, is_whole_list: bool) -> bool:
    if not unasked or not is_whole_list:
        return bool(unasked)
    return any(unasked & _asks(item) for item in before)


def _answers(item: Any) -> set[str]:
    kind = _type(item)
    if kind == "mcp_approval_response":
        return _ids(item, "approval_request_id")
    return (_ids(item, "call_id") or _ids(item, "id")) if kind.endswith("_output") else set()


def _asks(item: Any) -> set[str]:
    kind = _type(item)
    is_asking = kind.endswith("_call") or kind == "mcp_approval_request"
    return _ids(item, "call_id", "id") if is_asking else set()


def _type(item: Any) -> str:
    kind = fields(item).get("type")
    return kind if isinstance(kind, str) else ""


def _ids(item: Any, *names: str) -> set[str]:
    return {value for value in map(fields(item).get, names) if isinstance(value, str)}
