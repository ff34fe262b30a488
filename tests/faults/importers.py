"""What forked processes do in test_import_kill: import a store of the SDK's."""

import asyncio
from typing import Any

from eventlog import EventLog
from eventlog_importing import Progress, import_sessions
from tests.options import grouped


def prepare() -> None:
    """Leave what an import needs loaded, for the children to come."""


def import_store(path: str, url: str, options: dict[str, Any]) -> None:
    """Import a whole store, and say of each conversation that it was copied."""

    def tell(progress: Progress) -> None:
        print(progress.conversations, flush=True)

    async def run() -> None:
        async with EventLog(url, **grouped(**options)) as log:
            await import_sessions(log, path, progress=tell)

    asyncio.run(run())
