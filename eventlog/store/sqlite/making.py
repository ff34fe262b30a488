"""Making a new SQLite log from frozen DDL: what the migrations make of an empty file, at once.

Alembic and SQLAlchemy take half a second to load, which the first append of a new file would wait
for. `MADE` is generated from the migrations, and a test holds a new file to what they make.
"""

import contextlib
import functools
import sqlite3

from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.revisions import HEAD, VERSION_TABLE
from eventlog.store.sqlite.errors import translated
from eventlog.store.sqlite.file import connect, inspect
from eventlog.store.sqlite.generated import MADE


def make_sqlite(address: SqliteAddress, patience: float) -> None:
    """Make the tables in a file; concurrent callers wait for each other's write lock."""
    with translated(address), contextlib.closing(connect(address, patience)) as db:
        make(db)


def make(db: sqlite3.Connection) -> None:
    """Make the tables of a new log in one transaction, unless somebody else was first."""
    db.execute("BEGIN IMMEDIATE")
    try:
        if VERSION_TABLE not in inspect(db)[0]:
            for own in MADE.values():
                db.execute(own.sql)
            db.execute(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (?)", (HEAD,))
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise


@functools.cache
def made_in_memory() -> bytes:
    """Return a new, empty database: a memory log starts from a copy of these bytes."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        make(db)
        return db.serialize()
