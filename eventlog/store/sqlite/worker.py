"""A thread that owns one sqlite3 connection: one hop for a whole function, not one a statement.

aiosqlite offers a hop for each statement only, and its thread keeps a process alive that never
closed it; docs/adr/0002 has the measurements.
"""

import asyncio
import contextlib
import sqlite3
import threading
import weakref
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any, Final, Generic, NamedTuple, TypeVar

from eventlog import os_fork
from eventlog.errors import ClosedError, UnavailableError
from eventlog.format.records import AppendRequest, Outcome
from eventlog.settle import Mutation
from eventlog.store.sqlite.file import LogConnection

_T = TypeVar("_T")

MAX_GROUP: Final = 256
"""How many appends one transaction takes at most."""

MAX_GROUP_BYTES: Final = 8 * 1024 * 1024

Connect = Callable[[LogConnection | None], LogConnection]
"""Returns a new connection, or the one that it is given, as long as that will do."""

Spoils = Callable[[object], bool]
Commit = Callable[[LogConnection, list[AppendRequest]], list[Outcome | BaseException]]


class _Job(NamedTuple, Generic[_T]):
    function: Callable[[LogConnection], _T]
    answer: "asyncio.Future[_T]"


class _Append(NamedTuple):
    request: AppendRequest
    size: int
    answer: "asyncio.Future[Outcome]"


_Work = _Job[Any] | _Append | None
_Inbox = SimpleQueue[_Work]
_Told = list[tuple["asyncio.Future[Any]", object]]


class Worker:
    """Runs functions on the connection that `connect` opens, one at a time, in order of arrival.

    Appends that wait at the same time go to `commit` together. The thread starts with the first
    call and ends when the worker is closed or collected as garbage; it never keeps the process
    alive. A failed `connect` is told to whoever waited for it, and tried again for the next. An
    answer that `spoils` the connection has the next call open a new one.
    """

    def __init__(self, connect: Connect, commit: Commit, spoils: Spoils) -> None:
        self._inbox: _Inbox = SimpleQueue()
        self._thread = threading.Thread(
            target=_serve,
            args=(self._inbox, connect, commit, spoils, os_fork.Section()),
            name="eventlog-sqlite",
            daemon=True,
        )
        self._gate = threading.Lock()
        self._stop = weakref.finalize(self, self._inbox.put, None)
        self._stop.atexit = False

    def run(self, function: Callable[[LogConnection], _T]) -> "asyncio.Future[_T]":
        """Queue a function; it runs even if whoever waits for it is cancelled."""
        answer: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._put(_Job(function, answer))
        return answer

    def append(self, request: AppendRequest, size: int) -> "asyncio.Future[Outcome]":
        """Queue an append of about `size` bytes; whoever waits is cancelled only after it."""
        answer: Mutation[Outcome] = Mutation(loop=asyncio.get_running_loop())
        self._put(_Append(request, size, answer))
        return answer

    def close(self) -> None:
        """Finish what is queued, close the connection, end the thread. Idempotent.

        Whoever calls afterwards gets ClosedError: nobody is there to answer.
        """
        with self._gate:
            self._stop()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _put(self, job: "_Job[Any] | _Append") -> None:
        with self._gate:
            if not self._stop.alive:
                raise ClosedError("The log was closed while a call on it was under way.")
            if self._thread.ident is None:
                self._start()
            self._inbox.put(job)  # Not before: nobody would run it, until somebody does.

    def _start(self) -> None:
        try:
            self._thread.start()
        except RuntimeError as error:
            raise UnavailableError(
                f"The thread that SQLite runs in cannot be started ({error}). Nothing was stored."
                " Let the process have more threads or more memory."
            ) from error


def _serve(
    inbox: _Inbox, connect: Connect, commit: Commit, spoils: Spoils, in_sqlite: os_fork.Section
) -> None:
    connection: LogConnection | None = None
    ahead: deque[_Work] = deque()
    while (first := ahead.popleft() if ahead else inbox.get()) is not None:
        work = _gather(first, inbox, ahead)
        answers: _Told
        with in_sqlite.lock:
            try:
                connection = connect(connection)
                answers = _work(connection, commit, work)
            except BaseException as error:  # noqa: BLE001 - told to whoever waits
                answers = [(job.answer, error) for job in work]
            if connection is not None and any(spoils(answer) for _, answer in answers):
                _close(connection)
                connection = None
        del first, work  # Whoever waits for an answer, or the next job, holds on to none.
        _tell(answers)
        del answers
    if connection is not None:
        with in_sqlite.lock:
            _close(connection)


def _close(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.Error):
        connection.close()


def _gather(
    first: "_Job[Any] | _Append", inbox: _Inbox, ahead: "deque[_Work]"
) -> "list[_Job[Any] | _Append]":
    """Return one job, or all the appends that wait one behind the other."""
    group = [first]
    if isinstance(first, _Job):
        return group
    room = MAX_GROUP_BYTES - first.size
    while room > 0 and len(group) < MAX_GROUP:
        try:
            job = inbox.get_nowait()
        except Empty:
            break
        if not isinstance(job, _Append):
            ahead.append(job)
            break
        group.append(job)
        room -= job.size
    return group


def _work(connection: LogConnection, commit: Commit, work: "list[_Job[Any] | _Append]") -> _Told:
    answers = [job.answer for job in work]
    requests = [job.request for job in work if isinstance(job, _Append)]
    if requests:
        return list(zip(answers, commit(connection, requests), strict=True))
    return [(job.answer, _run(connection, job.function)) for job in work if isinstance(job, _Job)]


def _run(connection: LogConnection, function: Callable[[LogConnection], Any]) -> object:
    try:
        return function(connection)
    except BaseException as error:  # noqa: BLE001 - told to whoever waits
        return error


def _tell(answers: _Told) -> None:
    """Give answers with one wake-up for each loop."""
    loops: dict[asyncio.AbstractEventLoop, _Told] = {}
    for answer, outcome in answers:
        loops.setdefault(answer.get_loop(), []).append((answer, outcome))
    for loop, told in loops.items():
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle, told)


def _settle(told: _Told) -> None:
    for answer, outcome in told:
        if answer.done():
            continue
        if isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
