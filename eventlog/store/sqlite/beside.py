"""Names that SQLite goes by: the file of a log, its write-ahead log, and the index of that.

A stat of a file between two writes makes the second one dearer: since Linux 6.13 the file system
gives it a time of its own, which it has to store too. What is written at every commit is therefore
not looked at. Its folder is, which changes whenever a name in it does, and its length comes from a
descriptor.
"""

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from eventlog.store.sqlite.file import LogConnection

AHEAD: Final = 256 * 1024
"""Bytes that a write-ahead log is filled with ahead of what SQLite writes."""

SETTLED: Final = 100_000_000
"""Nanoseconds after which a change of a folder is told from the next one, by its time alone."""


class MissedError(Exception):
    """A name that is not what it was, and what is the matter with it."""

    def __init__(self, path: str, what: str, *, is_replaced: bool = False) -> None:
        super().__init__(path, what)
        self.path: Final = path
        self.what: Final = what
        self.is_replaced: Final = is_replaced


class Name:
    """A name in a folder, and the file that it meant when it was looked at first."""

    __slots__ = ("device", "inode", "path", "size", "written_at")

    def __init__(self, path: str) -> None:
        self.path: Final = path
        self.forget()

    def forget(self) -> None:
        """Take whatever has the name next."""
        self.inode: int | None = None
        self.device = 0
        self.size = 0
        self.written_at = 0
        """When somebody wrote to it, as of the last `accept`."""

    def look(self) -> os.stat_result:
        """Return what has the name now. Raises MissedError unless it is the same file as before."""
        try:
            now = os.stat(self.path)
        except OSError as error:
            raise MissedError(self.path, "is not there any more") from error
        if now.st_ino != self.inode or now.st_dev != self.device:
            if self.inode is not None:
                raise MissedError(self.path, "is another file now", is_replaced=True)
            self.inode, self.device = now.st_ino, now.st_dev
        return now

    def accept(self, now: os.stat_result) -> None:
        """Take the file as it is."""
        self.size = now.st_size
        self.written_at = now.st_mtime_ns


class Beside:
    """The write-ahead log of a database and its index, as the connections of a process use them.

    They are there while a connection is; the last one that is closed removes them. The log is not
    filled ahead beyond `limit` bytes.
    """

    def __init__(self, path: str, limit: int) -> None:
        self._limit: Final = limit
        self._folder: Final = os.path.dirname(path)
        self._index: Final = Name(f"{path}-shm")
        self._wal: Final = Name(f"{path}-wal")
        self._descriptor: int | None = None
        self._release: Callable[[], object] = _nothing
        self._seen: tuple[int, int, int] | None = None
        self._is_growing = False
        self._connections = 0
        self._gate = threading.Lock()

    @property
    def wal(self) -> str:
        """The path of the write-ahead log."""
        return self._wal.path

    @property
    def wal_bytes(self) -> int:
        """How long that was at the last `accept`."""
        return self._wal.size

    def look(self) -> int:
        """Return how long the write-ahead log is, in bytes.

        Raises MissedError unless both names mean what they meant.
        """
        try:
            folder = os.stat(self._folder)
        except OSError as error:
            raise MissedError(self._folder, "is not there any more") from error
        seen = folder.st_dev, folder.st_ino, folder.st_ctime_ns
        if seen != self._seen:
            self._index.look()
            self._open(self._wal.look())
            is_settled = time.time_ns() - folder.st_ctime_ns > SETTLED
            self._seen = seen if is_settled else None
        if self._descriptor is None:
            return self._wal.look().st_size
        return os.lseek(self._descriptor, 0, os.SEEK_END)

    def accept(self, length: int) -> None:
        """Take the write-ahead log as it is. What grows by more than AHEAD is not filled ahead."""
        self._is_growing = 0 < self._wal.size < length < self._wal.size + AHEAD
        self._wal.size = length

    def fill_ahead(self) -> None:
        """Lengthen a write-ahead log that is growing, with zeros: no frame that SQLite would take.

        Only while its write lock is held. A flush of what lies within a file takes half the time of
        one that also has to store how long the file is by now (docs/adr/0026).
        """
        if self._is_growing and self._descriptor is not None:
            length = os.lseek(self._descriptor, 0, os.SEEK_END)
            if length + AHEAD <= self._limit:
                with contextlib.suppress(OSError):  # Then it grows as SQLite makes it grow.
                    length += os.pwrite(self._descriptor, bytes(AHEAD), length)
            self._wal.size, self._is_growing = length, False

    def opened(self, db: LogConnection) -> None:
        """Count a connection, until it is closed."""
        with self._gate:
            self._connections += 1
        db.closing = self._close

    def _close(self, close: Callable[[], None]) -> None:
        """Close a connection; what SQLite removes with the last one is not missed."""
        with self._gate:
            try:
                self.look()
                is_sound = True
            except MissedError:
                is_sound = False
            self._connections -= 1
            close()
            if not self._connections:
                self._let_go()
                if is_sound:
                    self._index.forget()
                    self._wal.forget()

    def reset_after_fork(self) -> None:
        """Count anew in a child process, which leaves the connections of its parent alone."""
        self._gate = threading.Lock()
        self._connections = 0

    def _open(self, wal: os.stat_result) -> None:
        """Keep the file open: SQLite takes no lock on it, so that closing it drops none."""
        if self._descriptor is None:
            try:
                descriptor = _descriptor(self._wal.path)
            except FileNotFoundError as error:
                raise MissedError(self._wal.path, "is not there any more") from error
            except OSError:
                return  # Too many are open, perhaps: its name does too.
            self._descriptor = descriptor
            self._release = weakref.finalize(self, os.close, descriptor)
            now = os.fstat(descriptor)
            if (now.st_ino, now.st_dev) != (wal.st_ino, wal.st_dev):
                self._let_go()
                raise MissedError(self._wal.path, "is another file now", is_replaced=True)

    def _let_go(self) -> None:
        self._seen = None
        self._descriptor = None
        self._release()


def _descriptor(path: str) -> int:
    """Open a file for writing too, if that is allowed."""
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _nothing() -> None:
    pass
