"""What an event says in a few words, and names inside sentences."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from eventlog import Context, ConversationCleared, Event, ItemPopped, visible
from eventlog.events import (
    BranchDeleted,
    ConversationArchived,
    ConversationErased,
    ConversationForked,
    ConversationLabelled,
    ConversationRewound,
    ConversationUnarchived,
    EventErased,
    HoldLifted,
    HoldPlaced,
    ModelCalled,
    OpaqueEvent,
    RunBegan,
    RunEnded,
    UsageRecorded,
)
from eventlog_projections.items.telling import tell

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


def count(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where there is not one."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def plural(noun: str) -> str:
    """Return the plural of a noun of ours."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "h")) else f"{noun}s"


def describe(item: Any) -> tuple[str, str]:
    """Tell who an item is from, and what it says."""
    told = tell(item)
    return line(told.label), clean(told.text)


def deed(event: Event | OpaqueEvent | None) -> str:
    """Tell what an event did that brought no items; None was erased."""
    if event is None:
        return "its content was erased"
    reason = getattr(event, "reason", None)
    return _did(event) if reason is None else f"{_did(event)}: {line(str(reason))}"


def _did(event: Event | OpaqueEvent) -> str:
    told = _TOLD.get(type(event))
    return line(event.kind if told is None else told(event))


def actor(context: Context | None) -> str:
    """Name the agent where one was speaking, and in whose name."""
    if context is None:
        return "-"
    who = context.actor or "unknown"
    if context.agent is None or who == f"agent:{context.agent}":
        return line(who)
    return line(f"{context.agent} for {who}")


def _rewound(event: ConversationRewound) -> str:
    kept = "" if event.kept is None else f"{count(event.kept, 'item')} of "
    return f"went back to {kept}version {event.to_version}"


def _labelled(event: ConversationLabelled) -> str:
    given = (("title", event.title), ("owner", event.owner), ("tags", event.tags))
    return "; ".join(
        line(f"{name}: {(value if isinstance(value, str) else ', '.join(value)) or 'none'}")
        for name, value in given
        if value is not None
    )


_TOLD: Final[dict[type[Any], Callable[[Any], str]]] = {
    BranchDeleted: lambda _: "deleted the branch",
    ConversationArchived: lambda _: "archived: closed to writers",
    ConversationCleared: lambda _: "emptied the list",
    ConversationErased: lambda event: f"erased by {event.by}",
    ConversationForked: lambda event: (
        f"began with {count(event.kept, 'item')} of version {event.at_version}"
    ),
    ConversationLabelled: _labelled,
    ConversationRewound: _rewound,
    ConversationUnarchived: lambda _: "unarchived: open again",
    EventErased: lambda event: f"version {event.erased} erased by {event.by}",
    HoldLifted: lambda event: f"legal hold {event.hold} lifted",
    HoldPlaced: lambda event: f"legal hold {event.hold} placed",
    ItemPopped: lambda _: "took the last item back",
    ModelCalled: lambda event: f"a model was given {count(len(event.input), 'item')}",
    RunBegan: lambda event: f"run {event.run} began",
    RunEnded: lambda event: f"run {event.run} ended",
    UsageRecorded: lambda event: (
        f"{count(event.requests, 'model call')}, {count(event.total_tokens, 'token')}"
    ),
}
