"""Commands over views: turns, usage of models, tools, full text search."""

from typing import Annotated

import typer

from eventlog_cli import tables
from eventlog_cli.finding import find
from eventlog_cli.options import Branch, Id, Limit, OptionalId
from eventlog_cli.progress import caught_up
from eventlog_cli.running import Invocation, run
from eventlog_cli.words import LEGEND
from eventlog_projections.views import queries

app = typer.Typer()


@app.command()
def turns(ctx: typer.Context, conversation: Id, branch: Branch = "") -> None:
    """List the turns of a conversation, and what each of them used."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        views = await caught_up(at, "turns")
        found = await queries.turns(views, name, branch=branch, stale=True)
        at.out.table(found, tables.turns)

    run(ctx, work)


@app.command()
def usage(ctx: typer.Context, conversation: OptionalId = None) -> None:
    """Tell what was used of each model, and what that costs at the prices of today."""

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        views = await caught_up(at, "turns")
        found = await queries.usage(views, name, stale=True)
        unknown = any(each.cost is None for each in found)
        hint = "? has no known price; it is not 0" if unknown else None
        at.out.table(found, tables.usage, hint=hint)

    run(ctx, work)


@app.command()
def tools(ctx: typer.Context) -> None:
    """Tell what became of the calls of each tool."""

    async def work(at: Invocation) -> None:
        found = await queries.tools(await caught_up(at, "tools"), stale=True)
        at.out.table(found, tables.tools)

    run(ctx, work)


@app.command()
def search(
    ctx: typer.Context,
    text: Annotated[
        str, typer.Argument(help='Words, beginnings (par*) and "phrases"; all must be there.')
    ],
    within: Annotated[
        str | None, typer.Option("--in", metavar="ID", help="Only in this conversation.")
    ] = None,
    removed: Annotated[
        bool | None,
        typer.Option("--removed/--listed", help="Only what left the list, or only the others."),
    ] = None,
    limit: Limit = 20,
) -> None:
    """Find items by their words, those that were removed too."""

    async def work(at: Invocation) -> None:
        name = None if within is None else await find(at.log, within)
        views = await caught_up(at, "search")
        found = await queries.search(
            views, text, conversation=name, removed=removed, limit=limit, stale=True
        )
        marked = any(each.removed for each in found)
        at.out.table(found, lambda hits: tables.hits(hits, text), hint=LEGEND if marked else None)

    run(ctx, work)
