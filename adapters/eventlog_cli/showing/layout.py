"""Tables: for a terminal in columns that fit it, for a pipe one line a row, or as a document.

Pure. Columns that are typed next (ids) are never cut while any other can give way.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from eventlog_cli.showing.text import CUT, Text, joined, width

GAP: Final = "  "
LEAST: Final = 8
"""Columns that a text keeps before whole columns are left out."""
PROSE: Final = 40
"""Columns that a text to be read has beside others, or it has a line of its own."""
EMPTY: Final = 10
"""What says nothing goes so many ranks before what does."""
SAYS_NOTHING: Final = ("", "-", "0")


class Column(NamedTuple):
    """A column: how it is aligned, and what it does where there is not enough room."""

    name: str
    is_number: bool = False
    gives_way: bool = False
    """It is cut first: a text that is nice to read."""
    is_typed: bool = False
    """It is what one types next: never cut unless it alone is wider than the terminal."""
    rank: int = 0
    """The higher, the earlier it is left out of a terminal that is too narrow; 0: never."""
    is_prose: bool = False
    """It is read as text: below its row where it would have less than PROSE columns there."""


class Table(NamedTuple):
    """Rows of texts, one for each column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Text]]
    total: Sequence[Text] | None = None
    """A last row that sums up."""

    def every(self) -> list[Sequence[Text]]:
        """Return all rows."""
        return [*self.rows, *([] if self.total is None else [self.total])]


class Drawn(NamedTuple):
    """Lines for a terminal, and what of it did not fit and says anything."""

    lines: list[Text]
    left_out: list[str]
    are_ids_cut: bool


def cell(value: "str | tuple[str, str] | Text") -> Text:
    """Return a value as a text of one line."""
    return value if isinstance(value, Text) else Text.of(value)


def row(*values: "str | tuple[str, str] | Text") -> list[Text]:
    """Return values as a row."""
    return [cell(value) for value in values]


def columns(*names: str) -> list[Column]:
    """Return columns by short names.

    What ends in # is a number, in ~ gives way, in ! is typed next, in * is prose; a digit before
    that is its rank.
    """
    found: list[Column] = []
    for name in names:
        title = name.rstrip("#~!*")
        marks = name[len(title) :]
        rank = int(title[-1]) if title[-1:].isdigit() else 0
        title = title[:-1] if rank else title
        marked = ("#" in marks, "~" in marks or "*" in marks, "!" in marks, rank, "*" in marks)
        found.append(Column(title, *marked))
    return found


def piped(table: Table) -> list[str]:
    """Return one line a row, with a tab between two columns and nothing cut or padded."""
    return ["\t".join(_flat(each) for each in row) for row in table.rows]


def markdown(table: Table) -> list[str]:
    """Return a table of Markdown."""
    head = [column.name for column in table.columns]
    rule = ["---:" if column.is_number else "---" for column in table.columns]
    body = [[_flat(each).replace("|", "\\|") for each in row] for row in table.every()]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *body)]


def _flat(text: Text) -> str:
    return " ".join(text.plain.split())


def drawn(table: Table, room: int) -> Drawn:
    """Return a table in so many columns of a terminal."""
    names: list[str] = []
    kept = list(range(len(table.columns)))
    widths = _natural(table)
    ranks = _ranks(table)
    prose = [index for index in kept if table.columns[index].is_prose]
    if prose and len(kept) > 1 and not _has_room(table, kept, widths, room):
        return _with_prose_below(table, prose[0], room)
    while not _fits(table, kept, widths, room):
        worst = max(kept, key=lambda index: ranks[index])
        if ranks[worst] == 0:
            break
        kept.remove(worst)
        if ranks[worst] < EMPTY:
            names.append(table.columns[worst].name)
    if not _fits(table, kept, widths, room) and any(column.is_typed for column in table.columns):
        return _stacked(table, kept, room, names)
    widths = _shared(table, kept, widths, room)
    head = [Text.of((column.name, "dim")) for column in table.columns]
    lines = [_line(table, each, kept, widths) for each in (head, *table.every())]
    return Drawn(lines, names, are_ids_cut=False)


def _ranks(table: Table) -> list[int]:
    """Return how early each column is left out: what says nothing in any row, before all others."""
    return [
        column.rank + EMPTY * all(each[index].plain.strip() in SAYS_NOTHING for each in table.rows)
        if column.rank
        else 0
        for index, column in enumerate(table.columns)
    ]


