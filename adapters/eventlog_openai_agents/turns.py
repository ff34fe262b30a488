"""Turns and tools, with the methods of the SDK's AdvancedSQLiteSession, on every database.

Turns are counted from 1 by the user's messages of the list; what comes before the first of them is
turn 0. A branch that does not exist has none.
"""

import json
import re
from collections import Counter
from datetime import datetime
from typing import Any, Final

from eventlog_openai_agents.current import CurrentBranch
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections.items.calls import tool_of
from eventlog_projections.items.parts import Json, fields_of

PREVIEW: Final = 100
"""So many characters of a message are shown in a list of turns."""

_CALLS: Final = {
    "tool_call",
    "function_call",
    "computer_call",
    "file_search_call",
    "web_search_call",
    "code_interpreter_call",
    "tool_search_call",
    "custom_tool_call",
    "mcp_call",
    "mcp_approval_request",
    "shell_call",
    "apply_patch_call",
}
"""What AdvancedSQLiteSession counts; the view `tools` has every other `_call` too."""


class WithTurns(CurrentBranch):
    """Reports the turns and the tool calls of a list."""

    async def get_conversation_turns(self, branch_id: str | None = None) -> list[dict[str, Any]]:
        """Return the user's messages as dicts.

        Keys: turn, content (at most 100 characters and then "..."), full_content, timestamp (UTC,
        to the second) and can_branch.
        """
        return [
            _turn(number, item, moment, PREVIEW)
            for number, item, moment in await self._messages(branch_id)
        ]

    async def find_turns_by_content(
        self, search_term: str, branch_id: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the user's messages that hold a text, in whatever case of ASCII letters.

        As get_conversation_turns does, but `content` is all of it.
        """
        wanted = re.compile(re.escape(search_term), re.IGNORECASE | re.ASCII)
        return [
            _turn(number, item, moment, None)
            for number, item, moment in await self._messages(branch_id)
            if any(map(wanted.search, _texts(item)))
        ]

    async def get_conversation_by_turns(
        self, branch_id: str | None = None
    ) -> dict[int, list[dict[str, str | None]]]:
        """Return for each turn what its items are: dicts with type and tool_name."""
        turns: dict[int, list[dict[str, str | None]]] = {}
        for turn, item in await self._numbered(branch_id):
            told = {"type": _kind(item), "tool_name": tool_of(item)}
            turns.setdefault(turn, []).append(told)
        return turns

    async def get_tool_usage(
        self, branch_id: str | None = None
    ) -> list[tuple[str | None, int, int]]:
        """Return (tool, how often it was called, turn), by turn and name."""
        calls: Counter[tuple[int, str | None]] = Counter()
        results: Counter[tuple[int, str | None]] = Counter()
        for turn, item in await self._numbered(branch_id):
            kind, used = _kind(item), (turn, tool_of(item))
            if kind in _CALLS:
                calls[used] += 1
            elif kind == "tool_search_output":
                results[used] += 1
        # A search that the model made by itself shows by its result only.
        calls.update({used: times for used, times in results.items() if used not in calls})
        in_order = sorted(calls.items(), key=lambda found: (found[0][0], found[0][1] or ""))
        return [(tool, times, turn) for (turn, tool), times in in_order]

    async def _messages(self, branch_id: str | None) -> list[tuple[int, Any, datetime]]:
        chat = self._open(branch_id)
        with explained():
            seen = await chat.turns()
            times = await chat.moments(seen.version)
        return [
            (number, seen.items[index], times[index])
            for number, index in enumerate(seen.starts, start=1)
        ]

    async def _numbered(self, branch_id: str | None) -> list[tuple[int, Any]]:
        chat = self._open(branch_id)
        with explained():
            return list((await chat.turns()).numbered())


def _turn(number: int, item: Any, moment: datetime, longest: int | None) -> dict[str, Any]:
    content = item.get("content", "")
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
    if longest is not None and len(text) > longest:
        text = f"{text[:longest]}..."
    return {
        "turn": number,
        "content": text,
        "full_content": content,
        "timestamp": as_text(moment),
        "can_branch": True,
    }


def _texts(item: Any) -> list[str]:
    """Return what a message says, without the names of its fields."""
    content: Json = item.get("content", "")
    parts = content if isinstance(content, list) else [content]
    texts = [part if isinstance(part, str) else fields_of(part).get("text") for part in parts]
    return [text for text in texts if isinstance(text, str)]


def _kind(item: Any) -> str:
    role, kind = fields_of(item).get("role"), fields_of(item).get("type")
    return str(role) if role in ("user", "assistant") else str(kind or "other")


def as_text(moment: datetime | None) -> str:
    """Return a time as the SDK's sessions show it: UTC, to the second; "" for one that is none."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S}"
