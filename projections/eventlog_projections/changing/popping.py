"""Taking the last item off a list."""

import contextlib
from typing import Any

from eventlog import Context, ItemPopped
from eventlog_projections.stream import Decided, Stream


class _NothingThereError(Exception):
    """There is no item to pop."""


async def pop(stream: Stream, reason: str | None, context: Context) -> Any | None:
    """Return the item, or None where there is none; no two callers get the same one."""
    popped: list[Any] = []

    async def pop_last() -> Decided:
        version, popped[:], *_ = await stream.read(limit=1)
        if not popped:
            raise _NothingThereError
        return Decided(version, ItemPopped(reason))

    with contextlib.suppress(_NothingThereError):
        await stream.change(pop_last, context=context)
    return popped[0] if popped else None
