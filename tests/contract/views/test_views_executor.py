"""One batch may be stored while the next is folded: whatever becomes of either, nothing is lost."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest

from eventlog import EventLog, ItemsAdded, UnavailableError
from eventlog.store.nouns.views import Views as StoredViews
from eventlog.views import Batch, Checkpoint, LogViews, TenantEvent
from eventlog_projections import erase_event
from eventlog_projections.views import Projection, Row, Rows, Step, Views, Written, runner, state
from eventlog_projections.views.batches import batch
from tests.contract.views.asked import small_batches
from tests.waiting import until

BATCH: Final = 5
EVENTS: Final = 43


class Number(Row, frozen=True):
    """How many events a conversation has, counted one by one."""

    table = "numbers"
    key = ("stream_id",)

    stream_id: bytes
    events: int


class Seen(Row, frozen=True):
    """What was counted then: a row that is never read again."""

    table = "seen"
    key = ("stream_id", "version")
    is_read = False

    stream_id: bytes
    version: int
    events: int


def number(step: Step, rows: Rows) -> Iterator[Written]:
    before = rows.get(Number)
    now = Number(step.stream_id, 1 + (before.events if before else 0))
    yield now
    yield Seen(step.stream_id, step.version, now.events)


def once(step: Step, rows: Rows) -> Iterator[Written]:
    """Cannot take an event that it has taken before."""
    before = rows.get(Number)
    if before is not None and before.events >= step.version:
        raise ValueError("twice")
    return number(step, rows)


NUMBERS: Final = Projection("numbers", 1, (Number, Seen), number)


@pytest.fixture(autouse=True)
def in_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    small_batches(monkeypatch, BATCH)


@pytest.fixture
async def filled(log: EventLog) -> EventLog:
    for place in range(EVENTS):
        await log.append(f"chat-{place % 4}", ItemsAdded([place]))
    return log


async def assert_complete(views: Views) -> None:
    assert sum(row.events for row in await views.select(Number, {}, stale=True)) == EVENTS
    seen = await views.select(Seen, {}, stale=True)
    assert len(seen) == EVENTS
    assert all(row.version == row.events for row in seen)
    assert await views.check("numbers") == []


def fail_at(monkeypatch: pytest.MonkeyPatch, owner: type[Any], name: str, nth: int) -> None:
    """Let one call of a method fail."""
    method, counted = getattr(owner, name), itertools.count(1)

    async def failing(self: object, *arguments: object) -> Any:
        if next(counted) == nth:
            raise UnavailableError("gone for a moment")
        return await method(self, *arguments)

    monkeypatch.setattr(owner, name, failing)


async def assert_goes_on_behind(filled: EventLog, stored: int) -> None:
    """Catching up fails with so many batches stored, and ends the next time."""
    views = Views(filled, [NUMBERS])
    with pytest.raises(UnavailableError, match="for a moment"):
        await views.catch_up()
    (point,) = await filled.spi.views.tables.checkpoints()
    assert point.position == BATCH * stored
    await views.catch_up()
    await assert_complete(views)


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_the_next_batch_is_folded_while_a_server_stores_one(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch waits until the one behind it was folded, and no longer."""
    folded = asyncio.Event()
    apply, counted = StoredViews.apply, itertools.count()

    def fold(step: Step, rows: Rows) -> Iterator[Written]:
        if step.position == 2 * BATCH:
            folded.set()
        return number(step, rows)

    async def late(self: StoredViews, stored: Batch) -> bool:
        if next(counted) == 0:
            await folded.wait()
        return await apply(self, stored)

    monkeypatch.setattr(StoredViews, "apply", late)
    views = Views(filled, [NUMBERS._replace(fold=fold)])
    await views.catch_up()
    await assert_complete(views)


