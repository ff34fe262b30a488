"""The door to the terminal: the one module that writes to standard output, error, or asks.

Rule: whatever goes out passes `eventlog.visible` here. Layout is made elsewhere, of text that is
clean already, so that widths are right; what comes through unclean all the same is escaped here.
"""

import logging
import sys
from collections.abc import Iterable
from typing import IO, Any, Final

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderableType, RenderHook
from rich.control import Control
from rich.segment import Segment

from eventlog.format.codec import encode_json
from eventlog.visible import visible, visible_json, visible_line
from eventlog_cli import streams

WIDEST: Final = 110


class _Console(Console):
    """A console that raises BrokenPipeError; rich's own exits with 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class _Escaped:
    """Something to print, whose characters are all seen."""

    def __init__(self, inner: ConsoleRenderable) -> None:
        self._inner = inner

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[Segment]:
        for segment in console.render(self._inner, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible(segment.text), segment.style)


class _Door(RenderHook):
    """Escapes whatever is printed."""

    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [each if isinstance(each, Control) else _Escaped(each) for each in renderables]


def open_console(*, stderr: bool = False) -> Console:
    """Return a console that is never wider than what reads well, and never fails to encode."""
    for stream in (sys.stdout, sys.stderr):
        _replace_unencodable(stream)
    console = _Console(highlight=False, markup=False, emoji=False, stderr=stderr)
    console.width = min(console.width, WIDEST)
    console.push_render_hook(_Door())
    return console


def show(console: Console, shown: RenderableType) -> None:
    """Print for people."""
    console.print(shown)


def put_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    put_encoded(encode_json(value))


def put_encoded(encoded: bytes) -> None:
    """Print a line of JSON, or JSON of several lines, that is encoded already."""
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
    if reconfigure is not None:
        reconfigure(errors="replace")
