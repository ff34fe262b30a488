"""Events that a view goes on without: which they are, why, and how one gets past them."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest

from eventlog import EventLog, InvalidInputError, ItemsAdded, UnavailableError
from eventlog.errors import PoisonEventError
from eventlog.keys import new_key, parse_keyring
from eventlog.store.nouns.views import Views as StoredViews
from eventlog.views import Batch
from eventlog_projections import Conversation, erase, erase_event
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
    tools,
    turns,
)
from eventlog_projections.views.row import Shape
from tests.backends import Backend
from tests.contract.disposal.test_erasing import MARKER, WHY
from tests.contract.views.counts import COUNTS, counted
from tests.contract.views.test_views_reading import user
from tests.elsewhere import open_elsewhere
from tests.waiting import until

BEYOND: Final = 2**70
"""A number that no column holds."""


class Note(Row, frozen=True):
    """A text of a conversation, and how many were before it."""

    table = "notes"
    key = ("stream_id", "version")

    stream_id: bytes
    version: int
    before: int
    text: str


@pytest.fixture(autouse=True)
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the database be given what it cannot hold, in place of the text "bad"."""
    dump = Shape.dump

    def hostile(self: Shape, values: Sequence[Any]) -> tuple[Any, ...]:
        dumped = dump(self, values)
        return (*dumped[:2], BEYOND, dumped[3]) if dumped[-1] == "bad" else dumped

    monkeypatch.setattr(Shape, "dump", hostile)


def note(step: Step, rows: Rows) -> Iterator[Written]:
    before = len(list(rows.all(Note)))
    for item in step.items:
        yield Note(step.stream_id, step.version, before, str(item))


NOTES: Final = Projection("notes", 1, (Note,), note)


async def noted(views: Views) -> list[str]:
    """The texts, by conversation; each tells how many there were before it."""
    rows = await views.select(Note, {})
    befores: dict[bytes, list[int]] = {}
    for row in rows:
        befores.setdefault(row.stream_id, []).append(row.before)
    assert all(sorted(each) == list(range(len(each))) for each in befores.values())
    return sorted(row.text for row in rows)


async def append(log: EventLog, name: str, *items: Any) -> None:
    for item in items:
        await log.append(name, ItemsAdded([item]))


async def aside(log: EventLog) -> list[tuple[str, str, int]]:
    """View, conversation and version of what is set aside."""
    found = await Views(log).status()
    return sorted(
        (status.view, each.conversation, each.version)
        for status in found
        for each in status.set_aside
    )


@pytest.mark.parametrize("bad", [{0}, {7}, {12}, {0, 1, 11, 12}, set(range(13))], ids=str)
async def test_what_the_database_refuses_is_found_in_its_batch_and_set_aside(
    log: EventLog, bad: set[int]
) -> None:
    """Wherever it is, and however many there are; all others are in the rows, of every view."""
    for number in range(13):
        await append(log, f"chat-{number % 3}", "bad" if number in bad else "good")
    views = Views(log, [NOTES, COUNTS])
    assert await noted(views) == ["good"] * (13 - len(bad))
    assert sum(await counted(views)) == 13
    found = await aside(log)
    assert [view for view, _, _ in found] == ["notes"] * len(bad)
    (status,) = [each for each in await views.status() if each.view == "notes"]
    assert status.behind == 0
    assert {each.error.partition(":")[0] for each in status.set_aside} <= {"RefusedValueError"}
    assert not any(str(BEYOND) in each.error for each in status.set_aside)


