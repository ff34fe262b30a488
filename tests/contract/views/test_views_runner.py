"""The runner: every event once in every view, whoever else runs, whatever an event does."""

import asyncio
import functools
from collections.abc import Iterator
from typing import Any

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.views import Batch, Moved
from eventlog_projections import Conversation
from eventlog_projections.views import (
    BUILT_IN,
    Projection,
    Rows,
    Step,
    Views,
    Written,
    conversations,
    search,
    turns,
    usage,
)
from eventlog_projections.views.runner import Runner
from tests.backends import Backend
from tests.contract.views.asked import small_batches
from tests.contract.views.counts import COUNTS, Count, counted, fill
from tests.waiting import until

ALL = tuple(projection.name for projection in BUILT_IN)


async def test_a_read_sees_every_append_that_was_acknowledged(log: EventLog) -> None:
    """Also of another handle, and without any worker; `stale` asks for what is there."""
    views = Views(log, [COUNTS])
    await fill(log, 3)
    assert await counted(views) == [1, 1, 1]
    await fill(log, 3)
    assert await counted(views, stale=True) == [1, 1, 1]
    assert await counted(views) == [2, 2, 2]


async def test_two_runners_at_once_take_every_event_once(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever is first; the other one goes on from there."""
    small_batches(monkeypatch, 7)
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
        tables = log.spi.views.tables
        (point,) = await tables.checkpoints()
        for before, after in ((3, 6), (3, 4), (0, 9)):
            moved = Moved("counts", point.generation, before, after, 0, 0)
            assert not await tables.apply(Batch([moved], [], []))
        await zombie._advance(await log.position(), ["counts"])
        assert await counted(Views(log, [COUNTS])) == [2, 2, 2]
        assert await tables.checkpoints() == [point]


async def test_a_zombie_of_a_generation_that_is_gone_moves_nothing(log: EventLog) -> None:
    """Its tables were made anew meanwhile: it looks, and goes on with the new ones."""
    await fill(log, 3)
    zombie = Runner(log, [COUNTS])
    await zombie.catch_up(["counts"])
    await Views(log, [COUNTS]).rebuild("counts")
    await fill(log, 3)
    await zombie._advance(await log.position(), ["counts"])
    assert await counted(Views(log, [COUNTS]), stale=True) == [2, 2, 2]


async def test_a_poison_event_is_set_aside_and_the_view_goes_on(log: EventLog) -> None:
    """It is named with its position and without its content; the events beside it count."""
    views = Views(log, [COUNTS])
    await log.append("a", [ItemsAdded([1]), ItemsAdded([1, "poison"]), ItemsAdded([1])])
    assert await counted(views) == [2]
    (status,) = await views.status()
    (aside,) = status.set_aside
    assert (aside.position, aside.version, aside.error) == (2, 2, "ValueError")
    assert (aside.conversation, aside.branch) == ("a", "")
    assert (status.position, status.behind) == (3, 0)


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


async def test_a_follower_whose_views_are_too_old_rests(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later release has taken over: it looks once for each time the feed moves, and ends."""
    await Views(log, [COUNTS._replace(schema=2)]).catch_up()
    looks: list[int] = []
    advance = Runner._advance

    async def counted_advance(self: Runner, end: int, *given: Any, **options: Any) -> None:
        looks.append(end)
        await advance(self, end, *given, **options)

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
