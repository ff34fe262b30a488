"""How items and events look in a terminal: with colour or without, at any width, in a pipe."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from eventlog import ConversationCleared, ItemPopped, ItemsAdded, RecordedEvent, Verification
from eventlog.events import UsageRecorded
from eventlog_cli.showing import pages
from eventlog_cli.showing.words import GONE, LEGEND, actor, describe
from eventlog_projections import listed

_RUN_ID: Final = 4

WIDEST: Final = 110


def open_console() -> Console:
    """Return a console that is never wider than what reads well."""
    console = Console(highlight=False, markup=False, emoji=False)
    console.width = min(console.width, WIDEST)
    return console


def verdict(console: Console, found: Verification) -> None:
    """Print what a verification found."""
    for line in pages.verdict(found):
        text = Text("  ")
        for piece in line:
            text.append(piece.text, piece.style or None)
        console.print(text)


def opening(console: Console, log: str, *, live: bool) -> None:
    """Say what is about to happen."""
    model = (
        "The SDK's default model answers."
        if live
        else "Offline: a script stands in for the model, and nothing is sent anywhere."
    )
    text = Text.assemble(
        ("Nothing an agent said is ever lost\n", "bold"),
        f"A support agent runs on an event log in {log}.\n{model}",
    )
    console.print()
    console.print(Panel(text, border_style="cyan", padding=(0, 2)))


def scene(console: Console, title: str) -> None:
    """Begin a part."""
    console.print()
    console.rule(Text(title, "bold"), align="left", style="cyan")


def code(console: Console, *lines: str) -> None:
    """Print a call that a program would make."""
    for line in lines:
        console.print(Text(f"  {line}", "cyan"), no_wrap=True, overflow="ellipsis")


def note(console: Console, text: str, style: str = "dim") -> None:
    """Print an indented remark."""
    console.print(Padding(Text(text, style), (0, 0, 0, 2), expand=False))


def transcript(console: Console, items: Iterable[Any]) -> None:
    """Print items as a conversation."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="dim", no_wrap=True, min_width=8)
    grid.add_column(overflow="fold")
    for item in items:
        who, text = describe(item)
        grid.add_row(who, Text(text, "bold" if who == "agent" else ""))
    console.print(grid)


def timeline(console: Console, events: Sequence[RecordedEvent]) -> None:
    """Print every event, with what is no longer in the list struck through and marked."""
    kept = listed(events)
    table = Table(box=None, padding=(0, 1), pad_edge=False, expand=True, header_style="dim")
    table.add_column("#", justify="right", style="bold")
    for name in ("UTC", "kind", "actor", "run"):
        table.add_column(name, no_wrap=True, style="dim" if name in ("UTC", "run") else "")
    table.add_column("what it did", ratio=1)
    for event in events:
        table.add_row(*_row(event, kept))
    console.print(table)
    note(console, LEGEND)


def commands(console: Console, steps: Iterable[tuple[str, str]]) -> None:
    """Print what to try next, as lines to copy."""
    scene(console, "What to try next")
    for command, purpose in steps:
        console.print(Text(f"  # {purpose}", "dim"))
        console.print(Text(f"  {command}", "cyan"), soft_wrap=True)
    console.print()


def _row(event: RecordedEvent, listed: set[tuple[int, int]]) -> list[RenderableType]:
    context = event.context
    return [
        str(event.version),
        f"{event.recorded_at:%H:%M:%S}",
        Text(event.kind, _STYLES.get(event.kind, "")),
        actor(context),
        (context.run_id or "-")[:_RUN_ID],
        _deed(event, listed),
    ]


_STYLES: Final = {ItemPopped.kind: "yellow", ConversationCleared.kind: "red"}


def _deed(event: RecordedEvent, listed: set[tuple[int, int]]) -> RenderableType:
    match event.event:
        case ItemsAdded(items=items):
            return Group(
                *(
                    _item(item, listed=(event.version, index) in listed)
                    for index, item in enumerate(items)
                )
            )
        case ItemPopped(reason=reason):
            return _because("took the last item back", reason)
        case ConversationCleared(reason=reason):
            return _because("emptied the list", reason)
        case UsageRecorded(requests=requests, total_tokens=tokens):
            return f"  {requests} model call{'s' * (requests > 1)}, {tokens} tokens"
        case _:
            return event.kind


def _item(item: Any, *, listed: bool) -> Text:
    words = Text("  " if listed else f"{GONE} ", "dim", no_wrap=True, overflow="ellipsis")
    return words.append(describe(item)[1], "not dim" if listed else "strike")


def _because(deed: str, reason: str | None) -> str:
    return f"  {deed}" if reason is None else f"  {deed}:\n  {reason}"
