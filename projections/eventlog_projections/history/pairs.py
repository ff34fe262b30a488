"""Calls and what answered them, over everything that was ever in a list. Pure."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from eventlog_projections.items.turns import fields

_HOSTED: Final = frozenset(
    {
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_call",
        "web_search_call",
    }
)
"""Calls that the provider answers: the item holds call and result."""


class Place(NamedTuple):
    """An item: the version of the event that brought it, and its place in the batch."""

    version: int
    item: int


class Pair(NamedTuple):
    """The item at `answer` answers the call at `call`."""

    call: Place
    answer: Place


class Pairs:
    """Finds the call of each answer, event by event."""

    def __init__(self) -> None:
        self._calls: dict[str, Place] = {}

    def take(self, version: int, items: Sequence[Any]) -> list[Pair]:
        """Return the pairs whose answer is among the items that an event brought."""
        found: list[Pair] = []
        for index, item in enumerate(items):
            place = Place(version, index)
            if is_call(item):
                self._calls.update(dict.fromkeys(_own_ids(item), place))
            elif (call := self._calls.get(_answered(item))) is not None:
                found.append(Pair(call, place))
        return found


def is_call(item: Any) -> bool:
    """Tell whether an item asks for something: of a tool, or for an approval."""
    kind = _type(item)
    return kind.endswith("_call") or kind == "mcp_approval_request"


def is_answer(item: Any) -> bool:
    """Tell whether an item answers a call."""
    kind = _type(item)
    return kind.endswith("_output") or kind == "mcp_approval_response"


def needs_answer(item: Any) -> bool:
    """Tell whether a call is open until another item answers it."""
    return is_call(item) and _type(item) not in _HOSTED


def _own_ids(item: Any) -> list[str]:
    return [value for value in map(fields(item).get, ("call_id", "id")) if isinstance(value, str)]


def _answered(item: Any) -> str:
    if not is_answer(item):
        return ""
    held = fields(item)
    value = held.get("approval_request_id") or held.get("call_id") or held.get("id")
    return value if isinstance(value, str) else ""


def _type(item: Any) -> str:
    kind = fields(item).get("type")
    return kind if isinstance(kind, str) else ""
