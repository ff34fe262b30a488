"""No option of any command, whatever it is given, ends in Python's own words."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
import pytest

from eventlog_cli import asking
from eventlog_cli.catalogue import COMMANDS
from eventlog_cli.command import SHARED
from eventlog_cli.manual import contexts
from tests.adapters.cli.conftest import Eventlog

VALUES: Final = (
    "order-1042",
    "2",
    "now",
    "yesterday",
    "",
    "é\u202e\n",
    "-1",
    "2999-01-01",
    "/",
    "0d",
)
LASTING: Final = ("web", "worker")
"""Commands that go on until they are ended."""


def typed() -> Iterator[tuple[str, ...]]:
    """Yield each command with each of its options, on arguments that are and are not there."""
    every = (context for name in COMMANDS for context in contexts(name))
    for context in every:
        words = context.command_path.split()[1:]
        if isinstance(context.command, click.Group) or words[0] in LASTING:
            continue
        arguments = [each for each in context.command.params if isinstance(each, click.Argument)]
        given = [
            ("order-1042", "1", "2")[: len(arguments)],
            ("none", "", "\u202e")[: len(arguments)],
        ]
        options = [
            each
            for each in context.command.params
            if isinstance(each, click.Option) and each.name not in (*SHARED, "follow")
        ]
        for rest in given:
            yield (*words, *rest)
            for option in options:
                values = [()] if option.is_flag else [(value,) for value in VALUES]
                for value in values:
                    yield (*words, *rest, option.opts[0], *value)
            flags = [option.opts[0] for option in options if option.is_flag]
            for pair in itertools.combinations(flags, 2):
                yield (*words, *rest, *pair)


async def test_no_option_ends_in_a_traceback(
    db: str, eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is done, or refused in a line with an exit code."""
    monkeypatch.setattr(asking, "is_somebody_there", lambda: False)
    tried = 0
    for command in typed():
        done = eventlog(*command)
        assert done.exception is None or isinstance(done.exception, SystemExit), (
            command,
            done.exception,
        )
        assert done.exit_code in {0, 1, 2, 3}, (command, done.output)
        assert "Traceback" not in done.output, command
        tried += 1
    assert tried > 500
