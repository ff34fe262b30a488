"""Following the log: what was appended last, to whichever conversation, and what comes."""

import contextlib
from collections import deque
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Final, NamedTuple

import click

from eventlog import EventLog, EventLogError, RecordedEvent
from eventlog.format.envelope import readable_time
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find
from eventlog_cli.options import KIND, SINCE, id_argument
from eventlog_cli.running import Invocation, leave_with, run
from eventlog_cli.showing import records
from eventlog_cli.showing.eventlines import feed_lines
from eventlog_cli.showing.times import time
from eventlog_cli.showing.words import author, read_of

LAST: Final = 10
"""Events that are shown unless more are asked for."""
WINDOW: Final = 64
"""Positions to look back at first; eight times as many each time after."""


class _Wanted(NamedTuple):
    """Which events: of a conversation, of some kinds, of an actor, since a time."""

    conversation: str | None
    kinds: tuple[str, ...]
    actor: str | None
    since: datetime | None

    def has(self, event: RecordedEvent) -> bool:
        """Return whether an event is wanted; what cannot be read has no actor."""
        return (
            self.conversation in (None, event.stream)
            and (not self.kinds or event.kind in self.kinds)
            and (self.since is None or not _is_before(event, self.since))
            and (self.actor is None or self.actor == author(*read_of(event)))
        )


@command(
    "tail",
    "eventlog tail -n 20",
    "eventlog tail -f",
    "eventlog tail --since 1h",
    "eventlog tail --kind cleared --kind popped --kind rewound -n 50",
)
@id_argument(required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on, as events come, until Ctrl-C.")
@click.option(
    "-n",
    "--limit",
    "last",
    metavar="N",
    type=click.IntRange(min=0),
    help="Only the last ones.  [default: 10, with --since all]",
)
@SINCE
@KIND
@click.option("--actor", metavar="NAME", help="Only what somebody did.")
def tail(
    ctx: click.Context,
    conversation: str | None,
    follow: bool,
    last: int | None,
    since: str | None,
    kind: tuple[str, ...],
    actor: str | None,
) -> None:
    """Show the last events of the log, and those that come.

    Of all conversations, or of one: when, where, what and by whom.
    """

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        begin = None if since is None else time(since, at.out.zone)
        wanted = _Wanted(name, kind, actor, begin)
        end = await at.log.position()
        errors: list[EventLogError] = []
        shown = 0
        async for event in _before(at.log, end, wanted, last):
            errors += _put(at, event)
            shown += 1
        if not shown:
            at.out.hint("No event matches that." if any(wanted) else "There is no event yet.")
        at.out.flush()
        if not follow:
            leave_with(errors)
            return
        async with contextlib.aclosing(at.log.subscribe(end)) as events:
            async for each in events:
                event = await _asked(at.log, each)
                if wanted.has(event):
                    _put(at, event)
                    # Whoever reads a pipe wants each event when it comes.
                    at.out.flush()

    run(ctx, work)


async def _before(
    log: EventLog, end: int, wanted: _Wanted, last: int | None
) -> AsyncGenerator[RecordedEvent]:
    """Yield the last events that are wanted, or with a time all since then."""
    if last is None and wanted.since is not None:
        async for event in _up_to(log, await _begin(log, end, wanted.since), end):
            if wanted.has(event):
                yield event
        return
    for event in await _last(log, end, LAST if last is None else last, wanted):
        yield event


async def _begin(log: EventLog, end: int, since: datetime) -> int:
    """Return a position behind which everything since a time is: one that is older is there."""
    window = WINDOW
    while (begin := max(0, end - window)) > 0:
        async for event in log.feed(begin):
            if _is_before(event, since):
                return begin
            break
        window *= 8
    return 0


async def _last(log: EventLog, end: int, last: int, wanted: _Wanted) -> list[RecordedEvent]:
    """Return the last events that are wanted, looking back further until there are enough."""
    window = max(last, 1)
    while last:
        begin = max(0, end - window)
        found: deque[RecordedEvent] = deque(maxlen=last)
        async for event in _up_to(log, begin, end):
            if wanted.has(event):
                found.append(event)
        if len(found) == last or begin == 0:
            return list(found)
        window *= 8
    return []


async def _up_to(log: EventLog, begin: int, end: int) -> AsyncGenerator[RecordedEvent]:
    async for each in log.feed(begin):
        if each.position is not None and each.position > end:
            break
        yield await _asked(log, each)


def _is_before(event: RecordedEvent, since: datetime) -> bool:
    at = readable_time(event.stored.recorded_at)
    return at is not None and at < since


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
