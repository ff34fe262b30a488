"""Creating and upgrading the tables with Alembic; here for SQLite."""

import contextlib
import functools
import os
import sqlite3
import threading
from collections.abc import Generator
from importlib import resources
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

import eventlog
from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.log import needs_migration
from eventlog.store.sqlite import file as sqlite_file

ALEMBIC: Final = threading.Lock()
"""Alembic keeps its context in globals of the process."""


def migrations_folder() -> str:
    """Return the wheel's copy of the migrations, or the repository's folder."""
    packaged = resources.files(eventlog) / "_migrations"
    if packaged.is_dir():
        return os.fspath(Path(str(packaged)))
    return os.fspath(Path(eventlog.__file__).parent.parent / "alembic")


def config(connection: Connection, schema: str | None) -> Config:
    """Configure Alembic to run on `connection`, inside its transaction."""
    settings = Config()
    settings.set_main_option("script_location", migrations_folder().replace("%", "%%"))
    settings.attributes.update(connection=connection, schema=schema)
    return settings


def upgrade(connection: Connection, schema: str | None) -> None:
    """Run every migration that is missing, in the transaction of `connection`; hold ALEMBIC."""
    command.upgrade(config(connection, schema), "head")


@contextlib.contextmanager
def driver_errors() -> Generator[None]:
    """Let the driver's own error out, which stores know how to translate, without SQLAlchemy's."""
    try:
        yield
    except DBAPIError as error:
        driver = error.orig if error.orig is not None else error
        raise driver.__cause__ or driver from error


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
        sqlite_file.translated(address),
        contextlib.closing(sqlite_file.connect(address, patience)) as db,
        driver_errors(),
    ):
        found = sqlite_file.inspect(db)
        if needs_migration(str(address), *found, upgrade=True, beside=beside):
            _upgrade_sqlite(db)


@functools.cache
def new_memory_log() -> bytes:
    """Return a migrated, empty database: a memory log starts from a copy of these bytes."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        _upgrade_sqlite(db)
        return db.serialize()


def _upgrade_sqlite(db: sqlite3.Connection) -> None:
    with ALEMBIC, sqlite_connection(db) as connection:
        upgrade(connection, None)


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
