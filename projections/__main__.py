"""python -m projections worker URL: keep the views up to date until told to stop.

On PostgreSQL it gives events their positions too, as `python -m eventlog worker` does.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from eventlog import EventLog, EventLogError
from eventlog.__main__ import POLL, say
from eventlog.log import DEFAULT_SCHEMA
from projections.views import Views


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_work(options.url, options.schema, options.redis))
    except EventLogError as error:
        say(f"projections worker: {error}")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m projections")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    worker = commands.add_parser("worker", help="keep the views up to date until told to stop")
    worker.add_argument("url", metavar="URL", help="the log: a path or a PostgreSQL URL")
    worker.add_argument("--schema", default=DEFAULT_SCHEMA, help="where it keeps its tables")
    worker.add_argument("--redis", metavar="URL", help="where to hear of appends, too")
    return parser


async def _work(url: str, schema: str, redis: str | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EventLog(url, schema=schema, redis=redis, poll_interval=POLL) as log:
        await Views(log).follow(stop)


if __name__ == "__main__":
    sys.exit(main())
