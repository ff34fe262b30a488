"""What the SDK's compaction asks of a session: the list's tail, and its replacement as one event.

The SDK looks two hooks up by name, both private: `_get_compaction_snapshot` and
`_atomic_replace_items`. A release without them compacts by clearing and adding. The log keeps all
of that too, but a reader between the two finds an empty list, and what others added while the
summary was made leaves the list: nothing in the public protocol says that it was not summarised.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from agents import TResponseInputItem

from eventlog import Appended, BusyError, ConflictError, Context
from eventlog.settle import settle
from eventlog_projections import Conversation, ItemsRead

try:
    from agents.memory.session import _CompactionSnapshot as CompactionSnapshot
except ImportError:  # pragma: no cover - a later release
    CompactionSnapshot = None  # type: ignore[assignment,misc]

MAX_TRIES: Final = 30

Items = list[TResponseInputItem]
Describe = Callable[[], Context]
Prune = Callable[[TResponseInputItem], bool]


class Suffix(NamedTuple):
    """The last items of a list at a version, and how many there were in all."""

    version: int
    items: list[Any]
    total: int

    @property
    def start(self) -> int:
        """The index of the first of them."""
        return self.total - len(self.items)


class Part(NamedTuple):
    """The first `known` of the `total` items of the list at `version`."""

    version: int
    known: int
    total: int


class Known:
    """How much of the list somebody knows who compacts by plain calls.

    The SDK reads what it will compact, asks the API, reads again and replaces at once: what others
    appended in between is in its second read and not in what it compacted. So what counts is the
    read before the last one, and what was added through the same session directly behind it.
    """

    def __init__(self) -> None:
        self._parts: deque[Part] = deque(maxlen=2)

    @property
    def part(self) -> Part | None:
        """That much; None if nothing was read."""
        return self._parts[0] if self._parts else None

    def read(self, version: int, total: int) -> None:
        """Note that the whole list was read."""
        self._parts.append(Part(version, total, total))

    def added(self, appended: Appended, items: int) -> None:
        """Note what was added."""
        for index, (version, known, total) in enumerate(self._parts):
            if appended.first == version + 1 and known == total:
                self._parts[index] = Part(appended.last, known + items, total + items)

    def replaced(self, part: Part) -> None:
        """Note what the list became."""
        self._parts.clear()
        self._parts.append(part)


async def snapshot(
    conversation: Conversation, limit: int, prune: Prune | None, context: Describe
) -> Any:
    """Return the latest `limit` items and how to replace their end, as the SDK defines it."""
    if CompactionSnapshot is None:
        return None
    view = await conversation.view(limit=limit)

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
    conversation: Conversation, known: Known, items: Items, context: Context
) -> bool:
    """Replace what is known by `items`; what others appended to it stays behind them."""
    part = known.part
    before: list[Any] = []
    if part is not None:
        before = (await conversation.view(as_of=part.version)).items[: part.known]
    for _ in range(MAX_TRIES):
        now = await conversation.view()
        rest = [] if part is None else now.items[len(before) :]
        if now.items[: len(before)] != before:
            return False  # Not the list that was read: the caller has another way.
        try:
            appended = await conversation.replace(0, [*items, *rest], now, context=context)
        except ConflictError:
            continue
        known.replaced(Part(appended.last, len(items), len(items) + len(rest)))
        return True
    raise _busy(conversation)


async def _replace(
    conversation: Conversation,
    suffix: Suffix,
    output: Items,
    prune: Prune | None,
    context: Context,
) -> bool:
    for _ in range(MAX_TRIES):
        kept: list[Any] = []
        start = suffix.start
        if prune is not None:
            before = (await conversation.view(as_of=suffix.version)).items[:start]
            kept = _without_prefix(before, prune)
            start = start if len(kept) == len(before) else 0
        content = [*kept, *output] if start == 0 else output
        at = ItemsRead(suffix.version, [], suffix.total)
        try:
            await conversation.replace(start, content, at, context=context)
        except ConflictError:
            now = await conversation.view(limit=len(suffix.items))
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
    return BusyError(
        f"Conversation {conversation.name!r}: other writers were first {MAX_TRIES} times in a row."
        " Nothing was compacted. Try again."
    )
