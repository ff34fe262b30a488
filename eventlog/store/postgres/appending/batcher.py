"""Which appends go together: with nobody waiting at once and alone, under load in groups."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final, NamedTuple, cast

from eventlog.errors import InDoubtError, UnavailableError
from eventlog.format.records import AppendRequest, Outcome
from eventlog.settle import Mutation
from eventlog.store.nouns.outcomes import APPEND_AGAIN

MAX_GROUPS: Final = 2
"""How many groups of one loop are under way at once. More would be smaller groups, not faster."""

MAX_GROUP: Final = 256
MAX_GROUP_BYTES: Final = 8 * 1024 * 1024

Alone = Callable[[AppendRequest], Awaitable[Outcome]]
Tell = Callable[[int, Outcome | BaseException], None]
"""Answers one of a group, by its index."""

Together = Callable[[Tell, Sequence[AppendRequest]], Awaitable[None]]


class _Waiting(NamedTuple):
    request: AppendRequest
    size: int
    answer: "asyncio.Future[Outcome]"


class AppendBatcher:
    """The appends of one event loop. A lane is a task that ends when nobody waits any more."""

    def __init__(self, alone: Alone, together: Together) -> None:
        self._alone = alone
        self._together = together
        self._waiting: deque[_Waiting] = deque()
        self._under_way: set[bytes] = set()
        self._busy = 0
        """Lanes that wait for the database."""
        self._tasks: set[asyncio.Task[None]] = set()

    def append(self, request: AppendRequest, size: int) -> "asyncio.Future[Outcome]":
        """Queue an append of about `size` bytes; whoever waits is cancelled only after it."""
        loop = asyncio.get_running_loop()
        answer: Mutation[Outcome] = Mutation(loop=loop)
        self._waiting.append(_Waiting(request, size, answer))
        if len(self._tasks) < MAX_GROUPS:
            task = loop.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        return answer

    async def _drain(self) -> None:
        while group := self._take():
            self._busy += 1
            try:
                await self._commit(group)
            except BaseException:
                _leave_open(group)
                raise
            finally:
                self._busy -= 1
                self._under_way.difference_update([one.request.stream_id for one in group])
        # Not when the task is done: whoever appends in between would wait for nobody.
        self._tasks.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """Answer those who wait for a lane that was ended, perhaps before it had begun."""
        if task in self._tasks:
            self._tasks.discard(task)
            if not self._tasks:
                _abandon(self._waiting)
                self._waiting.clear()

    def _take(self) -> list[_Waiting]:
        """Take those that may go together: a stream once, and none that is under way.

        Lanes that are free share what waits: the database works on one part while the next is made.
        """
        group: list[_Waiting] = []
        passed: list[_Waiting] = []
        room = MAX_GROUP_BYTES
        share = -(-len(self._waiting) // (len(self._tasks) - self._busy))
        most = min(MAX_GROUP, share)
        while self._waiting and room > 0 and len(group) < most:
            one = self._waiting.popleft()
            if one.request.stream_id in self._under_way:
                passed.append(one)
                continue
            self._under_way.add(one.request.stream_id)
            group.append(one)
            room -= one.size
        self._waiting.extendleft(reversed(passed))
        return group

    async def _commit(self, group: Sequence[_Waiting]) -> None:
        def tell(index: int, outcome: Outcome | BaseException) -> None:
            _tell(group[index].answer, outcome)

        try:
            if len(group) == 1:
                tell(0, await self._alone(group[0].request))
            else:
                await self._together(tell, [one.request for one in group])
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            for one in group:
                if not one.answer.done():
                    _tell(one.answer, error)


def _tell(answer: "asyncio.Future[Outcome]", outcome: Outcome | BaseException) -> None:
    if isinstance(outcome, BaseException):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


_ENDED: Final = "The event loop ended while it was under way."


def _leave_open(group: Iterable[_Waiting]) -> None:
    """Tell those without an answer that the loop has ended under them."""
    for one in group:
        if not one.answer.done():
            doubt = InDoubtError(one.request.name, "the append", _ENDED, APPEND_AGAIN)
            one.answer.set_exception(doubt)


def _abandon(waiting: Iterable[_Waiting]) -> None:
    """Tell those whose turn has not come that the loop has ended."""
    for one in waiting:
        why = "The event loop ended before the append was sent. Nothing was stored."
        one.answer.set_exception(UnavailableError(why).of(one.request.name))
