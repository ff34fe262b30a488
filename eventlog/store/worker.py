"""A thread that owns one sqlite3 connection: one hop for a whole function, not one a statement.

aiosqlite offers a hop for each statement only, and its thread keeps a process alive that never
closed it; docs/adr/0002 has the measurements.
"""

import asyncio
import contextlib
import sqlite3
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from eventlog.settle import Mutation

_T = TypeVar("_T")


class _Job(NamedTuple, Generic[_T]):
    function: Callable[[sqlite3.Connection], _T]
    answer: "asyncio.Future[_T]"


_Inbox = SimpleQueue["_Job[Any] | None"]


class Worker:
    """Runs functions on the connection that `connect` opens, one at a time, in order of arrival.

    The thread starts with the first function and ends when the worker is closed or forgotten by
    everybody; it never keeps the process alive. A failed `connect` is told to the function that
    waited for it, and tried again for the next.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._inbox: _Inbox = SimpleQueue()
        self._thread = threading.Thread(
            target=_serve, args=(self._inbox, connect), name="eventlog-sqlite", daemon=True
        )
        self._start = threading.Lock()
        self._stop = weakref.finalize(self, self._inbox.put, None)
        self._stop.atexit = False

    def read(self, function: Callable[[sqlite3.Connection], _T]) -> "asyncio.Future[_T]":
        """Queue a function that changes nothing; whoever waits may be cancelled."""
        return self._submit(function, asyncio.get_running_loop().create_future())

    def write(self, function: Callable[[sqlite3.Connection], _T]) -> "asyncio.Future[_T]":
        """Queue a mutation; whoever waits is cancelled only after it."""
        return self._submit(function, Mutation(loop=asyncio.get_running_loop()))

    def _submit(
        self, function: Callable[[sqlite3.Connection], _T], answer: "asyncio.Future[_T]"
    ) -> "asyncio.Future[_T]":
        self._inbox.put(_Job(function, answer))
        if self._thread.ident is None:
            self._begin()
        return answer

    def close(self) -> None:
        """Finish what is queued, close the connection, end the thread. Idempotent."""
        self._stop()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _begin(self) -> None:
        with self._start:
            if self._thread.ident is None:
                self._thread.start()


def _serve(inbox: _Inbox, connect: Callable[[], sqlite3.Connection]) -> None:
    connection: sqlite3.Connection | None = None
    while (job := inbox.get()) is not None:
        try:
            if connection is None:
                connection = connect()
            result = job.function(connection)
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            _tell(job.answer, _fail, error)
        else:
            _tell(job.answer, _succeed, result)
        del job
    if connection is not None:
        connection.close()


def _tell(answer: "asyncio.Future[Any]", how: Callable[..., None], what: object) -> None:
    # A loop that was closed meanwhile has nobody left who waits.
    with contextlib.suppress(RuntimeError):
        answer.get_loop().call_soon_threadsafe(how, answer, what)


def _succeed(answer: "asyncio.Future[Any]", result: object) -> None:
    if not answer.done():
        answer.set_result(result)


def _fail(answer: "asyncio.Future[Any]", error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)
