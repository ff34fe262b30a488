"""The command with its subcommands, each imported when it is called.

To add a command, write a function with `@command(...)` in a module of `eventlog_cli.commands` and
name it in `eventlog_cli.catalogue`.
"""

import importlib
from typing import Any, Final

import click

from eventlog.errors import InvalidInputError
from eventlog.visible import visible_line
from eventlog_cli.catalogue import COMMANDS, overview
from eventlog_cli.command import CONTEXT, SharedOptions, misuse_is_escaped
from eventlog_cli.version import __version__

INTERRUPTED: Final = 130
"""128 and the number of SIGINT, as shells have it."""


class Commands(SharedOptions, click.Group):
    """Finds a command when it is asked for."""

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Read what was typed."""
        with misuse_is_escaped():
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; Ctrl-C ends it without a word, and what is refused is told in a line."""
        try:
            with misuse_is_escaped():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except InvalidInputError as error:  # Before any log was opened.
            from eventlog_cli.running import MISUSED, leave

            leave(ctx, str(error), MISUSED)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names, without importing what they do."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None where there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].place.partition(":")
        found: click.Command = getattr(
            importlib.import_module(f"eventlog_cli.commands.{module}"), name
        )
        return found

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; say what is near a name that is none."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]}?" if near else " `eventlog --help` lists them."
            ctx.fail(f"No such command {visible_line(args[0])!r}.{hint}")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        """Return the overview."""
        return overview().rstrip("\n")

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Return commands for the shell, without importing what they do."""
        if incomplete.startswith("-"):
            return click.Command.shell_complete(self, ctx, incomplete)
        from click.shell_completion import CompletionItem

        return [
            CompletionItem(name, help=entry.says)
            for name, entry in COMMANDS.items()
            if name.startswith(incomplete)
        ]


def _show_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
    if value:
        click.utils.echo(f"eventlog {__version__}")
        ctx.exit()


app: Final = Commands(
    "eventlog",
    context_settings=CONTEXT,
    params=[
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_show_version,
            help="Show the version.",
        )
    ],
    callback=lambda: None,
    no_args_is_help=True,
    help="Read, check and change conversations in an event log.",
)
