"""The view of turns, and of what they used. Pure.

A turn is what a user's message began (`items.turns`). It lasts until the next one, and is gone
while its message is not in the list. What is used counts for the turn that its run began, or else
for the one that the list ends with then.
The turns that a fork inherited are its parent's.
"""

import bisect
import itertools
from collections.abc import Iterable, Iterator

import msgspec

from eventlog import ItemsAdded
from eventlog.events import UsageRecorded
from eventlog_projections.items.text import summary_of
from eventlog_projections.items.turns import starts
from eventlog_projections.views.projection import Gone, Projection, Rows, Written
from eventlog_projections.views.row import Row, digest_of
from eventlog_projections.views.step import Step
from eventlog_projections.views.used import Used, counts_of, minus, plus


class TurnRow(Used, frozen=True, kw_only=True):
    """A turn of a branch, by the order in which they began. Times are microseconds, UTC.

    `version` and `item` say where its message is, `place` is its index in the list, `before` the
    number of the turn before it there (0: none), `items` counts what was added in it. `message` is
    empty where the log is encrypted.
    `context_tokens` is what its last model call read and wrote: how large the context was at the
    end. None where that is not known, as when several calls were recorded as one.
    """

    table = "turns"
    key = ("stream_id", "number")
    readable = "turns"

    stream_id: bytes
    number: int
    before: int
    version: int
    item: int
    place: int
    message: str
    items: int = 0
    context_tokens: int | None = None
    begun_at: int
    last_at: int
    removed: bool = False


class TurnCount(Row, frozen=True, kw_only=True):
    """How many turns of a branch are in its list, and ever began; `last` is the list's last."""

    table = "turn_counts"
    key = ("stream_id",)

    stream_id: bytes
    listed: int = 0
    begun: int = 0
    last: int = 0


class TurnRunRow(Row, frozen=True, kw_only=True):
    """The last turn of a branch that a run began. `run_key` is the digest of its id."""

    table = "turn_runs"
    key = ("stream_id", "run_key")

    stream_id: bytes
    run_key: bytes
    number: int


class UsageRow(Used, frozen=True, kw_only=True):
    """What one event counted. `turn` is 0 before the first one, `model` None if unknown."""

    table = "usage"
    key = ("stream_id", "version")
    readable = "usage"
    is_read = False

    stream_id: bytes
    version: int
    turn: int
    model: str | None
    response_id: str | None
    recorded_at: int


class ModelRow(Used, frozen=True, kw_only=True):
    """What a conversation used of a model; `model` is empty where it is not known.

    `model_key` is its digest.
    """

    table = "models"
    key = ("conversation_id", "model_key")
    conversation_id: bytes
    model_key: bytes
    tenant: str
    model: str


class TenantModelRow(Used, frozen=True, kw_only=True):
    """What a tenant used of a model; `model` is empty where it is not known.

    `model_key` is its digest.
    """

    table = "tenant_models"
    key = ("tenant", "model_key")
    readable = "models"
    tenant: str
    model_key: bytes
    model: str


def fold(step: Step, rows: Rows) -> Iterable[Written]:
    """Take a step."""
    if step.start is not None:
        if step.kind == ItemsAdded.kind:
            return _add(step, rows)
        cut = _cut(step.start, rows)
        return itertools.chain(cut, _come_back(step, rows), _add(step, rows))
    if step.kind == UsageRecorded.kind and not step.event.is_erased:
        event = step.event.event
        if isinstance(event, UsageRecorded):
            return _use(step, event, rows)
    return ()


def _cut(start: int, rows: Rows) -> Iterator[Written]:
    """Take off the turns whose message is at `start` or behind it."""
    count = rows.get(TurnCount)
    while count is not None and (last := rows.get(TurnRow, count.last)) and last.place >= start:
        yield msgspec.structs.replace(last, removed=True)
        count = msgspec.structs.replace(count, listed=count.listed - 1, last=last.before)
        yield count


def _come_back(step: Step, rows: Rows) -> Iterator[Written]:
    """Put the turns into the list again whose message came back."""
    count = rows.get(TurnCount)
    if count is None:
        return
    for listed in step.listed or ():
        for turn in _begun_by(listed.version, count.begun, rows):
            if listed.start <= turn.place < listed.stop:
                count = msgspec.structs.replace(count, listed=count.listed + 1, last=turn.number)
                yield count
                yield msgspec.structs.replace(turn, removed=False)


