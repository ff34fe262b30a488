"""Running work on a SQLite file: a whole generator in one hop to the thread of a connection."""

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final, TypeVar

from eventlog import os_fork
from eventlog.addresses.log import SqliteAddress
from eventlog.format.records import AppendRequest, Outcome, held
from eventlog.limiter import ByteLimiter
from eventlog.paging import PAGE_BYTES
from eventlog.store.contract.options import Options
from eventlog.store.nouns.concerned import concerning
from eventlog.store.nouns.work import Ask, AskPage, Each, Repeat, Rows, Step, Work, is_refused
from eventlog.store.sqlite.append import Committer
from eventlog.store.sqlite.errors import commit, is_unfit, roll_back, translated
from eventlog.store.sqlite.file import LogConnection
from eventlog.store.sqlite.held import HeldFile
from eventlog.store.sqlite.opening import open_log
from eventlog.store.sqlite.wal import WriteAheadLog
from eventlog.store.sqlite.worker import Worker

_T = TypeVar("_T")


class SqliteRunner:
    """A Runner with a connection that writes, one that reads and one that examines.

    Appends go in groups. What looks at the whole file keeps no other read waiting, and is done
    while those who check what they read compute.
    """

    def __init__(self, address: SqliteAddress, options: Options) -> None:
        self._address = address
        self._options = options
        self.file: Final = HeldFile(address, options.sqlite.journal_size_limit)
        self._begin()
        os_fork.register(self)

    def _begin(self) -> None:
        # Not a method: a thread that knew the runner would keep it from ever being collected.
        connect = functools.partial(open_log, self._address, self._options, self.file)
        self._committer = Committer(self._address, self.file)
        wal = WriteAheadLog(self._address, self._options.sqlite, self.file)
        committer = functools.partial(_commit, self._committer, wal)
        self._limiter = ByteLimiter()
        # A memory database is its one connection; a WAL file is read beside the writer.
        in_memory = self._address.path is None
        spoils = _never if in_memory else is_unfit
        self._writer = Worker(connect, committer, spoils)
        self._reader = self._writer if in_memory else Worker(connect, committer, spoils)
        self._examiner = self._writer if in_memory else Worker(connect, committer, spoils)

    async def append(self, request: AppendRequest) -> Outcome:
        """Append, in one transaction with whatever else waits at the same time."""
        size = request.size
        await self._limiter.enter(size)
        try:
            with concerning(request.name):
                return await self._writer.append(request, size)
        finally:
            self._limiter.leave(size)

    async def read(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._reader.run(functools.partial(self._answer, begin))

    async def examine(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._examiner.run(functools.partial(self._answer, begin))

    async def read_at_once(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._reader.run(functools.partial(self._look, begin))

    async def write(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self.transact(begin)

    async def transact(self, begin: Callable[[], Work[_T]]) -> _T:
        return await self._writer.run(functools.partial(self._change, begin))

    def close(self) -> None:
        """Finish what is queued, and close the connections. Idempotent."""
        for worker in (self._writer, self._reader, self._examiner):
            worker.close()

    def reset_after_fork(self) -> None:
        """Leave the connections of the parent alone: closing one would drop its file locks."""
        os_fork.keep_alive((self._writer, self._reader, self._examiner))
        self.file.beside.reset_after_fork()
        self._begin()

    def _answer(self, begin: Callable[[], Work[_T]], db: sqlite3.Connection) -> _T:
        with translated(self._address):
            self.file.check()
            return self._run(db, begin())

    def _look(self, begin: Callable[[], Work[_T]], db: sqlite3.Connection) -> _T:
        with translated(self._address), _transaction(db, "BEGIN"):
            self.file.check()
            done = self._run(db, begin())
            db.execute("COMMIT")
            return done

    def _change(self, begin: Callable[[], Work[_T]], db: LogConnection) -> _T:
        with translated(self._address), _transaction(db, "BEGIN IMMEDIATE"):
            self.file.check_writing(db)
            done = self._run(db, begin())
            if is_refused(done):
                db.execute("ROLLBACK")
            else:
                commit(self._address, db, self.file)
            return done

    def _run(self, db: sqlite3.Connection, work: Work[_T]) -> _T:
        try:
            step = next(work)
            while True:
                step = work.send(self._rows(db, step))
        except StopIteration as end:
            done: _T = end.value
            return done

    def _rows(self, db: sqlite3.Connection, step: Step) -> Rows:
        if isinstance(step, Ask):
            return fetch(db, step.text, step.args)
        if isinstance(step, AskPage):
            return fetch(db, step.text, step.args, PAGE_BYTES)
        if isinstance(step, Each):
            return _fetch_each(db, step)
        if isinstance(step, Repeat):
            db.executemany(step.text, step.every)
        else:
            self._committer.evict(step.stream_id)
        return []


@contextlib.contextmanager
def _transaction(db: sqlite3.Connection, start: str) -> Generator[None]:
    """Begin one, which is rolled back if it fails."""
    db.execute(start)
    try:
        yield
    except BaseException:
        roll_back(db)
        raise


def _commit(
    committer: Committer,
    wal: WriteAheadLog,
    db: LogConnection,
    requests: list[AppendRequest],
) -> list[Outcome | BaseException]:
    outcomes = committer(db, requests)
    wal.bound(db)
    return outcomes


def _never(_: object) -> bool:
    return False


def _fetch_each(db: sqlite3.Connection, step: Each) -> Rows:
    found: Rows = []
    room = PAGE_BYTES
    for values in step.every:
        if step.limit is None:
            found += fetch(db, step.statement.text, step.statement.args({**values, **step.alike}))
            continue
        if room <= 0:
            break
        args = step.statement.args({**values, **step.alike, "limit": step.limit - len(found)})
        rows = fetch(db, step.statement.text, args, room)
        found += rows
        room -= sum(map(held, rows))
    return found


def fetch(db: sqlite3.Connection, text: str, args: Sequence[Any], most: int | None = None) -> Rows:
    """Return the rows of a statement; text that is none comes back escaped.

    With `most`, only those until events at their ends hold so many bytes; others are not read.
    """
    read = _all if most is None else functools.partial(_until, most)
    try:
        return read(db.execute(text, args))
    except sqlite3.OperationalError as error:
        if hasattr(error, "sqlite_errorcode"):
            raise
    # Not SQLite's error but Python's: somebody wrote text that is not UTF-8. verify() names it.
    db.text_factory = _escape
    try:
        return read(db.execute(text, args))
    finally:
        db.text_factory = str


def _all(cursor: sqlite3.Cursor) -> Rows:
    return cursor.fetchall()


def _until(most: int, cursor: sqlite3.Cursor) -> Rows:
    found: Rows = []
    for row in cursor:
        found.append(row)
        most -= held(row)
        if most <= 0:
            break
    cursor.close()
    return found


def _escape(text: bytes) -> str:
    return text.decode(errors="surrogateescape")
