"""docs/cli.md is true: every command is in it, and every example runs and prints what it shows."""

import re
import shlex
from pathlib import Path
from typing import Final

import typer
from agents import SQLiteSession

from eventlog_cli.app import COMMANDS, app
from tests.adapters.cli.conftest import ROOT, Eventlog

DOCUMENT: Final = (ROOT / "docs" / "cli.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)


def test_every_command_is_in_the_document_with_an_example() -> None:
    """Named in bold, and run below."""
    group = typer.main.get_group(app)
    context = typer.Context(group)
    for name in group.list_commands(context):
        assert group.get_command(context, name) is not None
        assert f"**{name}**" in DOCUMENT, name
        assert re.search(rf"^(\$ )?eventlog (--json )?{name}\b", DOCUMENT, re.MULTILINE), name


def test_every_option_of_a_command_is_in_the_document() -> None:
    """Each in its longest form, or its shortest."""
    group = typer.main.get_group(app)
    context = typer.Context(group)
    for name in COMMANDS:
        command = group.get_command(context, name)
        assert command is not None
        for param in command.params:
            flags = [flag for flag in param.opts if flag.startswith("-")]
            assert not flags or any(flag in DOCUMENT for flag in flags), (name, flags)


async def test_every_example_runs_and_prints_what_it_shows(db: str, eventlog: Eventlog) -> None:
    """In their order, on one log; digits may differ."""
    await _fill_sessions(Path(db).with_name("sessions.db"))
    ran = 0
    for block in BLOCKS:
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, _, shown = example.partition("\n")
            name, *arguments = shlex.split(line)
            assert name == "eventlog"
            result = eventlog(*arguments)
            assert result.exit_code == 0, (line, result.output)
            if shown:
                assert _alike(result.output) == _alike(shown), line
            ran += 1
    assert ran > len(BLOCKS)


async def _fill_sessions(path: Path) -> None:
    """Write what `import` finds: a conversation as the SDK's own session stores it."""
    session = SQLiteSession("from-before", path)
    await session.add_items([{"role": "user", "content": text} for text in ("Hello", "Hello?")])
    session.close()


def _alike(text: str) -> list[str]:
    return [re.sub(r"\d", "0", line.rstrip()) for line in text.rstrip().splitlines()]
