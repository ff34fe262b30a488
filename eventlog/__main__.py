"""python -m eventlog: keep the feed growing and publish tree heads; verify a log."""

import argparse
import asyncio
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from eventlog.checkpoint import Signer, Verifier
from eventlog.errors import EventLogError, InvalidKeyError, InvalidOptionError
from eventlog.faults import COULD_NOT_CHECK
from eventlog.log import DEFAULT_SCHEMA, DEFAULT_TENANT, EventLog
from eventlog.publishing import (
    EVERY_EVENTS,
    EVERY_SECONDS,
    Destination,
    publish,
    to_command,
    to_file,
)
from eventlog.store.address import SqliteAddress, parse

POLL: Final = 0.02
"""Seconds between looks: nobody tells a worker that something was appended."""

KEY_VARIABLE: Final = "EVENTLOG_SIGNING_KEY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    options = _parser().parse_args(arguments)
    run = _verify if options.command == "verify" else _work
    try:
        return asyncio.run(run(options))
    except EventLogError as error:
        say(f"eventlog {options.command}: {error}")
        return COULD_NOT_CHECK if run is _verify else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eventlog")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    worker = commands.add_parser("worker", help="place events and publish heads until stopped")
    verify = commands.add_parser("verify", help="check that a log holds what was appended")
    for command in (worker, verify):
        command.add_argument("url", metavar="URL", help="the log: a PostgreSQL URL or a file")
        command.add_argument("--schema", default=DEFAULT_SCHEMA, help="where it keeps its tables")
    worker.add_argument("--redis", metavar="URL", help="where to tell readers, too")
    worker.add_argument(
        "--key-file", metavar="FILE", help=f"the key that signs heads; or it is in ${KEY_VARIABLE}"
    )
    worker.add_argument("--head-file", metavar="FILE", help="where to put each new head")
    worker.add_argument("--head-command", metavar="COMMAND", help="what to run for each new head")
    worker.add_argument("--every-events", type=int, default=EVERY_EVENTS, metavar="N")
    worker.add_argument("--every-seconds", type=float, default=EVERY_SECONDS, metavar="T")
    verify.add_argument("--conversation", metavar="NAME", help="the one to check, not all")
    verify.add_argument("--tenant", default=DEFAULT_TENANT)
    verify.add_argument("--against", metavar="FILE", help="a head that was kept elsewhere")
    verify.add_argument("--key", metavar="KEY", help="the verifier key of who signed it")
    return parser


async def _work(options: argparse.Namespace) -> int:
    publishing = _publishing(options)
    if publishing is None and isinstance(parse(options.url, options.schema), SqliteAddress):
        say("SQLite numbers events when they are committed: no worker is needed.")
        return 0
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with EventLog(
        options.url, schema=options.schema, redis=options.redis, poll_interval=POLL
    ) as log:
        if publishing is None:
            await log.work(stop)
            return 0
        signer, to = publishing
        await log.position()  # A database that cannot be reached is an error only at first.
        async with asyncio.TaskGroup() as group:
            group.create_task(log.work(stop))
            group.create_task(
                publish(
                    log,
                    signer,
                    to,
                    stop,
                    every_events=options.every_events,
                    every_seconds=options.every_seconds,
                )
            )
    return 0


def _publishing(options: argparse.Namespace) -> tuple[Signer, Destination] | None:
    key = os.environ.get(KEY_VARIABLE)
    if options.key_file is not None:
        key = _read(options.key_file)
    if options.head_file is None and options.head_command is None:
        return None
    if key is None or None not in (options.head_file, options.head_command):
        raise InvalidOptionError(
            "Publishing takes a key (--key-file) and one of --head-file and --head-command."
        )
    if options.head_file is not None:
        return Signer.load(key), to_file(options.head_file)
    return Signer.load(key), to_command(shlex.split(options.head_command))


async def _verify(options: argparse.Namespace) -> int:
    if (options.against is None) != (options.key is None):
        raise InvalidOptionError("A head is checked with its key: give --against and --key.")
    key = head = None
    if options.key is not None:
        key = Verifier.load(options.key)
        head = key.open(_read(options.against))
    async with EventLog(options.url, tenant=options.tenant, schema=options.schema) as log:
        found = await log.verify(options.conversation, against=head, key=key)
    for fault in found.faults:
        print(fault)  # noqa: T201 - this is a command
    say(str(found))
    return found.exit_code


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidKeyError(f"{path} cannot be read: {error}.") from error


def say(line: str) -> None:
    """Print a line for people."""
    print(" ".join(line.split()), file=sys.stderr)  # noqa: T201 - this is a command


if __name__ == "__main__":
    sys.exit(main())
