"""Putting a backup of a SQLite file in the place of a log that nobody uses.

Rule: at every moment either the old log or the new one is at the path; where the old one is kept,
all of it is at its new name before anything of it goes.
"""

import contextlib
import os
from collections.abc import Callable, Generator
from typing import Final

from eventlog.addresses.log import SqliteAddress, printable
from eventlog.errors import BusyError, InvalidOptionError, UnavailableError
from eventlog.files import OWNER, keep, put
from eventlog.store.sqlite.backup import backup_sqlite
from eventlog.store.sqlite.errors import translated
from eventlog.store.sqlite.file import connect

BESIDE: Final = ("-wal", "-journal", "-shm")
"""What SQLite keeps beside a database; the last one is of no use without its processes."""

_SHARED: Final = 0x40000002, 510
"""The first byte, and how many, that SQLite locks for reading: https://sqlite.org/lockingv3.html.

In WAL mode a connection has them for as long as it is open.
"""


def copy_beside(
    backup: SqliteAddress, to: SqliteAddress, progress: Callable[[int, int], None] | None
) -> SqliteAddress:
    """Copy a backup into the folder of the log that it will be; nothing reads it there."""
    source, target = backup.path or "", to.path or ""
    if all(map(os.path.exists, (source, target))) and os.path.samefile(source, target):
        raise InvalidOptionError(f"{backup} is the log itself. Name a backup of it.")
    copy = SqliteAddress(f"{target}.recovering")
    remove(copy)
    backup_sqlite(backup, copy.path or "", progress, OWNER)
    return copy


def tenants(address: SqliteAddress) -> list[str]:
    """Return the tenants of a log; one where there is none."""
    with translated(address), contextlib.closing(connect(address, 0.0, "rw")) as db:
        rows = db.execute("SELECT DISTINCT tenant FROM streams ORDER BY tenant").fetchall()
    return [tenant for (tenant,) in rows] or ["default"]


def remove(address: SqliteAddress) -> None:
    """Remove a file with what lies beside it, if it is there."""
    for ending in ("", *BESIDE):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{address.path}{ending}")


def put_in_place(new: SqliteAddress, to: SqliteAddress, aside: str | None) -> bool:
    """Give a complete log the name of another, which is kept `aside`, or goes.

    Return whether there was one. Raises BusyError, with nothing changed, while others use it.
    """
    target = to.path or ""
    with _nobody_uses(to):
        there = [ending for ending in ("", *BESIDE) if os.path.lexists(f"{target}{ending}")]
        try:
            if aside is not None:
                for ending in there:
                    if ending != "-shm":
                        keep(f"{target}{ending}", f"{aside}{ending}")
            for ending in there:
                if ending:
                    os.unlink(f"{target}{ending}")
            put(new.path or "", target)
        except OSError as error:
            raise UnavailableError(f"{to} could not be replaced: {error}.") from error
    return bool(there)


@contextlib.contextmanager
def _nobody_uses(address: SqliteAddress) -> Generator[None]:
    """Keep every other process from beginning to read, or raise BusyError.

    Not for a file that this process has open: the lock would be no lock, and closing drops others.
    """
    try:
        import fcntl
    except ImportError:  # Windows does not let go of the name of a file that is open.
        yield
        return
    try:
        descriptor = os.open(address.path or "", os.O_RDWR)
    except FileNotFoundError:
        yield
        return
    except OSError as error:
        raise UnavailableError(f"{address} cannot be written: {error}.") from error
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, _SHARED[1], _SHARED[0])
        yield
    except BlockingIOError as error:
        raise BusyError(
            f"{address} is in use by another process. Nothing was changed. End every program that"
            " has it open (workers too), and recover it then."
        ) from error
    finally:
        os.close(descriptor)


def free_name(to: SqliteAddress, at: str) -> str:
    """Return a name beside the log that nothing has."""
    name = f"{to.path}.replaced-{at}"
    numbers = (f"{name}.{number}" for number in range(1, 1000))
    for one in (name, *numbers):
        if not any(os.path.lexists(f"{one}{ending}") for ending in ("", *BESIDE)):
            return one
    raise InvalidOptionError(f"{printable(name)} is there a thousand times. Remove some.")
