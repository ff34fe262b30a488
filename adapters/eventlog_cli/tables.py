"""Lists of conversations, turns, tools and so on, as tables that fit into 80 columns."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple

from rich.table import Table
from rich.text import Text

from eventlog.format.envelope import readable_time
from eventlog_cli.words import GONE, clean, line, named
from eventlog_projections import Disposed
from eventlog_projections.views import SetAside, Status, snippet
from eventlog_projections.views.queries import Cost, Found, Summary, Tool, Turn, Usage

NONE: Final = "-"
WIDEST_ID: Final = 20
SNIPPET: Final = 200
"""Characters of a text that was found; a narrow terminal shows fewer."""


class Hold(NamedTuple):
    """A hold on a conversation."""

    conversation: str
    hold: str


def sessions(found: Iterable[Summary]) -> Table:
    """Return conversations as rows."""
    table = _table("id", "title~", "items#", "turns#", "tokens#", "last activity")
    for each in found:
        archived = None if each.archived_at is None else "[archived]"
        title = " ".join(filter(None, (archived, each.title, *(f"#{tag}" for tag in each.tags))))
        table.add_row(
            Text(named(each.name), "bold"),
            line(title),
            f"{each.items:,}",
            f"{each.turns:,}",
            f"{each.total_tokens:,}",
            time(each.last_at),
        )
    return table


def turns(found: Iterable[Turn]) -> Table:
    """Return turns as rows; removed ones are marked and struck through."""
    table = _table("turn#", "message~", "items#", "tokens#", "context#", "cost#")
    for each in found:
        message = Text("  " if not each.removed else f"{GONE} ", "dim")
        message.append(
            " ".join(clean(each.message).split()), "strike" if each.removed else "not dim"
        )
        table.add_row(
            str(each.number),
            message,
            f"{each.items:,}",
            f"{each.total_tokens:,}",
            NONE if each.context_tokens is None else f"{each.context_tokens:,}",
            # Nobody counted: that is not to be told from a turn that was free.
            cost(each.cost) if each.usage.requests or each.total_tokens else NONE,
        )
    return table


def usage(found: Iterable[Usage]) -> Table:
    """Return what was used of each model as rows."""
    table = _table(
        "model", "calls#", "input#", "cached#", "output#", "reasoning#", "total#", "cost#"
    )
    for each in found:
        numbers = (
            each.requests,
            each.input_tokens,
            each.cached_input_tokens,
            each.output_tokens,
            each.reasoning_tokens,
            each.total_tokens,
        )
        model = line(each.model or "unknown")
        table.add_row(model, *(f"{number:,}" for number in numbers), dollars(each.cost))
    return table


def tools(found: Iterable[Tool]) -> Table:
    """Return what became of the calls of each tool as rows."""
    table = _table("tool", "calls#", "results#", "errors#", "no result#", "mean#", "longest#")
    for each in found:
        numbers = (each.calls, each.results, each.errors, each.unanswered)
        table.add_row(
            line(each.name),
            *(f"{number:,}" for number in numbers),
            _seconds(each.mean_seconds),
            _seconds(each.longest_seconds),
        )
    return table


def hits(found: Iterable[Found], query: str) -> Table:
    """Return what was found as rows; what is no longer in its list is marked."""
    table = _table("id", "version#", "role", "text~")
    for each in found:
        words = Text(f"{GONE} " if each.removed else "  ", "dim")
        style = "strike" if each.removed else "not dim"
        piece = snippet(each.text, query, SNIPPET)
        end = 0
        for start, stop in piece.hits:
            words.append(clean(piece.text[end:start]), style)
            words.append(clean(piece.text[start:stop]), f"{style} bold")
            end = stop
        words.append(clean(piece.text[end:]), style)
        name, role = named(each.conversation, each.branch), line(each.role or each.type)
        table.add_row(name, str(each.version), role, words)
    return table


def holds(found: Iterable[Hold]) -> Table:
    """Return holds as rows."""
    table = _table("id", "hold")
    for each in found:
        table.add_row(named(each.conversation), line(each.hold))
    return table


def disposed(found: Sequence[Disposed]) -> Table | Text:
    """Return what became of conversations as rows, or that there are none."""
    if not found:
        return Text("There is none.")
    table = _table("id", "last activity", "became", "because of~")
    for each in found:
        table.add_row(
            named(each.session_id),
            time(readable_time(each.last_at)),
            each.disposition,
            ", ".join(map(named, each.because_of)),
        )
    return table


def views(found: Sequence[Status]) -> Table:
    """Return where the views are as rows."""
    table = _table("view", "schema#", "position#", "behind#", "events/s#", "aside#", "last moved")
    for each in found:
        name = each.view if each.is_serving else f"{each.view} (being made)"
        table.add_row(
            name,
            str(each.schema),
            f"{each.position:,}",
            f"{each.behind:,}",
            f"{each.rate:,}",
            str(len(each.set_aside)),
            time(readable_time(each.moved_at)) if each.moved_at else NONE,
        )
    return table


def set_aside(found: Sequence[Status]) -> Table:
    """Return the events that views go on without as rows."""
    table = _table("view", "id", "version#", "position#", "reason~")
    for status in found:
        for each in status.set_aside:
            table.add_row(status.view, *_aside(each))
    return table


def asides(found: Iterable[SetAside], became: str) -> Table:
    """Return events that were set aside as rows, with what became of them."""
    table = _table("id", "version#", "position#", "reason~", "became")
    for each in found:
        table.add_row(*_aside(each), became)
    return table


def _aside(each: SetAside) -> tuple[str, str, str, str]:
    name = each.conversation + (f" ({each.branch})" if each.branch else "")
    return clean(name), str(each.version), f"{each.position:,}", clean(each.error)


def time(at: datetime | None, form: str = "%Y-%m-%d %H:%M:%S") -> str:
    """Return a time in UTC, to the second; a question mark for one that no calendar has."""
    return "?" if at is None else f"{at:{form}}"


def cost(found: Cost) -> str:
    """Return US dollars, with a mark where something has no known price."""
    if not found.unpriced:
        return dollars(found.total)
    return f"{dollars(found.total)}+?" if found.total else "?"


def dollars(amount: Decimal | None) -> str:
    """Return US dollars; a question mark where the price is not known."""
    return "?" if amount is None else f"${amount:.4f}"


def _seconds(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds:,.2f} s"


def _table(*names: str) -> Table:
    """Return an empty table. What ends in # is a number; what ends in ~ gives way to the others."""
    yields = any(name.endswith("~") for name in names)
    table = Table(box=None, padding=(0, 1), pad_edge=False, header_style="dim", expand=yields)
    for name in names:
        table.add_column(
            name.rstrip("#~"),
            justify="right" if name.endswith("#") else "left",
            no_wrap=True,
            overflow="ellipsis",
            ratio=1 if name.endswith("~") else None,
            min_width=8 if name == "id" else None,
            max_width=WIDEST_ID if name == "id" else None,
        )
    return table
