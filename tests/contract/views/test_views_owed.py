"""An erasure beside views that are not well: it is done, the text is gone, the rest is told."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation, erase
from eventlog_projections.views import (
    BUILT_IN,
    Projection,
    Row,
    Rows,
    Step,
    Views,
    Written,
    conversations,
    runner,
    search,
)
from tests import distributing
from tests.backends import Backend
from tests.contract.disposal.test_erasing import MARKER, WHY
from tests.contract.views.test_views_erasing import differences, in_rows, talk
from tests.waiting import until

LIMIT: Final = 0.3 if distributing.kind() is None else 3.0
"""Seconds that a statement may take, or wait for a lock; on many nodes one that waits for none."""


class Said(Row, frozen=True):
    """What was said, by somebody else's program."""

    table, key = "said", ("stream_id", "version")
    stream_id: bytes
    version: int
    text: str


def say(step: Step, _rows: Rows) -> Iterator[Written]:
    for item in step.items[:1]:
        yield Said(step.stream_id, step.version, str(item))


SAID = Projection("said", 1, (Said,), say)


async def owed(backend: Backend) -> list[Any]:
    return await backend.execute("SELECT projection FROM {}purges")


async def test_a_view_that_is_far_behind_is_purged_where_it_is(
    backend: Backend, log: EventLog
) -> None:
    """The erasure waits for no other event to be taken."""
    await talk(log, "chat")
    await Views(log).catch_up()
    before = {point.projection: point.position for point in await _points(log)}
    await log.append("other", [ItemsAdded([number]) for number in range(50)])
    assert (await erase(log, "chat", **WHY)).pending == ()
    assert {point.projection: point.position for point in await _points(log)} == before
    assert await in_rows(backend) == []
    assert await owed(backend) == []
    assert await differences(Views(log)) == []


async def _points(log: EventLog) -> list[Any]:
    return await log.spi.views.tables.checkpoints()


async def test_a_view_whose_table_was_dropped_is_made_anew(backend: Backend, log: EventLog) -> None:
    """It cannot be purged, and holds nothing: no erasure, no reader and no worker stops at it."""
    await talk(log, "chat")
    await talk(log, "other", "known")
    views = Views(log)
    await views.catch_up()
    (point,) = [each for each in await _points(log) if each.projection == "turns"]
    cascade = " CASCADE" if backend.name == "postgres" else ""
    await backend.execute(f"DROP TABLE {{}}view_turns_{point.generation}{cascade}")
    assert (await erase(log, "chat", **WHY)).pending == ()
    assert [row.name for row in await conversations(views)] == ["chat", "other"]
    assert await in_rows(backend) == []
    assert await differences(views) == []


@pytest.mark.parametrize("schema", [-1, +1], ids=["older", "newer"])
async def test_a_view_of_another_release_loses_the_rows_and_is_named(
    backend: Backend, log: EventLog, schema: int
) -> None:
    """Its rows go; what this release cannot fold is owed until the view is made anew."""
    await talk(log, "chat")
    every = [each._replace(schema=each.schema + schema) for each in BUILT_IN]
    others = [each for each in every if each.schema]
    names = {each.name for each in others}
    await Views(log, others).catch_up()
    assert {"conversations", "turns"} < set(await in_rows(backend))
    erased = await erase(log, "chat", **WHY)
    assert sorted(each.view for each in erased.pending) == sorted(names)
    assert set(await in_rows(backend)) <= {"tools"}  # A tool is everybody's.
    found = await log.verify()
    assert found.ok
    assert {each.view for each in found.pending} == names
    assert {each.stream for each in found.pending} == {"chat"}
    for each in others:
        await Views(log, others).drop(each.name)
    assert (await log.verify()).pending == ()
    assert await in_rows(backend) == []


async def test_a_view_of_somebody_else_loses_the_rows_and_owes_until_its_program_comes(
    backend: Backend, log: EventLog
) -> None:
    """Who erases need not know it."""
    await Conversation(log, "chat").add([MARKER])
    await Conversation(log, "other").add(["kept"])
    theirs = Views(log, [SAID])
    await theirs.catch_up()
    erased = await erase(log, "chat", **WHY)
    assert [(each.view, each.schema) for each in erased.pending] == [("said", 1)]
    rows = await theirs.select(Said, {}, stale=True)
    assert [row.text for row in rows] == ["kept"]
    assert [each.view for each in (await log.verify("chat")).pending] == ["said"]
    assert (await log.verify("other")).pending == ()
    await theirs.catch_up()
    assert await owed(backend) == []
    assert (await log.verify()).pending == ()


@contextlib.asynccontextmanager
async def locked(backend: Backend, table: str) -> AsyncGenerator[None]:
    """Keep everybody from a table."""
    connection = await asyncpg.connect(backend.url)
    try:
        async with connection.transaction():
            schema = backend.options["schema"]
            await connection.execute(f"LOCK TABLE {schema}.{table} IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


@pytest.mark.parametrize("backend", ["postgres"], indirect=True)
async def test_a_view_that_is_locked_owes_and_a_worker_pays(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure is done; the worker purges as soon as it can, without any new event."""
    monkeypatch.setattr(runner, "CHORES_PAUSE", 0.05)
    async with backend.open(statement_timeout=LIMIT) as log:
        await talk(log, "chat")
        await Views(log).catch_up()
        (point,) = [each for each in await _points(log) if each.projection == "turns"]
        async with locked(backend, f"view_turns_{point.generation}"):
            erased = await erase(log, "chat", **WHY)
            assert [each.view for each in erased.pending] == ["turns"]
            assert await Conversation(log, "chat").items() == []
            found = await log.verify()
            assert found.ok
            assert [(each.stream, each.view) for each in found.pending] == [("chat", "turns")]
        assert await in_rows(backend) == ["turns"]
        stop = asyncio.Event()
        working = asyncio.ensure_future(Views(log).follow(stop))

        async def is_paid() -> bool:
            return await owed(backend) == [] and await in_rows(backend) == []

        await until(is_paid, "the worker has purged the view")
        stop.set()
        await working
        assert (await log.verify()).pending == ()
        assert await differences(Views(log)) == []


async def test_who_remembers_rows_does_not_write_back_what_was_purged(
    backend: Backend, log: EventLog
) -> None:
    """A runner beside the erasure, which has not come to it yet, takes an event before it."""
    views = Views(log)
    await talk(log, "chat")
    await views.catch_up()
    tables = log.spi.views.tables
    await log.append("chat", ItemsAdded([{"role": "user", "content": "more"}]))
    purged = asyncio.Event()
    apply = type(tables).apply

    async def late(self: Any, batch: Any) -> bool:
        if not purged.is_set():
            purged.set()
            assert (await erase(log, "chat", **WHY)).pending == ()
            assert await in_rows(backend) == []
        return await apply(self, batch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(tables), "apply", late)
        await views.catch_up()
    assert await in_rows(backend) == []
    assert await search(views, MARKER) == []
    assert await differences(views) == []
