"""Running operations in a chosen order: each pauses before every call of the store.

A schedule is a list of choices: which of the operations that are paused goes on next. `explore`
tries every schedule with at most so many preemptions, shortest detours first: Musuvathi and Qadeer,
Iterative Context Bounding for Systematic Testing of Multithreaded Programs, PLDI 2007.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextvars import ContextVar
from typing import Any, Final, NamedTuple

import pytest

from eventlog.background import Background
from eventlog.errors import EventLogError
from eventlog.store.nouns.work import Step
from eventlog.store.postgres import runner as postgres
from eventlog.store.postgres.runner import PostgresRunner
from eventlog.store.sqlite.runner import SqliteRunner
from tests.waiting import PATIENCE

Operation = Callable[[], Awaitable[Any]]

_of: "ContextVar[tuple[Scheduler, str] | None]" = ContextVar("operation", default=None)
_pauses_inside: "ContextVar[bool]" = ContextVar("pauses_inside", default=False)


class Ended(NamedTuple):
    """What became of an operation: what it returned, or one of our errors."""

    value: Any = None
    error: EventLogError | None = None


class Choice(NamedTuple):
    """Which operations could go on, and which one did."""

    paused: tuple[str, ...]
    chosen: str


class Scheduler:
    """Lets one paused operation at a time go on, up to its next call of the store."""

    def __init__(self, schedule: Sequence[str]) -> None:
        self._wanted: Final = deque(schedule)
        self._paused: Final[dict[str, list[asyncio.Future[None]]]] = {}
        self._inside: Final[dict[str, int]] = {}
        self._moved = asyncio.Event()
        self.choices: Final[list[Choice]] = []

    async def run(self, operations: Mapping[str, Operation]) -> dict[str, Ended]:
        """Run them all, each to its end."""
        tasks = {
            name: asyncio.create_task(self._perform(name, operation))
            for name, operation in operations.items()
        }
        try:
            async with asyncio.timeout(PATIENCE):
                for name, task in tasks.items():
                    await self._settled(name, task)
                while any(self._paused.values()):
                    name = self._choose()
                    self._inside[name] = self._inside.get(name, 0) + 1
                    self._paused[name].pop(0).set_result(None)
                    await self._settled(name, tasks[name])
            return {name: await task for name, task in tasks.items()}
        finally:
            for task in tasks.values():
                task.cancel()

    async def pause(self, name: str) -> None:
        """Wait until it is this operation's turn."""
        turn = asyncio.get_running_loop().create_future()
        self._paused.setdefault(name, []).append(turn)
        self._moved.set()
        await turn

    def left(self, name: str) -> None:
        """Know that a call of the store has come back."""
        self._inside[name] -= 1
        self._moved.set()

    async def _perform(self, name: str, operation: Operation) -> Ended:
        _of.set((self, name))
        try:
            return Ended(await operation())
        except EventLogError as error:
            return Ended(error=error)
        finally:
            self._moved.set()

    async def _settled(self, name: str, task: "asyncio.Task[Ended]") -> None:
        """Wait until the operation has come to its next call, or to its end."""
        while not task.done() and (self._inside.get(name) or not self._paused.get(name)):
            self._moved.clear()
            task.add_done_callback(lambda _: self._moved.set())
            await self._moved.wait()

    def _choose(self) -> str:
        paused = tuple(sorted(name for name, turns in self._paused.items() if turns))
        chosen = self._wanted.popleft() if self._wanted else self._stay(paused)
        if chosen not in paused:  # An order of another release: from here on, any will do.
            chosen = self._stay(paused)
        self.choices.append(Choice(paused, chosen))
        return chosen

    def _stay(self, paused: Sequence[str]) -> str:
        last = self.choices[-1].chosen if self.choices else ""
        return last if last in paused else paused[0]


def explore(preemptions: int, most: int) -> Generator[Sequence[str], Sequence[Choice], None]:
    """Yield schedules, and be sent what was chosen in each; those with few preemptions first."""
    waiting: list[deque[tuple[str, ...]]] = [deque() for _ in range(preemptions + 1)]
    waiting[0].append(())
    tried: set[tuple[str, ...]] = set()
    while (
        most and (cost := next((n for n, ahead in enumerate(waiting) if ahead), None)) is not None
    ):
        begun = waiting[cost].popleft()
        choices = yield begun
        chosen = tuple(choice.chosen for choice in choices)
        for at, more in _others(choices, len(begun)):
            schedule = (*chosen[:at], more)
            paid = cost + _is_preemption(choices, at)
            if paid <= preemptions and schedule not in tried:
                tried.add(schedule)
                waiting[paid].append(schedule)


def _others(choices: Sequence[Choice], after: int) -> Iterator[tuple[int, str]]:
    """Give what else could have been chosen behind the prefix that was asked for."""
    for at, choice in enumerate(choices[after:], start=after):
        for name in choice.paused:
            if name != choice.chosen:
                yield at, name


def _is_preemption(choices: Sequence[Choice], at: int) -> bool:
    """Tell whether leaving the choice at `at` takes the turn from one that could go on."""
    return at > 0 and choices[at - 1].chosen in choices[at].paused


@contextlib.contextmanager
def paused_before_calls(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:
    """Have every call of a store by an operation of a scheduler pause first.

    Where statements are not in one transaction, each of them does.
    """
    with monkeypatch.context() as patch:
        for name in ("append", "read", "read_at_once", "transact"):  # A write is a transaction.
            patch.setattr(SqliteRunner, name, _pausing(getattr(SqliteRunner, name)))
        for name in ("fetch", "send", "read_at_once", "transact"):
            patch.setattr(PostgresRunner, name, _pausing(getattr(PostgresRunner, name)))
        patch.setattr(PostgresRunner, "read", _pausing_inside(PostgresRunner.read))  # So do writes.
        patch.setattr(postgres, "_rows", _pausing_step(postgres._rows))
        # What nobody waits for would come in between at random: snapshots are operations here.
        patch.setattr(Background, "start", lambda *_: None)
        yield


@contextlib.asynccontextmanager
async def _turn() -> AsyncGenerator[None]:
    known = _of.get()
    if known is None:
        yield
        return
    scheduler, name = known
    await scheduler.pause(name)
    try:
        yield
    finally:
        scheduler.left(name)


def _pausing(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def paused(*args: Any, **kwargs: Any) -> Any:
        async with _turn():
            return await call(*args, **kwargs)

    return paused


def _pausing_inside(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def paused(*args: Any, **kwargs: Any) -> Any:
        inside = _pauses_inside.set(True)
        try:
            return await call(*args, **kwargs)
        finally:
            _pauses_inside.reset(inside)

    return paused


def _pausing_step(rows: Callable[[Any, Step], Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def paused(connection: Any, step: Step) -> Any:
        if not _pauses_inside.get():
            return await rows(connection, step)
        async with _turn():
            return await rows(connection, step)

    return paused
