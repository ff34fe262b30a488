"""Compiling statements, and marking the functions that build them with their databases.

Rule: a marked function takes the tables and builds one statement of its name. What is marked is
generated (tests/databases/generate.py) and found by its name at run time.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final, TypeVar

from sqlalchemy import ClauseElement
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect as Driver

from eventlog.store.sql.schema import Dialect, Tables
from eventlog.store.sql.statement import Statement

Build = Callable[[Tables], ClauseElement]
_B = TypeVar("_B", bound=Build)

_DRIVERS: Final[Mapping[Dialect, Driver]] = {
    "sqlite": sqlite.dialect(paramstyle="qmark"),
    "postgresql": asyncpg.dialect(),  # type: ignore[no-untyped-call]
}
_DIALECTS: Final[dict[Build, tuple[Dialect, ...]]] = {}


def on_both(build: _B) -> _B:
    """Mark a statement of both databases."""
    _DIALECTS[build] = ("sqlite", "postgresql")
    return build


def on_sqlite(build: _B) -> _B:
    """Mark a statement that only SQLite runs."""
    _DIALECTS[build] = ("sqlite",)
    return build


def on_postgres(build: _B) -> _B:
    """Mark a statement that only PostgreSQL runs."""
    _DIALECTS[build] = ("postgresql",)
    return build


def marked(module: ModuleType, dialect: Dialect) -> dict[str, Build]:
    """Return the functions of a module that build a statement of `dialect`, by name."""
    return {
        build.__name__: build
        for build, dialects in _DIALECTS.items()
        if dialect in dialects and build.__module__ == module.__name__
    }


def compiled(statement: ClauseElement, dialect: Dialect) -> Statement:
    """Compile for the driver."""
    done = statement.compile(dialect=_DRIVERS[dialect])
    defaults: Mapping[str, Any] = done.params or {}
    names: list[str] = getattr(done, "positiontup", None) or []
    return Statement(str(done), tuple((name, defaults[name]) for name in names))


def inlined(statement: ClauseElement, dialect: Dialect) -> str:
    """Compile with the values in the text: the database keeps the text of an SQL view."""
    literal = {"literal_binds": True}
    return str(statement.compile(dialect=_DRIVERS[dialect], compile_kwargs=literal))
