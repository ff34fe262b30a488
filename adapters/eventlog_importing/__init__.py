"""Imports what the sessions of the OpenAI Agents SDK stored into a log, row by row.

Used by the command and by the session; imports `eventlog_projections` and `eventlog`, and no SDK.
"""

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
