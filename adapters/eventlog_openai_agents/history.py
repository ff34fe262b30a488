"""History, undo, redo, forks and labels of a session's conversation."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from eventlog import Results
from eventlog_openai_agents.current import CurrentBranch
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections import Change, Conversation, Diff, HistoryEvent, Labels, LabelsDiff


class WithHistory(CurrentBranch):
    """Reads and changes the past of the current branch; labels are of the whole conversation.

    `actor` and `reason` are recorded with the event. Nothing is ever lost: whatever was taken back
    is still in the log. What takes items or labels away returns a `Change`: what went and came, and
    the way back.
    """

    def history(self) -> Results[HistoryEvent]:
        """Iterate over every event, in order, with what it did; `all()` returns them as a list."""
        return self._open().history()

    async def undo(
        self, turns: int = 1, *, actor: str | None = None, reason: str | None = None
    ) -> Change[Diff]:
        """Take back the last turns: a user's message, and everything up to the next one.

        A call is never parted from its output. Raises NoSuchTurnError, which is a ValueError, if
        the list has not as many turns.
        """
        conversation, context = self._open(), self._context(None, actor)
        return await self._settled(conversation.undo(turns, reason=reason, context=context))

    async def redo(self, *, actor: str | None = None, reason: str | None = None) -> Change[Diff]:
        """Take back the last undo. Raises NothingToRedoError, which is a ValueError."""
        conversation, context = self._open(), self._context(None, actor)
        return await self._settled(conversation.redo(reason=reason, context=context))

    async def restore(
        self, version: int | datetime, *, actor: str | None = None, reason: str | None = None
    ) -> Change[Diff]:
        """Make the list again what it was at a version or an aware datetime."""
        conversation, context = self._open(), self._context(None, actor)
        restoring = conversation.restore(version, reason=reason, context=context)
        return await self._settled(restoring)

    async def diff(self, a: int | datetime | None = None, b: int | datetime | None = None) -> Diff:
        """Tell what went and what came between two versions or datetimes; None is now."""
        conversation = self._open()
        with explained():
            return await conversation.diff(a, b)

    async def fork(
        self,
        at: int | datetime | None = None,
        session_id: str | None = None,
        *,
        actor: str | None = None,
        reason: str | None = None,
    ) -> Self:
        """Return a session of a new conversation that begins with the items of this one.

        `at` is a version or an aware datetime; without it, now. Without `session_id` a name is made
        up. One event, nothing is copied; the two go their own ways. The new session is on the same
        log: closing the session that opened that log ends both.

        Raises NameTakenError, which is a ValueError, or InvalidMomentError.
        """
        conversation, context = self._open(), self._context(None, actor)
        name = new_name(self.session_id) if session_id is None else session_id
        forking = conversation.fork(name, at=at, reason=reason, context=context)
        await self._settled(forking)
        return self._beside(name)

    async def label(
        self,
        *,
        title: str | None = None,
        owner: str | None = None,
        tags: Iterable[str] | None = None,
        actor: str | None = None,
    ) -> Change[LabelsDiff]:
        """Give the whole conversation a title, an owner or tags.

        None leaves what there is; an empty text, or no tags, removes it.
        """
        main, context = self._main(), self._context(None, actor)
        labelling = main.label(title=title, owner=owner, tags=tags, context=context)
        return await self._settled(labelling)

    async def labels(self) -> Labels:
        """Return the title, the owner and the tags."""
        main = self._main()
        with explained():
            return await main.labels()

    def _main(self) -> Conversation:
        self._open()
        return self._branch()

    def _beside(self, session_id: str) -> Self:
        """Return a session of another conversation on the same log."""
        raise NotImplementedError


def new_name(session_id: str) -> str:
    """Return a unique name for a fork that begins with the name of its parent."""
    return f"{session_id[:200]}-{uuid.uuid4().hex}"
