"""Where an answer goes: tables and text for people, JSON for programs.

JSON is one object a line: one for each row of a list, one alone where the answer is one thing.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

import msgspec
from rich.console import RenderableType
from rich.text import Text

from eventlog_cli import streams, terminal


class Output:
    """Prints the answer of one command: text and tables, or JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json: Final = as_json
        self.console: Final = terminal.open_console()

    def print(self, *shown: RenderableType) -> None:
        """Print for people."""
        for each in shown:
            terminal.show(self.console, each)

    def line(self, value: Any) -> None:
        """Print a value as one line of JSON."""
        terminal.put_json(plain(value))

    def lines(self, values: Iterable[Any]) -> None:
        """Print each value as one line of JSON."""
        for value in values:
            self.line(value)

    def answer(self, value: Any, *shown: RenderableType, hint: str | None = None) -> None:
        """Print one thing: the value for programs, what is shown and a hint for people."""
        if self.as_json:
            self.line(value)
        else:
            self.print(*shown, *_dimmed(hint))

    def table(
        self,
        values: Sequence[Any],
        draw: Callable[[Any], RenderableType],
        *,
        hint: str | None = None,
    ) -> None:
        """Print a list: a line of JSON for each; or what `draw` makes of all, and a hint."""
        if self.as_json:
            self.lines(values)
        else:
            self.print(draw(values), *_dimmed(hint))

    def flush(self) -> None:
        """Flush standard output."""
        streams.flush()


def _dimmed(hint: str | None) -> tuple[Text, ...]:
    return () if hint is None else (Text(hint, "dim"),)


def plain(value: Any) -> Any:
    """Return a value as JSON has it: times in ISO 8601, money as text, bytes in hexadecimal."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Exception):
        return str(value)
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
    return [plain(each) for each in row] if fields is None else plain(fields)
