"""Standard input, output and error, which may be closed, full, or given to nobody.

Rule: a stream that is closed is taken by nothing else. The number of a closed one would be given to
the next file that is opened, such as the log itself, and what is printed would be written into it.
"""

import os
import sys

STREAMS = (0, 1, 2)
UNABLE = 2


def environment() -> "os._Environ[str]":
    """Return the variables of this process."""
    return os.environ


def prepare() -> bool:
    """Have nothing take the place of a stream that is closed; tell whether output is open."""
    can_answer = _is_open(1) and sys.stdout is not None
    for number in STREAMS:
        if not _is_open(number):
            _to_nowhere(number)
    if sys.stdin is None:
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as we run
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    return can_answer


def flush() -> None:
    """Flush what was printed. Raises OSError, and nothing is left then that fails once more."""
    try:
        sys.stdout.flush()
    except OSError:
        discard()
        raise


def tell(text: str) -> None:
    """Write to standard error, if anything can be written there."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        _divert(2)


def discard() -> None:
    """Let standard output go nowhere: what is still buffered would fail again when Python ends."""
    _divert(1)


def _divert(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _to_nowhere(number: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)


def leave(code: int) -> None:
    """End the process at once. What was printed has been flushed."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or UNABLE
    os._exit(code)
