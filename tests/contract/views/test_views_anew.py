"""Making a view anew: beside the one that is read, whatever goes on meanwhile."""

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import PoisonEventError, SchemaTooNewError
from eventlog.format.chain import stream_id
from eventlog.views import Batch, Checkpoint, Moved
from eventlog_projections import Conversation
from eventlog_projections.views import (
    BUILT_IN,
    Projection,
    Rows,
    Step,
    Views,
    Written,
    conversations,
    plan,
    runner,
    search,
    turns,
)
from eventlog_projections.views.projection import specs
from eventlog_projections.views.runner import Runner
from tests.backends import Backend
from tests.contract.views.asked import small_batches
from tests.contract.views.counts import COUNTS, Count, count, counted, fill


async def test_a_poison_event_stops_a_strict_rebuild_and_changes_nothing(log: EventLog) -> None:
    """The view that is there is read as before, and nothing is left of the new one."""
    views = Views(log, [COUNTS])
    await log.append("a", [ItemsAdded([1]), ItemsAdded(["poison"]), ItemsAdded([1])])
    assert await counted(views) == [2]
    before = await log.spi.views.tables.checkpoints()
    with pytest.raises(PoisonEventError, match="position 2") as raised:
        await views.rebuild("counts", strict=True)
    assert raised.value.position == 2
    assert await log.spi.views.tables.checkpoints() == before
    assert await counted(views) == [2]


async def test_a_raised_schema_is_filled_beside_and_takes_over(log: EventLog) -> None:
    """The older code goes on reading until then, and says afterwards that it is too old."""
    old = Views(log, [COUNTS])
    await fill(log, 3)
    await old.catch_up()

    def twice(step: Step, rows: Rows) -> Iterator[Written]:
        for row in count(step, rows):
            yield Count(step.stream_id, 2 * row.items if isinstance(row, Count) else 0)

    new = Views(log, [Projection("counts", 2, (Count,), twice)])
    assert await counted(old) == [1, 1, 1]
    assert await counted(new) == [2, 2, 2]
    (point,) = await log.spi.views.tables.checkpoints()
    assert (point.schema, point.is_serving) == (2, True)
    with pytest.raises(SchemaTooNewError, match="reads 1"):
        await counted(old)


async def test_a_rebuild_sets_a_poison_event_aside_and_says_so(log: EventLog) -> None:
    """And so does a raised schema: the event is named, the others are in the rows."""
    views = Views(log, [COUNTS])
    await log.append("a", [ItemsAdded([1]), ItemsAdded(["poison"]), ItemsAdded([1])])
    await views.catch_up()
    (aside,) = await views.rebuild("counts")
    assert (aside.conversation, aside.version, aside.position) == ("a", 2, 2)
    assert await counted(views) == [2]
    raised = Views(log, [COUNTS._replace(schema=2)])
    assert await counted(raised) == [2]
    (status,) = await raised.status()
    assert [each.version for each in status.set_aside] == [2]


async def test_what_is_behind_does_not_take_over(log: EventLog) -> None:
    """No reader goes back to where a view was before."""
    views = Views(log, [COUNTS])
    await fill(log, 3)
    await views.catch_up()
    tables, made = log.spi.views.tables, specs(COUNTS)
    generation = await tables.begin("counts", 1, made, beside=True)
    new = Checkpoint("counts", generation, 1, 0, 0, 0, is_serving=False)
    assert not await tables.take_over(new, made)
    assert await counted(views) == [1, 1, 1]
    await Runner(log, [COUNTS]).reach(new)
    assert await tables.take_over(new, made)
    assert await counted(views) == [1, 1, 1]


