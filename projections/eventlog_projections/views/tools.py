"""The view of tools: every call, with its result. Pure.

A call happened, whether or not it is still in the list. It is known by where it stands, its result
by `items.calls`; a compaction that repeats both counts them once. Times are those of recording. A
call and its result that a run recorded together took the time since its model had answered, where
hooks recorded that; else nobody knows.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from eventlog import ItemsAdded, ItemsReplaced
from eventlog.events import ModelCalled, UsageRecorded
from eventlog_projections.items.calls import (
    SEARCH,
    id_of,
    is_answer,
    is_call,
    is_hosted,
    is_user_message,
    tool_of,
    type_of,
)
from eventlog_projections.items.parts import fields_of
from eventlog_projections.views.projection import Gone, Projection, Rows, Written
from eventlog_projections.views.row import Row, digest_of
from eventlog_projections.views.step import Step

FAILED: Final = "An error occurred while running the tool"
"""How the output begins that the SDK makes of a tool's exception, unless it is told otherwise."""


class ToolCallRow(Row, frozen=True, kw_only=True):
    """A call of a tool in a branch. Times are microseconds, UTC.

    `version` and `item` say where it stands, `place` was its index in the list, `turn` is how many
    messages of users were recorded before it, `before_version` and `before_item` are the call
    before it that has its id (0: none). `name` and `called_at` are None for a result whose call was
    never seen there, which stands where the result does; `answered_at` is None for a call without a
    result; `duration` is microseconds from one to the other, or from the answer of the model where
    they were recorded together.
    """

    table = "tool_calls"
    key = ("stream_id", "version", "item")
    readable = "tool_calls"

    stream_id: bytes
    version: int
    item: int
    place: int
    turn: int
    before_version: int = 0
    before_item: int = 0
    call_id: str
    tenant: str
    name: str | None = None
    called_at: int | None = None
    answered_version: int | None = None
    answered_at: int | None = None
    duration: int | None = None
    is_error: bool = False


class ToolIdRow(Row, frozen=True, kw_only=True):
    """What is known of the calls of a branch that have one id: the last one, and how many wait.

    `id_key` is the digest of the id.
    """

    table = "tool_ids"
    key = ("stream_id", "id_key")

    stream_id: bytes
    id_key: bytes
    version: int
    item: int
    waiting: int


class ToolTurnRow(Row, frozen=True, kw_only=True):
    """How many messages of users a branch has had, and after how many a tool was searched for.

    `asked_by` is the digest of the run that called a model last, `thought_at` when that answered.
    """

    table = "tool_turns"
    key = ("stream_id",)

    stream_id: bytes
    turn: int = 0
    sought: int = -1
    asked_by: bytes | None = None
    thought_at: int | None = None


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
    if step.kind in (ModelCalled.kind, UsageRecorded.kind):
        yield from _thought(step, rows)
    repeated: set[tuple[int, int]] = set()
    for index, item in enumerate(step.items):
        if is_user_message(item):
            now = _turn(step, rows)
            yield msgspec.structs.replace(now, turn=now.turn + 1)
        elif is_call(item):
            yield from _call(step, index, item, rows, repeated)
        elif is_answer(item):
            yield from _answer(step, index, item, rows)
    last = rows.get(ToolTurnRow)
    if last is None or last.thought_at is None or last.asked_by != _run(step):
        return
    if any(map(is_answer, step.items)):
        yield msgspec.structs.replace(last, thought_at=None)


def _thought(step: Step, rows: Rows) -> Iterator[Written]:
    """Note that a run asks a model, and when that has answered: then its tools begin."""
    run, now = _run(step), _turn(step, rows)
    if step.kind == ModelCalled.kind:
        yield msgspec.structs.replace(now, asked_by=run, thought_at=None)
    elif run is not None and run == now.asked_by:
        yield msgspec.structs.replace(now, thought_at=step.at)


def _run(step: Step) -> bytes | None:
    run = None if step.event.is_erased else step.event.context.run_id
    return None if run is None else digest_of(run)


def _call(
    step: Step, index: int, item: Any, rows: Rows, repeated: set[tuple[int, int]]
) -> Iterator[Written]:
    kind, now = type_of(item), _turn(step, rows)
    name = tool_of(item) or kind.removesuffix("_call")
    if name == SEARCH:
        yield msgspec.structs.replace(now, sought=now.turn)
    if (same := _repeated(step, item, name, rows, repeated)) is not None:
        repeated.add((same.version, same.item))
        yield msgspec.structs.replace(same, place=(step.start or 0) + index)
        return
    yield from _called(step, index, item, name, rows)
    if is_hosted(item):
        yield from _answer(step, index, item, rows)


def _called(step: Step, index: int, item: Any, name: str, rows: Rows) -> Iterator[Written]:
    """Count a call that was never seen."""
    call_id = id_of(item)
    key = digest_of(call_id)
    before = rows.get(ToolIdRow, key)
    yield ToolCallRow(
        stream_id=step.stream_id,
        version=step.version,
        item=index,
        place=(step.start or 0) + index,
        turn=_turn(step, rows).turn,
        before_version=0 if before is None else before.version,
        before_item=0 if before is None else before.item,
        call_id=call_id,
        tenant=step.tenant,
        name=name,
        called_at=step.at,
    )
    yield ToolIdRow(
        stream_id=step.stream_id,
        id_key=key,
        version=step.version,
        item=index,
        waiting=1 if before is None else before.waiting + 1,
    )
    tool = _tool(step, name, rows)
    yield msgspec.structs.replace(tool, calls=tool.calls + 1)


