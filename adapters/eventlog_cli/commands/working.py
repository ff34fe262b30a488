"""The worker: a process that places events, keeps views and publishes heads until it is stopped."""

import asyncio
import shlex
import signal
from collections.abc import Coroutine
from typing import Annotated, Any, Final

import typer

from eventlog import Signer
from eventlog.addresses.log import SqliteAddress, parse
from eventlog.errors import InvalidOptionError
from eventlog.operations import publish, to_command, to_file
from eventlog.operations import work as give_positions
from eventlog.operations.heads import EVERY_EVENTS, EVERY_SECONDS, Destination
from eventlog_cli.files import signer_of
from eventlog_cli.options import SigningKey
from eventlog_cli.output import Output
from eventlog_cli.running import run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.terminal import tell
from eventlog_projections.views import Views

POLL: Final = 0.02
"""Seconds between looks: nobody tells a worker that something was appended."""

app = typer.Typer()


@app.command()
def worker(
    ctx: typer.Context,
    redis: Annotated[
        str | None, typer.Option(metavar="URL", help="Where to tell readers that there is more.")
    ] = None,
    no_views: Annotated[bool, typer.Option("--no-views", help="Leave the views alone.")] = False,
    key_file: SigningKey = None,
    head_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where to put each new tree head.")
    ] = None,
    head_command: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="What to run for each new tree head.")
    ] = None,
    every_events: Annotated[
        int, typer.Option(min=1, metavar="N", help="A head after so many events,")
    ] = EVERY_EVENTS,
    every_seconds: Annotated[
        float, typer.Option(min=0.1, metavar="T", help="or so many seconds.")
    ] = EVERY_SECONDS,
) -> None:
    """Place events (PostgreSQL), keep the views, publish heads, until it is told to stop."""

    async def work(settings: Settings, _: Output) -> None:
        publishing = _publishing(key_file, head_file, head_command)
        address = parse(settings.address, settings.schema)
        if no_views and publishing is None and isinstance(address, SqliteAddress):
            tell("SQLite places events when they are committed: no worker is needed.")
            return
        async with settings.open(redis=redis, poll_interval=POLL) as log:
            await log.position()  # A database that cannot be reached is an error only at first.
            stop = _stopped()
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
            await _all(jobs)

    run_without_log(ctx, work)


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
