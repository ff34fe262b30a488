"""Usage of turns, with the methods of the SDK's AdvancedSQLiteSession, on every database.

Nothing has to be stored by hand: a session that the SDK calls with a run's context records usage
with the items. Numbers are added up; a turn that was undone still counts, for it was paid for.
"""

import logging
from collections.abc import Iterable
from typing import Any, Final

from agents import RunResult, RunResultStreaming

from eventlog import EventLogError, NewEvent
from eventlog_openai_agents import usage
from eventlog_openai_agents.current import CurrentBranch
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections import Conversation
from eventlog_projections.history.counts import Counts

_log: Final = logging.getLogger("eventlog.openai_agents")


class WithUsage(CurrentBranch):
    """Reports usage in the shapes of AdvancedSQLiteSession."""

    async def store_run_usage(self, result: RunResult | RunResultStreaming) -> None:
        """Record what a run has used and no append has recorded: its last call, perhaps.

        What cannot be recorded is logged as an error, as in the SDK, and stays owed to the run.
        """
        conversation = self._open()
        wrapper = result.context_wrapper
        try:
            with usage.unrecorded(wrapper) as used:
                if used is not None:
                    new = NewEvent(used, self._context(wrapper, None))
                    await self._settled(conversation.append(new))
        except EventLogError as error:
            _log.error("Conversation %r: usage was not recorded: %s", self.session_id, error)

    async def get_session_usage(self, branch_id: str | None = None) -> dict[str, int] | None:
        """Return what a branch used, or all branches together; None if nothing was recorded.

        Keys: requests, input_tokens, output_tokens, total_tokens and total_turns, which counts the
        turns that used something.
        """
        turns = [
            counts
            for chat in await self._chats(branch_id)
            for counts in (await self._by_turn(chat)).values()
        ]
        return {**_numbers(_sum(turns)), "total_turns": len(turns)} if turns else None

    async def get_turn_usage(
        self, user_turn_number: int | None = None, branch_id: str | None = None
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Return what each turn of the branch used, or a dict for one turn: {} if nothing.

        Keys: requests, input_tokens, output_tokens, total_tokens, input_tokens_details,
        output_tokens_details, and in the list user_turn_number.
        """
        turns = await self._by_turn(self._open(branch_id))
        if user_turn_number is not None:
            return _told(turns[user_turn_number]) if user_turn_number in turns else {}
        return [{"user_turn_number": turn, **_told(turns[turn])} for turn in sorted(turns)]

    async def _chats(self, branch_id: str | None) -> list[Conversation]:
        if branch_id is not None:
            return [self._open(branch_id)]
        self._open()
        with explained():
            main = self._branch()
            return [main, *await main.branches()]

    async def _by_turn(self, chat: Conversation) -> dict[int, Counts]:
        turns: dict[int, list[Counts]] = {}
        with explained():
            for turn, used, error in await chat.usage_by_turn():
                if used is None:
                    _log.error("Conversation %r: usage may be missing: %s", chat.name, error)
                else:
                    turns.setdefault(turn, []).append(Counts.recorded(used))
        return {turn: _sum(each) for turn, each in turns.items()}


def _sum(each: Iterable[Counts]) -> Counts:
    total = Counts()
    for one in each:
        total = total.plus(one)
    return total


def _numbers(counts: Counts) -> dict[str, int]:
    return {
        "requests": counts.requests,
        "input_tokens": counts.input_tokens,
        "output_tokens": counts.output_tokens,
        "total_tokens": counts.total_tokens,
    }


def _told(counts: Counts) -> dict[str, Any]:
    return {
        **_numbers(counts),
        "input_tokens_details": {
            "cached_tokens": counts.cached_input_tokens,
            "cache_write_tokens": counts.cache_write_tokens,
        },
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens},
    }
