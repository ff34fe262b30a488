"""The arguments and options that several commands share."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eventlog.format.names import MAIN, RESERVED
from eventlog_cli.completing import complete

if TYPE_CHECKING:
    from eventlog import Context

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]

FORMATS: Final = ("table", "json", "csv", "tsv", "md")


def id_argument(*, required: bool = True, name: str = "conversation") -> Option[Any]:
    """Return the argument that names a conversation."""
    return click.argument(
        name,
        metavar="ID" if required else "[ID]",
        required=required,
        shell_complete=complete,
    )


ID: Final = id_argument()
OPTIONAL_ID: Final = id_argument(required=False)
IDS: Final = click.argument(
    "conversations", metavar="ID...", nargs=-1, required=True, shell_complete=complete
)


def _unless_main(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    """Return the log's name of a branch: the main one, as the SDK and lists call it, has none."""
    return MAIN if value == RESERVED else value


BRANCH: Final = click.option(
    "--branch", metavar="NAME", default="", callback=_unless_main, help="A branch of it."
)
AS_OF: Final = click.option("--as-of", metavar="MOMENT", help="As it was then.")
SINCE: Final = click.option("--since", metavar="TIME", help="Only what is as late as this.")
UNTIL: Final = click.option(
    "--until", metavar="TIME", help="Only what is no later than this; of a day, all of it."
)
KIND: Final = click.option(
    "--kind",
    metavar="KIND",
    multiple=True,
    help="Only events of a kind, like cleared, popped or rewound; may be given again.",
)
FORMAT: Final = click.option(
    "--format",
    "form",
    metavar="|".join(FORMATS),
    type=click.Choice(FORMATS),
    default="table",
    help="How it is printed.",
)
REASON: Final = click.option("--reason", metavar="TEXT", help="Why; kept in the log.")
ACTOR: Final = click.option(
    "--actor", metavar="NAME", help="Who does so; else EVENTLOG_ACTOR, or your login name."
)
SIGNING_KEY: Final = click.option(
    "--key-file", metavar="FILE", help="The key that signs; or it is in EVENTLOG_SIGNING_KEY."
)
DRY_RUN: Final = click.option("--dry-run", is_flag=True, help="Only tell what would happen.")
YES: Final = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


def limit(default: int, least: int = 1) -> Option[Any]:
    """Return the option that says how many there are at most."""
    return click.option(
        "-n",
        "--limit",
        metavar="N",
        type=click.IntRange(min=least),
        default=default,
        show_default=True,
        help="How many at most.",
    )


def options(*given: Option[Any]) -> Option[Any]:
    """Return several arguments and options as one, in their order."""

    def add(function: Any) -> Any:
        for each in reversed(given):
            function = each(function)
        return function

    return add


CHANGING: Final = options(BRANCH, REASON, ACTOR, DRY_RUN)
"""The options of a command that changes a list."""


def actor_name(ctx: click.Context, actor: str | None) -> str | None:
    """Return who does something: as typed, as configured, or the login name."""
    from eventlog_cli.running import settings_of

    return actor or settings_of(ctx).actor or login()


def by(ctx: click.Context, actor: str | None) -> "Context":
    """Return a context with who does something."""
    from eventlog import Context

    return Context(actor=actor_name(ctx, actor))


def login() -> str | None:
    """Return the name of who is logged in, if the system knows it."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
