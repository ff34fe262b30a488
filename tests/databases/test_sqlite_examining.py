"""What looks at a whole SQLite file has a connection of its own."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import cast

from eventlog import EventLog, ItemsAdded
from eventlog.store.sqlite.store import SqliteStore
from tests.waiting import PATIENCE


async def test_a_look_at_the_whole_file_keeps_no_read_and_no_append_waiting(tmp_path: Path) -> None:
    """A verification goes on where the look ends."""
    async with EventLog(tmp_path / "log.db") as log:
        await log.append("a", ItemsAdded(["x"]))
        waiting = threading.Event()

        def look(_: sqlite3.Connection) -> bool:
            return waiting.wait(PATIENCE)

        held = cast("SqliteStore", log.spi.store).runner._examiner.run(look)
        checking = asyncio.ensure_future(log.verify())
        try:
            await log.append("a", ItemsAdded(["y"]))
            assert len(await log.read("a").all()) == 2
            assert not checking.done()
        finally:
            waiting.set()
        assert await held
        assert (await checking).ok
