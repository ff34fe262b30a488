"""Reading one conversation: its items, its events, two of its versions."""

from collections.abc import AsyncIterator
from itertools import dropwhile
from typing import Any, Final

import click

from eventlog import EventLogError
from eventlog.errors import InvalidMomentError
from eventlog.events import UsageRecorded
from eventlog.format.envelope import readable_time
from eventlog.plurals import count
from eventlog_cli.command import command
from eventlog_cli.lookups.filtering import pages, wanted_events
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.lookups.tree import origin, places_of, stream_of
from eventlog_cli.options import AS_OF, BRANCH, ID, KIND, SINCE, UNTIL, limit
from eventlog_cli.running import Invocation, leave_with, run
from eventlog_cli.showing import pages as shown_pages
from eventlog_cli.showing import records
from eventlog_cli.showing.eventlines import EventLines, Folded
from eventlog_cli.showing.times import moment, moment_or_none
from eventlog_cli.showing.words import LEGEND, deed
from eventlog_cli.showing.words import command as as_typed
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.events import HistoryEvent
from eventlog_projections.history.places import Place
from eventlog_projections.history.salvage import Unreadable, read_intact, size
from eventlog_projections.items.state import ItemsRead

PAGE: Final = 100
"""Events that are printed at once."""
NEAR: Final = 3
"""So many times the events that are wanted are looked at first: several may be told as one."""
FILTERS: Final = ("since", "until", "kind", "actor", "agent", "tool")
"""Options that leave events out."""


@command(
    "show",
    "eventlog show latest",
    "eventlog show order-1042 --as-of yesterday",
    "eventlog show order-1042 --item 3",
    paged=True,
)
@ID
@AS_OF
@limit(50)
@click.option("--all", "every", is_flag=True, help="All of them.")
@click.option("--item", metavar="N", type=click.IntRange(min=1), help="One, with its details.")
@BRANCH
def show(
    ctx: click.Context,
    conversation: str,
    as_of: str | None,
    limit: int,
    every: bool,
    item: int | None,
    branch: str,
) -> None:
    """Show the items of a conversation, now or as they were.

    The last ones, each with the version and time of the event that brought it, and who speaks.
    Pictures and files are named by type and size.
    """

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        when = moment_or_none(as_of, at.out.zone)
        wanted = None if every or item is not None else limit
        seen = (await read_intact(stream_of(chat), when, wanted)).behind()
        lost = [each for each in seen.items if isinstance(each, Unreadable)]
        places: list[Place] = [] if lost else await places_of(chat, seen.version, wanted)
        if item is not None:
            _put_one(at, seen, places, item)
        elif at.out.as_json:
            at.out.line(_record(chat, seen, places, lost))
        else:
            at.out.print(shown_pages.heading(chat.name, branch, seen, await origin(at.log, chat)))
            shown_pages.transcript(at.out, seen.items, places, is_dated=True)
            if not seen.total:
                at.out.hint(await _why_empty(at, chat))
        leave_with(each.error for each in lost)

    run(ctx, work)


async def _why_empty(at: Invocation, chat: Conversation) -> str:
    """Say why a list is empty, and how one sees more."""
    row = await at.log.stream(chat.name, branch=chat.branch)
    log = as_typed("log", chat.name, branch=chat.branch)
    if row is not None and row.erased_version is not None:
        last = row.erased_version
        (event,) = await at.log.read(
            chat.name, after=last - 1, until=last, branch=chat.branch
        ).all()
        when = at.out.zone.seen(readable_time(event.stored.recorded_at))
        return f"Its list is empty: {deed(event.event)}, on {when}. {log} shows what is left."
    return f"Its list is empty. {log} shows what happened."


def _put_one(at: Invocation, seen: ItemsRead, places: list[Place], number: int) -> None:
    if number > len(seen.items):
        raise InvalidMomentError(f"There is no item {number}: {count(seen.total, 'item')}.")
    item = seen.items[number - 1]
    place = places[number - 1] if number <= len(places) else None
    at.out.answer(
        {"item": item, **_origin(place or Place(0))},
        *shown_pages.details(item, place, at.out.zone),
    )


def _record(
    chat: Conversation, seen: ItemsRead, places: list[Place], lost: list[Unreadable]
) -> dict[str, Any]:
    return {
        "conversation": chat.name,
        "branch": chat.branch,
        "version": seen.version,
        "total": seen.total,
        "items": [each for each in seen.items if each not in lost],
        "origins": [_origin(each) for each in places],
        "unreadable": lost,
    }


def _origin(place: Place) -> dict[str, Any]:
    context = place.context
    return {
        "version": place.version,
        "recorded_at": place.recorded_at,
        "actor": None if context is None else context.actor,
        "agent": None if context is None else context.agent,
    }


