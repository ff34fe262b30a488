"""Where the views are, and getting past events that they go on without."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final

import click

from eventlog_cli.command import CONTEXT, Group, command
from eventlog_cli.completing import complete
from eventlog_cli.lookups.finding import find
from eventlog_cli.running import FoundError, Invocation, run
from eventlog_cli.showing import records, tables
from eventlog_projections.views import SetAside, Views

WHICH: Final = click.argument("what", metavar="[VIEW]...", nargs=-1)
OF: Final = click.option(
    "--conversation", metavar="ID", help="Only events of a conversation.", shell_complete=complete
)

NONE: Final = "Nothing is set aside."


@click.group(
    "views",
    cls=Group,
    invoke_without_command=True,
    context_settings=CONTEXT,
    help="Tell where the views are, and mend them: which events they go on without.",
)
@click.pass_context
def views(ctx: click.Context) -> None:
    """Tell where they are unless something else is asked for."""
    if ctx.invoked_subcommand is None:
        _status(ctx)


@command("status", "eventlog views", of=views)
def status(ctx: click.Context) -> None:
    """Tell where the views are, and which events they go on without."""
    _status(ctx)


def _status(ctx: click.Context) -> None:
    async def work(at: Invocation) -> None:
        found = await Views(at.log).status()
        rows = [records.status(each) for each in found]
        nothing = "No view was made yet: the first question makes it."
        at.out.table(rows, tables.views(found, at.out.zone), nothing=nothing)
        aside = [(each.view, one) for each in found for one in each.set_aside]
        if aside and not at.out.as_json:
            at.out.print("")
            at.out.table([], tables.asides(aside, "view"), nothing="")

    run(ctx, work)


@command("retry", "eventlog views retry turns", of=views)
@WHICH
@OF
def retry(ctx: click.Context, what: tuple[str, ...], conversation: str | None) -> None:
    """Take again what was set aside: the rows of its conversations are made anew.

    Exit code 3 if there is one that still cannot be taken.
    """

    async def work(at: Invocation) -> None:
        left = await _named(at, Views(at.log).retry, what, conversation)
        _tell(at, left, "still set aside")
        if left:
            raise FoundError

    run(ctx, work)


@command("skip", "eventlog views skip turns --conversation latest", of=views)
@WHICH
@OF
def skip(ctx: click.Context, what: tuple[str, ...], conversation: str | None) -> None:
    """Acknowledge what was set aside: the views stay without it, and name it no more."""

    async def work(at: Invocation) -> None:
        _tell(at, await _named(at, Views(at.log).skip, what, conversation), "skipped")

    run(ctx, work)


async def _named(
    at: Invocation,
    do: Callable[..., Coroutine[Any, Any, list[SetAside]]],
    what: Sequence[str],
    conversation: str | None,
) -> list[SetAside]:
    name = None if conversation is None else await find(at.log, conversation)
    return await do(*what, conversation=name)


def _tell(at: Invocation, found: Sequence[SetAside], became: str) -> None:
    rows = [records.aside(each) for each in found]
    if not found and not at.out.as_json:
        at.out.say(NONE)
        return
    at.out.table(rows, tables.asides([(became, each) for each in found], "became"), nothing=NONE)
