"""Where a session object is: in which conversation of which log, and on which of its branches."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from agents import SessionABC

from eventlog import Context, EventLog
from eventlog.errors import ClosedError
from eventlog.format.names import MAIN, RESERVED, check_name
from eventlog.settle import settle
from eventlog_openai_agents import compaction, runs
from eventlog_openai_agents.runs import Wrapper
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections import Conversation

T = TypeVar("T")


class CurrentBranch(SessionABC):
    """The current branch belongs to the session object: another object begins on the main one."""

    def __init__(self, session_id: str, log: EventLog, actor: str | None) -> None:
        self.session_id = check_name("session_id", session_id)
        self.log: Final = log
        self.actor: Final = actor
        self._closed = False
        self._switch(self._branch())

    @property
    def _key(self) -> tuple[str, str]:
        """What is read and written here, as runs know it."""
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
        return Conversation(self.log, self.session_id, branch)

    async def _ready(self) -> None:
        """Do what has to be done before the log is asked or changed: here nothing."""

    def _switch(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._known = compaction.Known()

    def _context(self, wrapper: Wrapper | None, actor: str | None) -> Context:
        return runs.describe(wrapper, self._key, actor or self.actor, runs.current_agent())

    async def _settled(self, change: Coroutine[Any, Any, T]) -> T:
        """Make a change, which happens or fails even if the caller is cancelled."""

        async def made() -> T:
            try:
                await self._ready()
            except BaseException:
                change.close()
                raise
            return await change

        with explained():
            return await settle(asyncio.ensure_future(made()))


def branch_of(branch_id: str) -> str:
    """Return the log's name of a branch that the SDK calls so."""
    return MAIN if branch_id == RESERVED else branch_id


def branch_id_of(conversation: Conversation) -> str:
    """Return the SDK's name of a branch."""
    return conversation.branch or RESERVED
