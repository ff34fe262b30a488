"""Bring the history of an SDK session along: every conversation of its file, copied once.

.venv/bin/python examples/import_old.py [FILE]

Without a file, the example makes one with the SDK's SQLiteSession first.
"""

import asyncio
import os
import sys

from agents import SQLiteSession

from eventlog import EventLog, EventLogError
from eventlog.visible import quoted, visible_line
from eventlog_importing import import_sessions
from eventlog_openai_agents import EventLogSession


async def make(file: str) -> None:
    for name in ("ada", "bob"):
        old = SQLiteSession(name, file)
        await old.add_items([{"role": "user", "content": f"I am {name}."}])
        await old.add_items([{"role": "assistant", "content": "Hello!"}])
        old.close()


async def main(file: str) -> None:
    async with EventLog("imported.db") as log:
        report = await import_sessions(log, file)
        print(f"{report.copied} conversations, {report.items} items copied")
        again = await import_sessions(log, file)
        print(f"once more: {again.copied} copied, {again.unchanged} were there")
        async for stream in log.streams():
            items = await EventLogSession(stream.name, log=log).get_items()
            print(f"{quoted(stream.name)}: {len(items)} items")


if __name__ == "__main__":
    source = sys.argv[1] if len(sys.argv) > 1 else "old.db"
    if len(sys.argv) == 1 and not os.path.exists(source):
        asyncio.run(make(source))
    try:
        asyncio.run(main(source))
    except EventLogError as error:
        sys.exit(visible_line(str(error)))
