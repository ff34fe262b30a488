"""How a command is made: with an example, and with the options that all of them take."""

import contextlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, Final

import click

from eventlog.visible import visible_line
from eventlog_cli.settings import Settings

CONTEXT: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Keep what was typed where the command finds it; what stands behind it counts."""
    if value is not None:
        ctx.obj = (ctx.find_object(Settings) or Settings()).having(str(param.name), value)


def shared_options() -> list[click.Option]:
    """Return the options that stand before a command or behind it."""
    how: dict[str, Any] = {"expose_value": False, "callback": _remember, "default": None}
    return [
        click.Option(["--db"], metavar="PATH|URL", help="The log.", **how),
        click.Option(["--tenant"], metavar="NAME", help="Whose conversations.", **how),
        click.Option(["--schema"], metavar="NAME", help="PostgreSQL's schema.", **how),
        click.Option(["--keyring"], metavar="FILE", help="Keys of an encrypted log.", **how),
        click.Option(["--utc/--local"], is_flag=True, help="Which times.", **how),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON.", **how),
    ]


class SharedOptions(click.Command):
    """Takes the options of all commands beside its own."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = {param.name for param in self.params}
        self.params += [each for each in shared_options() if each.name not in known]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of this command, and name those of all in one line."""
        own = own_options(self, ctx)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        formatter.write(
            "\nEvery command takes --db, --tenant, --schema, --keyring, --utc and --json.\n"
        )


SHARED: Final = frozenset(str(each.name) for each in shared_options())


def own_options(command: click.Command, ctx: click.Context) -> list[tuple[str, str]]:
    """Return the options that not every command has, and what they do."""
    return [
        record
        for param in command.get_params(ctx)
        if isinstance(param, click.Option)
        and param.name not in SHARED
        and "--help" not in param.opts
        and (record := param.get_help_record(ctx)) is not None
    ]


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write commands as they are typed, one a line, whole."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Command(SharedOptions):
    """A command with examples behind its help."""

    examples: tuple[str, ...] = ()
    is_paged = False

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the examples."""
        write_examples(self.examples, formatter)


class Group(SharedOptions, click.Group):
    """A command with commands of its own, which its help lists."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, then the options."""
        self.format_commands(ctx, formatter)
        super().format_options(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each command with what it does, whole."""
        found = [(each.name or "", _first_paragraph(each)) for each in self._each(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(found)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write an example of each command."""
        found = self._each(ctx)
        write_examples([each.examples[0] for each in found if isinstance(each, Command)], formatter)

    def _each(self, ctx: click.Context) -> list[click.Command]:
        found = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        return [each for each in found if each is not None]


def _first_paragraph(command: click.Command) -> str:
    return " ".join((command.help or "").partition("\n\n")[0].split())


def command(
    name: str, *examples: str, of: click.Group | None = None, paged: bool = False
) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command, which is shown with these examples.

    The function is given the context first. With `paged`, people read it in a pager.
    """

    def make(function: Callable[..., Any]) -> Command:
        made = click.command(name, cls=Command, context_settings=CONTEXT)(
            click.pass_context(function)
        )
        made.examples, made.is_paged = examples, paged
        if of is not None:
            of.add_command(made)
        return made

    return make


def group(name: str, says: str, **options: Any) -> Group:
    """Return a command that has commands of its own."""
    return Group(name, help=says, context_settings=CONTEXT, **options)


@contextlib.contextmanager
def misuse_is_escaped() -> Generator[None]:
    """Have click, which prints it, say with escapes what was typed wrong."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:  # Nothing was typed: it is the help.
        raise
    except click.ClickException as error:
        error.message = visible_line(error.message)  # type: ignore[misc]
        raise
