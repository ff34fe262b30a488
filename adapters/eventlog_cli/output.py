"""Where an answer goes: tables and text for people, records for programs.

JSON is one object a line: one for each row of a list, one alone where the answer is one thing.
What is said beside an answer goes to standard error, so that a pipe has the answer alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

import msgspec

from eventlog_cli import streams, terminal
from eventlog_cli.showing.layout import Table, drawn, markdown, piped
from eventlog_cli.showing.text import Text, wrapped
from eventlog_cli.showing.times import Zone

SEPARATORS: Final = {"csv": ",", "tsv": "\t"}


class Output:
    """Prints the answer of one command: text and tables, or records."""

    def __init__(self, *, as_json: bool, zone: Zone) -> None:
        self.as_json: Final = as_json
        self.zone: Final = zone
        self.look: Final = terminal.look()

    def print(self, *shown: Text | str) -> None:
        """Print lines for people, as they are."""
        terminal.put_lines(shown, self.look)

    def say(self, *sentences: str) -> None:
        """Print sentences for people: in a terminal broken between words."""
        for sentence in sentences:
            if self.look.is_terminal:
                self.print(*wrapped(sentence, self.look.width))
            else:
                self.print(sentence)

    def hint(self, *hints: str | None) -> None:
        """Say something beside the answer, to people."""
        for hint in hints:
            if hint is not None and not self.as_json:
                self.flush()  # What it is about is read first.
                terminal.tell(hint)

    def line(self, value: Any) -> None:
        """Print a value as one line of JSON."""
        terminal.put_json(plain(value))

    def answer(self, value: Any, *said: Text | str, hint: str | None = None) -> None:
        """Print one thing: the value for programs, what is said and a hint for people."""
        if self.as_json:
            self.line(value)
            return
        for each in said:
            if isinstance(each, Text):
                self.print(each)
            else:
                self.say(each)
        self.hint(hint)

    def table(
        self,
        records: Sequence[Mapping[str, Any]],
        table: Table,
        form: str | None = None,
        *,
        nothing: str,
        hint: str | None = None,
    ) -> None:
        """Print a list: records for programs, a table for people, or that there is nothing."""
        if self.as_json or form == "json":
            for record in records:
                self.line(record)
        elif form in SEPARATORS:
            self._separated(records, SEPARATORS[form])
        elif form == "md":
            self.print(*markdown(table))
        elif not table.rows:
            self.hint(nothing)
        else:
            self._drawn(table)
            self.hint(hint)

    def _drawn(self, table: Table) -> None:
        if not self.look.is_terminal:
            self.print(*piped(table))
            return
        found = drawn(table, self.look.width)
        self.print(*found.lines)
        if found.left_out:
            self.hint(f"Too narrow for: {', '.join(found.left_out)}. --format json has all.")
        if found.are_ids_cut:
            self.hint("Too narrow for whole ids: --format tsv has them.")

    def _separated(self, records: Sequence[Mapping[str, Any]], separator: str) -> None:
        import csv
        import io

        names = list(dict.fromkeys(name for record in records for name in record))
        text = io.StringIO()
        writer = csv.writer(text, delimiter=separator, lineterminator="\n")
        writer.writerow(names)
        for record in records:
            writer.writerow([_in_a_field(plain(record.get(name))) for name in names])
        terminal.put(text.getvalue())

    def flush(self) -> None:
        """Flush standard output."""
        streams.flush()


def _in_a_field(value: Any) -> str:
    """Return a value as CSV has it: text as it is, what has parts as JSON, null as nothing."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return " ".join(text.split())


def plain(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601, money as text, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Decimal | Exception):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        return {name: plain(each) for name, each in fields.items()}
    if isinstance(value, list | tuple):
        return _plain_row(value)
    return value


def _plain_row(row: Any) -> Any:
    fields: dict[str, Any] | None = row._asdict() if hasattr(row, "_asdict") else None
    return [plain(each) for each in cast("Iterable[Any]", row)] if fields is None else plain(fields)
