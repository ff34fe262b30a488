"""Finds the source for a path, a URL, an engine, a client or a session."""

import os
from typing import Any, Final, cast

from eventlog.errors import InvalidOptionError
from eventlog_importing.from_encrypted import EncryptedSessionSource
from eventlog_importing.from_redis import RedisSource
from eventlog_importing.from_session import SessionSource
from eventlog_importing.from_sqlalchemy import SQLAlchemySource
from eventlog_importing.from_sqlite import SQLiteSource
from eventlog_importing.rows import Source

_REDIS: Final = ("redis", "rediss", "valkey", "valkeys", "unix")


def recognise(source: Any) -> Source:
    """Return the source that `source` is or names. Raises InvalidOptionError."""
    if isinstance(source, str):
        return _named(source)
    if isinstance(source, os.PathLike):
        return SQLiteSource(os.fspath(cast("os.PathLike[str]", source)))
    if hasattr(source, "chunks") and hasattr(source, "layout"):
        return source  # type: ignore[no-any-return]
    if hasattr(source, "sync_engine"):
        return SQLAlchemySource(source)
    if hasattr(source, "scan_iter"):
        return RedisSource(source)
    if hasattr(source, "get_items"):
        return _of_session(source)
    raise InvalidOptionError(
        f"A {type(source).__name__} is nothing that can be imported. Give the path of a SQLite"
        " file, a SQLAlchemy or Redis URL, an async engine, a client of redis.asyncio, a session,"
        " or one of the sources in eventlog_importing."
    )


def _named(name: str) -> Source:
    scheme = name.partition("://")[0].partition("+")[0].lower()
    if "://" not in name:
        return SQLiteSource(name)
    if scheme == "sqlite":
        return SQLiteSource(name.partition("://")[2].partition("?")[0].removeprefix("/"))
    if scheme in _REDIS:
        return RedisSource(name)
    return SQLAlchemySource(name)


def _of_session(session: Any) -> Source:
    if hasattr(session, "cipher") and hasattr(session, "underlying_session"):
        return EncryptedSessionSource(session, _of_session(session.underlying_session))
    return SessionSource(session)
