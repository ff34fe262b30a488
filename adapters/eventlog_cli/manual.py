"""Reference of all commands, made from the commands themselves: a manual page, and docs/cli.md."""

from collections.abc import Iterator, Sequence
from typing import Final

import click

from eventlog_cli.app import app
from eventlog_cli.catalogue import GROUPS
from eventlog_cli.command import Command, own_options
from eventlog_cli.version import __version__

NAME: Final = "eventlog"
WIDTH: Final = 80


def context_of(root: click.Context, names: Sequence[str]) -> click.Context:
    """Return the context of a command, whose help is wanted. Raises UsageError."""
    found = root
    for name in names:
        group = found.command
        child = group.get_command(found, name) if isinstance(group, click.Group) else None
        if child is None:
            raise click.UsageError(f"{found.command_path} has no command {name!r}.")
        found = click.Context(
            child, info_name=name, parent=found, terminal_width=WIDTH, max_content_width=WIDTH
        )
    return found


def contexts(*names: str) -> Iterator[click.Context]:
    """Yield the contexts of a command and of the commands that it has."""
    root = click.Context(app, info_name=NAME)
    found = context_of(root, names)
    yield found
    if isinstance(found.command, click.Group):
        for name in found.command.list_commands(found):
            yield from contexts(*names, name)


def options_of(context: click.Context) -> list[tuple[str, str]]:
    """Return the options of a command that not all of them have, and what they do."""
    return own_options(context.command, context)


def usage_of(context: click.Context) -> str:
    """Return how a command is typed."""
    pieces = context.command.collect_usage_pieces(context)
    return " ".join([context.command_path, *pieces])


def text_of(context: click.Context) -> list[str]:
    """Return the paragraphs of a command's help."""
    return [" ".join(each.split()) for each in (context.command.help or "").split("\n\n")]


def examples_of(context: click.Context) -> tuple[str, ...]:
    """Return the examples of a command."""
    return context.command.examples if isinstance(context.command, Command) else ()


def page() -> str:
    """Return a manual page of all commands, as roff."""
    lines = [
        f'.TH EVENTLOG 1 "" "eventlog {__version__}"',
        ".SH NAME",
        r"eventlog \- read, check and change conversations in an event log",
        ".SH SYNOPSIS",
        ".B eventlog",
        "[OPTIONS] COMMAND [ARGUMENTS]",
    ]
    for title, entries in GROUPS.items():
        lines.append(f".SH {title.upper()}")
        for name in entries:
            for context in contexts(name):
                lines += _entry(context)
    return "\n".join(lines) + "\n"


def _entry(context: click.Context) -> Iterator[str]:
    yield ".TP"
    yield f".B {_roff(usage_of(context))}"
    for paragraph in text_of(context):
        yield _roff(paragraph)
        yield ".IP"
    for option, says in options_of(context):
        yield f".I {_roff(option)}"
        yield f"\\- {_roff(says)}"
        yield ".br"
    for example in examples_of(context):
        yield f"Example: {_roff(example)}"
        yield ".br"


def _roff(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
