"""Help, a manual page, and where each setting comes from."""

import click

from eventlog.addresses.log import parse
from eventlog.errors import EventLogError
from eventlog.visible import file_named
from eventlog_cli.catalogue import COMMANDS, overview
from eventlog_cli.command import command
from eventlog_cli.options import FORMAT
from eventlog_cli.output import Output
from eventlog_cli.running import run_without_log
from eventlog_cli.settings import VARIABLES, Settings
from eventlog_cli.showing.layout import Table, columns, row
from eventlog_cli.showing.words import line
from eventlog_cli.terminal import put

NOTHING = "-"
SHOWN = ("setting", "value", "source", "variable")


@command(
    "help",
    "eventlog help search",
    "eventlog help docs/search.md",
    "eventlog help --man | man -l -",
    paged=True,
)
@click.argument("names", metavar="[COMMAND|PAGE]", nargs=-1)
@click.option("--man", is_flag=True, help="Print a manual page of all commands.")
def help_(ctx: click.Context, names: tuple[str, ...], man: bool) -> None:
    """Show the help of a command, or a manual page of all.

    Or one of the pages that messages point to; `eventlog help docs` lists them.
    """
    from eventlog_cli import handbook
    from eventlog_cli.manual import context_of, page

    if names == (handbook.FOLDER,):
        put("".join(f"{name:24} {title}\n" for name, title in handbook.listed()))
    elif len(names) == 1 and handbook.is_page(names[0]):
        found = handbook.page(names[0])
        if found is None:
            raise click.UsageError(
                f"There is no page {names[0]!r}. `eventlog help docs` lists them."
            )
        put(found)
    elif man:
        put(page())
    elif not names:
        put(overview())
    elif names[0] not in COMMANDS:
        raise click.UsageError(f"There is no command {names[0]!r}. `eventlog --help` lists them.")
    else:
        put(context_of(ctx.find_root(), names).get_help() + "\n")


@command("config", "eventlog config", "eventlog config --json")
@FORMAT
def config(ctx: click.Context, form: str) -> None:
    """Tell which log is meant, and who said so.

    What is typed counts first, then a variable, then [tool.eventlog] of the nearest pyproject.toml,
    then config.toml in the user's configuration.
    """

    async def work(settings: Settings, out: Output) -> None:
        found: list[dict[str, str | None]] = []
        for name in VARIABLES:
            value = settings.get(name)
            shown = None if value is None else _shown(name, value.value)
            source = "nobody" if value is None else value.source
            found.append(
                {"setting": name, "value": shown, "source": source, "variable": VARIABLES[name]}
            )
        rows = [
            row(
                *[
                    line(each[name] or NOTHING)
                    for name in ("setting", "value", "source", "variable")
                ]
            )
            for each in found
        ]
        table = Table(columns("setting", "value!", "said by~", "variable1"), rows)
        out.table(found, table, form, nothing="")

    run_without_log(ctx, work)


def _shown(name: str, value: str) -> str:
    """Return a value, without the password of an address, or a key that is no file."""
    if name != "db":
        return file_named(value)
    try:
        return str(parse(value, "eventlog"))
    except EventLogError as error:
        return f"({error})"
