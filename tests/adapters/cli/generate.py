"""Write the reference of docs/cli.md from the commands themselves: `make fix`."""

from typing import Final

import click

from eventlog_cli.catalogue import GROUPS
from eventlog_cli.manual import contexts, examples_of, options_of, text_of, usage_of
from eventlog_cli.shapes import SHAPES
from tests.adapters.cli.conftest import ROOT

DOCUMENT: Final = ROOT / "docs" / "cli.md"
BEGIN: Final = "<!-- What follows is made from the commands by `make fix`. -->\n"


def reference() -> str:
    """Return the reference of every command."""
    parts = ["## Every command"]
    for title, entries in GROUPS.items():
        parts.append(f"### {title}")
        for name in entries:
            parts += [part for context in contexts(name) for part in section(context)]
    return "\n\n".join(parts) + "\n"


def section(context: click.Context) -> list[str]:
    """Return the section of a command."""
    path = context.command_path.removeprefix("eventlog ")
    parts = [f"**{path}**", f"```text\n{usage_of(context)}\n```", *map(escaped, text_of(context))]
    options = [f"| `{in_cell(option)}` | {in_cell(says)} |" for option, says in options_of(context)]
    if options:
        parts.append("\n".join(["| option | |", "|---|---|", *options]))
    if examples := examples_of(context):
        parts.append("```sh\n" + "\n".join(examples) + "\n```")
    if path in SHAPES:
        each = "One line of JSON for each" if SHAPES[path].each else "One line of JSON"
        parts.append(f"{each}: {', '.join(f'`{field}`' for field in SHAPES[path].fields)}.")
    return parts


def in_cell(text: str) -> str:
    return text.replace("|", "\\|")


def escaped(text: str) -> str:
    return text.replace("<", "\\<")


def document(before: str) -> str:
    """Return the document with its reference made anew."""
    return before.partition(BEGIN)[0] + BEGIN + "\n" + reference()


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text("utf-8")), "utf-8")