def _repeated(
    step: Step, item: Any, name: str, rows: Rows, repeated: set[tuple[int, int]]
) -> ToolCallRow | None:
    """Return the call that was taken off the list to be put there again, if this is one."""
    taken_off = [
        row
        for row in _taken_off(step, id_of(item), rows)
        if row.name == name and (row.version, row.item) not in repeated
    ]
    return taken_off[-1] if taken_off else None


def _answer(step: Step, index: int, item: Any, rows: Rows) -> Iterator[Written]:
    call_id = id_of(item)
    known = rows.get(ToolIdRow, digest_of(call_id))
    is_error = _is_error(item)
    if known is not None and known.waiting:
        yield msgspec.structs.replace(known, waiting=known.waiting - 1)
        call = _waiting(call_id, rows)
        took = None if call is None else _took(step, item, call, rows)
        yield from _answered(step, call, took, rows, is_error=is_error)
    elif next(_taken_off(step, call_id, rows), None) is None:
        yield from _unasked(step, index, item, rows, is_error=is_error)


def _took(step: Step, item: Any, call: ToolCallRow, rows: Rows) -> int | None:
    """Return microseconds; of several that ran at once, until the last one was done."""
    if call.version != step.version:
        return None if call.called_at is None else step.at - call.called_at
    now = _turn(step, rows)
    # A hosted tool ran while the model was answering; what is replaced ran some time before.
    if now.thought_at is None or is_hosted(item) or step.kind != ItemsAdded.kind:
        return None
    return step.at - now.thought_at if _run(step) == now.asked_by else None


def _answered(
    step: Step, call: ToolCallRow | None, took: int | None, rows: Rows, *, is_error: bool
) -> Iterator[Written]:
    if call is None or call.name is None or call.called_at is None:
        return
    yield msgspec.structs.replace(
        call,
        answered_version=step.version,
        answered_at=step.at,
        duration=took,
        is_error=is_error,
    )
    tool = _tool(step, call.name, rows)
    yield msgspec.structs.replace(
        tool,
        results=tool.results + 1,
        errors=tool.errors + is_error,
        timed=tool.timed + (took is not None),
        duration=tool.duration + (took or 0),
        longest=max(tool.longest, took or 0),
    )


def _unasked(step: Step, index: int, item: Any, rows: Rows, *, is_error: bool) -> Iterator[Written]:
    """Note a result without a call; a search that the model made by itself shows by it only."""
    now = _turn(step, rows)
    name = SEARCH if tool_of(item) == SEARCH and now.sought != now.turn else None
    yield ToolCallRow(
        stream_id=step.stream_id,
        version=step.version,
        item=index,
        place=(step.start or 0) + index,
        turn=now.turn,
        call_id=id_of(item),
        tenant=step.tenant,
        name=name,
        called_at=None if name is None else step.at,
        answered_version=step.version,
        answered_at=step.at,
        is_error=is_error,
    )
    if name is not None:
        tool = _tool(step, name, rows)
        yield msgspec.structs.replace(
            tool,
            calls=tool.calls + 1,
            results=tool.results + 1,
            errors=tool.errors + is_error,
        )


def _taken_off(step: Step, call_id: str, rows: Rows) -> Iterator[ToolCallRow]:
    """Yield the calls with an id that a replacement takes off the list, the last one first.

    What it puts there again is no other call, and a result of one of them no other result.
    """
    if step.kind != ItemsReplaced.kind:
        return
    for row in _of_id(call_id, rows):
        if row.version == step.version:
            continue
        if row.place < (step.start or 0):
            return
        yield row


def _waiting(call_id: str, rows: Rows) -> ToolCallRow | None:
    """Return the call that the next result under this id answers: see `items.calls`."""
    found: ToolCallRow | None = None
    for row in _of_id(call_id, rows):
        if found is not None and row.turn != found.turn:
            break
        if row.answered_at is None:
            found = row
    return found


def _of_id(call_id: str, rows: Rows) -> Iterator[ToolCallRow]:
    """Yield the calls that have an id, the last one first."""
    last = rows.get(ToolIdRow, digest_of(call_id))
    row = None if last is None else rows.get(ToolCallRow, last.version, last.item)
    while row is not None:
        yield row
        row = rows.get(ToolCallRow, row.before_version, row.before_item)


def _tool(step: Step, name: str, rows: Rows) -> ToolRow:
    key = digest_of(name)
    return rows.get(ToolRow, key) or ToolRow(tenant=step.tenant, name_key=key, name=name)


def _turn(step: Step, rows: Rows) -> ToolTurnRow:
    return rows.get(ToolTurnRow) or ToolTurnRow(stream_id=step.stream_id)


def _is_error(item: Any) -> bool:
    given = fields_of(item)
    if given.get("error") or given.get("status") in ("failed", "incomplete"):
        return True
    output = given.get("output")
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


TOOLS = Projection("tools", 4, (ToolCallRow, ToolIdRow, ToolTurnRow, ToolRow), fold, withdraw)
