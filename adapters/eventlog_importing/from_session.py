"""Reads session objects through their own `get_items`, wherever they store their items."""

from collections.abc import AsyncGenerator
from typing import Any, Final

from eventlog.errors import SourceError
from eventlog.format.codec import encode_json
from eventlog_importing.rows import Chunk, Origin, Row, cut

_ALL: Final = 2_147_483_647
"""More than any session has: its own default limit shall not hide what is older."""


class SessionSource:
    """Session objects, which their owner closes: MongoDBSession, DaprSession and others.

    What such a session skips, as a row that it cannot read, is not seen. It tells no times.
    """

    def __init__(self, *sessions: Any) -> None:
        self._sessions: Final = sessions
        self.layout: Final = " ".join(sorted({type(session).__name__ for session in sessions}))

    async def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield the conversation of each session."""
        for session in self._sessions:
            origin = Origin(_name(session))
            items = await session.get_items(_ALL)
            if not items:
                yield Chunk(origin, [])
            for rows in cut(Row(encode_json(item)) for item in items):
                yield Chunk(origin, rows)


def _name(session: Any) -> str:
    try:
        name: str = session.session_id
    except ValueError as error:
        # OpenAIConversationsSession would create a conversation to have one.
        raise SourceError(
            f"This {type(session).__name__} names no conversation yet: there is nothing to import."
        ) from error
    return name
