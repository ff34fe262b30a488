"""A conversation to read: its items, its events, and what two versions of it differ in."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from eventlog import EventLogError, RecordedEvent, Verification
from eventlog.format.envelope import readable_time
from eventlog_cli.tables import time
from eventlog_cli.words import GONE, actor, deed, describe, line, named
from eventlog_projections import Diff, HistoryEvent, ItemsRead, Unreadable

_STYLES: Final = {"popped": "yellow", "cleared": "red", "deleted": "red", "rewound": "yellow"}
_LABEL: Final = 9
_TAIL_WORDS: Final = 200


def heading(name: str, branch: str, seen: ItemsRead) -> Text:
    """Name a conversation, and say what of it is shown."""
    text = Text(named(name, branch), "bold")
    shown = len(seen.items)
    what = (
        f"{seen.total:,} items"
        if shown == seen.total
        else f"the last {shown:,} of {seen.total:,} items"
    )
    return text.append(f"  version {seen.version}, {what}", "not bold dim")


def transcript(items: Iterable[Any]) -> Table:
    """Return items as a conversation."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="dim", no_wrap=True, width=_LABEL, overflow="ellipsis")
    grid.add_column(overflow="fold")
    for item in items:
        if isinstance(item, Unreadable):
            grid.add_row("!", Text(_lost(item), "red"))
            continue
        who, text = describe(item)
        grid.add_row(who, Text(text, "bold" if who == "agent" else ""))
    return grid


def _lost(found: Unreadable) -> str:
    count = f"{found.items} items cannot be read. " if found.items else ""
    return line(f"{count}{found.error}")


def events(found: Sequence[HistoryEvent]) -> Table:
    """Return events as rows; items that are no longer in the list are marked and struck through.

    Widths are the same for any events, so that one table goes on under another.
    """
    table = Table(box=None, show_header=False, padding=(0, 1), pad_edge=False, expand=True)
    for width in (6, 14, 8, 10):
        table.add_column(no_wrap=True, overflow="ellipsis", width=width)
    table.columns[0].justify = "right"
    table.columns[1].style = "dim"
    table.add_column(ratio=1)
    for event in found:
        table.add_row(
            Text(str(event.version), "bold"),
            time(event.recorded_at, "%m-%d %H:%M:%S"),
            Text(line(event.kind), _STYLES.get(event.kind, "")),
            actor(event.context),
            _items(event),
        )
    return table


def _items(event: HistoryEvent) -> RenderableType:
    if event.error is not None:
        return Text("! " + line(str(event.error)), "red")
    if not event.items:
        return Text("  " + deed(event.event), no_wrap=True, overflow="ellipsis")
    return Group(*(_item(each.item, listed=each.is_listed) for each in event.items))


def _item(item: Any, *, listed: bool) -> Text:
    who, text = describe(item)
    words = Text("  " if listed else f"{GONE} ", "dim", no_wrap=True, overflow="ellipsis")
    style = "not dim" if listed else "strike"
    return words.append(f"{who}: {' '.join(text.split())}", style)


def differences(found: Diff) -> Table:
    """Return what went and what came, marked - and +."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for mark, style, items in (("-", "red", found.removed), ("+", "green", found.added)):
        for item in items:
            is_lost = isinstance(item, Unreadable)
            who, text = ("!", _lost(item)) if is_lost else describe(item)
            grid.add_row(Text(mark, style), who, Text(text, style))
    for lost in found.unreadable:
        if lost not in (*found.removed, *found.added):
            grid.add_row(Text(" "), "!", Text(_lost(lost), "red"))
    return grid


def verdict(found: Verification) -> Table:
    """Return what a verification found: that all is sound, or each fault."""
    grid = Table.grid(padding=(0, 2))
    if found.ok:
        grid.add_row("", Text("VERIFIED", "bold green"), _sound(found))
    for fault in found.faults:
        unknown = fault.problem == "unknown"
        word = Text("UNKNOWN", "bold yellow") if unknown else Text("TAMPERED", "bold red")
        grid.add_row("", word, line(str(fault)))
    for warning in found.warnings:
        grid.add_row("", Text("WARNING", "bold yellow"), line(str(warning)))
    for pending in found.pending:
        grid.add_row("", Text("PENDING", "bold yellow"), line(str(pending)))
    return grid


def _sound(found: Verification) -> str:
    if not found.erased:
        return f"all {found.events} events are as they were written"
    return (
        f"{found.events} events, {found.erased} of them erased; the others are as they were written"
    )


def imported(found: Any) -> Text:
    """Return what an import copied, and what it left out or kept as it was."""
    text = Text.assemble(
        (f"{found.copied:,} conversations copied, {found.items:,} items", "bold"),
        f"; {found.unchanged:,} were there already\n",
    )
    for row in found.preserved:
        text.append(f"kept as it is: row {row.row} of {named(row.conversation)}: {line(row.why)}\n")
    for each in found.refused:
        text.append(f"left out: {named(each.conversation)}: {line(each.why)}\n", "red")
    text.right_crop(1)
    return text


def feed_line(event: RecordedEvent) -> RenderableType:
    """Return an event of the feed, as one line and one for each item that it brought."""
    first = Text.assemble(
        (time(readable_time(event.stored.recorded_at), "%H:%M:%S") + " ", "dim"),
        (named(event.stream, event.branch), "bold"),
        f" {event.version} ",
        (line(event.kind), _STYLES.get(event.kind, "")),
        no_wrap=True,
        overflow="ellipsis",
    )
    return Group(first, *(Padding(each, (0, 0, 0, 9)) for each in _said(event)))


def _said(event: RecordedEvent) -> list[Text]:
    try:
        found = None if event.is_erased else event.event
    except EventLogError as error:
        return [Text(line(str(error)), "red")]
    said = getattr(found, "items", None)
    if said is None:
        return [Text(deed(found), no_wrap=True, overflow="ellipsis")]
    texts = [": ".join(describe(item)) for item in said]
    return [
        Text(" ".join(text.split())[:_TAIL_WORDS], no_wrap=True, overflow="ellipsis")
        for text in texts
    ]
