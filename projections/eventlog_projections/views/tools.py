"""The view of tools: every call, with its result. Pure.

A call happened, whether or not it is still in the list; a compaction that repeats it counts it
once. Times are those of recording: a call and its result that were recorded together took a time
that nobody knows.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from eventlog_projections.items.turns import fields as fields_of
from eventlog_projections.views.projection import Gone, Projection, Rows, Written
from eventlog_projections.views.row import Row, digest_of
from eventlog_projections.views.step import Step

FAILED: Final = "An error occurred while running the tool"
"""How the output begins that the SDK makes of a tool's exception, unless it is told otherwise."""

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


class ToolCallRow(Row, frozen=True, kw_only=True):
    """A call of a tool in a branch. Times are microseconds, UTC.

    `call_key` is the digest of `call_id`. `name` and `called_at` are None for a result whose call
    was never seen there; `answered_at` is None for a call without a result; `duration` is
    microseconds from one to the other.
    """

    table = "tool_calls"
    key = ("stream_id", "call_key")
    readable = "tool_calls"

    stream_id: bytes
    call_key: bytes
    call_id: str
    tenant: str
    name: str | None = None
    called_version: int | None = None
    called_at: int | None = None
    answered_version: int | None = None
    answered_at: int | None = None
    duration: int | None = None
    is_error: bool = False


class ToolRow(Row, frozen=True, kw_only=True):
    """A tool of a tenant: what became of its calls. `timed` calls took `duration` in all.

    `name_key` is the digest of `name`. `longest` is the longest that there ever was, also among
    calls that were erased since.
    """

    table = "tools"
    key = ("tenant", "name_key")
    readable = "tools"

    tenant: str
    name_key: bytes
    name: str
    calls: int = 0
    results: int = 0
    errors: int = 0
    timed: int = 0
    duration: int = 0
    longest: int = 0


def fold(step: Step, rows: Rows) -> Iterator[Written]:
    """Take a step."""
    for item in step.items:
        fields = fields_of(item)
        kind = fields.get("type")
        if not isinstance(kind, str):
            continue
        call_id = fields.get("call_id") or fields.get("id")
        if not isinstance(call_id, str):
            continue
        if kind.endswith("_call"):
            yield from _call(step, fields, kind, call_id, rows)
        elif kind.endswith("_call_output"):
            yield from _answer(step, call_id, rows, is_error=_is_error(fields))


def _call(
    step: Step, item: dict[str, Any], kind: str, call_id: str, rows: Rows
) -> Iterator[Written]:
    before = _seen(step, call_id, rows)
    if before.called_at is not None:
        return
    name = item.get("name")
    name = name if isinstance(name, str) and name else kind.removesuffix("_call")
    called = msgspec.structs.replace(
        before, name=name, called_version=step.version, called_at=step.at
    )
    yield called
    tool = _tool(step, name, rows)
    yield msgspec.structs.replace(
        tool,
        calls=tool.calls + 1,
        results=tool.results + (called.answered_at is not None),
        errors=tool.errors + called.is_error,
    )
    if kind in _HOSTED and item.get("status") != "in_progress":
        yield from _answer(step, call_id, rows, is_error=_is_error(item))


def _answer(step: Step, call_id: str, rows: Rows, *, is_error: bool) -> Iterator[Written]:
    before = _seen(step, call_id, rows)
    if before.answered_at is not None:
        return
    took = None
    if before.called_at is not None and before.called_version != step.version:
        took = step.at - before.called_at
    yield msgspec.structs.replace(
        before,
        answered_version=step.version,
        answered_at=step.at,
        duration=took,
        is_error=is_error,
    )
    if before.name is not None:
        tool = _tool(step, before.name, rows)
        yield msgspec.structs.replace(
            tool,
            results=tool.results + 1,
            errors=tool.errors + is_error,
            timed=tool.timed + (took is not None),
            duration=tool.duration + (took or 0),
            longest=max(tool.longest, took or 0),
        )


def _tool(step: Step, name: str, rows: Rows) -> ToolRow:
    key = digest_of(name)
    return rows.get(ToolRow, key) or ToolRow(tenant=step.tenant, name_key=key, name=name)


def _seen(step: Step, call_id: str, rows: Rows) -> ToolCallRow:
    """Return what is known of a call; a new row where nothing is."""
    key = digest_of(call_id)
    return rows.get(ToolCallRow, key) or ToolCallRow(
        stream_id=step.stream_id, call_key=key, call_id=call_id, tenant=step.tenant
    )


def _is_error(item: dict[str, Any]) -> bool:
    if item.get("error") or item.get("status") in ("failed", "incomplete"):
        return True
    output = item.get("output")
    return isinstance(output, str) and output.startswith(FAILED)


def withdraw(old: Iterable[Row], rows: Rows) -> Iterator[Written]:
    """Take the calls of a conversation from those of its tenant."""
    for row in old:
        tool = None
        if isinstance(row, ToolCallRow) and row.called_at is not None and row.name is not None:
            tool = rows.get(ToolRow, digest_of(row.name))
        if isinstance(row, ToolCallRow) and tool is not None:
            rest = msgspec.structs.replace(
                tool,
                calls=tool.calls - 1,
                results=tool.results - (row.answered_at is not None),
                errors=tool.errors - row.is_error,
                timed=tool.timed - (row.duration is not None),
                duration=tool.duration - (row.duration or 0),
            )
            yield rest if rest.calls else Gone(ToolRow, (tool.tenant, tool.name_key))


TOOLS = Projection("tools", 2, (ToolCallRow, ToolRow), fold, withdraw)
