"""docs/cli.md is true: every command is in it, and every example runs and prints what it shows."""

import json
import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest
from agents import SQLiteSession

from eventlog_cli.app import app
from eventlog_cli.catalogue import COMMANDS, overview
from eventlog_cli.command import Command
from eventlog_cli.manual import contexts, examples_of, page, text_of
from eventlog_cli.shapes import SHAPES
from tests.adapters.cli import generate
from tests.adapters.cli.conftest import ROOT, Eventlog

DOCUMENT: Final = (ROOT / "docs" / "cli.md").read_text("utf-8")
BLOCKS: Final = re.findall(r"```console\n(.*?)```", DOCUMENT, re.DOTALL)
STYLES: Final = re.compile(r"\x1b\[[0-9;]*m")


def every() -> list[click.Context]:
    """Return every command, those of groups too."""
    return [context for name in COMMANDS for context in contexts(name)]


def test_the_reference_is_made_from_the_commands() -> None:
    """`make fix` writes it: every command, option, example and shape of JSON."""
    assert generate.document(DOCUMENT) == DOCUMENT


def test_help_lists_every_command_as_the_command_says_it() -> None:
    """In groups, in 80 columns, without loading one of them."""
    for name, entry in COMMANDS.items():
        (context, *_) = contexts(name)
        assert text_of(context)[0].startswith(entry.says.rstrip(".")), name
        assert f"  {name} " in overview()
    assert all(len(line) <= 80 for line in overview().splitlines())


@pytest.mark.parametrize("context", every(), ids=lambda each: each.command_path)
def test_every_command_has_help_and_an_example(context: click.Context) -> None:
    """Whole sentences, in 80 columns, and what one may type."""
    shown = context.get_help()
    assert all(len(line) <= 80 or "eventlog" in line for line in shown.splitlines()), shown
    assert all(text.endswith((".", ":")) for text in text_of(context)), text_of(context)
    if isinstance(context.command, Command):
        assert examples_of(context)
        for example in examples_of(context):
            assert f"  {example}\n" in f"{shown}\n"


GROUPS: Final = [each for each in every() if isinstance(each.command, click.Group)]


@pytest.mark.parametrize("context", GROUPS, ids=lambda each: each.command_path)
def test_a_group_lists_its_commands_with_an_example_of_each(context: click.Context) -> None:
    """In its help, whole: there is no other place where somebody new would find them."""
    (_, *inner) = contexts(*context.command_path.split()[1:])
    shown = context.get_help()
    flat = " ".join(shown.split())
    assert inner
    for each in inner:
        assert f" {each.info_name} {text_of(each)[0]}" in flat
        assert f"  {examples_of(each)[0]}\n" in f"{shown}\n"


@pytest.mark.parametrize("name", ["hold", "keys", "repair"])
def test_a_group_alone_prints_its_help(name: str, eventlog: Eventlog) -> None:
    """Line by line, and not as a message with the line breaks escaped."""
    assert eventlog(name).stderr == eventlog("help", name).stdout


def test_options_of_one_meaning_have_one_name() -> None:
    """Each option's short form and placeholder are the same wherever it is."""
    forms: dict[str, set[str]] = {}
    for context in every():
        for param in context.command.params:
            if isinstance(param, click.Option):
                short = [flag for flag in param.opts if not flag.startswith("--")]
                (long, *_) = [flag for flag in param.opts if flag.startswith("--")]
                forms.setdefault(long, set()).add(" ".join(short))
    assert {long: short for long, short in forms.items() if len(short) > 1} == {}


def test_the_manual_page_has_every_command() -> None:
    """As roff."""
    told = page()
    for name in COMMANDS:
        assert f".B eventlog {name}" in told


async def test_every_example_runs_and_prints_what_it_shows(
    db: str, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In their order, on one log, in a terminal; digits may differ."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("EVENTLOG_UTC", "1")
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
                assert _alike(STYLES.sub("", result.output)) == _alike(shown), line
            ran += 1
    assert ran > len(BLOCKS)


async def _fill_sessions(path: Path) -> None:
    """Write what `import` finds: a conversation as the SDK's own session stores it."""
    session = SQLiteSession("from-before", path)
    await session.add_items([{"role": "user", "content": text} for text in ("Hello", "Hello?")])
    session.close()


def _alike(text: str) -> list[str]:
    return [re.sub(r"\d", "0", line.rstrip()) for line in text.rstrip().splitlines()]


READING: Final = {
    "show": "show latest",
    "log": "log latest",
    "diff": "diff latest 1",
    "branches": "branches latest",
    "turns": "turns latest",
    "search": "search parcel",
    "share": "share order-1041 -o shared.html",
    "undo": "undo latest",
    "redo": "redo latest",
    "restore": "restore order-1042 4",
    "clear": "clear latest --dry-run",
    "fork": "fork order-1041 another",
    "label": "label latest --title x",
    "archive": "archive another",
    "unarchive": "unarchive another",
    "backup": "backup copy.db",
    "recover": "recover copy.db",
    "head": "head --key-file s.key",
    "evidence": "evidence order-1041 --to e.json",
    "receipt": "receipt gone --key-file s.key",
    "keys new": "keys new k1",
    "keys signing": "keys signing example.com/log --to s.key",
    "hold place": "hold place order-1041 case",
    "hold lift": "hold lift order-1041 case",
    "hold list": "hold list",
    "erase": "erase another --reason x --yes",
    "prune": "prune --older-than 2026-11-03 --dry-run",
    "repair feed": "repair feed --yes",
    "migrate": "migrate",
}
ELSEWHERE: Final = {"web", "keys rotate", "keys rekey", "roles", "recover", "receipt", "hold lift"}
"""What needs a keyring, a server, or a log that nobody has open; and what answers with nothing."""


def test_json_has_the_shape_that_is_written_down(db: str, eventlog: Eventlog) -> None:
    """Of every command, on one log: exactly these names."""
    order = ["keys signing", "backup", "fork", "hold place", *SHAPES]
    for name in dict.fromkeys(order):
        if name in ELSEWHERE:
            continue
        result = eventlog("--json", *shlex.split(READING.get(name, name)))
        assert result.exit_code in (0, 3), (name, result.output)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert SHAPES[name].each or len(lines) == 1, name
        for line in lines:
            assert set(line) == set(SHAPES[name].fields), name
    assert app.name == "eventlog"
