"""A server of the viewer, in a process of its own."""

import contextlib
import json
from collections.abc import AsyncGenerator

from tests import processes
from tests.backends import Backend


@contextlib.asynccontextmanager
async def serve(backend: Backend, *options: str) -> AsyncGenerator[str]:
    """Run `eventlog web` on a log; give its address, without a slash at the end."""
    command = processes.eventlog(backend, "--json", "web", "--port", "0", *options)
    async with processes.python(*command) as process:
        assert process.stdout is not None
        told = await process.stdout.readline()
        yield json.loads(told)["address"].rstrip("/")
        process.terminate()
        await process.wait()
