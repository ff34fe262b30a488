"""The runner: every event once in every view, whoever else runs, whatever an event does."""

import asyncio
import functools
from collections.abc import Iterator
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded, PoisonEventError, SchemaTooNewError
from eventlog.chain import stream_id
from eventlog.views import Batch, Checkpoint, Moved
from projections import Conversation
from projections.views import (
    BUILT_IN,
    Projection,
    Row,
    Rows,
    Step,
    Views,
    Written,
    conversations,
    search,
    turns,
    usage,
)
from projections.views.projection import specs
from projections.views.runner import Runner
from tests.backends import Backend
from tests.contract.views.asked import small_batches
from tests.waiting import until

ALL = tuple(projection.name for projection in BUILT_IN)


class Count(Row, frozen=True):
    """How many items a conversation ever got."""

    table = "counts"
    key = ("stream_id",)
    readable = "counts"

    stream_id: bytes
    items: int


def count(step: Step, rows: Rows) -> Iterator[Written]:
    before = rows.get(Count)
    for item in step.items:
        if item == "poison":
            raise ValueError(item)
    yield Count(step.stream_id, len(step.items) + (before.items if before else 0))


COUNTS = Projection("counts", 1, (Count,), count)


async def counted(views: Views, **options: Any) -> list[int]:
    rows = await views.select(Count, {}, order=("items", "stream_id"), **options)
    return [row.items for row in rows]


async def fill(log: EventLog, events: int, names: int = 3) -> None:
    for number in range(events):
        await log.append(f"chat-{number % names}", ItemsAdded([{"role": "user", "content": "hi"}]))


async def test_a_read_sees_every_append_that_was_acknowledged(log: EventLog) -> None:
    """Also of another handle, and without any worker; `stale` asks for what is there."""
    views = Views(log, [COUNTS])
    await fill(log, 3)
    assert await counted(views) == [1, 1, 1]
    await fill(log, 3)
    assert await counted(views, stale=True) == [1, 1, 1]
    assert await counted(views) == [2, 2, 2]


