"""A conversation to read: its items, and what two versions of it differ in."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eventlog.plurals import count
from eventlog_cli.output import Output
from eventlog_cli.showing.text import Text, width, wrapped
from eventlog_cli.showing.times import Zone
from eventlog_cli.showing.words import actor, clean, describe, flat, line, named, typed
from eventlog_projections.history.places import Place
from eventlog_projections.history.salvage import Unreadable
from eventlog_projections.items.state import ItemsRead

if TYPE_CHECKING:
    from eventlog import Verification
    from eventlog_projections.history.diff import Diff

LABEL: Final = 9
UNKNOWN: Final = ("UNKNOWN", "bold yellow")
TAMPERED: Final = ("TAMPERED", "bold red")
WARNING: Final = ("WARNING", "bold yellow")
PENDING: Final = ("PENDING", "bold yellow")
NARROW: Final = 60
"""Columns below which an item begins on a line of its own."""


def heading(name: str, branch: str, seen: ItemsRead, origin: str = "") -> Text:
    """Name a conversation, and say what of it is shown."""
    shown = len(seen.items)
    what = (
        count(seen.total, "item")
        if shown == seen.total
        else f"the last{'' if shown == 1 else f' {shown:,}'} of {count(seen.total, 'item')}"
    )
    return Text.of(
        (named(name, branch), "bold"), (f"  version {seen.version}, {what}{origin}", "dim")
    )


def transcript(
    out: Output, items: Iterable[Any], places: Sequence[Place], *, is_dated: bool
) -> None:
    """Print items as a conversation: version, time, who, and what it says."""
    day = ""
    for index, item in enumerate(items):
        place = places[index] if index < len(places) else None
        if is_dated and place is not None and place.recorded_at is not None:
            today = out.zone.seen(place.recorded_at, "%Y-%m-%d")
            if today != day and out.look.is_terminal:
                out.print(Text.of((today, "dim")))
            day = today
        _put_item(out, item, place)


def _put_item(out: Output, item: Any, place: Place | None) -> None:
    if isinstance(item, Unreadable):
        who, text, style = "!", lost(item), "red"
    else:
        who, text = describe(item)
        style = "bold" if who == "agent" else ""
        agent = None if place is None or place.context is None else place.context.agent
        if who == "agent" and agent:
            who = line(agent)
    version, at = _where(place, out)
    if not out.look.is_terminal:
        out.print("\t".join((version, at, who, " ".join(text.split()))))
        return
    head = f"{version:>5} {at} {who:>{LABEL}} "
    room = out.look.width
    if room < NARROW:
        out.print(Text.of((f"{version} {at} ", "dim"), (who, "dim")))
        head = "  "
    lines = list(wrapped(text, room - width(head)))
    first = Text.of((head, "dim"), (lines[0], style))
    out.print(first, *[Text.of(" " * width(head), (each, style)) for each in lines[1:]])


def _where(place: Place | None, out: Output) -> tuple[str, str]:
    if place is None or place.version == 0:
        return "", "inherited" if place is not None else ""
    form = "%H:%M:%S" if out.look.is_terminal else "%Y-%m-%d %H:%M:%S"
    return str(place.version), out.zone.seen(place.recorded_at, form)


def lost(found: Unreadable) -> str:
    """Say what of a list cannot be read."""
    said = f"{count(found.items, 'item')} cannot be read. " if found.items else ""
    return line(f"{said}{found.error}")


def details(item: Any, place: Place | None, zone: Zone) -> list[str]:
    """Return one item with all that is beside it, as lines."""
    from eventlog_projections.items.telling import tell

    told = tell(item)
    lines = [f"{line(told.label)}: {clean(told.text)}"]
    lines += [f"  {name}: {line(value)}" for name, value in told.details]
    if place is not None and place.version:
        lines.append(
            f"  version {place.version}, {zone.seen(place.recorded_at)}, by {actor(place.context)}"
        )
    return lines


def differences(out: Output, found: "Diff") -> None:
    """Print what went and what came, marked - and +."""
    for mark, style, items in (("-", "red", found.removed), ("+", "green", found.added)):
        for item in items:
            put_moved(out, mark, style, item)
    for each in found.unreadable:
        if each not in (*found.removed, *found.added):
            put_moved(out, " ", "red", each)


def put_moved(out: Output, mark: str, style: str, item: Any) -> None:
    """Print an item that went or came."""
    who, text = ("!", lost(item)) if isinstance(item, Unreadable) else describe(item)
    shown = Text.of((mark, style), " ", (who, "dim"), " ", (flat(text), style))
    out.print(shown.cut(out.look.width) if out.look.is_terminal else shown)


def verdict(found: "Verification") -> list[Text]:
    """Return what a verification found: that all is sound, or each fault."""
    lines: list[Text] = []
    if found.ok:
        lines.append(Text.of(("VERIFIED", "bold green"), f"  {_sound(found)}"))
    lines += [
        Text.of(UNKNOWN if fault.problem == "unknown" else TAMPERED, f"  {line(str(fault))}")
        for fault in found.faults
    ]
    lines += [Text.of(WARNING, f"  {line(str(warning))}") for warning in found.warnings]
    lines += [Text.of(PENDING, f"  {line(str(pending))}") for pending in found.pending]
    return lines


def proved(path: str, found: Iterable[tuple[str, str, int]]) -> list[Text]:
    """Return what a file of evidence proves: a name, branch and last version a line."""
    return [
        Text.of(
            ("VERIFIED", "bold green"),
            f"  {path} proves {typed(name, branch)} up to version {version}",
        )
        for name, branch, version in found
    ]


def refuted(why: str) -> Text:
    """Return that a file proves nothing, and why."""
    return Text.of(TAMPERED, f"  {line(why)}")


def _sound(found: "Verification") -> str:
    if found.since is not None:
        said = f"{count(found.events, 'event')} since position {found.since:,}"
        return f"{said} are as they were written; rows of before were not read"
    if not found.erased:
        return f"all {count(found.events, 'event')} are as they were written"
    gone = f"{count(found.events, 'event')}, {found.erased} of them erased"
    return f"{gone}; the others are as they were written"


def imported(found: Any) -> list[Text]:
    """Return what an import copied, and what it left out or kept as it was."""
    lines = [
        Text.of(
            (f"{count(found.copied, 'conversation')} copied, {count(found.items, 'item')}", "bold"),
            f"; {found.unchanged:,} {'was' if found.unchanged == 1 else 'were'} there already",
        )
    ]
    lines += [
        Text.of(f"kept as it is: row {row.row} of {typed(row.conversation)}: {line(row.why)}")
        for row in found.preserved
    ]
    lines += [
        Text.of((f"left out: {typed(each.conversation)}: {line(each.why)}", "red"))
        for each in found.refused
    ]
    return lines
