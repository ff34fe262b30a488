"""Lists of conversations, turns, tools and so on, as tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from eventlog.format.envelope import readable_time
from eventlog.format.names import MAIN
from eventlog.plurals import count
from eventlog_cli.showing.layout import Table, columns, row
from eventlog_cli.showing.text import Text
from eventlog_cli.showing.times import Zone
from eventlog_cli.showing.words import GONE, clean, flat, line, named

if TYPE_CHECKING:
    from eventlog_projections.disposal.disposing import Disposed
    from eventlog_projections.views.prices import Cost
    from eventlog_projections.views.queries import Found, Tool, Turn
    from eventlog_projections.views.status import SetAside, Status

NONE: Final = "-"
SUMMED: Final = ("items", "turns", "total_tokens")
SNIPPET: Final = 200
"""Characters of a text that was found; a narrow terminal shows fewer."""


class Hold(NamedTuple):
    """A hold on a conversation."""

    conversation: str
    hold: str


def sessions(
    records: Sequence[Mapping[str, Any]], zone: Zone, *, priced: bool, sort: str = "last"
) -> Table:
    """Return conversations as rows, with their sum.

    What they are sorted by, and costs that were asked for, are there however narrow it is.
    """
    more = {name: shown for name, shown in _MORE.items() if name == sort}
    rows = [
        row(
            (named(each["conversation"]), "bold"),
            _title(each),
            *[f"{each[name]:,}" for name in SUMMED],
            *([cost(each["cost"]) if each["total_tokens"] else NONE] if priced else []),
            *[shown(each, zone) for shown in more.values()],
            zone.seen(each["last_at"]),
        )
        for each in records
    ]
    ranks = {"items": 4, "turns": 3, "tokens": 2} | {sort: 0}
    counts = [f"{name}{ranks[name] or ''}#" for name in ("items", "turns", "tokens")]
    others = [*(["cost#"] if priced else []), *[f"{name}#" for name in more]]
    total = None
    if len(records) > 1:
        sums = [f"{sum(each[name] for each in records):,}" for name in SUMMED]
        costs = [each["cost"] for each in records if each["total_tokens"]]
        spent = [cost(total_cost(costs)) if costs else NONE] if priced else []
        cells = (f"{len(records)} in all", "", *sums, *spent, *[""] * len(more), "")
        total = row(*[(each, "dim") for each in cells])
    return Table(columns("id!", "title~", *counts, *others, "last activity1"), rows, total)


_MORE: Final[Mapping[str, Callable[[Mapping[str, Any], Zone], str]]] = {
    "first": lambda each, zone: zone.seen(each["first_at"]),
    "bytes": lambda each, _: f"{each['bytes']:,}",
}
"""What is shown only if conversations are sorted by it."""


def _title(each: Mapping[str, Any]) -> Text:
    if each["erased"]:
        return Text.of(("erased", "red"))
    tags = [f"#{tag}" for tag in each["tags"]]
    archived = None if each["archived_at"] is None else "[archived]"
    return Text.of(line(" ".join(filter(None, (archived, each["title"], *tags)))))


def turns(found: Iterable["Turn"]) -> Table:
    """Return turns as rows; removed ones are marked and struck through."""
    every = list(found)
    rows: list[list[Text]] = []
    for each in every:
        message = Text.of(
            ("  " if not each.removed else f"{GONE} ", "dim"),
            (flat(each.message), "strike" if each.removed else ""),
        )
        # Nobody counted: that is not to be told from a turn that was free.
        counted = bool(each.usage.requests or each.total_tokens)
        rows.append(
            row(
                str(each.number),
                message,
                f"{each.items:,}",
                f"{each.total_tokens:,}",
                NONE if each.context_tokens is None else f"{each.context_tokens:,}",
                spent(each.cost) if counted else NONE,
            )
        )
    total = None
    if len(every) > 1:
        tokens, items = sum(t.total_tokens for t in every), sum(t.items for t in every)
        costs = [turn.cost for turn in every if turn.usage.requests or turn.total_tokens]
        cells = ("", "total", f"{items:,}", f"{tokens:,}", "", spent(*costs))
        total = row(*[(each, "dim") for each in cells])
    return Table(
        columns("turn#", "message~", "items3#", "tokens#", "context2#", "cost1#"), rows, total
    )


COUNTED: Final = (
    "requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "total_tokens",
)


def usage(records: Sequence[Mapping[str, Any]], by: str) -> Table:
    """Return what was used as rows, by what they are grouped by, and their sum."""
    names = ("calls3#", "input1#", "cached4#", "output2#", "reasoning5#", "total#", "cost#")
    rows = [
        row(line(each[by] or "unknown"), *_counts(each), cost(each["cost"])) for each in records
    ]
    total = None
    if len(records) > 1:
        sums = {name: sum(each[name] for each in records) for name in COUNTED}
        cells = ("total", *_counts(sums), cost(total_cost([each["cost"] for each in records])))
        total = row(*[(each, "dim") for each in cells])
    key = f"{by}!" if by == "conversation" else by
    return Table(columns(key, *names), rows, total)


def _counts(each: Mapping[str, Any]) -> list[str]:
    return [f"{each[name]:,}" for name in COUNTED]


def total_cost(costs: Sequence[Mapping[str, Any] | None]) -> dict[str, Any] | None:
    """Return the sum of costs; what is not known is not 0."""
    known = [each for each in costs if each is not None]
    if not known:
        return None
    unknown = sum(each["unpriced"] for each in known) + (len(costs) - len(known))
    return {"total": sum((each["total"] for each in known), Decimal(0)), "unpriced": unknown}


def tools(found: Iterable["Tool"]) -> Table:
    """Return what became of the calls of each tool as rows."""
    rows = [
        row(
            line(each.name),
            *(f"{n:,}" for n in (each.calls, each.results, each.errors, each.unanswered)),
            _seconds(each.mean_seconds),
            _seconds(each.longest_seconds),
        )
        for each in found
    ]
    names = ("tool~", "calls#", "results3#", "errors#", "no result2#", "mean1#", "longest1#")
    return Table(columns(*names), rows)


def hits(found: Iterable["Found"], query: str, zone: Zone) -> Table:
    """Return what was found as rows; what is no longer in its list is marked."""
    rows = [
        row(
            named(each.conversation, each.branch),
            str(each.version),
            zone.seen(each.recorded_at),
            _who(each),
            _hit(each, query),
        )
        for each in found
    ]
    return Table(columns("id!", "version#", "when2", "who1", "text*"), rows)


def _who(each: "Found") -> str:
    """Say who an item is from, or what it is, as every command does."""
    from eventlog_projections.items.telling import label_of

    return line(label_of(each.type, each.role))


def _hit(each: "Found", query: str) -> Text:
    """Return the text around the first hit, with each hit in bold."""
    from eventlog_projections.views.searching.marking import snippet

    style = "strike" if each.removed else ""
    piece = snippet(each.text, query, SNIPPET)
    parts: list[tuple[str, str]] = [(f"{GONE} " if each.removed else "  ", "dim")]
    end = 0
    for start, stop in piece.hits:
        parts += [(clean(piece.text[end:start]), style)]
        parts += [(clean(piece.text[start:stop]), f"{style} bold".strip())]
        end = stop
    return Text.of(*parts, (clean(piece.text[end:]), style))


def holds(found: Iterable[Hold]) -> Table:
    """Return holds as rows."""
    return Table(
        columns("id!", "hold~"), [row(named(each.conversation), line(each.hold)) for each in found]
    )


def disposed(found: Sequence["Disposed"], zone: Zone) -> Table:
    """Return what became of conversations as rows."""
    rows = [
        row(
            named(each.session_id),
            zone.seen(readable_time(each.last_at)),
            each.disposition.value,
            ", ".join(named(other) for other in each.because_of if other != each.session_id),
        )
        for each in found
    ]
    return Table(columns("id!", "last activity2", "became", "because of~1"), rows)


def views(found: Sequence["Status"], zone: Zone) -> Table:
    """Return where the views are as rows."""
    rows = [
        row(
            each.view if each.is_serving else f"{each.view} (being made)",
            str(each.schema),
            f"{each.position:,}",
            f"{each.behind:,}",
            f"{each.rate:,}",
            str(len(each.set_aside)),
            zone.seen(readable_time(each.moved_at)) if each.moved_at else NONE,
        )
        for each in found
    ]
    names = ("view", "schema3#", "position2#", "behind#", "events/s4#", "aside#", "last moved1")
    return Table(columns(*names), rows)


def asides(found: Iterable[tuple[str, "SetAside"]], what: str) -> Table:
    """Return events that were set aside as rows, each with a word: its view, or what it became."""
    rows = [
        row(
            word,
            named(each.conversation, each.branch),
            str(each.version),
            f"{each.position:,}",
            line(each.error),
        )
        for word, each in found
    ]
    return Table(columns(what, "id!", "version#", "position1#", "reason~"), rows)


def branches(records: Sequence[Mapping[str, Any]], zone: Zone) -> Table:
    """Return a tree of branches and forks as rows."""
    rows = [
        row(
            Text.of(
                "  " * each["depth"],
                (_place(each), "bold"),
            ),
            _left(each),
            str(each["version"]),
            f"{each['items']:,}",
            each["state"],
            zone.seen(each["last_at"]),
        )
        for each in records
    ]
    names = ("branch or fork!", "left at", "version1#", "items#", "state3", "last activity2")
    return Table(columns(*names), rows)


def _left(each: Mapping[str, Any]) -> str:
    """Say where a branch or fork left the tree that it is shown in, and with what."""
    if each["kept"] is None:
        return ""
    begun = count(each["kept"], "item")
    return f"{each['left_branch'] or 'main'} {each['left_version']}, with {begun}"


def _place(each: Mapping[str, Any]) -> str:
    if each["is_fork"]:
        return f"fork {named(each['conversation'], each['branch'])}"
    return "main" if each["branch"] == MAIN else named(each["branch"])


def cost(found: Mapping[str, Any] | None) -> str:
    """Return US dollars, with a mark where something has no known price."""
    if found is None:
        return "?"
    return dollars(found["total"]) + ("+?" if found["unpriced"] else "")


def spent(*costs: "Cost") -> str:
    """Return what turns cost together, as far as that is known."""
    if not costs:
        return NONE
    total = sum((each.total for each in costs), Decimal(0))
    if not any(each.unpriced for each in costs):
        return dollars(total)
    return f"{dollars(total)}+?" if total else "?"


def dollars(amount: Decimal) -> str:
    """Return US dollars."""
    return f"${amount:,.4f}"


def _seconds(seconds: float | None) -> str:
    return NONE if seconds is None else f"{seconds:,.2f} s"


def when(at: datetime | None, zone: Zone) -> str:
    """Return a time, or that there is none."""
    return NONE if at is None else zone.seen(at)
