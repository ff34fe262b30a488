"""python -m eventlog worker URL: give events their positions until told to stop."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from typing import Final

from eventlog.errors import EventLogError
from eventlog.log import DEFAULT_SCHEMA, EventLog
from eventlog.store.address import SqliteAddress, parse

POLL: Final = 0.02
"""Seconds between looks: nobody tells a worker that something was appended."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if isinstance(parse(options.url, options.schema), SqliteAddress):
            say("SQLite numbers events when they are committed: no worker is needed.")
            return 0
        asyncio.run(_work(options.url, options.schema, options.redis))
    except EventLogError as error:
        say(f"eventlog worker: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eventlog")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    worker = commands.add_parser("worker", help="give events their positions until told to stop")
    worker.add_argument("url", metavar="URL", help="the log: a PostgreSQL URL")
    worker.add_argument("--schema", default=DEFAULT_SCHEMA, help="where it keeps its tables")
    worker.add_argument("--redis", metavar="URL", help="where to tell readers, too")
    return parser


async def _work(url: str, schema: str, redis: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EventLog(url, schema=schema, redis=redis, poll_interval=POLL) as log:
        await log.work(stop)


def say(line: str) -> None:
    """Print a line for people."""
    print(" ".join(line.split()), file=sys.stderr)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
