"""What an append promises, on every backend."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from eventlog import (
    ConflictError,
    Context,
    ConversationCleared,
    EventIdReusedError,
    EventLog,
    InvalidInputError,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
)
from eventlog.errors import ClosedError, InvalidMomentError, InvalidNameError
from eventlog.events import ConversationRewound
from tests.backends import Backend
from tests.conftest import Clock

WRONG: Any = b"x"


def added(*items: object) -> ItemsAdded:
    return ItemsAdded(list(items))


async def versions(log: EventLog, stream: str) -> list[int]:
    return [event.version async for event in log.read(stream)]


async def test_versions_start_at_one_and_follow_each_other(log: EventLog) -> None:
    """The first event is version 1, and a batch gets versions in a row."""
    first = await log.append("chat", added("a"))
    second = await log.append("chat", [added("b"), ItemPopped(), ConversationCleared()])
    assert (first.first, first.last) == (1, 1)
    assert (second.first, second.last) == (2, 4)
    assert await versions(log, "chat") == [1, 2, 3, 4]
    assert await log.version("chat") == 4


async def test_an_appended_event_reads_back_as_it_was(log: EventLog) -> None:
    """Kind, content, context and event id come back; the time is aware and UTC."""
    context = Context(actor="ana", run_id="r1", agent="Helper", seen_version=0, seen_limit=20)
    await log.append("chat", NewEvent(added({"role": "user"}), context, "id-1"))
    (event,) = [event async for event in log.read("chat")]
    assert event.event == ItemsAdded([{"role": "user"}])
    assert event.context == context
    assert (event.kind, event.event_id, event.stream) == ("added", "id-1", "chat")
    assert event.recorded_at.utcoffset() is not None
    assert len(event.hash) == 32


async def test_stale_expected_version_stores_nothing(log: EventLog) -> None:
    """A writer that saw an older version learns the true head, and nothing is stored."""
    await log.append("chat", [added("a"), added("b")])
    with pytest.raises(ConflictError) as caught:
        await log.append("chat", added("c"), expected_version=1)
    assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("chat", 1, 2)
    assert await log.version("chat") == 2


@pytest.mark.parametrize("expected", [1, 7])
async def test_expecting_a_version_of_a_new_conversation_is_a_conflict(
    log: EventLog, expected: int
) -> None:
    """A stream that is not there is at version 0."""
    with pytest.raises(ConflictError) as caught:
        await log.append("chat", added("a"), expected_version=expected)
    assert caught.value.actual == 0
    assert await versions(log, "chat") == []


async def test_expected_zero_creates_a_conversation_once(log: EventLog) -> None:
    """expected_version=0 says: only if it is new."""
    await log.append("chat", added("a"), expected_version=0)
    with pytest.raises(ConflictError) as caught:
        await log.append("chat", added("a"), expected_version=0)
    assert caught.value.actual == 1


async def test_concurrent_appends_all_land_without_gaps(log: EventLog) -> None:
    """Appends without an expected version commute: each lands once."""
    answers = await asyncio.gather(*[log.append("chat", added(n)) for n in range(25)])
    assert sorted(answer.first for answer in answers) == list(range(1, 26))
    assert await versions(log, "chat") == list(range(1, 26))
    assert (await log.verify()).ok


async def test_only_one_of_two_rivals_wins(log: EventLog) -> None:
    """Of many that expect one version exactly one is stored, and all others hear of a conflict."""
    await log.append("chat", added("a"))
    rivals = [log.append("chat", added(n), expected_version=1) for n in range(10)]
    answers = await asyncio.gather(*rivals, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, BaseException)} == {
        ConflictError
    }
    assert await log.version("chat") == 2


async def test_two_handles_that_do_not_share_see_each_other(
    backend: Backend, log: EventLog
) -> None:
    """A head that this process remembers wrongly costs a second look, never an answer."""
    await log.append("chat", added("mine"))
    other = backend.open(tenant="default")
    await log.append("chat", added("again"))
    store = other.spi._store
    stale = await store.streams.head(b"0" * 16)
    assert stale is None
    assert (await other.append("chat", added("theirs"))).last == 3


async def test_event_id_sent_again_returns_the_first_answer(log: EventLog) -> None:
    """However late, and whatever head the repeated append names."""
    event = NewEvent(added("a"), event_id="once")
    first = await log.append("chat", event)
    await log.append("chat", added("b"))
    for expected in (None, 0, 1, 2):
        again = await log.append("chat", event, expected_version=expected)
        assert (again.first, again.last, again.replayed) == (first.first, first.last, True)
    assert await log.version("chat") == 2


async def test_event_id_with_other_content_is_refused(log: EventLog) -> None:
    """An id names one content for ever; nothing is stored under it twice."""
    await log.append("chat", NewEvent(added("a"), event_id="once"))
    with pytest.raises(EventIdReusedError) as caught:
        await log.append("chat", NewEvent(added("b"), event_id="once"))
    assert (caught.value.stream, caught.value.event_id) == ("chat", "once")
    assert await log.version("chat") == 1


async def test_a_batch_that_was_stored_in_part_is_refused(log: EventLog) -> None:
    """A batch is one thing: re-sending a part of it in another batch is not a repetition."""
    await log.append("chat", NewEvent(added("a"), event_id="a"))
    batch = [NewEvent(added("a"), event_id="a"), NewEvent(added("b"), event_id="b")]
    with pytest.raises(EventIdReusedError):
        await log.append("chat", batch)
    with pytest.raises(EventIdReusedError):
        await log.append("new", [batch[0], batch[0]])
    assert await log.version("chat") == 1


async def test_a_batch_sent_again_returns_all_its_versions(log: EventLog) -> None:
    """The first answer names the whole batch."""
    batch = [NewEvent(added("a"), event_id="a"), NewEvent(added("b"), event_id="b")]
    await log.append("chat", added("before"))
    await log.append("chat", batch)
    again = await log.append("chat", batch)
    assert (again.first, again.last, again.replayed) == (2, 3, True)


async def test_event_ids_are_unique_in_their_conversation_only(log: EventLog) -> None:
    """Two conversations may use the same id."""
    for stream in ("one", "two"):
        assert (await log.append(stream, NewEvent(added(stream), event_id="x"))).first == 1


async def test_simultaneous_sends_of_one_event_id_store_it_once(log: EventLog) -> None:
    """A re-send that overtakes the first is no conflict."""
    event = NewEvent(added("a"), event_id="once")
    answers = await asyncio.gather(*[log.append("chat", event) for _ in range(8)])
    assert {(answer.first, answer.last) for answer in answers} == {(1, 1)}
    assert sum(not answer.replayed for answer in answers) == 1
    assert await log.version("chat") == 1


async def test_time_never_falls_within_a_conversation(backend: Backend, clock: Clock) -> None:
    """A clock that was set back repeats the last time."""
    log = backend.open(clock=clock)
    await log.append("chat", added("a"))
    clock.tick(-3_600_000_000)
    await log.append("chat", added("b"))
    first, second = [event.recorded_at async for event in log.read("chat")]
    assert first == second


async def test_a_cancelled_caller_still_gets_its_event_stored(log: EventLog) -> None:
    """A mutation that was started settles."""
    await log.append("chat", added("warm up"))
    task = asyncio.ensure_future(log.append("chat", added("a")))
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await log.version("chat") == 2


@pytest.mark.parametrize("name", ["", "a\x00b", "\ud800", "x" * 1001, 7, None])
async def test_a_name_that_cannot_be_stored_is_refused(log: EventLog, name: str) -> None:
    """Empty, NUL, lone surrogates, too long, not a string: each says what is wrong."""
    with pytest.raises(InvalidNameError):
        await log.append(name, added("a"))
    assert [row async for row in log.streams()] == []


@pytest.mark.parametrize("name", ["ünï", "a/b:c", " ", "x" * 1000, "'; DROP TABLE events; --"])
async def test_any_other_name_is_a_name(log: EventLog, name: str) -> None:
    """Names are data."""
    await log.append(name, added("a"))
    assert [row.name async for row in log.streams()] == [name]
    assert (await log.verify(name)).ok


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda log: log.append("chat", []), InvalidInputError),
        (lambda log: log.append("chat", added("a"), expected_version=-1), InvalidMomentError),
        (lambda log: log.append("chat", NewEvent(added("a"), event_id="")), InvalidNameError),
        (
            lambda log: log.append("chat", NewEvent(added("a"), Context("\ud800"))),
            InvalidInputError,
        ),
        (lambda log: log.append("chat", ConversationCleared(reason="\ud800")), InvalidInputError),
        (lambda log: log.append("chat", ConversationRewound(1)), InvalidMomentError),
        (lambda log: log.append("chat", ConversationRewound(-1)), InvalidInputError),
        (lambda log: log.append("chat", ItemsReplaced(-2, [])), InvalidInputError),
        (lambda log: log.append("chat", NewEvent(added("a"), Context(WRONG))), InvalidInputError),
        (lambda log: log.append("chat", NewEvent(added("a"), WRONG)), InvalidInputError),
    ],
)
async def test_bad_input_stores_nothing(
    log: EventLog, call: Callable[[EventLog], object], error: type[Exception]
) -> None:
    """Each mistake is a typed error."""
    with pytest.raises(error):
        await call(log)  # type: ignore[misc]
    assert await log.version("chat") == 0


async def test_a_closed_log_says_so(backend: Backend) -> None:
    """Use after close is a ClosedError, which is a RuntimeError; closing again is nothing."""
    log = backend.open()
    await log.append("chat", added("a"))
    await log.close()
    await log.close()
    with pytest.raises(ClosedError, match="closed") as caught:
        await log.append("chat", added("b"))
    assert isinstance(caught.value, RuntimeError)
    async with backend.open() as again:
        assert await again.version("chat") == 1
