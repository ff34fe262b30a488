"""Processes that a test starts: none outlives it, whatever happens."""

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from typing import Any


@contextlib.asynccontextmanager
async def python(*arguments: str, **options: Any) -> AsyncGenerator[Process]:
    """Run this Python until the end of the block, and end it with kill -9 if it still runs then."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *arguments), **{"stdout": PIPE, **options}
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def output_of(*arguments: str) -> tuple[int, str]:
    """Run this Python to its end; return its status, and what it wrote to either output."""
    async with python(*arguments, stderr=STDOUT) as process:
        output, _ = await process.communicate()
        return await process.wait(), output.decode()
