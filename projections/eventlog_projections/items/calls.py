"""Calls of tools, and what answers them.

Pure. A call is known by where it stands: models repeat ids, or give none. What has its id behind it
and answers no other call is its result. Of several calls that wait under one id, the result is that
of the first one in the latest turn that has one waiting: a turn that was broken off leaves calls
behind that nothing will ever answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from eventlog_projections.items.parts import fields_of

SEARCH: Final = "tool_search"
_NAMED_BY_TYPE: Final = {
    "computer_call",
    "file_search_call",
    "web_search_call",
    "code_interpreter_call",
    "shell_call",
    "apply_patch_call",
}
_HOSTED: Final = {
    "code_interpreter_call",
    "file_search_call",
    "image_generation_call",
    "mcp_call",
    "web_search_call",
}
_APPROVAL: Final = "mcp_approval_request"
_MCP: Final = {"mcp_call", _APPROVAL}
_SEARCHES: Final = {f"{SEARCH}_call", f"{SEARCH}_output"}


class Answer(NamedTuple):
    """The item at index `by` answers the call at index `call`; None: there is none among them."""

    call: int | None
    by: int


def is_user_message(item: Any) -> bool:
    """Tell whether the item is what a user said."""
    return fields_of(item).get("role") == "user"


def type_of(item: Any) -> str:
    """Return the type of an item; empty where it has none."""
    kind = fields_of(item).get("type")
    return kind if isinstance(kind, str) else ""


def is_call(item: Any) -> bool:
    """Tell whether the item is a call of a tool, or asks whether one may be made."""
    kind = type_of(item)
    return kind.endswith("_call") or kind == _APPROVAL


def is_hosted(item: Any) -> bool:
    """Tell whether the provider has carried the call out: the item holds its result, too."""
    return type_of(item) in _HOSTED and fields_of(item).get("status") != "in_progress"


def is_answer(item: Any) -> bool:
    """Tell whether the item answers a call, or a request for approval."""
    kind = type_of(item)
    return kind.endswith("_output") or kind == "mcp_approval_response"


def id_of(item: Any) -> str:
    """Return the id that a call and its answer share; empty where they have none."""
    given, kind = fields_of(item), type_of(item)
    if kind == "mcp_approval_response":
        return _text(given.get("approval_request_id"))
    if kind in _SEARCHES:  # The model's own have ids of their own, one for each of both.
        return _text(given.get("call_id"))
    return _text(given.get("call_id")) or _text(given.get("id"))


def tool_of(item: Any) -> str | None:
    """Return the name of the tool that an item calls, as the SDK's AdvancedSQLiteSession has it."""
    given = fields_of(item)
    kind, name = given.get("type"), given.get("name")
    if kind in _SEARCHES:
        return SEARCH
    if kind in _NAMED_BY_TYPE:
        return str(kind)
    space = given.get("server_label" if kind in _MCP else "namespace")
    if name is None:
        return str(space) if space and kind in _MCP else None
    return f"{space}.{name}" if space and (kind in _MCP or space != name) else str(name)


def answers(items: Sequence[Any]) -> list[Answer]:
    """Return what answers what, in the order of the answers."""
    waiting: dict[str, list[tuple[int, int]]] = defaultdict(list)
    found: list[Answer] = []
    turn = 0
    for index, item in enumerate(items):
        if is_user_message(item):
            turn += 1
        elif is_call(item):
            waiting[id_of(item)].append((turn, index))
        elif is_answer(item):
            calls = waiting[id_of(item)]
            latest = calls[-1][0] if calls else 0
            first = next((n for n, (asked, _) in enumerate(calls) if asked == latest), None)
            found.append(Answer(None if first is None else calls.pop(first)[1], index))
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
