"""The worker: a process that places events, keeps views and publishes heads until it is stopped."""

import asyncio
import contextlib
import shlex
import signal
from collections.abc import Coroutine
from typing import Any, Final

import click

from eventlog import EventLog, Signer, StoreError
from eventlog.addresses.log import Address, SqliteAddress, parse
from eventlog.errors import InvalidOptionError
from eventlog.operations import publish, to_command, to_file
from eventlog.operations import work as give_positions
from eventlog.operations.heads import EVERY_EVENTS, EVERY_SECONDS, Destination
from eventlog.plurals import count
from eventlog_cli.command import command
from eventlog_cli.files import signer_of
from eventlog_cli.options import SIGNING_KEY
from eventlog_cli.output import Output
from eventlog_cli.running import run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.terminal import is_watched, tell
from eventlog_projections.views import Views

EVERY_MINUTE: Final = 60.0
POLL: Final = 0.02
"""Seconds between looks: nobody tells a worker that something was appended."""


@command(
    "worker",
    "eventlog worker",
    "eventlog worker --redis redis://localhost",
    "eventlog worker --key-file signing.key --head-file head.txt",
)
@click.option("--redis", metavar="URL", help="Where to tell readers that there is more.")
@click.option("--no-views", is_flag=True, help="Leave the views alone.")
@SIGNING_KEY
@click.option("--head-file", metavar="FILE", help="Where to put each new tree head.")
@click.option("--head-command", metavar="COMMAND", help="What to run for each new tree head.")
@click.option(
    "--every-events",
    metavar="N",
    type=click.IntRange(min=1),
    default=EVERY_EVENTS,
    show_default=True,
    help="A head after so many events,",
)
@click.option(
    "--every-seconds",
    metavar="T",
    type=click.FloatRange(min=0.1),
    default=EVERY_SECONDS,
    show_default=True,
    help="or so many seconds.",
)
def worker(
    ctx: click.Context,
    redis: str | None,
    no_views: bool,
    key_file: str | None,
    head_file: str | None,
    head_command: str | None,
    every_events: int,
    every_seconds: float,
) -> None:
    """Place events, keep the views, publish heads.

    Until it is told to stop, by SIGTERM or Ctrl-C. It places events on PostgreSQL; a SQLite log
    does so itself.
    """

    async def work(settings: Settings, _: Output) -> None:
        publishing = _publishing(key_file, head_file, head_command)
        address = parse(settings.address, settings.schema)
        if no_views and publishing is None and isinstance(address, SqliteAddress):
            tell("SQLite places events when they are committed: no worker is needed.")
            return
        async with settings.open(redis=redis, poll_interval=POLL) as log:
            # A database that cannot be reached is an error only at first.
            begun = await log.position()
            stop = _stopped()
            tell(f"Working on {address}: {_tasks(address, no_views, publishing)}. Ctrl-C ends it.")
            jobs: list[Coroutine[Any, Any, None]] = [give_positions(log, stop)]
            if not no_views:
                jobs.append(Views(log).follow(stop))
            if publishing is not None:
                signer, to = publishing
                heads = publish(
                    log,
                    signer,
                    to,
                    stop,
                    every_events=every_events,
                    every_seconds=every_seconds,
                )
                jobs.append(heads)
            if is_watched():
                jobs.append(_report(log, stop))
            await _all(jobs)
            tell(f"Ended: {count(await log.position() - begun, 'event')} came meanwhile.")

    run_without_log(ctx, work)


def _tasks(address: Address, no_views: bool, publishing: object) -> str:
    """Say what the worker does."""
    tasks = [
        "placing events" if not isinstance(address, SqliteAddress) else "",
        "" if no_views else "keeping views",
        "publishing heads" if publishing is not None else "",
    ]
    return ", ".join(filter(None, tasks))


async def _report(log: EventLog, stop: asyncio.Event) -> None:
    """Say every minute, to somebody who looks, how far everything is."""
    views = Views(log)
    while not stop.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), EVERY_MINUTE)
            return
        with contextlib.suppress(StoreError):  # An outage is waited out by those who work.
            behind = max((each.behind for each in await views.status()), default=0)
            position = await log.position()
            tell(f"Position {position:,}; the last view is {count(behind, 'event')} behind.")


def _publishing(
    key_file: str | None, head_file: str | None, head_command: str | None
) -> tuple[Signer, Destination] | None:
    if head_file is None and head_command is None:
        return None
    if head_file is not None and head_command is not None:
        raise InvalidOptionError("Heads go to --head-file or to --head-command, not to both.")
    to = to_command(_words(head_command)) if head_file is None else to_file(head_file)
    return signer_of(key_file), to


def _words(command: str | None) -> list[str]:
    try:
        words = shlex.split(command or "")
    except ValueError as error:
        raise InvalidOptionError(f"--head-command {command!r} is no command: {error}.") from error
    if not words:
        raise InvalidOptionError("--head-command is empty. Name a program.")
    return words


def _stopped() -> asyncio.Event:
    """Return what is set once somebody wants it to end."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _all(jobs: list[Coroutine[Any, Any, None]]) -> None:
    """Return when all are done; the first error ends the others and is raised as it is."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
