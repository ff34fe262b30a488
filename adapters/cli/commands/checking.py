"""Is the log what was written, and where does it stand?"""

import contextlib
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from adapters.cli import tables
from adapters.cli.finding import find
from adapters.cli.options import OptionalId
from adapters.cli.output import open_console
from adapters.cli.pictures import verdict
from adapters.cli.running import FoundError, Invocation, run
from projections.views import Views

app = typer.Typer()


@app.command()
def verify(ctx: typer.Context, conversation: OptionalId = None) -> None:
    """Hash every event anew, and name the first of each conversation that was changed."""

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        with _waiting("Hashing every event"):
            found = await at.log.verify(name)
        if at.out.as_json:
            at.out.line({"ok": found.ok, **_fields(found)})
        else:
            verdict(at.out.console, found)
        if not found.ok:
            raise FoundError

    run(ctx, work)


def _fields(found: Any) -> dict[str, Any]:
    return {name: getattr(found, name) for name in found.__struct_fields__}


@contextlib.contextmanager
def _waiting(what: str) -> Any:
    console: Console = open_console(stderr=True)
    with console.status(what) if console.is_terminal else contextlib.nullcontext():
        yield


@app.command()
def stats(ctx: typer.Context) -> None:
    """Tell how much is in the log, and where its views are."""

    async def work(at: Invocation) -> None:
        conversations = branches = events = 0
        async for row in at.log.streams(branches=True):
            conversations += not row.branch
            branches += bool(row.branch)
            events += row.head.version
        position = await at.log.position()
        views = await Views(at.log).status()
        if at.out.as_json:
            found = {"tenant": at.log.tenant, "conversations": conversations, "branches": branches}
            found |= {"events": events, "position": position, "views": views}
            at.out.line(found)
            return
        counts = f"{conversations:,} conversations, {branches:,} branches, {events:,} events"
        at.out.print(Text(repr(at.log), "dim"), Text(counts, "bold"))
        at.out.print(Text(f"the feed is at position {position:,}, over all tenants", "dim"))
        if views:
            at.out.print(Text(), tables.views(views))

    run(ctx, work)
