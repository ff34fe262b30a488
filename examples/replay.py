"""Print the items of a conversation as they were at a version or at a moment, one a line.

.venv/bin/python examples/replay.py FILE SESSION_ID 7
.venv/bin/python examples/replay.py FILE SESSION_ID 2030-01-31T12:00:00Z
"""

import argparse
import asyncio
import json
import os
import sys
from datetime import datetime

from eventlog import EventLog, EventLogError
from eventlog.visible import quoted, visible_line
from eventlog_projections import Conversation


async def replay(file: str, session_id: str, as_of: int | datetime) -> None:
    async with EventLog(file) as log:
        if not await log.version(session_id):
            known = ", ".join([quoted(stream.name) async for stream in log.streams()]) or "none"
            sys.exit(f"{file} has no conversation {session_id!r}. It has: {known}.")
        for item in await Conversation(log, session_id).items(as_of=as_of):
            print(visible_line(json.dumps(item, ensure_ascii=False)))


def moment(text: str) -> int | datetime:
    return int(text) if text.isdecimal() else datetime.fromisoformat(text)


def main() -> None:
    parser = argparse.ArgumentParser(description="Print a conversation as it was.")
    parser.add_argument("file")
    parser.add_argument("session_id")
    parser.add_argument("as_of", type=moment, help="a version, or a time such as 2030-01-31T12:00Z")
    options = parser.parse_args()
    if not os.path.isfile(options.file):
        sys.exit(f"There is no file {options.file}.")
    try:
        asyncio.run(replay(options.file, options.session_id, options.as_of))
    except EventLogError as error:
        sys.exit(visible_line(str(error)))


if __name__ == "__main__":
    main()
