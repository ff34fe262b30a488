"""Running a command: the log is opened, errors become a line and an exit code.

0 done · 1 it failed · 2 it cannot be done as it was typed · 3 a check found something ·
130 interrupted · 141 whoever read the output went away. `verify` has its own: 0, 1 and 2.
"""

import contextlib
import gc
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from eventlog.errors import (
    CorruptEventError,
    EventLogError,
    InvalidInputError,
    NotAnEventLogError,
    SchemaTooOldError,
)
from eventlog_cli import streams
from eventlog_cli.output import Output
from eventlog_cli.pager import paged
from eventlog_cli.settings import Settings
from eventlog_cli.showing.times import Zone
from eventlog_cli.terminal import tell, tell_warnings

if TYPE_CHECKING:
    from eventlog import EventLog

FAILED: Final = 1
MISUSED: Final = 2
FOUND: Final = 3
UNREAD: Final = 128 + signal.SIGPIPE


class Invocation(NamedTuple):
    """A command that runs: the log that it is about, and where its answer goes."""

    log: "EventLog"
    out: Output
    settings: Settings
    until_done: contextlib.AsyncExitStack
    """What is open for as long as the command runs."""


Work = Callable[[Invocation], Coroutine[Any, Any, None]]


class FoundError(Exception):
    """A check found what it looks for; it has been printed."""

    def __init__(self, code: int = FOUND) -> None:
        super().__init__(code)
        self.code = code


def leave_with(errors: Iterable[EventLogError | None]) -> None:
    """Raise FoundError for events that could not be shown, once all others are.

    1 if what is stored was changed, 2 if this log cannot open it.
    """
    found = [error for error in errors if error is not None]
    if found:
        changed = any(isinstance(error, CorruptEventError) for error in found)
        raise FoundError(FAILED if changed else MISUSED)


def settings_of(ctx: click.Context) -> Settings:
    """Return what was typed before and behind the command."""
    return ctx.find_object(Settings) or Settings()


def zone_of(ctx: click.Context) -> Zone:
    """Return the zone of times."""
    return Zone(is_utc=settings_of(ctx).is_utc)


def run(ctx: click.Context, work: Work, *, create: bool = False, failed: int = FAILED) -> None:
    """Open the log and do the work on it. Leaves with an exit code unless all went well.

    With `create`, a log that is not there is made. `failed` is the code for any error.
    """

    async def on_the_log(settings: Settings, out: Output) -> None:
        async with contextlib.AsyncExitStack() as until_done:
            log = await until_done.enter_async_context(settings.open(create=create))
            await work(Invocation(log, out, settings, until_done))

    run_without_log(ctx, on_the_log, failed=failed)


def run_without_log(
    ctx: click.Context,
    work: Callable[[Settings, Output], Coroutine[Any, Any, None]],
    *,
    failed: int = FAILED,
) -> None:
    """Do work that opens what it needs itself."""
    import asyncio

    if not gc.isenabled():  # A program has just loaded what stays; its work may take long.
        gc.freeze()
        gc.enable()
    settings = settings_of(ctx)
    code = 0
    tell_warnings()
    try:
        out = Output(as_json=settings.as_json, zone=Zone(is_utc=settings.is_utc))
        with paged(ctx, out):
            try:
                asyncio.run(work(settings, out))
            except FoundError as found:
                code = found.code
            streams.flush()
    except BrokenPipeError:
        streams.discard()
        ctx.exit(code or UNREAD)  # What was found stays found.
    except InvalidInputError as error:
        leave(ctx, str(error), MISUSED)
    except (EventLogError, OSError) as error:
        leave(ctx, _in_words(error), code or failed)
    if code:
        ctx.exit(code)


def _in_words(error: EventLogError | OSError) -> str:
    """Say what happened as somebody who types commands can act on it."""
    if isinstance(error, SchemaTooOldError):
        return f"{_first_sentence(error)} `eventlog migrate` brings it up to this release."
    if isinstance(error, NotAnEventLogError) and error.tables:
        return (
            f"{_first_sentence(error)} It was left untouched. Give the log a place of its own, or"
            " `eventlog migrate --beside` makes it beside them."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}."
    return str(error)


def _first_sentence(error: EventLogError) -> str:
    """Return what happened, without what a program would do about it."""
    return f"{str(error).partition('. ')[0]}."


def leave(ctx: click.Context, why: str, code: int) -> None:
    """Say in a line what went wrong, and leave with an exit code."""
    tell(f"eventlog: {why}")
    ctx.exit(code)
