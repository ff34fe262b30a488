"""Reading conversations: the list of them, one of them, its events, two of its versions."""

from typing import Annotated, Any

import typer
from rich.text import Text

from eventlog import EventLogError
from eventlog_cli import pages, tables
from eventlog_cli.finding import find_conversation, moment
from eventlog_cli.options import AsOf, Branch, Id, Limit
from eventlog_cli.progress import caught_up
from eventlog_cli.running import Invocation, leave_with, run
from eventlog_cli.words import LEGEND
from eventlog_projections import HistoryEvent, Unreadable
from eventlog_projections.history.salvage import read_intact, size
from eventlog_projections.stream import Stream
from eventlog_projections.views.queries import Summary, conversations

PAGE = 100
"""Events that are printed at once."""

app = typer.Typer()


@app.command()
def sessions(
    ctx: typer.Context,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of an owner.")
    ] = None,
    limit: Limit = 50,
) -> None:
    """List conversations, those with the latest activity first."""

    async def work(at: Invocation) -> None:
        views = await caught_up(at, "conversations", "turns")
        found = await conversations(views, owner=owner, limit=limit, stale=True)
        if at.out.as_json:
            at.out.lines(map(_summary, found))
            return
        at.out.print(tables.sessions(found))
        if len(found) == limit:
            at.out.print(Text(f"The first {limit}. --limit shows more.", "dim"))

    run(ctx, work)


def _summary(found: Summary) -> dict[str, Any]:
    kept = found._asdict()
    del kept["row"]
    return kept


@app.command()
def show(
    ctx: typer.Context,
    conversation: Id,
    as_of: AsOf = None,
    limit: Limit = 50,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    branch: Branch = "",
) -> None:
    """Show the items of a conversation, the last ones, now or as they were."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        stream = Stream(chat.log, chat.name, chat.branch)
        read = await read_intact(stream, moment(as_of), None if every else limit)
        seen = read.behind()
        lost = [each for each in seen.items if isinstance(each, Unreadable)]
        if at.out.as_json:
            told = {"unreadable": lost} if lost else {}
            seen = seen._replace(items=[each for each in seen.items if each not in lost])
            at.out.line({"conversation": chat.name, "branch": branch, **seen._asdict(), **told})
        else:
            at.out.print(pages.heading(chat.name, branch, seen))
            for begin in range(0, len(seen.items), PAGE):
                at.out.print(pages.transcript(seen.items[begin : begin + PAGE]))
        leave_with(each.error for each in lost)

    run(ctx, work)


@app.command()
def log(ctx: typer.Context, conversation: Id, branch: Branch = "") -> None:
    """Show every event of a conversation; items that left its list are struck through."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        page: list[HistoryEvent] = []
        errors: list[EventLogError | None] = []
        async for event in chat.history():
            errors += [event.error] if event.error else []
            if at.out.as_json:
                at.out.line(event)
                continue
            page.append(event)
            if len(page) == PAGE:
                at.out.print(pages.events(page))
                page.clear()
        if not at.out.as_json:
            at.out.print(pages.events(page))
            at.out.print(Text(LEGEND, "dim"))
        leave_with(errors)

    run(ctx, work)


@app.command()
def diff(
    ctx: typer.Context,
    conversation: Id,
    a: Annotated[str, typer.Argument(metavar="A", help="A version or a time.")],
    b: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another; without it, now.")
    ] = None,
    branch: Branch = "",
) -> None:
    """Compare what a conversation was at A with what it was at B."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        found = await chat.diff(moment(a), moment(b))
        went, came = (sum(map(size, items)) for items in (found.removed, found.added))
        counts = f"{found.common} items are the same, {went} went, {came} came"
        at.out.answer(found, Text(counts, "bold"), pages.differences(found))
        leave_with(each.error for each in found.unreadable)

    run(ctx, work)