async def test_a_view_is_made_anew_while_appends_go_on(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers find every row all the time, and nothing is missing afterwards."""
    small_batches(monkeypatch, 10)
    views = Views(log, [COUNTS])
    await fill(log, 60)
    assert sum(await counted(views)) == 60
    stop = asyncio.Event()

    async def write() -> None:
        while not stop.is_set():
            await fill(log, 3)

    async def read() -> None:
        reader, last = Views(log, [COUNTS]), 60
        while not stop.is_set():
            now = sum(await counted(reader))
            assert now >= last
            last = now

    others = [asyncio.create_task(write()), asyncio.create_task(read())]
    for _ in range(3):
        await Views(log, [COUNTS]).rebuild("counts")
    stop.set()
    await asyncio.gather(*others)
    assert sum(await counted(views)) == await log.position()
    assert len(await log.spi.views.tables.checkpoints()) == 1


@pytest.mark.parametrize("needs", ["take_over", "compare"])
async def test_who_fills_a_view_beside_one_that_keeps_moving_comes_to_an_end(
    log: EventLog, monkeypatch: pytest.MonkeyPatch, needs: str
) -> None:
    """A reader who comes when it is nearly there waits for it, and answers then."""
    monkeypatch.setattr(plan, "PATIENCE", 60)
    await fill(log, 30)
    readers: list[asyncio.Task[list[int]]] = []
    stored = type(log.spi.views.tables)
    method = getattr(stored, needs)

    async def later(self: object, *arguments: Any) -> Any:
        await fill(log, 3)
        readers.append(asyncio.create_task(counted(Views(log, [COUNTS]))))
        await asyncio.wait(readers, timeout=0.1)
        return await method(self, *arguments)

    monkeypatch.setattr(stored, needs, later)
    views = Views(log, [COUNTS])
    if needs == "compare":
        assert await views.check("counts") == []
    else:
        await views.rebuild("counts")
    assert len(readers) == 1
    assert sum(await readers[0]) == 33


async def test_a_worker_gives_way_too(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks now and then whether there is something to give way to."""
    monkeypatch.setattr(plan, "PATIENCE", 60)
    await fill(log, 30)
    views, stored, stop = Views(log, [COUNTS]), type(log.spi.views.tables), asyncio.Event()
    await views.catch_up()
    following = asyncio.create_task(Views(log, [COUNTS]).follow(stop))
    take_over, tries = stored.take_over, itertools.count(1)

    async def later(self: Any, new: Checkpoint, tables: Any) -> bool:
        assert next(tries) < 9, "it runs behind for ever"
        await fill(log, 3)
        await asyncio.wait({following}, timeout=0.1)
        return await take_over(self, new, tables)

    monkeypatch.setattr(stored, "take_over", later)
    await views.rebuild("counts")
    stop.set()
    await following
    assert sum(await counted(views)) == await log.position()


async def test_a_check_ends_although_an_erasure_moves_the_new_view_ahead(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every generation is brought past an erasure, in turn."""
    views, stored = Views(log, [COUNTS]), type(log.spi.views.tables)
    compare, moved = stored.compare, asyncio.Event()

    async def later(self: Any, spec: Any, old: Checkpoint, new: Checkpoint, limit: int) -> Any:
        if not moved.is_set():
            moved.set()
            await fill(log, 1)
            await Runner(log, [COUNTS]).fill(new)
        return await compare(self, spec, old, new, limit)

    monkeypatch.setattr(stored, "compare", later)
    await fill(log, 3)
    assert await views.check("counts") == []
    assert moved.is_set()


async def test_nobody_waits_for_a_view_that_is_far_behind_or_whose_filler_is_gone(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of it is a minute away; and then it does not move."""
    views = Views(log, [COUNTS])
    await fill(log, 30)
    await views.catch_up()
    tables = log.spi.views.tables
    generation = await tables.begin("counts", 1, specs(COUNTS), beside=True)
    now = time.time_ns() // 1000
    for before, after, rate, at in ((0, 9, 1, now), (9, 30, 1_000_000, now - 3_600_000_000)):
        assert await tables.apply(
            Batch([Moved("counts", generation, before, after, rate, at)], [], [])
        )
        await fill(log, 3)
        with monkeypatch.context() as patched:
            patched.setattr(runner, "LOOK_AGAIN", 3600)
            assert sum(await counted(views)) == await log.position()


async def test_check_names_every_row_that_differs(backend: Backend) -> None:
    """Rows that somebody changed, deleted or added; and it leaves the view as it is."""
    async with backend.open() as log:
        views = Views(log, [COUNTS])
        await fill(log, 3)
        assert await views.check("counts") == []
        (point,) = await log.spi.views.tables.checkpoints()
        table = f"{{}}view_counts_{point.generation}"
        await backend.execute(f"UPDATE {table} SET items = 9 WHERE stream_id = ?", stream(log, 0))
        await backend.execute(f"DELETE FROM {table} WHERE stream_id = ?", stream(log, 1))
        found = {(row.row, row.is_new) for row in await views.check("counts")}
        assert found == {
            (Count(stream(log, 0), 9), False),
            (Count(stream(log, 0), 1), True),
            (Count(stream(log, 1), 1), True),
        }
        assert await log.spi.views.tables.checkpoints() == [point]


def stream(log: EventLog, number: int) -> bytes:
    return stream_id(log.tenant, f"chat-{number}")


async def test_everything_deleted_and_made_anew_gives_the_same_answers(backend: Backend) -> None:
    """The views' tables hold nothing that the log does not."""
    async with backend.open() as log:
        chat = Conversation(log, "chat")
        await chat.add([{"role": "user", "content": "rain or sun?"}])
        await chat.add([{"role": "assistant", "content": "sun"}])
        await chat.pop()
        views = Views(log)
        before = [
            await conversations(views),
            await turns(views, "chat"),
            await search(views, "sun"),
        ]
        for projection in BUILT_IN:
            await views.drop(projection.name)
        assert await log.spi.views.tables.checkpoints() == []
        views = Views(log)
        after = [await conversations(views), await turns(views, "chat"), await search(views, "sun")]
        assert after == before
