"""What an erasure would destroy: each list with its owner and its size, before anybody says yes."""

from collections.abc import Sequence
from typing import NamedTuple

from eventlog import EventLog
from eventlog.errors import EventLogError, InvalidInputError
from eventlog.format.records import StreamRow
from eventlog.operations.erasure import is_erased, sharing
from eventlog_cli.output import Output
from eventlog_cli.showing.layout import Table, columns, drawn, row
from eventlog_cli.showing.words import line, named, typed
from eventlog_projections.conversation import Conversation
from eventlog_projections.disposal.activity import activities, is_labelled


class Doomed(NamedTuple):
    """A list that would go."""

    conversation: str
    branch: str
    owner: str | None
    items: int
    because_of: str | None
    """The conversation with which it shares its content; None for one that was named."""
    is_gone: bool
    """Whether nothing is left of it."""


async def doomed_by(log: EventLog, names: Sequence[str]) -> list[Doomed]:
    """Return what goes with conversations: their branches, and the forks that share content."""
    found: dict[bytes, Doomed] = {}
    for name in names:
        for each in await sharing(log, name):
            if each.stream_id not in found:
                shared = None if each.name in names else name
                found[each.stream_id] = await _doomed(log, each, shared)
    return list(found.values())


async def doomed_of_owner(log: EventLog, owner: str) -> list[Doomed]:
    """Return what goes with all conversations of an owner, but for what is gone."""
    names = [
        each.session_id
        for each in await activities(log)
        if await is_labelled(log, each.session_id, owner=owner)
    ]
    return [each for each in await doomed_by(log, names) if not each.is_gone]


async def _doomed(log: EventLog, stream: StreamRow, because_of: str | None) -> Doomed:
    chat = Conversation(log, stream.name, stream.branch)
    try:
        items = (await chat.read(limit=0)).total
        owner = (await Conversation(log, stream.name).labels()).owner
    except EventLogError:  # It is unsound, or its key is not here: it can be erased all the same.
        items, owner = 0, None
    gone = await is_erased(log, stream)
    return Doomed(stream.name, stream.branch, owner, items, because_of, gone)


def doomed_table(found: Sequence[Doomed], out: Output) -> list[str]:
    """Return lines that list what would go."""
    rows = [
        row(
            named(each.conversation, each.branch),
            line(each.owner or "-"),
            f"{each.items:,}",
            "" if each.because_of is None else f"shares content of {named(each.because_of)}",
        )
        for each in found
    ]
    table = Table(columns("will go!", "owner1", "items#", "because~"), rows)
    return [each.plain.rstrip() for each in drawn(table, max(out.look.width, 80)).lines]


def refuse_more(found: Sequence[Doomed], named: Sequence[str]) -> None:
    """Raise InvalidInputError where conversations would go that nobody named."""
    more = sorted({each.conversation for each in found} - set(named))
    if more:
        raise InvalidInputError(
            f"More would go than was named: {', '.join(map(typed, more))}. --yes is refused. Name"
            " each, or leave --yes out and answer."
        )
