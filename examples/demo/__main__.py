"""The demo: an agent runs on the log, its history is taken back, and nothing was lost.

Run it with `make demo`, or `python -m examples.demo [--live]`. It writes to ./demo-output.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Final

from eventlog import EventLogError
from examples.demo import stage
from examples.demo.stage import StageError

NEEDED: Final = ("agents", "rich")

FAILED: Final = 1
MISUSED: Final = 2
INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo and return the exit code."""
    options = _parser().parse_args(arguments)
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return _fail(f"{' and '.join(missing)} not installed. Run `make demo`.", MISUSED)
    if options.live and not os.environ.get("OPENAI_API_KEY"):
        return _fail("a live run needs OPENAI_API_KEY. Without LIVE=1 it runs offline.", MISUSED)
    try:
        _play(live=options.live)
    except KeyboardInterrupt:
        return _fail("stopped.", INTERRUPTED)
    except (StageError, EventLogError, OSError) as error:
        return _fail(str(error), FAILED)
    return 0


def _play(*, live: bool) -> None:
    from examples.demo import pictures

    stage.prepare()
    console = pictures.open_console()
    pictures.opening(console, str(stage.LOG), live=live)
    with console.status("Loading the Agents SDK"):
        # That takes seconds; the title is there meanwhile.
        from examples.demo import scenes
    scenes.play(console, live=live)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description="An agent runs on the event log.")
    parser.add_argument("--live", action="store_true", help="ask a real model (OPENAI_API_KEY)")
    return parser


def _fail(why: str, code: int) -> int:
    sys.stderr.write(f"demo: {why}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