async def test_two_runners_at_once_take_every_event_once(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever is first; the other one goes on from there."""
    small_batches(monkeypatch, 7)
    async with backend.open() as log:
        await fill(log, 200)
        await asyncio.gather(*[Views(log, [COUNTS]).catch_up() for _ in range(4)])
        assert sum(await counted(Views(log, [COUNTS]))) == 200
        assert await Views(log, [COUNTS]).check("counts") == []


async def test_a_zombie_moves_nothing(backend: Backend) -> None:
    """One that slept while others went on believes in an old checkpoint: it writes nothing."""
    async with backend.open() as log:
        zombie = Runner(log, [COUNTS])
        await fill(log, 3)
        await zombie.catch_up(["counts"])
        await fill(log, 3)
        await Views(log, [COUNTS]).catch_up()
        tables = log.views.tables
        (point,) = await tables.checkpoints()
        for before, after in ((3, 6), (3, 4), (0, 9)):
            moved = Moved("counts", point.generation, before, after, 0, 0)
            assert not await tables.apply(Batch([moved], [], []))
        await zombie._advance(await log.position(), lambda: zombie._ours(["counts"]))
        assert await counted(Views(log, [COUNTS])) == [2, 2, 2]
        assert await tables.checkpoints() == [point]


async def test_a_zombie_of_a_generation_that_is_gone_moves_nothing(log: EventLog) -> None:
    """Its tables were made anew meanwhile: it looks, and goes on with the new ones."""
    await fill(log, 3)
    zombie = Runner(log, [COUNTS])
    await zombie.catch_up(["counts"])
    await Views(log, [COUNTS]).rebuild("counts")
    await fill(log, 3)
    await zombie._advance(await log.position(), lambda: zombie._ours(["counts"]))
    assert await counted(Views(log, [COUNTS]), stale=True) == [2, 2, 2]


async def test_a_poison_event_is_set_aside_and_the_view_goes_on(log: EventLog) -> None:
    """It is named with its position and without its content; the events beside it count."""
    views = Views(log, [COUNTS])
    await log.append("a", [ItemsAdded([1]), ItemsAdded([1, "poison"]), ItemsAdded([1])])
    assert await counted(views) == [2]
    (status,) = await views.status()
    ((position, _, version, error),) = status.set_aside
    assert (position, version, error) == (2, 2, "ValueError")
    assert (status.position, status.behind) == (3, 0)


async def test_a_poison_event_stops_a_rebuild_and_changes_nothing(log: EventLog) -> None:
    """The view that is there is read as before, and nothing is left of the new one."""
    views = Views(log, [COUNTS])
    await log.append("a", [ItemsAdded([1]), ItemsAdded(["poison"]), ItemsAdded([1])])
    assert await counted(views) == [2]
    before = await log.views.tables.checkpoints()
    with pytest.raises(PoisonEventError, match="position 2") as raised:
        await views.rebuild("counts")
    assert raised.value.position == 2
    assert await log.views.tables.checkpoints() == before
    assert await counted(views) == [2]


async def test_half_a_step_is_none(log: EventLog) -> None:
    """What a function yielded before it raised is not kept."""

    def half(step: Step, rows: Rows) -> Iterator[Written]:
        before = rows.get(Count)
        yield Count(step.stream_id, 1 + (before.items if before else 0))
        if step.version == 2:
            raise ValueError
        yield Count(step.stream_id, 10 + (before.items if before else 0))

    views = Views(log, [Projection("counts", 1, (Count,), half)])
    await log.append("a", [ItemsAdded([1]), ItemsAdded([1]), ItemsAdded([1])])
    assert await counted(views) == [20]


async def test_a_column_takes_only_what_it_is_of(log: EventLog) -> None:
    """A row of the wrong type sets its event aside; it never stops the view."""

    def wrong(step: Step, _rows: Rows) -> Iterator[Written]:
        yield Count(step.stream_id, "one" if step.version == 1 else 2**70)  # type: ignore[arg-type]

    views = Views(log, [Projection("counts", 1, (Count,), wrong)])
    await log.append("a", ItemsAdded([1]))
    assert await counted(views) == []
    assert len((await views.status())[0].set_aside) == 1
    await log.append("a", ItemsAdded([1]))
    assert await counted(views) == [2**63 - 1]


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
    (point,) = await log.views.tables.checkpoints()
    assert (point.schema, point.is_serving) == (2, True)
    with pytest.raises(SchemaTooNewError, match="reads 1"):
        await counted(old)


async def test_a_raised_schema_that_cannot_be_filled_leaves_the_old_one(log: EventLog) -> None:
    """The reader is told; older code goes on reading."""

    def poison(step: Step, _rows: Rows) -> Iterator[Written]:
        raise ValueError
        yield

    await fill(log, 3)
    old = Views(log, [COUNTS])
    assert await counted(old) == [1, 1, 1]
    new = Views(log, [Projection("counts", 2, (Count,), poison)])
    with pytest.raises(PoisonEventError):
        await counted(new)
    await fill(log, 3)
    assert await counted(old) == [2, 2, 2]


async def test_what_is_behind_does_not_take_over(log: EventLog) -> None:
    """No reader goes back to where a view was before."""
    views = Views(log, [COUNTS])
    await fill(log, 3)
    await views.catch_up()
    tables, made = log.views.tables, specs(COUNTS)
    generation = await tables.begin("counts", 1, made, beside=True)
    new = Checkpoint("counts", generation, 1, 0, 0, 0, is_serving=False)
    assert not await tables.take_over(new, made)
    assert await counted(views) == [1, 1, 1]
    await Runner(log, [COUNTS]).fill(new)
    assert await tables.take_over(new, made)
    assert await counted(views) == [1, 1, 1]


async def test_a_follower_whose_views_are_too_old_rests(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later release has taken over: it looks once for each time the feed moves, and ends."""
    await Views(log, [COUNTS._replace(schema=2)]).catch_up()
    looks: list[int] = []
    advance = Runner._advance

    async def counted_advance(self: Runner, end: int, keys: Any) -> None:
        looks.append(end)
        await advance(self, end, keys)

    monkeypatch.setattr(Runner, "_advance", counted_advance)
    stop = asyncio.Event()
    following = asyncio.create_task(Views(log, [COUNTS]).follow(stop))
    for number in range(1, 4):
        await fill(log, 1)
        await until(functools.partial(seen, looks, number), "it has looked")
    stop.set()
    await following
    assert len(looks) == len(set(looks))


async def seen(looks: list[int], end: int) -> bool:
    return end in looks


async def test_a_view_is_made_anew_while_appends_go_on(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readers find every row all the time, and nothing is missing afterwards."""
    small_batches(monkeypatch, 10)
    async with backend.open() as log:
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
        assert len(await log.views.tables.checkpoints()) == 1


async def test_check_names_every_row_that_differs(backend: Backend) -> None:
    """Rows that somebody changed, deleted or added; and it leaves the view as it is."""
    async with backend.open() as log:
        views = Views(log, [COUNTS])
        await fill(log, 3)
        assert await views.check("counts") == []
        (point,) = await log.views.tables.checkpoints()
        table = f"{{}}view_counts_{point.generation}"
        await backend.execute(f"UPDATE {table} SET items = 9 WHERE stream_id = ?", stream(log, 0))
        await backend.execute(f"DELETE FROM {table} WHERE stream_id = ?", stream(log, 1))
        found = {(row.row, row.is_new) for row in await views.check("counts")}
        assert found == {
            (Count(stream(log, 0), 9), False),
            (Count(stream(log, 0), 1), True),
            (Count(stream(log, 1), 1), True),
        }
        assert await log.views.tables.checkpoints() == [point]


def stream(log: EventLog, number: int) -> bytes:
    return stream_id(log.tenant, f"chat-{number}")


async def test_a_tenant_sees_nothing_of_another(backend: Backend) -> None:
    """Lists, searches, totals and turns are of the log's own; one runner serves all."""
    async with backend.open(tenant="a") as ours, backend.open(tenant="b") as theirs:
        await Conversation(ours, "chat").add([{"role": "user", "content": "our secret"}])
        await Conversation(theirs, "chat").add([{"role": "user", "content": "their secret"}])
        for log, word, other in ((ours, "our", "their"), (theirs, "their", "our")):
            views = Views(log)
            assert [row.title for row in await conversations(views)] == [f"{word} secret"]
            assert [found.text for found in await search(views, "secret")] == [f"{word} secret"]
            assert await search(views, other) == []
            assert [turn.message for turn in await turns(views, "chat")] == [f"{word} secret"]
            assert await usage(views) == []


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
        for name in ALL:
            await views.drop(name)
        assert await log.views.tables.checkpoints() == []
        views = Views(log)
        after = [await conversations(views), await turns(views, "chat"), await search(views, "sun")]
        assert after == before


async def test_a_follower_keeps_every_view_up_to_date(log: EventLog) -> None:
    """Without a read; it says how far it is, and ends when it is told to."""
    views, stop = Views(log), asyncio.Event()
    following = asyncio.create_task(views.follow(stop))

    async def is_there() -> bool:
        found = await views.status()
        return len(found) == len(ALL) and all(status.position == 9 for status in found)

    await fill(log, 9)
    await until(is_there, "the views have come to position 9")
    stop.set()
    await following
