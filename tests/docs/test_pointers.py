"""Whoever is told to read a page, or to type a command, finds it where the wheel is installed."""

import ast
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import click
import pytest
from click.testing import CliRunner

from eventlog_cli import handbook
from eventlog_cli.app import app
from eventlog_cli.catalogue import COMMANDS
from eventlog_cli.manual import context_of
from tests.docs import pages

CODE: Final = ("eventlog/", "projections/", "adapters/", "alembic/")
PAGE: Final = re.compile(r"\bdocs/[\w./-]+\.(?:md|py)\b")
TYPED: Final = re.compile(r"`eventlog ([^`]+)`")
HOLE: Final = "\N{WHITE SQUARE}"
"""Stands for what a message fills in."""


@cache
def texts() -> tuple[tuple[str, str], ...]:
    """Return every text in the code that somebody may read, and where: messages and docstrings."""
    found = [
        (f"{name}:{node.lineno}", text)
        for name in pages.sources()
        if name.startswith(CODE)
        for node, text in _texts(ast.parse(pages.text(name)))
    ]
    return tuple(found)


def _texts(tree: ast.AST) -> Iterator[tuple[Any, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else HOLE for each in node.values]
            yield node, "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node, node.value


def test_every_page_that_the_code_points_to_is_in_the_wheel() -> None:
    """And `eventlog help` shows it, under the name that is written."""
    named = {(name, where) for where, text in texts() for name in PAGE.findall(text)}
    assert len(named) > 20
    build = tomllib.loads(pages.text("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]
    shipped = build["wheel"]["force-include"]
    for name, where in named:
        assert shipped.get(name) == f"eventlog_cli/_{name}", where
    assert {name for name in shipped if name.startswith("docs/")} == set(handbook.pages())


@pytest.mark.parametrize("name", handbook.pages())
def test_a_page_is_shown_by_the_command(name: str) -> None:
    """With its folder, as messages write it, or without."""
    for typed in (name, name.removeprefix("docs/")):
        done = CliRunner().invoke(app, ["help", typed])
        assert (done.exit_code, done.stdout) == (0, pages.text(name))


def test_a_page_that_is_not_there_is_an_error_and_all_are_listed() -> None:
    """By their names, with their titles."""
    done = CliRunner().invoke(app, ["help", "nonesuch.md"])
    assert (done.exit_code, "`eventlog help docs` lists them" in done.stderr) == (2, True)
    listed = CliRunner().invoke(app, ["help", "docs"]).stdout.splitlines()
    written = {name for name in handbook.pages() if name.endswith(".md")}
    assert {line.split()[0] for line in listed} == written
    assert all(len(line) <= 80 and len(line.split()) > 1 for line in listed)


def test_every_command_that_the_code_names_is_there() -> None:
    """With its options; what a message fills in is not looked at."""
    found = [(where, typed) for where, text in texts() for typed in TYPED.findall(text)]
    assert len(found) > 20
    for where, typed in found:
        words = shlex.split(typed.replace("\n", " "))
        if words[0].startswith("-") or HOLE in words[0]:
            continue
        assert words[0] in COMMANDS, (where, typed)
        context = context_of(click.Context(app, info_name="eventlog"), words[:1])
        if isinstance(context.command, click.Group) and len(words) > 1:
            context = context_of(click.Context(app, info_name="eventlog"), words[:2])
        known = {option for each in context.command.params for option in each.opts}
        typed_options = [word for word in words if word.startswith("-") and word != "-"]
        options = {word.partition("=")[0] for word in typed_options if HOLE not in word}
        assert options <= known | {"--help", "--"}, (where, typed)
