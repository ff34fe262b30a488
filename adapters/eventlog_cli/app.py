"""Every command, and what all of them take.

To add a command, write a function with `@app.command()` in a module of `eventlog_cli.commands` and
name it in COMMANDS. A module is imported when one of its commands is run.
"""

import contextlib
import copy
import importlib
from collections.abc import Generator
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from eventlog.visible import visible_line
from eventlog_cli import terminal
from eventlog_cli.settings import Settings
from eventlog_cli.version import __version__

COMMANDS: Final = {
    "sessions": "reading",
    "show": "reading",
    "log": "reading",
    "diff": "reading",
    "turns": "counting",
    "usage": "counting",
    "tools": "counting",
    "search": "counting",
    "tail": "following",
    "web": "showing",
    "share": "showing",
    "undo": "changing",
    "redo": "changing",
    "restore": "changing",
    "fork": "changing",
    "label": "changing",
    "clear": "changing",
    "archive": "changing",
    "unarchive": "changing",
    "import": "moving",
    "export": "moving",
    "verify": "checking",
    "head": "proving",
    "evidence": "proving",
    "receipt": "proving",
    "keys": "keying",
    "hold": "keeping",
    "erase": "erasing",
    "prune": "erasing",
    "stats": "checking",
    "views": "viewing",
    "rebuild": "upkeep",
    "migrate": "upkeep",
    "roles": "upkeep",
    "backup": "upkeep",
    "recover": "upkeep",
    "repair": "repairing",
    "worker": "working",
}
"""Where each command is, in the order in which they are listed."""

_Misuse: Final[Any] = typer.BadParameter.__base__
"""What typer raises for anything that was typed wrong: it says what was typed."""

_EVERYWHERE: Final = ("db", "tenant", "schema", "keyring", "as_json")


class Commands(TyperGroup):
    """Finds a command when it is asked for, and gives it the options that all of them have."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        """Read what was typed."""
        with _shown_escaped():
            return super().make_context(*args, **options)

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command."""
        with _shown_escaped():
            return super().invoke(ctx)

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # noqa: ARG002
        """Return the names, without importing what they do."""
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> Any:  # type: ignore[override]  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]
            return None  # The names are what typer suggests from.
        module = importlib.import_module(f"eventlog_cli.commands.{COMMANDS[cmd_name]}")
        command: Any = typer.main.get_group(module.app).commands[cmd_name]
        self._give_options(command)
        return command

    def _give_options(self, command: Any) -> None:
        command.rich_markup_mode = None
        known = {param.name for param in command.params}
        command.params += [
            _again(param) for param in self.params if param.name in {*_EVERYWHERE} - known
        ]
        for each in getattr(command, "commands", {}).values():
            self._give_options(each)


@contextlib.contextmanager
def _shown_escaped() -> Generator[None]:
    """Have typer, which prints it, say with escapes what was typed wrong."""
    try:
        yield
    except _Misuse as error:
        error.message = visible_line(error.message)
        raise


def _again(option: Any) -> Any:
    """Return an option of the group as one of a command: there it counts when it is given."""
    own = copy.copy(option)
    own.expose_value = False
    own.default = None
    own.envvar = None
    own.callback = _remember
    return own


def _remember(ctx: typer.Context, param: Any, value: Any) -> Any:
    if value not in (None, False) and isinstance(ctx.obj, Settings):
        ctx.obj = ctx.obj._replace(**{param.name: value})
    return value


app: Final = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        terminal.put(f"eventlog {__version__}\n")
        raise typer.Exit


@app.callback()
def begin(
    ctx: typer.Context,
    db: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|URL", envvar="EVENTLOG_DB", help="The log: a SQLite file, or a URL."
        ),
    ] = None,
    tenant: Annotated[
        str, typer.Option(metavar="NAME", envvar="EVENTLOG_TENANT", help="Whose conversations.")
    ] = "default",
    schema: Annotated[
        str,
        typer.Option(
            metavar="NAME", envvar="EVENTLOG_SCHEMA", help="Where PostgreSQL keeps the tables."
        ),
    ] = "eventlog",
    keyring: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", envvar="EVENTLOG_KEYRING", help="The keys of an encrypted log."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    version: Annotated[  # noqa: ARG001 - answered by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Read, check and change conversations in an event log.

    ID is the name of a conversation, the beginning of it that no other has, or `latest`.
    """
    ctx.obj = Settings(db, tenant, schema, keyring, as_json)
