"""Copying what the SDK's own sessions stored into a log, each conversation with all its rows."""

from eventlog_importing.copying import import_sessions
from eventlog_importing.from_encrypted import EncryptedSource
from eventlog_importing.from_redis import RedisSource
from eventlog_importing.from_session import SessionSource
from eventlog_importing.from_sqlalchemy import SQLAlchemySource
from eventlog_importing.from_sqlite import SQLiteSource
from eventlog_importing.report import ImportReport, Preserved, Progress, Refused
from eventlog_importing.rows import Chunk, Row, Source

__all__ = [
    "Chunk",
    "EncryptedSource",
    "ImportReport",
    "Preserved",
    "Progress",
    "RedisSource",
    "Refused",
    "Row",
    "SQLAlchemySource",
    "SQLiteSource",
    "SessionSource",
    "Source",
    "import_sessions",
]
