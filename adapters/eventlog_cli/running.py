"""Running a command: the log is opened, errors become a line and an exit code.

0 done · 1 it failed · 2 it cannot be done as it was typed · 3 a check found something ·
130 interrupted · 141 whoever read the output went away. `verify` has its own: 0, 1 and 2.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final, NamedTuple

import typer

from eventlog import EventLog, EventLogError, InvalidInputError
from eventlog.errors import CorruptEventError, SchemaTooOldError
from eventlog_cli import streams
from eventlog_cli.output import Output
from eventlog_cli.settings import Settings
from eventlog_cli.terminal import tell, tell_warnings

FAILED: Final = 1
MISUSED: Final = 2
FOUND: Final = 3
UNREAD: Final = 128 + signal.SIGPIPE


class Invocation(NamedTuple):
    """A command that runs: the log that it is about, and where its answer goes."""

    log: EventLog
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


def run(ctx: typer.Context, work: Work, *, create: bool = False, failed: int = FAILED) -> None:
    """Open the log and do the work on it. Leaves with an exit code unless all went well.

    With `create`, a log that is not there is made. `failed` is the code for any error.
    """

    async def on_the_log(settings: Settings, out: Output) -> None:
        async with contextlib.AsyncExitStack() as until_done:
            log = await until_done.enter_async_context(settings.open(create=create))
            await work(Invocation(log, out, settings, until_done))

    run_without_log(ctx, on_the_log, failed=failed)


def run_without_log(
    ctx: typer.Context,
    work: Callable[[Settings, Output], Coroutine[Any, Any, None]],
    *,
    failed: int = FAILED,
) -> None:
    """Do work that opens what it needs itself."""
    settings = ctx.find_object(Settings) or Settings()
    code = 0
    tell_warnings()
    try:
        try:
            asyncio.run(work(settings, Output(as_json=settings.as_json)))
        except FoundError as found:
            code = found.code
        streams.flush()
    except BrokenPipeError:
        streams.discard()
        raise typer.Exit(code or UNREAD) from None  # What was found stays found.
    except InvalidInputError as error:
        raise _left(str(error), MISUSED) from None
    except SchemaTooOldError as error:
        raise _left(f"{error} `eventlog migrate` does so.", failed) from None
    except (EventLogError, OSError) as error:
        raise _left(str(error), code or failed) from None
    if code:
        raise typer.Exit(code)


def _left(why: str, code: int) -> typer.Exit:
    tell(f"eventlog: {why}")
    return typer.Exit(code)
