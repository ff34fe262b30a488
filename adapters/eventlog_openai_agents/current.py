"""The conversation and the current branch of a session object."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from agents import SessionABC

from eventlog import Context, EventLog
from eventlog.errors import ClosedError
from eventlog.format.names import MAIN, RESERVED, check_name
from eventlog.settle import settle
from eventlog_openai_agents import runs
from eventlog_openai_agents.last_reads import LastReads
from eventlog_openai_agents.runs import Wrapper
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections import Conversation
from eventlog_projections.stream import BeforeUse

T = TypeVar("T")


class CurrentBranch(SessionABC):
    """A session on a conversation of a log; each object begins on the main branch."""

    def __init__(
        self, session_id: str, log: EventLog, actor: str | None, before_use: BeforeUse | None = None
    ) -> None:
        self.session_id = check_name("session_id", session_id)
        self.log: Final = log
        self.actor: Final = actor
        self._before_use: Final = before_use
        self._closed = False
        self._switch(self._branch())

    @property
    def _key(self) -> tuple[str, str]:
        """Tenant and stream, as runs remember what they read."""
        branch = self._conversation.branch
        return self.log.tenant, f"{self.session_id}\x00{branch}" if branch else self.session_id

    def _open(self, branch_id: str | None = None) -> Conversation:
        """Return the branch, or the current one. Raises ClosedError."""
        if self._closed:
            raise ClosedError(f"EventLogSession {self.session_id!r} is closed. Open a new one.")
        if branch_id is None:
            return self._conversation
        return self._branch(branch_of(branch_id))

    def _branch(self, branch: str = MAIN) -> Conversation:
        return Conversation(self.log, self.session_id, branch, before_use=self._before_use)

    def _switch(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._reads = LastReads()

    def _context(self, wrapper: Wrapper | None, actor: str | None) -> Context:
        return runs.describe(wrapper, self._key, actor or self.actor, runs.current_agent())

    async def _settled(self, change: Coroutine[Any, Any, T]) -> T:
        """Await a change; it is carried out or fails even if the caller is cancelled."""
        with explained():
            return await settle(asyncio.ensure_future(change))


def branch_of(branch_id: str) -> str:
    """Return the log's name of a branch that the SDK calls so."""
    return MAIN if branch_id == RESERVED else branch_id


def branch_id_of(conversation: Conversation) -> str:
    """Return the SDK's name of a branch."""
    return conversation.branch or RESERVED
