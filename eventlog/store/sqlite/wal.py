"""Keeping the write-ahead log of a file from growing without end.

SQLite begins it anew once all of it is in the database and no reader uses it. Readers that overlap
all the time never let that happen; one checkpoint that waits for them does
(https://sqlite.org/wal.html, section 6).
"""

import logging
import sqlite3
from typing import Final

from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.options import SqliteOptions
from eventlog.store.sqlite.held import HeldFile

PATIENCE: Final = 1.0
"""Seconds that a checkpoint waits for readers at most; other writers wait meanwhile."""

_MIB: Final = 1024 * 1024

_log: Final = logging.getLogger("eventlog.store.sqlite")


class WriteAheadLog:
    """Bounds the write-ahead log of one file, as seen by one writer."""

    def __init__(self, address: SqliteAddress, options: SqliteOptions, file: HeldFile) -> None:
        self._address: Final = address
        self._file: Final = file
        self._limit: Final = options.journal_size_limit
        self._patience: Final = options.busy_timeout
        self._next = self._limit
        """Bytes from which on it is too long."""

    def bound(self, db: sqlite3.Connection) -> None:
        """After a commit: have a log that is too long begun anew, or say that somebody reads it."""
        size = self._file.wal_bytes
        if size <= self._limit:
            self._next = self._limit
        elif size > self._next:
            self._next = size if self._begin_anew(db) else size + max(self._limit, _MIB)

    def _begin_anew(self, db: sqlite3.Connection) -> bool:
        try:
            self._wait(db, min(self._patience, PATIENCE))
            (busy, *_) = db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        except sqlite3.Error as error:
            _log.warning("%s: the write-ahead log could not be ended: %s", self._address, error)
            return False
        finally:
            self._wait(db, self._patience)
        if busy:
            _log.warning(
                "%s: the write-ahead log has %d MiB and goes on growing: some program reads the"
                " file without a pause, or keeps a transaction open.",
                self._address,
                self._file.wal_bytes // _MIB,
            )
        return not busy

    def _wait(self, db: sqlite3.Connection, seconds: float) -> None:
        db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
