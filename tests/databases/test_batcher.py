"""Whoever appends is answered, however the batchers end."""

import asyncio
from collections.abc import Sequence

import pytest

from eventlog import InDoubtError, UnavailableError
from eventlog.errors import RefusedValueError
from eventlog.format.records import Appended, AppendRequest, Outcome
from eventlog.store.postgres.appending.append import _refuse
from eventlog.store.postgres.appending.attempts import Attempt
from eventlog.store.postgres.appending.batcher import AppendBatcher, Tell


def request(stream: str) -> AppendRequest:
    return AppendRequest(
        stream_id=stream.encode(), tenant="t", name=stream, events=(), expected=None, at=0
    )


async def turn(times: int = 1) -> None:
    for _ in range(times):
        await asyncio.sleep(0)


def assert_ended(answer: "asyncio.Future[Outcome]", *, in_doubt: bool = False) -> None:
    """Fail, and do not wait, where nobody has answered, or not whether it may be stored."""
    assert answer.done()
    assert isinstance(answer.exception(), InDoubtError if in_doubt else UnavailableError)


class Gate:
    """A store that answers when it is opened, or fails with what it was given."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.failure: BaseException | None = None
        self.groups: list[list[str]] = []

    async def alone(self, request: AppendRequest) -> Outcome:
        await self.opened.wait()
        if self.failure is not None:
            raise self.failure
        return Appended(1, 1)

    async def together(self, tell: Tell, requests: Sequence[AppendRequest]) -> None:
        self.groups.append([each.name for each in requests])
        for index, each in enumerate(requests):
            tell(index, await self.alone(each))


async def test_whoever_appends_as_the_last_lanes_end_finds_a_new_one() -> None:
    """Both batchers are through in one turn; who was answered appends again in the next."""
    gate = Gate()
    batchers = AppendBatcher(gate.alone, gate.together)

    async def twice() -> None:
        await batchers.append(request("a"), 1)
        await batchers.append(request("a"), 1)

    writing = asyncio.ensure_future(twice())
    await turn(2)
    other = batchers.append(request("b"), 1)
    await turn(2)
    gate.opened.set()
    await turn(20)
    answered = writing.done()
    await batchers.append(request("c"), 1)  # It takes along whoever was forgotten.
    await asyncio.gather(writing, other)
    assert answered


async def test_lanes_that_are_free_share_what_waits() -> None:
    """The database has one part while the other is made; a lane that is left takes all."""
    gate = Gate()
    batchers = AppendBatcher(gate.alone, gate.together)
    first = [batchers.append(request(name), 1) for name in "abcde"]
    await turn(2)
    assert gate.groups == [["a", "b", "c"], ["d", "e"]]
    behind = [batchers.append(request(name), 1) for name in "fghi"]
    gate.opened.set()
    await asyncio.gather(*first, *behind)
    assert gate.groups[2:] == [["f", "g", "h", "i"]]


async def test_what_a_lane_leaves_to_one_that_never_begins_is_appended() -> None:
    gate = Gate()
    gate.opened.set()
    batchers = AppendBatcher(gate.alone, gate.together)
    before = asyncio.all_tasks()
    answers = [batchers.append(request(name), 1) for name in "abcd"]
    (asyncio.all_tasks() - before).pop().cancel()
    await asyncio.gather(*answers)


async def test_a_lane_that_is_cancelled_before_it_began_leaves_nobody_waiting() -> None:
    """As asyncio.run does with what was started in its last turn."""
    gate = Gate()
    batchers = AppendBatcher(gate.alone, gate.together)
    answer = batchers.append(request("a"), 1)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await turn(20)
    assert_ended(answer)


async def test_a_lane_that_is_cancelled_answers_its_group_and_those_behind() -> None:
    """Nobody waits for a loop that is over."""
    gate = Gate()
    batchers = AppendBatcher(gate.alone, gate.together)
    answers = [batchers.append(request("a"), 1) for _ in range(3)]
    await turn(2)
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await turn(20)
    under_way, *behind = answers
    assert_ended(under_way, in_doubt=True)
    for answer in behind:
        assert_ended(answer)


async def test_what_is_no_error_of_a_store_leaves_nobody_waiting() -> None:
    """An alarm of the test runner, say, that strikes in a lane."""

    class Alarm(BaseException):
        pass

    gate = Gate()
    gate.failure = Alarm()
    batchers = AppendBatcher(gate.alone, gate.together)
    answer = batchers.append(request("a"), 1)
    await turn()
    (lane,) = asyncio.all_tasks() - {asyncio.current_task()}
    gate.opened.set()
    await turn(20)
    assert_ended(answer, in_doubt=True)
    with pytest.raises(Alarm):
        await lane


async def test_a_group_in_which_a_value_is_refused_has_each_try_for_itself() -> None:
    """The driver's words are not told, so the error has no cause: it is known by what it is."""
    attempts = [Attempt(request("a")), Attempt(request("b"))]
    _refuse(attempts, RefusedValueError("db", "54000"))
    assert [one.answer for one in attempts] == [None, None]
    _refuse(attempts, UnavailableError("db cannot be reached."))
    assert [str(one.answer) for one in attempts] == ["db cannot be reached."] * 2
