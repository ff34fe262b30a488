"""What a change did to a list, in words: what went, what came, and how it is taken back."""

from typing import TYPE_CHECKING, Any

from eventlog.errors import ErasedError, EventLogError
from eventlog.plurals import count
from eventlog_cli.running import Invocation
from eventlog_cli.showing.pages import put_moved
from eventlog_cli.showing.words import command, line, typed
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.diff import Diff
from eventlog_projections.history.salvage import Unreadable, size

if TYPE_CHECKING:
    from eventlog_projections.changing.changed import Change

SHOWN = 20
"""Items that are shown of what went, and of what came."""


async def tell_change(at: Invocation, chat: Conversation, change: "Change[Diff]") -> None:
    """Say what went and came, on stdout, and the way back.

    What cannot be read any more takes no word of what was done away.
    """
    found, unread = None, None
    try:
        found = await change.diff()
    except EventLogError as error:
        unread = error
    is_lost = change.is_dry_run or isinstance(unread, ErasedError)
    back = (
        None if is_lost else command("restore", chat.name, str(change.before), branch=chat.branch)
    )
    if at.out.as_json:
        at.out.line(
            {
                "conversation": chat.name,
                "branch": chat.branch,
                "version": change.version,
                "total": None if found is None else found.total,
                "removed": None if found is None else _plain(found.removed),
                "added": None if found is None else _plain(found.added),
                "unreadable": [] if found is None else found.unreadable,
                "error": unread,
                "back": None if back is None else back.strip("`"),
                "dry_run": change.is_dry_run,
            }
        )
        return
    _say(at, typed(chat.name, chat.branch), change, found, unread)
    if back is not None:
        at.out.say(f"{back} takes it back.")


def _say(
    at: Invocation,
    name: str,
    change: "Change[Diff]",
    found: Diff | None,
    unread: EventLogError | None,
) -> None:
    if found is None:
        became = "would change" if change.is_dry_run else f"is at version {change.version}"
        at.out.say(f"{name} {became}. What goes or comes cannot be read: {line(str(unread))}")
        return
    has = f"{count(found.total, 'item')}: {_went(found)}."
    if change.is_dry_run:
        at.out.say(f"{name} would have {has}")
    else:
        at.out.say(f"{name} is at version {change.version} and has {has}")
    for mark, style, items in (("-", "red", found.removed), ("+", "green", found.added)):
        for item in items[-SHOWN:]:
            put_moved(at.out, mark, style, item)
        if len(items) > SHOWN:
            at.out.say(f"{mark} and {len(items) - SHOWN:,} before")


def _went(found: Diff) -> str:
    """Say how many items went and came."""
    told = [
        f"{count(sum(map(size, items)), 'item')} {what}"
        for items, what in ((found.removed, "went"), (found.added, "came"))
        if items
    ]
    return ", ".join(told) or "nothing went or came"


def _plain(items: list[Any]) -> list[Any]:
    """Return the items that can be read."""
    return [item for item in items if not isinstance(item, Unreadable)]
