"""Asks for a confirmation before something is destroyed."""

import contextlib
import sys
from collections.abc import Generator

from eventlog.errors import InvalidInputError
from eventlog_cli.terminal import ask


def confirm(question: str, *, yes: bool) -> None:
    """Ask whoever is there. Raises InvalidInputError unless they, or --yes, say so."""
    if yes:
        return
    if not is_somebody_there():
        raise InvalidInputError(f"{question}? Nobody is there to ask: say --yes.")
    with _interruptible():  # Before anybody can have read the question.
        answer = ask(f"{question}? [y/N] ")
    if answer.strip().lower() not in ("y", "yes"):
        raise InvalidInputError("Nothing was destroyed.")


def is_somebody_there() -> bool:
    """Tell whether standard input is a terminal."""
    return sys.stdin.isatty()


@contextlib.contextmanager
def _interruptible() -> Generator[None]:
    """Have Ctrl-C end the question at once: asyncio would wait until the loop goes on."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
