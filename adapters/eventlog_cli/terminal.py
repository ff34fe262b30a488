"""The door to the terminal: the one module that writes to standard output, error, or asks.

Rule: whatever goes out passes `eventlog.visible` here. Layout is made elsewhere, of text that is
clean already, so that widths are right; what comes through unclean all the same is escaped here.
"""

import logging
import os
import sys
from collections.abc import Iterable
from typing import IO, Any, Final, NamedTuple

from eventlog.format.codec import encode_json
from eventlog.visible import visible, visible_json, visible_line
from eventlog_cli import streams
from eventlog_cli.showing.text import Piece, Text

USUAL: Final = 80
"""Columns where nobody says how many."""


class Look(NamedTuple):
    """What an answer is printed for: a terminal of some width, or a pipe."""

    is_terminal: bool
    width: int
    is_coloured: bool


def look() -> Look:
    """Return what standard output is: FORCE_COLOR makes a pipe a terminal."""
    forced = bool(os.environ.get("FORCE_COLOR"))
    is_terminal = forced or sys.stdout.isatty()
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Look(is_terminal, _width(), not plain)


def _width() -> int:
    """Return how many columns there are: COLUMNS, the terminal's, or what most have."""
    said = os.environ.get("COLUMNS", "")
    if said.isdigit() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or USUAL
    except (OSError, ValueError):
        return USUAL


def is_watched() -> bool:
    """Tell whether standard error is a terminal: then progress is drawn."""
    return sys.stderr.isatty()


def put_lines(lines: Iterable[Text | str], look: Look) -> None:
    """Print lines for people."""
    _replace_unencodable(sys.stdout)
    sys.stdout.write("".join(f"{_drawn(each, look)}\n" for each in lines))


def _drawn(line: Text | str, look: Look) -> str:
    if isinstance(line, str):
        return visible(line)
    if not look.is_terminal:
        return visible(line.plain)
    clean = Text([Piece(visible(piece.text), piece.style) for piece in line])
    return clean.drawn(styled=True, coloured=look.is_coloured)


def put_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    put_encoded(encode_json(value))


def put_encoded(encoded: bytes) -> None:
    """Print a line of JSON, or JSON of several lines, that is encoded already."""
    sys.stdout.flush()
    sys.stdout.buffer.write(visible_json(encoded) + b"\n")


def put(text: str) -> None:
    """Print text of several lines as it is, but for what is not seen."""
    _replace_unencodable(sys.stdout)
    sys.stdout.write(visible(text))


def tell(line: str) -> None:
    """Print a line to standard error."""
    _replace_unencodable(sys.stderr)
    streams.tell(f"{visible_line(line)}\n")


class _Told(logging.Handler):
    """Prints what the library logs where no other handler takes it, as Python would, escaped."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(record.getMessage())
        if record.exc_info:
            for line in logging.Formatter().formatException(record.exc_info).split("\n"):
                tell(line)


def tell_warnings() -> None:
    """Have warnings that are logged printed to standard error."""
    logging.lastResort = _Told(logging.WARNING)


def ask(question: str) -> str:
    """Ask on standard error, and return the line that is answered."""
    _replace_unencodable(sys.stderr)
    sys.stderr.write(visible_line(question))
    sys.stderr.flush()
    return sys.stdin.readline()


def _replace_unencodable(stream: IO[str]) -> None:
    """Have a stream write ? for what its encoding does not have."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None and getattr(stream, "errors", None) != "replace":
        reconfigure(errors="replace")
