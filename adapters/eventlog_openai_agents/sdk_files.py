"""Explains an error where a database holds the history of the SDK's own sessions."""

from types import TracebackType
from typing import Final

from eventlog.errors import NotAnEventLogError

_MESSAGE_COLUMNS: Final = {"session_id", "message_data"}
"""What the message table of each of the SDK's SQL sessions has, whatever it is called."""


class explained:  # noqa: N801 - a context manager, read as a word
    """Translate NotAnEventLogError where the database is one of the SDK's sessions."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, NotAnEventLogError):
            _explain(error)


def _explain(error: NotAnEventLogError) -> None:
    messages = [name for name, columns in error.tables.items() if set(columns) >= _MESSAGE_COLUMNS]
    if messages:
        raise NotAnEventLogError(
            "This database holds the history of the SDK's own sessions (SQLiteSession,"
            " AsyncSQLiteSession, AdvancedSQLiteSession or SQLAlchemySession) in the table"
            f" {messages[0]!r}, and no event log. It was left untouched. Give import_existing=True"
            " to the session to copy that history into a log beside it, give the event log a file"
            " of its own, or keep opening this one with the session that wrote it.",
            error.tables,
        ) from error
