"""What a change did to a list: what went, what came, and how it is taken back."""

from typing import Any, NamedTuple

from eventlog.plurals import count
from eventlog_cli.running import Invocation
from eventlog_cli.showing.pages import put_moved
from eventlog_cli.showing.words import command, typed
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.diff import compare

SHOWN = 20
"""Items that are shown of what went, and of what came."""


class Moved(NamedTuple):
    """What a change did."""

    before: int
    """The version that takes it back."""
    version: int
    total: int
    removed: list[Any]
    added: list[Any]

    @classmethod
    def between(cls, before: int, version: int, old: list[Any], new: list[Any]) -> "Moved":
        """Return what one list and another differ in."""
        found = compare(old, new)
        return cls(before, version, len(new), found.removed, found.added)


async def moved(chat: Conversation, before: int, version: int) -> Moved:
    """Return what the events behind a version did."""
    old = (await chat.read(as_of=before)).items
    return Moved.between(before, version, old, (await chat.read(as_of=version)).items)


def _went(found: Moved) -> str:
    """Say how many items went and came."""
    told = [
        f"{count(len(items), 'item')} {what}"
        for items, what in ((found.removed, "went"), (found.added, "came"))
        if items
    ]
    return ", ".join(told) or "nothing went or came"


def tell_moved(at: Invocation, chat: Conversation, found: Moved, *, dry_run: bool) -> None:
    """Say what went and came, on stdout, and the way back."""
    back = command("restore", chat.name, str(found.before), branch=chat.branch)
    if at.out.as_json:
        at.out.line(
            {
                "conversation": chat.name,
                "branch": chat.branch,
                "version": found.version,
                "total": found.total,
                "removed": found.removed,
                "added": found.added,
                "back": None if dry_run else back.strip("`"),
                "dry_run": dry_run,
            }
        )
        return
    name = typed(chat.name, chat.branch)
    went = _went(found)
    if dry_run:
        at.out.say(f"{name} would have {count(found.total, 'item')}: {went}.")
    else:
        at.out.say(
            f"{name} is at version {found.version} and has {count(found.total, 'item')}: {went}."
        )
    for mark, style, items in (("-", "red", found.removed), ("+", "green", found.added)):
        for item in items[-SHOWN:]:
            put_moved(at.out, mark, style, item)
        if len(items) > SHOWN:
            at.out.say(f"{mark} and {len(items) - SHOWN:,} before")
    if not dry_run:
        at.out.say(f"{back} takes it back.")