def _has_room(table: Table, kept: Sequence[int], widths: Sequence[int], room: int) -> bool:
    """Tell whether prose can be read in its column."""
    least = [
        min(widths[index], PROSE) if table.columns[index].is_prose else widths[index]
        for index in kept
    ]
    return sum(least) + len(GAP) * (len(kept) - 1) <= room


def _with_prose_below(table: Table, prose: int, room: int) -> Drawn:
    """Return rows in columns, and below each its text, in the whole width."""
    beside = [index for index in range(len(table.columns)) if index != prose]
    rows = [[each[index] for index in beside] for each in table.rows]
    rest = drawn(Table([table.columns[index] for index in beside], rows), room)
    head, *lines = rest.lines
    if len(lines) != len(rows):  # Each row is of several lines itself.
        return _stacked(table, list(range(len(table.columns))), room, rest.left_out)
    below = [Text.of(GAP, Text.of(each[prose])).cut(room) for each in table.rows]
    pairs = [line for pair in zip(lines, below, strict=True) for line in pair]
    return Drawn([head, *pairs], rest.left_out, rest.are_ids_cut)


def _stacked(table: Table, kept: Sequence[int], room: int, left_out: list[str]) -> Drawn:
    """Return each row as lines of its own: what is typed next, and below it the rest."""
    typed = [index for index in kept if table.columns[index].is_typed]
    rest = [index for index in kept if index not in typed]
    shortest = unique_beginnings(each[typed[0]].plain for each in table.rows)
    lines: list[Text] = []
    is_cut = False
    for each in table.rows:
        for index in typed:
            text = each[index]
            least = len(shortest.get(text.plain, text.plain)) + 1
            if least <= room < text.width:  # A beginning that no other has is what one may type.
                text, is_cut = text.cut(room), True
            lines.append(text)
        told = [
            Text.of((f"{table.columns[index].name} ", "dim"), each[index])
            if table.columns[index].is_number
            else each[index]
            for index in rest
            if each[index].plain.strip() not in ("", "-")
        ]
        said = joined(told, GAP)
        if said:
            lines.append(Text.of(GAP, said).cut(room))
    return Drawn(lines, left_out, is_cut)


def _natural(table: Table) -> list[int]:
    return [
        max(width(column.name), *(each[index].width for each in table.every()), 0)
        for index, column in enumerate(table.columns)
    ]


def _fits(table: Table, kept: Sequence[int], widths: Sequence[int], room: int) -> bool:
    least = [
        min(widths[index], LEAST) if table.columns[index].gives_way else widths[index]
        for index in kept
    ]
    return sum(least) + len(GAP) * (len(kept) - 1) <= room


def _shared(table: Table, kept: Sequence[int], widths: Sequence[int], room: int) -> list[int]:
    """Return widths that fit: texts give way, then what is neither typed nor a number."""
    found = list(widths)
    over = sum(found[index] for index in kept) + len(GAP) * (len(kept) - 1) - room
    texts = [index for index in kept if table.columns[index].gives_way]
    others = [
        index
        for index in kept
        if not (table.columns[index].is_typed or table.columns[index].is_number)
    ]
    for index in (*texts, *others):
        if over > 0:
            taken = min(over, found[index] - min(found[index], LEAST))
            found[index] -= taken
            over -= taken
    return found


def _line(table: Table, each: Sequence[Text], kept: Sequence[int], widths: Sequence[int]) -> Text:
    cells: list[Text] = []
    for index in kept:
        text = each[index].cut(widths[index])
        padding = " " * (widths[index] - text.width)
        is_last = index == kept[-1]
        if table.columns[index].is_number:
            cells.append(Text.of(padding, text))
        else:
            cells.append(text if is_last else Text.of(text, padding))
    return joined(cells, GAP).stripped()


def unique_beginnings(ids: Iterable[str]) -> dict[str, str]:
    """Return the shortest beginning of each id that no other of these has."""
    ordered = sorted(set(ids))
    found: dict[str, str] = {}
    for index, each in enumerate(ordered):
        near = [*ordered[max(0, index - 1) : index], *ordered[index + 1 : index + 2]]
        common = max((_common(each, other) for other in near), default=0)
        found[each] = each[: common + 1]
    return found


def _common(one: str, other: str) -> int:
    for index, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine != its:
            return index
    return min(len(one), len(other))


__all__ = [
    "CUT",
    "Column",
    "Drawn",
    "Table",
    "cell",
    "columns",
    "drawn",
    "markdown",
    "piped",
    "row",
]
