"""`eventlog`: where the command begins.

Rule: nothing is imported here that `--version` and `--help` do not need.
"""

import gc
import sys

from eventlog_cli import streams

UNABLE = 2
"""It could not be done, or nobody could be told of it: nothing was found, and nothing is known."""
EXTRAS = {
    "click": "cli",
    "rich": "cli",
    "cryptography": "crypto",
    "asyncpg": "postgres",
    "redis": "redis",
    "genai_prices": "prices",
    **dict.fromkeys(
        ("jinja2", "markdown_it", "pygments", "sse_starlette", "starlette", "uvicorn"), "web"
    ),
}
"""What brings a package that may be missing."""

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""

VERSION = (["--version"], ["-V"])
COMPLETE = "_EVENTLOG_COMPLETE"
"""Set by the script that a shell evaluates, while it completes a word."""
HELP: tuple[list[str], ...] = ([], ["--help"], ["-h"], ["help"])


def program() -> None:
    """Run the command as a program of its own: what is loaded is not collected, nor taken down.

    Taking a process down object by object takes longer than many a command; all that was printed is
    flushed, and files are closed, when it ends.
    """
    gc.disable()
    try:
        code = main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else UNABLE if left.code else 0
    streams.leave(code)


def main() -> int:
    """Run the command that was typed, and return its exit code; most exit by themselves."""
    if not streams.prepare():
        streams.tell("eventlog: standard output is closed, so nothing was done.\n")
        return UNABLE
    try:
        try:
            return _run()
        finally:
            streams.flush()
    except OSError as error:
        streams.discard()
        streams.tell(f"eventlog: standard output cannot be written: {error}.\n")
        return UNABLE
    except Exception:  # noqa: BLE001
        # The edge of the process: a crash is no finding, and 1 would say that it is one.
        import traceback

        streams.tell(traceback.format_exc())
        return UNABLE


def _run() -> int:
    if COMPLETE in streams.environment():
        from eventlog_cli.completing import complete_at_once

        told = complete_at_once(streams.environment())
        if told is not None:
            sys.stdout.write(told)
            return 0
    elif _answer_at_once(sys.argv[1:]):
        return 0
    try:
        from eventlog_cli.app import app

        app(prog_name="eventlog")
    except KeyboardInterrupt:
        return INTERRUPTED
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in EXTRAS:
            raise
        needed = f"pip install 'conversation-eventlog[{EXTRAS[missing]}]'"
        streams.tell(f"eventlog: {missing} is not installed: {needed}.\n")
        return UNABLE
    return 0


def _answer_at_once(typed: list[str]) -> bool:
    """Tell the version or the overview, without loading what reads options."""
    if typed in VERSION:
        from eventlog_cli.version import __version__

        sys.stdout.write(f"eventlog {__version__}\n")
    elif typed in HELP:
        from eventlog_cli.catalogue import overview

        sys.stdout.write(overview())
    else:
        return False
    return True


if __name__ == "__main__":
    program()