@command(
    "log",
    "eventlog log latest -n 20",
    "eventlog log order-1042 --since 2h --actor lin",
    "eventlog log order-1042 --kind rewound -p",
    paged=True,
)
@ID
@click.option("-n", "--limit", metavar="N", type=click.IntRange(min=1), help="Only the last ones.")
@SINCE
@UNTIL
@KIND
@click.option("--actor", metavar="NAME", help="Only what somebody did.")
@click.option("--agent", metavar="NAME", help="Only what an agent did.")
@click.option("--tool", metavar="NAME", help="Only calls of a tool.")
@click.option("-p", "--payload", is_flag=True, help="Show what each event holds, as JSON.")
@click.option("--oneline", is_flag=True, help="One line for each event.")
@click.option("--usage", is_flag=True, help="Show each count of tokens, not one for a run.")
@BRANCH
def log(ctx: click.Context, conversation: str, branch: str, **given: Any) -> None:
    """Show every event of a conversation.

    Items that left its list are marked. What was used is summed up for each run.
    """

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        errors: list[EventLogError | None] = []
        is_folded = not given["usage"] and not at.out.as_json
        last = None if any(given[name] for name in FILTERS) else given["limit"]
        events = _events(chat, errors, is_folded=is_folded, last=last)
        lines = EventLines(at.out, is_short=given["oneline"], with_payload=given["payload"])
        shown = 0
        async for page in pages(events, wanted_events(given, at.out.zone), PAGE, given["limit"]):
            shown += len(page)
            if at.out.as_json:
                for each in page:
                    at.out.line(records.event(each, chat.name, branch))
            else:
                lines.put(page)
        at.out.hint("No event matches that." if not shown else LEGEND if lines.has_marks else None)
        leave_with(errors)

    run(ctx, work)


async def _events(
    chat: Conversation,
    errors: list[EventLogError | None],
    *,
    is_folded: bool,
    last: int | None,
) -> AsyncIterator[HistoryEvent]:
    """Yield the events, with what was used summed up for each run; note what cannot be read.

    With `last`, so many of the last ones are among them: those near the end of the conversation
    alone, where these are enough.
    """
    found = None if last is None else await _near_the_end(chat, last, is_folded=is_folded)
    if found is not None:
        for event in found:
            errors.append(event.error)
            yield event
        return
    folded = Folded()
    async for event in chat.history():
        errors.append(event.error)
        for each in folded.take(event) if is_folded else (event,):
            yield each
    for each in folded.end():
        yield each


async def _near_the_end(
    chat: Conversation, last: int, *, is_folded: bool
) -> list[HistoryEvent] | None:
    """Return the last events, without a run that began before them; None if they are too few.

    More than are wanted are decoded only where some of them are told as one.
    """
    head = await chat.log.version(chat.name, branch=chat.branch)
    near = head - NEAR * last
    is_folded = is_folded and await _has_usage(chat, max(near, 0))
    after = near if is_folded else head - last
    if after <= 0:
        return None
    events = await chat.history(after=after).all()
    if not is_folded:
        return events
    begun = next((event.run_id for event in events), None)
    whole = events if begun is None else dropwhile(lambda event: event.run_id == begun, events)
    folded = Folded()
    found = [each for event in whole for each in folded.take(event)]
    found += folded.end()
    return found if len(found) >= last else None


async def _has_usage(chat: Conversation, after: int) -> bool:
    """Tell whether events behind a version say what was used; their contents are not decoded."""
    events = await chat.log.read(chat.name, after=after, branch=chat.branch).all()
    return any(event.kind == UsageRecorded.kind for event in events)


@command("diff", "eventlog diff order-1042 4", "eventlog diff latest yesterday now")
@ID
@click.argument("a", metavar="MOMENT")
@click.argument("b", metavar="[MOMENT]", required=False)
@BRANCH
def diff(ctx: click.Context, conversation: str, a: str, b: str | None, branch: str) -> None:
    """Compare what a conversation was at two moments.

    Without the second, with what it is now.
    """

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        found = await chat.diff(moment(a, at.out.zone), moment_or_none(b, at.out.zone))
        if at.out.as_json:
            at.out.line({"conversation": chat.name, "branch": branch, **found._asdict()})
        else:
            went, came = (sum(map(size, items)) for items in (found.removed, found.added))
            same = f"{count(found.common, 'item')} {'is' if found.common == 1 else 'are'} the same"
            at.out.say(f"{same}, {went} went, {came} came")
            shown_pages.differences(at.out, found)
        leave_with(each.error for each in found.unreadable)

    run(ctx, work)
