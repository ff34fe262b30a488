"""Long answers in a terminal go through a pager, as git's do."""

import contextlib
import os
import shlex
import sys
from collections.abc import Generator
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import click

    from eventlog_cli.output import Output

VARIABLES: Final = ("EVENTLOG_PAGER", "PAGER")
USUAL: Final = "less"
NONE: Final = ("", "cat")
OPTIONS: Final = {"LESS": "FRX", "LV": "-c"}
"""What less is told unless somebody said otherwise: leave at once what fits, show styles."""


@contextlib.contextmanager
def paged(ctx: "click.Context", out: "Output") -> Generator[None]:
    """Have what the block prints shown by a pager, where somebody reads it in a terminal."""
    pager = _pager() if _is_wanted(ctx, out) else None
    if pager is None:
        yield
        return
    import subprocess

    sys.stdout.flush()
    screen = os.dup(1)
    process = subprocess.Popen(  # noqa: S603 - what the user named
        pager, stdin=subprocess.PIPE, env=OPTIONS | os.environ
    )
    assert process.stdin is not None  # noqa: S101 - it was asked for
    os.dup2(process.stdin.fileno(), 1)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
        os.dup2(screen, 1)
        os.close(screen)
        process.stdin.close()
        process.wait()


def _is_wanted(ctx: "click.Context", out: "Output") -> bool:
    if out.as_json or not getattr(ctx.command, "is_paged", False):
        return False
    return sys.stdout.isatty() and sys.stdin.isatty()


def _pager() -> list[str] | None:
    """Return the program that was named, or less where it is there."""
    import shutil

    named = next((os.environ[name] for name in VARIABLES if name in os.environ), USUAL)
    try:
        words = shlex.split(named)
    except ValueError:
        return None
    if named.strip() in NONE or shutil.which(words[0]) is None:
        return None
    return words
