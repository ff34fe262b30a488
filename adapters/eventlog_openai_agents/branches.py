"""Branches, as the SDK's AdvancedSQLiteSession has them, on every database.

A branch is a fork that is named inside its conversation. The main one is called "main".
"""

import time
from typing import Any

from eventlog.errors import InvalidNameError, InvalidOptionError, NameTakenError, NoSuchTurnError
from eventlog.format.envelope import readable_time
from eventlog.format.names import MAIN, RESERVED
from eventlog_openai_agents.current import branch_id_of, branch_of
from eventlog_openai_agents.sdk_files import explained
from eventlog_openai_agents.turns import WithTurns, as_text
from eventlog_projections import Conversation


class WithBranches(WithTurns):
    """Creates, lists and deletes branches, and switches between them.

    Errors are ValueErrors, as in AdvancedSQLiteSession: NoSuchTurnError, NoSuchBranchError,
    NameTakenError, InvalidNameError and InvalidOptionError.
    """

    async def create_branch_from_turn(
        self, turn_number: int, branch_name: str | None = None
    ) -> str:
        """Create a branch of what was before the user's message number `turn_number`, from 1.

        Switches to it, and returns its name, which is made up if none is given.
        """
        current, context = self._open(), self._context(None, None)
        if branch_name is not None and not branch_name.strip():
            raise InvalidNameError("The name of a branch cannot be empty.")
        with explained():
            seen = await current.turns()
        starts = seen.starts
        if not 1 <= turn_number <= len(starts):
            raise NoSuchTurnError(
                f"Branch {branch_id_of(current)!r} of conversation {self.session_id!r} has no turn"
                f" {turn_number}; it has {len(starts)}. Nothing was created."
            )

        async def create(name: str) -> Conversation:
            return await current.fork(
                self.session_id,
                branch=name,
                at=seen.version,
                kept=starts[turn_number - 1],
                context=context,
            )

        async def create_some() -> Conversation:
            base = f"branch_from_turn_{turn_number}_{int(time.time())}"
            name, number = base, 1
            while True:
                try:
                    return await create(name)
                except NameTakenError:
                    number += 1
                    name = f"{base}_{number}"

        created = create_some() if branch_name is None else create(branch_name)
        self._switch(await self._settled(created))
        return branch_id_of(self._conversation)

    async def create_branch_from_content(
        self, search_term: str, branch_name: str | None = None
    ) -> str:
        """Create a branch of what was before the first user's message that holds this text."""
        found = await self.find_turns_by_content(search_term)
        if not found:
            raise NoSuchTurnError(
                f"No user's message of conversation {self.session_id!r} holds that text."
            )
        return await self.create_branch_from_turn(found[0]["turn"], branch_name)

    async def switch_to_branch(self, branch_id: str) -> None:
        """Make another branch the current one; "main" always exists."""
        self._open()
        with explained():
            self._switch(await self._there(branch_id))

    async def delete_branch(
        self,
        branch_id: str,
        force: bool = False,  # noqa: FBT001, FBT002 - as in the SDK
        *,
        actor: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Delete a branch. Its events stay in the log, and its name is not used again.

        With `force` the current one too, which makes "main" the current one. Branches that were
        made from it keep what they inherited.
        """
        self._open()
        if not branch_id.strip():
            raise InvalidNameError("The name of a branch cannot be empty.")
        if branch_id == RESERVED:
            raise InvalidOptionError("The branch 'main' cannot be deleted. Clear the session.")
        is_current = branch_id == self._conversation.branch
        if is_current and not force:
            raise InvalidOptionError(
                f"Branch {branch_id!r} is the current one. Switch to another one first, or give"
                " force=True."
            )
        with explained():
            branch = await self._there(branch_id)
        context = self._context(None, actor)
        await self._settled(branch.delete_branch(reason=reason, context=context))
        if is_current:
            self._switch(self._branch())

    async def list_branches(self) -> list[dict[str, Any]]:
        """Return the branches by age, as dicts.

        Keys: branch_id, message_count, user_turns, is_current and created_at (UTC, to the second).
        Reads every branch.
        """
        current = self._open()
        with explained():
            main = self._branch()
            return [
                await _described(branch, current)
                for branch in (main, *await main.branches())
                if branch is not main or await self.log.version(self.session_id)
            ]

    async def _there(self, branch_id: str) -> Conversation:
        branch, main = branch_of(branch_id), self._branch()
        return main if branch == MAIN else await main.open_branch(branch)


async def _described(branch: Conversation, current: Conversation) -> dict[str, Any]:
    row = await branch.log.stream(branch.name, branch=branch.branch)
    seen = await branch.turns()
    return {
        "branch_id": branch_id_of(branch),
        "message_count": len(seen.items),
        "user_turns": len(seen.starts),
        "is_current": branch.branch == current.branch,
        "created_at": as_text(readable_time(row.created_at if row else 0)),
    }
