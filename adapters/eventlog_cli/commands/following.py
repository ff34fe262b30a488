"""Following the log: what was appended last, to whichever conversation, and what comes."""

import contextlib
from typing import Annotated, Any

import msgspec
import typer

from eventlog import EventLog, EventLogError, RecordedEvent
from eventlog.format.envelope import readable_time
from eventlog_cli import pages
from eventlog_cli.running import Invocation, leave_with, run

app = typer.Typer()


@app.command()
def tail(
    ctx: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on, as events come, until Ctrl-C.")
    ] = False,
    last: Annotated[int, typer.Option("-n", min=0, help="Begin so many events back.")] = 10,
) -> None:
    """Show the last events of the log; with -f, each new one too."""

    async def work(at: Invocation) -> None:
        after = max(0, await at.log.position() - last)
        events = at.log.subscribe(after) if follow else at.log.feed(after)
        errors: list[EventLogError] = []
        async with contextlib.aclosing(events):
            async for each in events:
                event = await _asked(at.log, each)
                errors += _unread(event)
                _print(at, event)
                # Whoever reads a pipe wants each event when it comes.
                at.out.flush()
        leave_with(errors)

    run(ctx, work)


async def _asked(log: EventLog, event: RecordedEvent) -> RecordedEvent:
    """Return an event as its stream has it if its content is gone: the feed does not ask why."""
    if event.is_erased:
        last = event.version
        async for found in log.read(event.stream, after=last - 1, until=last, branch=event.branch):
            found.position = event.position
            return found
    return event


def _print(at: Invocation, event: RecordedEvent) -> None:
    if at.out.as_json:
        at.out.line(_plain(event))
    else:
        at.out.print(pages.feed_line(event))


def _unread(event: RecordedEvent) -> list[EventLogError]:
    """Return why an event cannot be read, if it cannot."""
    try:
        if not event.is_erased:
            _ = event.event, event.context
    except EventLogError as error:
        return [error]
    return []


def _plain(event: RecordedEvent) -> dict[str, Any]:
    found: dict[str, Any] = {
        "position": event.position,
        "conversation": event.stream,
        "branch": event.branch,
        "version": event.version,
        "kind": event.kind,
        "recorded_at": readable_time(event.stored.recorded_at),
        "is_erased": event.is_erased,
    }
    try:
        if event.is_erased:
            return found
        return found | {"context": event.context, "event": msgspec.to_builtins(event.event)}
    except EventLogError as error:
        return found | {"error": str(error)}
