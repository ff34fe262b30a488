"""Where the views are, and getting past events that they go on without."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from eventlog_cli import tables
from eventlog_cli.finding import find
from eventlog_cli.options import complete
from eventlog_cli.running import FoundError, Invocation, run
from eventlog_projections.views import SetAside, Views

app = typer.Typer()
views = typer.Typer(help="Tell where the views are, and get past events that were set aside.")
app.add_typer(views, name="views")

Which = Annotated[
    list[str] | None, typer.Argument(metavar="[VIEW]...", help="Which; without it, all.")
]
Of = Annotated[
    str | None,
    typer.Option(metavar="ID", help="Only events of a conversation.", autocompletion=complete),
]

NONE: str = "Nothing is set aside."


@views.callback(invoke_without_command=True)
def show(ctx: typer.Context) -> None:
    """Tell where the views are, and which events they go on without."""
    if ctx.invoked_subcommand is None:
        status(ctx)


@views.command()
def status(ctx: typer.Context) -> None:
    """Tell where the views are, and which events they go on without."""

    async def work(at: Invocation) -> None:
        found = await Views(at.log).status()
        if at.out.as_json:
            at.out.lines(found)
            return
        at.out.print(tables.views(found))
        if any(each.set_aside for each in found):
            at.out.print(Text(), tables.set_aside(found))

    run(ctx, work)


@views.command()
def retry(ctx: typer.Context, what: Which = None, conversation: Of = None) -> None:
    """Try to take them again: the rows of their conversations are made anew.

    Exit code 3 if there is one that still cannot be taken.
    """

    async def work(at: Invocation) -> None:
        left = await _named(at, Views(at.log).retry, what, conversation)
        _tell(at, left, "still set aside")
        if left:
            raise FoundError

    run(ctx, work)


@views.command()
def skip(ctx: typer.Context, what: Which = None, conversation: Of = None) -> None:
    """Acknowledge them: the views stay without these events, and name them no more."""

    async def work(at: Invocation) -> None:
        _tell(at, await _named(at, Views(at.log).skip, what, conversation), "skipped")

    run(ctx, work)


async def _named(
    at: Invocation,
    do: Callable[..., Coroutine[Any, Any, list[SetAside]]],
    what: list[str] | None,
    conversation: str | None,
) -> list[SetAside]:
    name = None if conversation is None else await find(at.log, conversation)
    return await do(*(what or ()), conversation=name)


def _tell(at: Invocation, found: Sequence[SetAside], became: str) -> None:
    if at.out.as_json:
        at.out.lines(found)
    elif found:
        at.out.print(tables.asides(found, became))
    else:
        at.out.print(Text(NONE))
