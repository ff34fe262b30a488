"""Explains an error where a database holds the history of the SDK's own sessions."""

from typing import Final

from eventlog.errors import NotAnEventLogError
from eventlog.errors.translating import Translator

_MESSAGE_COLUMNS: Final = {"session_id", "message_data"}
"""What the message table of each of the SDK's SQL sessions has, whatever it is called."""


class explained(Translator):  # noqa: N801 - a context manager, read as a word
    """Translate NotAnEventLogError where the database is one of the SDK's sessions."""

    def translate(self, error: BaseException) -> None:
        """Raise an error that names the table."""
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