async def test_whatever_else_runs_in_the_loop_goes_on_while_a_batch_is_folded(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch of a thousand events takes the interpreter for many milliseconds."""
    small_batches(monkeypatch, EVENTS)
    monkeypatch.setattr(batch, "TOGETHER", 10)
    turns, seen = 0, list[int]()

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    def fold(step: Step, rows: Rows) -> Iterator[Written]:
        seen.append(turns)
        return number(step, rows)

    turning = asyncio.ensure_future(turn())
    await Views(filled, [NUMBERS._replace(fold=fold)]).catch_up()
    turning.cancel()
    assert len(set(seen)) == EVENTS // 10 + 1
    await assert_complete(Views(filled, [NUMBERS]))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_a_file_is_left_to_others_for_as_long_as_it_was_taken(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or an append of another process would wait for as long as there is something to catch up."""
    apply, taken = StoredViews.apply, list[tuple[float, float]]()

    async def noted(self: StoredViews, given: Batch) -> bool:
        began = time.monotonic()
        done = await apply(self, given)
        taken.append((began, time.monotonic()))
        return done

    monkeypatch.setattr(StoredViews, "apply", noted)
    await Views(filled, [NUMBERS]).catch_up()
    assert len(taken) == EVENTS // BATCH + 1
    for (began, ended), (again, _) in itertools.pairwise(taken):
        assert again - ended > 0.9 * (ended - began)
    await assert_complete(Views(filled, [NUMBERS]))


async def test_what_was_set_aside_is_stored_before_its_conversation_is_folded_anew(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a dead letter of the last batch would stay, of an event that can be taken now."""
    for _ in range(3):
        await log.append("chat", ItemsAdded(["one"]))
    await erase_event(log, "chat", 2, by="me", reason="why")
    small_batches(monkeypatch, 1)
    apply, events, conversation = StoredViews.apply, LogViews.events, LogViews.conversation
    is_read, is_storing, reads, stores = asyncio.Event(), False, 0, 0
    is_beside = log.spi.views.runs_out_of_process  # Else nothing is read while a file is locked.

    async def stored(self: StoredViews, given: Batch) -> bool:
        nonlocal is_storing, stores
        is_storing, stores = True, stores + 1
        while is_beside and reads <= stores < 4:  # Until the next batch is read.
            is_read.clear()
            await is_read.wait()
        done = await apply(self, given)
        is_storing = False
        return done

    async def read(self: LogViews, *args: Any) -> Any:
        nonlocal reads
        found = await events(self, *args)
        reads += 1
        is_read.set()
        return found

    async def read_again(self: LogViews, *args: Any) -> Any:
        assert not is_storing
        return await conversation(self, *args)

    monkeypatch.setattr(StoredViews, "apply", stored)
    monkeypatch.setattr(LogViews, "events", read)
    monkeypatch.setattr(LogViews, "conversation", read_again)
    await Views(log, [NUMBERS]).catch_up()
    assert [row.events for row in await Views(log, [NUMBERS]).select(Number, {})] == [4]


async def test_nothing_is_read_or_folded_while_a_file_is_locked(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that stores would wait for the interpreter; a server is not waited for."""
    apply, events = StoredViews.apply, LogViews.events
    is_storing, beside = False, 0

    async def stored(self: StoredViews, given: Batch) -> bool:
        nonlocal is_storing
        is_storing = True
        await asyncio.sleep(0)  # Whoever can go on meanwhile does.
        done = await apply(self, given)
        is_storing = False
        return done

    async def read(self: LogViews, *args: Any) -> Any:
        nonlocal beside
        beside += is_storing
        found = await events(self, *args)
        beside += is_storing
        return found

    monkeypatch.setattr(StoredViews, "apply", stored)
    monkeypatch.setattr(LogViews, "events", read)
    await Views(filled, [NUMBERS]).catch_up()
    assert filled.spi.views.runs_out_of_process or not beside


@pytest.mark.parametrize("broken", [1, 3, EVENTS // BATCH])
async def test_what_was_folded_on_a_batch_that_was_not_stored_is_forgotten(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch, broken: int
) -> None:
    """The caller is told; the next one begins where the last batch that was stored ends."""
    fail_at(monkeypatch, StoredViews, "apply", broken)
    await assert_goes_on_behind(filled, broken - 1)


@pytest.mark.parametrize("reached", [1, BATCH + 1, 3 * BATCH])
async def test_a_fold_that_is_cancelled_costs_nothing_but_its_batches(
    filled: EventLog, reached: int
) -> None:
    """As by a timeout, while a batch is being stored."""

    def fold(step: Step, rows: Rows) -> Iterator[Written]:
        if step.position == reached:
            catching.cancel()
        return number(step, rows)

    catching = asyncio.ensure_future(Views(filled, [NUMBERS._replace(fold=fold)]).catch_up())
    with pytest.raises(asyncio.CancelledError):
        await catching
    views = Views(filled, [NUMBERS])
    await views.catch_up()
    await assert_complete(views)


async def test_a_batch_is_stored_whose_successor_cannot_be_read(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was folded before the trouble is kept."""
    fail_at(monkeypatch, LogViews, "events", 3)
    await assert_goes_on_behind(filled, 2)


async def test_rows_are_read_again_only_after_they_were_stored(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that remembers too much forgets, with a batch on its way."""
    monkeypatch.setattr(state, "MAX_ROWS", 1)
    views = Views(filled, [NUMBERS])
    await views.catch_up()
    await assert_complete(views)


async def test_a_follower_that_was_cut_off_looks_before_it_goes_on(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from where it began: events that are in the rows would be folded into them again."""
    await Views(filled, [NUMBERS]).catch_up()
    apply, checkpoints, counted = StoredViews.apply, StoredViews.checkpoints, itertools.count(1)
    is_down = False

    async def breaking(self: StoredViews, given: Batch) -> bool:
        nonlocal is_down
        is_down = is_down or next(counted) == 4
        if is_down:
            raise UnavailableError("gone for a moment")
        return await apply(self, given)

    async def back(self: StoredViews) -> list[Checkpoint]:
        nonlocal is_down
        if is_down:
            is_down = False
            raise UnavailableError("gone for a moment")
        return await checkpoints(self)

    monkeypatch.setattr(runner, "OUTAGE_PAUSE", 0.01)
    monkeypatch.setattr(StoredViews, "apply", breaking)
    monkeypatch.setattr(StoredViews, "checkpoints", back)
    views, stop = Views(filled, [NUMBERS._replace(schema=2, fold=once)]), asyncio.Event()
    following = asyncio.ensure_future(views.follow(stop))

    async def has_taken_over() -> bool:
        there = await checkpoints(cast("StoredViews", filled.spi.views.tables))
        return [point.schema for point in there if point.is_serving] == [2]

    await until(has_taken_over, "the new schema has taken over")
    stop.set()
    await following
    await assert_complete(Views(filled, [NUMBERS._replace(schema=2)]))


async def test_a_generation_that_another_runner_fills_is_not_taken_for_poisoned(
    filled: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are read when they are ahead of what was read of the feed."""
    await Views(filled, [NUMBERS]).catch_up()
    new = NUMBERS._replace(schema=2, fold=once)
    events, counted = LogViews.events, itertools.count(1)

    async def late(self: LogViews, after: int, until: int, limit: int) -> list[TenantEvent]:
        found = await events(self, after, until, limit)
        if next(counted) == 2:
            await Views(filled, [new]).catch_up()
        return found

    monkeypatch.setattr(LogViews, "events", late)
    monkeypatch.setattr(state, "MAX_ROWS", 0)
    await Views(filled, [new]).catch_up()
    await assert_complete(Views(filled, [new._replace(fold=number)]))
