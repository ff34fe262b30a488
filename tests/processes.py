"""Processes that a test starts: none outlives it, whatever happens."""

import asyncio
import contextlib
import signal
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncGenerator
from typing import Any

from tests.backends import Backend
from tests.waiting import PATIENCE


def eventlog(backend: Backend, *arguments: str) -> list[str]:
    """Return a command on a backend's log, as arguments of `python`."""
    schema = backend.options.get("schema", "eventlog")
    return ["-m", "eventlog_cli", *arguments, "--db", backend.url, "--schema", schema]


@contextlib.asynccontextmanager
async def python(*arguments: str, **options: Any) -> AsyncGenerator[Process]:
    """Run this Python until the end of the block, and end it with kill -9 if it still runs then.

    It inherits no output: whoever reads that of the tests to its end would wait for it too.
    """
    outputs: dict[str, Any] = {"stdout": PIPE, "stderr": PIPE}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", *arguments), **outputs | options
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        _, errors = await process.communicate()
        sys.stderr.write((errors or b"").decode())


async def output_of(*arguments: str) -> tuple[int, str]:
    """Run this Python to its end; return its status, and what it wrote to either output."""
    async with python(*arguments, stderr=STDOUT) as process:
        output, _ = await process.communicate()
        return await process.wait(), output.decode()


def ends_soon() -> None:
    """Called in a forked child: it has the pipes of its parent, and must not keep them for ever."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(int(PATIENCE))