def _begun_by(version: int, last: int, rows: Rows) -> Iterator[TurnRow]:
    """Yield the turns, up to number `last`, that an event began: they are numbered as they came."""

    def version_of(number: int) -> int:
        turn = rows.get(TurnRow, number)
        return 0 if turn is None else turn.version

    numbers = range(1, last + 1)
    for number in numbers[bisect.bisect_left(numbers, version, key=version_of) :]:
        turn = rows.get(TurnRow, number)
        if turn is None or turn.version != version:
            return
        yield turn


def _add(step: Step, rows: Rows) -> Iterator[Written]:
    """Give what was added to the last turn, or to the new ones that it begins."""
    items, start = step.items, step.start or 0
    begins = starts(items, range(len(items)) if step.header.inner else ())
    count = rows.get(TurnCount) or TurnCount(stream_id=step.stream_id)
    last = rows.get(TurnRow, count.last)
    size = begins[0] if begins else len(items)
    if last is not None and size:
        yield msgspec.structs.replace(last, items=last.items + size, last_at=step.at)
    for index, end in itertools.pairwise([*begins, len(items)]):
        number = count.begun + 1
        yield TurnRow(
            stream_id=step.stream_id,
            number=number,
            before=count.last,
            version=step.version,
            item=index,
            place=start + index,
            message="" if step.is_encrypted else summary_of(items[index]),
            items=end - index,
            begun_at=step.at,
            last_at=step.at,
        )
        count = TurnCount(
            stream_id=step.stream_id, listed=count.listed + 1, begun=number, last=number
        )
    if begins:
        yield count
        if (run := _run(step)) is not None:
            yield TurnRunRow(stream_id=step.stream_id, run_key=digest_of(run), number=count.last)


def _use(step: Step, used: UsageRecorded, rows: Rows) -> Iterator[Written]:
    turn = _turn_of_run(step, rows) or _turn(rows, used.turns_ago)
    yield UsageRow(
        stream_id=step.stream_id,
        version=step.version,
        turn=0 if turn is None else turn.number,
        model=used.model,
        response_id=used.response_id,
        recorded_at=step.at,
        **counts_of(used),
    )
    if turn is not None:
        context = used.input_tokens + used.output_tokens if used.requests == 1 else None
        turn = msgspec.structs.replace(turn, context_tokens=context, last_at=step.at)
        yield plus(turn, used)
    model = used.model or ""
    key = digest_of(model)
    own = rows.get(ModelRow, key) or ModelRow(
        conversation_id=step.conversation_id, model_key=key, tenant=step.tenant, model=model
    )
    yield plus(own, used)
    every = rows.get(TenantModelRow, key) or TenantModelRow(
        tenant=step.tenant, model_key=key, model=model
    )
    yield plus(every, used)


def _run(step: Step) -> str | None:
    return None if step.event.is_erased else step.event.context.run_id


def _turn_of_run(step: Step, rows: Rows) -> TurnRow | None:
    """Return the turn that the run of an event works for, if it is in the list."""
    context = step.event.context
    for run in (context.run_id, context.parent_run_id):
        begun = None if run is None else rows.get(TurnRunRow, digest_of(run))
        turn = None if begun is None else rows.get(TurnRow, begun.number)
        if turn is not None and not turn.removed:
            return turn
    return None


def _turn(rows: Rows, ago: int) -> TurnRow | None:
    """Return the last turn of the list, or the one that so many came after."""
    count = rows.get(TurnCount)
    turn = None if count is None else rows.get(TurnRow, count.last)
    while ago > 0 and turn is not None:
        turn, ago = rows.get(TurnRow, turn.before), ago - 1
    return turn


def withdraw(old: Iterable[Row], rows: Rows) -> Iterator[Written]:
    """Take what a conversation used from what its tenant did."""
    for row in old:
        if not isinstance(row, ModelRow):
            continue
        if (every := rows.get(TenantModelRow, row.model_key)) is not None:
            rest = minus(every, row)
            yield (
                rest
                if any(counts_of(rest).values())
                else Gone(TenantModelRow, (every.tenant, every.model_key))
            )


TURNS = Projection(
    "turns", 4, (TurnRow, TurnCount, TurnRunRow, UsageRow, ModelRow, TenantModelRow), fold, withdraw
)