async def test_a_refused_event_costs_about_as_many_transactions_as_its_batch_has_halvings(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not one for each of the events beside it."""
    for number in range(200):
        await append(log, "chat", "bad" if number == 117 else "good")
    batches: list[int] = []
    apply = StoredViews.apply

    async def counting(self: StoredViews, batch: Batch) -> bool:
        batches.append(len(batch.moves))
        return await apply(self, batch)

    monkeypatch.setattr(StoredViews, "apply", counting)
    assert await noted(Views(log, [NOTES])) == ["good"] * 199
    assert len(batches) <= 4 * 8


async def test_a_strict_rebuild_stops_at_what_the_database_refuses(log: EventLog) -> None:
    """And changes nothing."""
    views = Views(log, [NOTES])
    await append(log, "chat", "good", "bad", "good")
    assert await noted(views) == ["good", "good"]
    before = await log.spi.views.tables.checkpoints()
    with pytest.raises(PoisonEventError, match="position 2") as raised:
        await views.rebuild("notes", strict=True)
    assert str(BEYOND) not in str(raised.value)
    assert await log.spi.views.tables.checkpoints() == before
    (found,) = await views.rebuild("notes")
    assert (found.conversation, found.version) == ("chat", 2)


async def test_an_erasure_passes_what_the_database_refused(backend: Backend) -> None:
    """Of the event itself, of another one of its conversation, and of all of it."""
    async with backend.open() as log:
        views = Views(log, [NOTES])
        await append(log, "chat", "good", "bad", "good", MARKER)
        await noted(views)
        await erase_event(log, "chat", 4, **WHY)
        assert await noted(views) == ["good", "good"]
        assert await aside(log) == [("notes", "chat", 2)]
        await erase_event(log, "chat", 2, **WHY)
        assert await noted(views) == ["good", "good"]
        assert await aside(log) == []
        await append(log, "chat", "bad", "good")
        assert await noted(views) == ["good"] * 3
        await erase(log, "chat", **WHY)
        assert await noted(views) == []
        assert await aside(log) == []
        assert await views.check("notes") == []
        assert await backend.execute("SELECT * FROM {}purges") == []


async def test_a_retry_takes_what_can_be_taken_by_now(log: EventLog) -> None:
    """Where the view is, and in the order of the conversation; the rest stays set aside."""
    works = False

    def fold(step: Step, rows: Rows) -> Iterator[Written]:
        if step.items == ["later"] and not works:
            raise ValueError(MARKER)
        return note(step, rows)

    views = Views(log, [NOTES._replace(fold=fold)])
    await append(log, "chat", "later", "bad", "good", "later", "bad", "end")
    await append(log, "other", "bad", "fine")
    assert await noted(views) == ["end", "fine", "good"]
    assert len(await aside(log)) == 5
    assert MARKER not in repr(await views.status())
    assert len(await views.retry()) == 5
    works = True
    left = await views.retry("notes", conversation="chat")
    assert [(each.conversation, each.version) for each in left] == [("chat", 5), ("chat", 2)]
    assert await noted(views) == ["end", "fine", "good", "later", "later"]
    assert await views.check("notes") == []
    await append(log, "chat", "more")
    assert await noted(views) == ["end", "fine", "good", "later", "later", "more"]


async def test_a_retry_makes_a_view_anew_that_has_rows_of_several_conversations(
    log: EventLog,
) -> None:
    """It has no way to take one of them out of its rows."""
    works = False

    class Total(Row, frozen=True):
        table, key = "totals", ("tenant",)
        tenant: str
        items: int

    def fold(step: Step, rows: Rows) -> Iterator[Written]:
        before = rows.get(Total)
        if step.items == ["later"] and not works:
            raise ValueError
        yield Total(step.tenant, len(step.items) + (before.items if before else 0))

    views = Views(log, [Projection("totals", 1, (Total,), fold)])
    await append(log, "chat", 1, "later", 1)
    assert [row.items for row in await views.select(Total, {})] == [2]
    works = True
    assert await views.retry() == []
    assert [row.items for row in await views.select(Total, {})] == [3]


async def test_what_was_skipped_is_named_no_more(log: EventLog) -> None:
    """Only what was asked for; a view that is made anew tries it again."""
    views = Views(log, [NOTES, COUNTS])
    await append(log, "chat", "bad", "poison")
    await append(log, "other", "poison")
    await views.catch_up()
    assert len(await aside(log)) == 3
    (skipped,) = await views.skip("counts", conversation="chat")
    assert (skipped.conversation, skipped.version) == ("chat", 2)
    assert await aside(log) == [("counts", "other", 1), ("notes", "chat", 1)]
    assert len(await views.skip()) == 2
    assert await aside(log) == []
    assert len(await views.rebuild("counts")) == 2


async def test_another_keyring_stops_nobody_and_what_it_closed_is_taken_when_it_comes(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant with a keyring of its own, a worker without; then one that has it."""
    monkeypatch.setattr(runner, "CHORES_PAUSE", 0.01)
    ring = parse_keyring(new_key("own"))
    other = parse_keyring(new_key("own"))
    async with (
        backend.open(tenant="a", keyring=ring) as closed,
        open_elsewhere(backend, tenant="b") as plain,
    ):
        await Conversation(closed, "chat").add([user("closed"), {"role": "assistant"}])
        await Conversation(plain, "chat").add([user("open")])
        for keyring, reason in ((None, "NoKeyError"), (other, "WrongKeyError")):
            async with open_elsewhere(backend, tenant="b", keyring=keyring) as theirs:
                views = Views(theirs)
                for projection in BUILT_IN:
                    await views.rebuild(projection.name)
                assert [turn.message for turn in await turns(views, "chat")] == ["open"]
                assert await aside(theirs) == []
            found = [each for status in await Views(closed).status() for each in status.set_aside]
            assert found
            assert {each.error.partition(":")[0] for each in found} == {reason}
        assert await turns(Views(closed), "chat", stale=True) == []
        stop = asyncio.Event()
        working = asyncio.ensure_future(Views(closed).follow(stop))

        async def is_taken() -> bool:
            return await aside(closed) == []

        await until(is_taken, "the worker has taken what it has the key for")
        stop.set()
        await working
        assert len(await turns(Views(closed), "chat", stale=True)) == 1
        for projection in BUILT_IN:
            assert await Views(closed).check(projection.name) == []


class Wide(Row, frozen=True):
    """A row whose key is a free text."""

    table, key = "wide", ("stream_id", "text")
    stream_id: bytes
    text: str


@pytest.mark.parametrize(
    "text", ["x" * 3_000, "\N{CJK UNIFIED IDEOGRAPH-6771}" * 900, "a\0", "\ud800"], ids=ascii
)
async def test_a_key_that_no_index_holds_sets_its_event_aside(log: EventLog, text: str) -> None:
    """On every database alike, also where a database would take it, or another one for it."""

    def wide(step: Step, _rows: Rows) -> Iterator[Written]:
        yield Wide(step.stream_id, step.items[0])

    views = Views(log, [Projection("wide", 1, (Wide,), wide)])
    await append(log, "chat", "one", text, "two")
    rows = await views.select(Wide, {})
    assert sorted(row.text for row in rows) == ["one", "two"]
    assert await aside(log) == [("wide", "chat", 2)]


async def test_an_error_of_the_whole_database_sets_nothing_aside(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an outage: the caller is told, and the next one takes every event."""
    apply = StoredViews.apply

    async def down(self: StoredViews, batch: Batch) -> bool:
        raise UnavailableError("gone for a moment")

    views = Views(log, [NOTES])
    await append(log, "chat", "good")
    monkeypatch.setattr(StoredViews, "apply", down)
    with pytest.raises(UnavailableError):
        await noted(views)
    monkeypatch.setattr(StoredViews, "apply", apply)
    assert await noted(views) == ["good"]
    assert await aside(log) == []


async def test_a_function_that_takes_rows_back_and_fails_keeps_no_row(backend: Backend) -> None:
    """The erased conversation's rows go all the same; the erasure is set aside, and owed."""

    def withdraw(_old: Any, _rows: Rows) -> Iterator[Written]:
        raise ValueError(MARKER)
        yield

    async with backend.open() as log:
        views = Views(log, [NOTES._replace(withdraw=withdraw)])
        await append(log, "chat", MARKER)
        await noted(views)
        await erase(log, "chat", **WHY)
        assert await noted(views) == []
        assert await aside(log) == [("notes", "chat", 2)]
        assert len(await backend.execute("SELECT * FROM {}purges")) == 1
        assert MARKER not in repr(await views.status())


async def test_a_question_that_the_database_would_refuse_is_not_asked(backend: Backend) -> None:
    """It is the caller's mistake, on every database: no outage, and no refusal of the store."""
    async with backend.open() as log:
        views = Views(log, [NOTES])
        await append(log, "chat", "good")
        await noted(views)
        with pytest.raises(InvalidInputError):
            await views.select(Note, {"text": f"\ud800{MARKER}"})


async def test_rows_of_tools_have_names_of_any_length(log: EventLog) -> None:
    """As they were given: they are known by a digest, and stored beside it."""
    name, call_id = "n" * 9_000, "i" * 9_000
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}
    await Conversation(log, "chat").add([item])
    assert [(tool.name, tool.calls) for tool in await tools(Views(log))] == [(name, 1)]
    assert len(await conversations(Views(log))) == 1
