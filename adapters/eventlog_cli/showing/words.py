"""What an event says in a few words, and names inside sentences."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from eventlog import Context, Event, EventLogError, visible
from eventlog.events import ConversationErased, EventErased, OpaqueEvent
from eventlog_projections.history.deeds import did
from eventlog_projections.items.telling import tell

if TYPE_CHECKING:
    from eventlog import RecordedEvent

GONE: Final = "\N{MULTIPLICATION SIGN}"
"""Marks what is no longer in the list, so that it also reads without colour."""

LEGEND: Final = f"{GONE} no longer in the list, but still in the log"


def clean(text: str) -> str:
    """Return content that cannot control the terminal, or hide from whoever reads it."""
    return visible.visible(text)


def line(text: str) -> str:
    """Return a reason, a title or the like as one line, in which every character is seen."""
    return visible.visible_line(text)


def flat(text: str) -> str:
    """Return content as one line."""
    return " ".join(clean(text).split())


def named(name: str, branch: str = "") -> str:
    """Return a conversation's name, and a branch's, as people may type them."""
    return visible.quoted(name) + (f" ({visible.quoted(branch)})" if branch else "")


def typed(name: str, branch: str = "") -> str:
    """Return a name inside a sentence, told from the words around it, as people may type it."""
    return visible.typed(name) + (f" (branch {visible.typed(branch)})" if branch else "")


def command(verb: str, name: str, *rest: str, options: Iterable[str] = (), branch: str = "") -> str:
    """Return what one types to do something with a conversation, or a branch of it."""
    named = [visible.typed(name), *rest]
    flags = [*options, *(["--branch", visible.typed(branch)] if branch else [])]
    # A name that begins like an option stands behind the end of all options.
    words = [*flags, "--", *named] if name.startswith("-") else [*named, *flags]
    return f"`{' '.join(['eventlog', verb, *words])}`"


def describe(item: Any) -> tuple[str, str]:
    """Tell who an item is from, and what it says."""
    told = tell(item)
    return line(told.label), clean(told.text)


def describe_flat(item: Any) -> tuple[str, str]:
    """Tell who an item is from, and what it says in one line."""
    told = tell(item)
    return line(told.label), clean(told.line)


def deed(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did that brought no items, and why."""
    reason = getattr(event, "reason", None)
    return line(did(event) if reason is None else f"{did(event)}: {reason}")


def read_of(
    recorded: "RecordedEvent",
) -> tuple[Context | None, Event | OpaqueEvent | None]:
    """Return the context of an event of the feed, and what it says, if they can be read."""
    try:
        return (None, None) if recorded.is_erased else (recorded.context, recorded.event)
    except EventLogError:
        return None, None


def author(context: Context | None, event: Event | OpaqueEvent | None) -> str | None:
    """Return who did it: of an erasure who is named in it, for that is readable for ever."""
    if isinstance(event, ConversationErased | EventErased):
        return event.by
    return None if context is None else context.actor


def actor(context: Context | None, event: Event | OpaqueEvent | None = None) -> str:
    """Name the agent where one was speaking, and in whose name."""
    who = author(context, event)
    if context is None:
        return "-" if who is None else line(who)
    who = who or "unknown"
    if context.agent is None or who == f"agent:{context.agent}":
        return line(who)
    return line(f"{context.agent} for {who}")
