"""`eventlog`: where the command begins.

Rule: nothing is imported here that `--version` does not need.
"""

import sys

FAILED = 1
EXTRAS = {"typer": "cli", "rich": "cli", "cryptography": "crypto"}
"""What brings a package that may be missing."""

INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def main() -> int:
    """Run the command that was typed, and return its exit code; some exit by themselves."""
    if sys.argv[1:] == ["--version"]:
        from eventlog_cli.version import __version__

        sys.stdout.write(f"eventlog {__version__}\n")
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
        sys.stderr.write(f"eventlog: {missing} is not installed: {needed}.\n")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
