"""Print everything that ever happened in a conversation, popped and cleared items included.

.venv/bin/python examples/audit.py FILE SESSION_ID
"""

import argparse
import asyncio
import json
import os
import sys

import msgspec

from eventlog import EventLog, EventLogError, RecordedEvent
from eventlog.visible import quoted, visible_line


async def audit(file: str, session_id: str) -> None:
    async with EventLog(file) as log:
        if not await log.version(session_id):
            known = ", ".join([quoted(stream.name) async for stream in log.streams()]) or "none"
            sys.exit(f"{file} has no conversation {session_id!r}. It has: {known}.")
        async for event in log.read(session_id):
            kind = visible_line(event.kind)
            print(f"\n{event.version}  {kind}  {event.recorded_at.isoformat()}")
            try:
                show(event)
            except EventLogError as error:
                print(f"   {visible_line(str(error))}")
        checked = await log.verify(session_id)
        if not checked.ok:
            sys.exit(f"\nNOT as it was written: {visible_line(str(checked.faults[0]))}.")
        print(f"\nVerified: all {checked.events} events are as they were written.")


def show(event: RecordedEvent) -> None:
    context = msgspec.to_builtins(event.context)
    print("   " + visible_line("  ".join(f"{name}={value}" for name, value in context.items())))
    content = json.loads(event.body)
    for item in content if event.body.startswith(b"[") else [content]:
        print("   " + visible_line(json.dumps(item, ensure_ascii=False)))


def main() -> None:
    parser = argparse.ArgumentParser(description="Print every event of a conversation.")
    parser.add_argument("file")
    parser.add_argument("session_id")
    options = parser.parse_args()
    if not os.path.isfile(options.file):
        sys.exit(f"There is no file {options.file}.")
    try:
        asyncio.run(audit(options.file, options.session_id))
    except EventLogError as error:
        sys.exit(visible_line(str(error)))


if __name__ == "__main__":
    main()
