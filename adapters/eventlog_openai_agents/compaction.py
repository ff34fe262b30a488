"""What the SDK's compaction asks of a session: the list's tail, and its replacement as one event.

The SDK looks two hooks up by name, both private: `_get_compaction_snapshot` and
`_atomic_replace_items`. A release without them compacts by clearing and adding. The log keeps all
of that too, but a reader between the two finds an empty list, and what others added while the
summary was made leaves the list: nothing in the public protocol says that it was not summarised.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

from agents import TResponseInputItem

from eventlog import BusyError, ConflictError, Context
from eventlog.retrying import Tries, others_were_first
from eventlog.settle import settle
from eventlog_openai_agents.current import CurrentBranch
from eventlog_openai_agents.last_reads import LastReads, Part
from eventlog_openai_agents.sdk_files import explained
from eventlog_projections import Conversation, ItemsRead

try:
    from agents.memory.session import _CompactionSnapshot as CompactionSnapshot
except ImportError:  # pragma: no cover - a later release
    CompactionSnapshot = None  # type: ignore[assignment,misc]

Items = list[TResponseInputItem]
Describe = Callable[[], Context]
Prune = Callable[[TResponseInputItem], bool]


class Suffix(NamedTuple):
    """The last items of a list at a version, and the length of the list."""

    version: int
    items: list[Any]
    total: int

    @property
    def start(self) -> int:
        """The index of the first of them."""
        return self.total - len(self.items)


class WithCompaction(CurrentBranch):
    """Answers the SDK's two private hooks on the current branch."""

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: Prune | None = None
    ) -> Any:
        """Return the end of the list and how to replace it as one event."""
        conversation = self._open()
        with explained():
            return await snapshot(
                conversation, limit, prune_prefix, lambda: self._context(None, None)
            )

    async def _atomic_replace_items(self, items: Items) -> bool:
        """Replace the list as one event; tell whether it was still the one that was read."""
        conversation, context = self._open(), self._context(None, None)
        return await self._settled(replace_all(conversation, self._reads, items, context))


async def snapshot(
    conversation: Conversation, limit: int, prune: Prune | None, context: Describe
) -> Any:
    """Return the latest `limit` items and how to replace their end, as the SDK defines it."""
    if CompactionSnapshot is None:
        return None
    view = await conversation.read(limit=limit)

    async def replace_suffix(start: int, output: Items) -> bool:
        expected = view.items[start:]
        if not expected:
            return False
        suffix = Suffix(view.version, expected, view.total)
        replacing = _replace(conversation, suffix, output, prune, context())
        return await settle(asyncio.ensure_future(replacing))

    complete = len(view.items) == view.total
    return CompactionSnapshot(list(view.items), complete, replace_suffix)


async def replace_all(
    conversation: Conversation, reads: LastReads, items: Items, context: Context
) -> bool:
    """Replace the part that was read by `items`; what others appended stays behind them."""
    part = reads.part
    before: list[Any] = []
    if part is not None:
        before = (await conversation.read(as_of=part.version)).items[: part.known]
    async for _ in Tries(at_once=2):
        now = await conversation.read()
        rest = [] if part is None else now.items[len(before) :]
        if now.items[: len(before)] != before:
            return False  # Not the list that was read: the caller has another way.
        try:
            appended = await conversation.replace(0, [*items, *rest], now, context=context)
        except ConflictError:
            continue
        reads.replaced(Part(appended.last, len(items), len(items) + len(rest)))
        return True
    raise _busy(conversation)


async def _replace(
    conversation: Conversation,
    suffix: Suffix,
    output: Items,
    prune: Prune | None,
    context: Context,
) -> bool:
    async for _ in Tries(at_once=2):
        kept: list[Any] = []
        start = suffix.start
        if prune is not None:
            before = (await conversation.read(as_of=suffix.version)).items[:start]
            kept = _without_prefix(before, prune)
            start = start if len(kept) == len(before) else 0
        content = [*kept, *output] if start == 0 else output
        at = ItemsRead(suffix.version, [], suffix.total)
        try:
            await conversation.replace(start, content, at, context=context)
        except ConflictError:
            now = await conversation.read(limit=len(suffix.items))
            if now.items != suffix.items:
                return False
            suffix = Suffix(now.version, now.items, now.total)
            continue
        return True
    raise _busy(conversation)


def _without_prefix(items: list[Any], prune: Prune) -> list[Any]:
    for index, item in enumerate(items):
        if not prune(item):
            return items[index:]
    return []


def _busy(conversation: Conversation) -> BusyError:
    return others_were_first(conversation.name, "Nothing was compacted. Try again.")
