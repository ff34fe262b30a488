"""Following the log: what was appended last, to whichever conversation, and what comes."""

import contextlib
from collections import deque
from typing import Any

import click

from eventlog import EventLog, EventLogError, RecordedEvent
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find
from eventlog_cli.options import id_argument
from eventlog_cli.running import Invocation, leave_with, run
from eventlog_cli.showing import records
from eventlog_cli.showing.eventlines import feed_lines


@command(
    "tail",
    "eventlog tail -n 20",
    "eventlog tail -f",
    "eventlog tail latest --kind usage -f",
)
@id_argument(required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on, as events come, until Ctrl-C.")
@click.option(
    "-n",
    "--limit",
    "last",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Begin so many events back.",
)
@click.option("--kind", metavar="KIND", multiple=True, help="Only events of a kind, or of several.")
def tail(
    ctx: click.Context,
    conversation: str | None,
    follow: bool,
    last: int,
    kind: tuple[str, ...],
) -> None:
    """Show the last events of the log, and those that come.

    Of all conversations, or of one.
    """

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)

        def is_wanted(event: RecordedEvent) -> bool:
            return name in (None, event.stream) and (not kind or event.kind in kind)

        end = await at.log.position()
        errors: list[EventLogError] = []
        before = await _last(at, end, last, is_wanted)
        for event in before:
            errors += _put(at, event)
        if not before:
            at.out.hint("No event matches that." if name or kind else "There is no event yet.")
        at.out.flush()
        if not follow:
            leave_with(errors)
            return
        async with contextlib.aclosing(at.log.subscribe(end)) as events:
            async for each in events:
                if is_wanted(each):
                    _put(at, await _asked(at.log, each))
                    # Whoever reads a pipe wants each event when it comes.
                    at.out.flush()

    run(ctx, work)


async def _last(at: Invocation, end: int, last: int, is_wanted: Any) -> list[RecordedEvent]:
    """Return the last events that are wanted, looking back further until there are enough."""
    window = max(last, 1)
    while last:
        begin = max(0, end - window)
        found: deque[RecordedEvent] = deque(maxlen=last)
        async for each in at.log.feed(begin):
            event = await _asked(at.log, each)
            if event.position is not None and event.position > end:
                break
            if is_wanted(event):
                found.append(event)
        if len(found) == last or begin == 0:
            return list(found)
        window *= 8
    return []


async def _asked(log: EventLog, event: RecordedEvent) -> RecordedEvent:
    """Return an event as its stream has it if its content is gone: the feed does not ask why."""
    if event.is_erased:
        last = event.version
        async for found in log.read(event.stream, after=last - 1, until=last, branch=event.branch):
            found.position = event.position
            return found
    return event


def _put(at: Invocation, event: RecordedEvent) -> list[EventLogError]:
    errors = _unread(event)
    if at.out.as_json:
        at.out.line(records.fed(event, _payload(event)))
    else:
        at.out.print(*feed_lines(event, at.out))
    return errors


def _unread(event: RecordedEvent) -> list[EventLogError]:
    """Return why an event cannot be read, if it cannot."""
    try:
        if not event.is_erased:
            _ = event.event, event.context
    except EventLogError as error:
        return [error]
    return []


def _payload(event: RecordedEvent) -> dict[str, Any]:
    import msgspec

    told: dict[str, Any] = {"context": None, "event": None, "error": None}
    try:
        if event.is_erased:
            return told
        return told | {"context": event.context, "event": msgspec.to_builtins(event.event)}
    except EventLogError as error:
        return told | {"error": str(error)}
