"""Creating and upgrading the tables of a SQLite file."""

import contextlib
import sqlite3
from collections.abc import Generator
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import StaticPool

from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.revisions import VERSION_TABLE, needs_migration
from eventlog.store.migrations import ALEMBIC, driver_errors, upgrade
from eventlog.store.sqlite.errors import translated
from eventlog.store.sqlite.file import connect, inspect
from eventlog.store.sqlite.generated import MADE
from eventlog.store.sqlite.making import make
from eventlog.store.sqlite.protection import protect


@contextlib.contextmanager
def sqlite_connection(db: sqlite3.Connection) -> Generator[Connection]:
    """Lend `db` to SQLAlchemy for one transaction that takes the write lock at once."""
    engine = create_engine("sqlite://", creator=lambda: db, poolclass=StaticPool)
    event.listen(engine, "begin", _begin_immediate)
    with engine.begin() as connection:
        yield connection


def migrate_sqlite(address: SqliteAddress, patience: float, *, beside: bool = False) -> None:
    """Bring the file up to this release; concurrent callers wait for each other's write lock."""
    with (
        translated(address),
        contextlib.closing(connect(address, patience)) as db,
        driver_errors(),
    ):
        found = inspect(db)
        if needs_migration(str(address), *found, upgrade=True, beside=beside):
            if VERSION_TABLE in found[0]:
                _upgrade_sqlite(db)
            else:
                make(db)
        protect(db, MADE)


def migrated_in_memory() -> bytes:
    """Return an empty database as the migrations make it: the frozen DDL is generated from it."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _upgrade_sqlite(db)
        return db.serialize()


def _upgrade_sqlite(db: sqlite3.Connection) -> None:
    with ALEMBIC, sqlite_connection(db) as connection:
        upgrade(connection, None)


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
