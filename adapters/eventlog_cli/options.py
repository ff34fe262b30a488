"""The arguments and options that several commands share."""

import asyncio
import getpass
from typing import Annotated

import typer

from eventlog import Context, EventLogError
from eventlog.visible import quoted
from eventlog_cli.finding import LATEST, names
from eventlog_cli.settings import Settings

COMPLETIONS = 50


def complete(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return names of conversations for the shell; none where the log cannot be read."""
    above = ctx.find_root().params
    if not above["db"]:
        return []
    try:
        found = asyncio.run(
            _names(Settings(above["db"], above["tenant"], above["schema"]), incomplete)
        )
    except EventLogError:
        return []
    plain = [name for name in found if name == quoted(name)]  # A shell would act on the others.
    return [LATEST, *plain] if LATEST.startswith(incomplete) else plain


async def _names(settings: Settings, incomplete: str) -> list[str]:
    async with settings.open() as log:
        return await names(log, incomplete, COMPLETIONS)


Id = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="A name, the beginning of one, or `latest`.",
        show_default=False,
        autocompletion=complete,
    ),
]
Ids = Annotated[
    list[str],
    typer.Argument(
        metavar="ID...", help="Which ones.", show_default=False, autocompletion=complete
    ),
]
OptionalId = Annotated[
    str | None,
    typer.Argument(
        metavar="[ID]", help="One conversation; without it, all.", autocompletion=complete
    ),
]
Branch = Annotated[str, typer.Option(metavar="NAME", help="A branch; without it, the main one.")]
AsOf = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION|TIME", help="As it was then: 42, 2026-11-01 or 2026-11-01T12:00Z."
    ),
]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept in the log.")]
Actor = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", envvar="EVENTLOG_ACTOR", help="Who does so; else your login name."
    ),
]
SigningKey = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="The key that signs heads; or it is in EVENTLOG_SIGNING_KEY."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def by(actor: str | None) -> Context:
    """Return a context with `actor`, or else the login name."""
    return Context(actor=actor or login())


def login() -> str | None:
    """Return the name of who is logged in, if the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return None
