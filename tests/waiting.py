"""How long a test waits: until it is true, however slow the machine is; or it says what was not."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Final

LONG: Final = "EVENTLOG_TORTURE" in os.environ
"""Whether the long forms are wanted, which are strict about time too: `make torture`."""

PATIENCE: Final = 180.0
"""Seconds after which what has not happened never will: no measure of speed."""


async def until(condition: Callable[[], Awaitable[object]], what: str) -> None:
    """Return once `condition` holds; fail, with `what` was waited for, if it never does."""
    end = time.monotonic() + PATIENCE
    while not await condition():
        assert time.monotonic() < end, f"not within {PATIENCE:g} s: {what}"
        await asyncio.sleep(0.005)
