"""The file of a log, held against its path: what is not there any more is not written or read.

Rule: a database that is in use is only looked at with stat, or by SQLite. To open and close it here
would drop the locks that SQLite has on it (https://sqlite.org/howtocorrupt.html, section 2.2).

SQLite itself refuses to write to a file that was moved (SQLITE_READONLY_DBMOVED), though not in WAL
mode, where it makes no journal; and it makes a new file where it finds none.
"""

import itertools
import os
from collections.abc import Iterable
from typing import Any, Final

from eventlog.addresses.log import SqliteAddress, printable
from eventlog.errors import FileReplacedError
from eventlog.store.sqlite.beside import Beside, MissedError, Name
from eventlog.store.sqlite.file import LogConnection
from eventlog.store.sqlite.whole import has_events, is_whole, was_begun_anew

KNOWN: Final = 8
"""How many streams are looked up where the file may have been written over."""

_NOT: Final = "Nothing was stored."
_LATE: Final = (
    "That happened during a commit, which is in doubt: it is in the file that was open, and not in"
    " what is at the path now."
)
_ANEW: Final = (
    "Put it back where it was, or put back a backup (eventlog recover). Then close every handle on"
    " the log, and open it anew."
)


class HeldFile:
    """What the path of a log named when this process opened it first.

    One object for all connections of a store; a child process goes on with it. Threads share it
    without a lock: they find the same file, or raise.
    """

    def __init__(self, address: SqliteAddress, journal_size_limit: int) -> None:
        self._address: Final = address
        path = address.path
        self._is_file: Final = path is not None
        self._database: Final = Name(path or "")
        self.beside: Final = Beside(path or "", journal_size_limit)
        self._link: Final = address.link

    @property
    def is_known(self) -> bool:
        """Whether it was opened before: from then on it is not created."""
        return self._database.inode is not None

    @property
    def wal_bytes(self) -> int:
        """How long the write-ahead log was after the last commit of this process."""
        return self.beside.wal_bytes

    @property
    def is_replaced(self) -> bool:
        """Whether another file is at the path now."""
        try:
            if self.is_known:
                self._database.look()
        except MissedError as missed:
            return missed.is_replaced
        return False

    @property
    def is_gone(self) -> bool:
        """Whether nothing is at the path any more."""
        return self.is_known and not os.path.exists(self._database.path)

    def check(self) -> None:
        """Raise FileReplacedError unless the path names the file that is open, as long as ever."""
        if not self._is_file:
            return
        try:
            now = self._database.look()
        except MissedError as missed:
            raise self._error(missed.path, missed.what, _NOT) from missed.__cause__
        self._check_there(now)

    def check_writing(self, db: LogConnection, known: dict[bytes, Any] | None = None) -> None:
        """Raise FileReplacedError unless all that a commit needs is there. Inside a transaction.

        `known` are ends of streams that this process has seen or stored. A file that nobody can
        write has nothing beside it: there SQLite refuses the first change.
        """
        if not self._is_file or db.frozen is not None:
            return
        now, length = self._names(_NOT)
        self._check_there(now)
        if length < self.beside.wal_bytes:
            self._check_wal(length)
        if known is not None and now.st_mtime_ns != self._database.written_at:
            self._check_over(now, known)

    def fill_ahead(self) -> None:
        """Give what is about to be committed room in the write-ahead log."""
        if self._is_file:
            self.beside.fill_ahead()

    def check_written(self) -> None:
        """Raise FileReplacedError if what was just committed is in a file without a name."""
        if self._is_file:
            now, length = self._names(_LATE)
            # What got shorter is looked at before the next commit.
            if now.st_size >= self._database.size:
                self._database.accept(now)
            if length >= self.beside.wal_bytes:
                self.beside.accept(length)

    def _names(self, stored: str) -> tuple[os.stat_result, int]:
        """Return what the database is, and how long its write-ahead log: both are there."""
        try:
            return self._database.look(), self.beside.look()
        except MissedError as missed:
            raise self._error(missed.path, missed.what, stored) from missed.__cause__

    def _check_there(self, now: os.stat_result) -> None:
        if now.st_size < self._database.size:
            self._check_whole(now)
        if self._link is not None:
            self._follow(self._link)

    def _follow(self, link: str) -> None:
        found = self._database
        try:
            now = os.stat(link)
        except OSError as error:
            raise self._error(link, "leads nowhere any more", _NOT) from error
        if (now.st_ino, now.st_dev) != (found.inode, found.device):
            raise self._error(link, "leads to another file now", _NOT)

    def _check_whole(self, now: os.stat_result) -> None:
        """Accept what VACUUM shortened: nothing is missing then.

        Of an empty one SQLite would remove the write-ahead log, which may be all that is left.
        """
        if not now.st_size or not is_whole(self._address):
            raise self._error(self._database.path, "was cut off", _NOT)
        self._database.accept(now)

    def _check_wal(self, length: int) -> None:
        """Accept one that was begun anew, all of it in the database, and shortened then."""
        if not was_begun_anew(self.beside.wal) and not is_whole(self._address):
            raise self._error(self.beside.wal, "was cut off", _NOT)
        self.beside.accept(length)

    def _check_over(self, now: os.stat_result, known: dict[bytes, Any]) -> None:
        """Look up some of what is known: somebody else has written to the database.

        Mostly it was a checkpoint of another process. It may be that a copy was written over it.
        """
        newest: Iterable[tuple[bytes, Any]] = itertools.islice(reversed(known.items()), KNOWN)
        ends = [(stream_id, end.head.version, end.head.hash) for stream_id, end in newest]
        if not has_events(self._address, ends):
            raise self._error(self._database.path, "was written over with something else", _NOT)
        self._database.accept(now)

    def _error(self, path: str, what: str, stored: str) -> FileReplacedError:
        return FileReplacedError(
            f"{printable(path)} {what}, though the log is open. {stored} {_ANEW}", path
        )
