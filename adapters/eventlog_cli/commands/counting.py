"""Commands over views: turns, usage of models, tools, full text search."""

from typing import Any, Final

import click

from eventlog_cli.command import command
from eventlog_cli.lookups.finding import check_branch, find
from eventlog_cli.options import BRANCH, FORMAT, ID, OPTIONAL_ID, SINCE, UNTIL, limit
from eventlog_cli.progress import caught_up
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing import records, tables
from eventlog_cli.showing.times import time, until_time
from eventlog_cli.showing.words import LEGEND
from eventlog_projections.views import queries

BY: Final = ("model", "day", "owner", "agent", "conversation")
UNPRICED: Final = "? has no known price; it is not 0"
COUNTED_BY: Final = "Tokens and durations are counted where a run has hooks=EventLogHooks(session)."


@command("turns", "eventlog turns latest", "eventlog turns order-1042 --format csv", paged=True)
@ID
@BRANCH
@FORMAT
def turns(ctx: click.Context, conversation: str, branch: str, form: str) -> None:
    """List the turns of a conversation and what each used.

    A turn is what a user's message began. `context` is how large the context was at its end.
    """

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await check_branch(at.log, name, branch)
        views = await caught_up(at, "turns")
        found = await queries.turns(views, name, branch=branch, stale=True)
        rows = [records.turn(each, name, branch) for each in found]
        nothing = "It has no turns: no user's message is in it."
        counted = any(each.total_tokens for each in found)
        at.out.table(
            rows, tables.turns(found), form, nothing=nothing, hint=None if counted else COUNTED_BY
        )

    run(ctx, work)


@command(
    "usage",
    "eventlog usage",
    "eventlog usage latest",
    "eventlog usage --by day --since 2026-10-01 --until 2026-10-31",
)
@OPTIONAL_ID
@click.option("--by", type=click.Choice(BY), default="model", help="What it is summed up by.")
@SINCE
@UNTIL
@FORMAT
def usage(ctx: click.Context, conversation: str | None, by: str, form: str, **given: Any) -> None:
    """Tell what was used, and what that costs.

    Of one conversation, or of all. A call costs what its model cost then: `?` is a price that
    nobody knows.
    """
    from eventlog_cli.lookups.spending import Period, spent

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        views = await caught_up(at, "turns", "conversations")
        since = None if given["since"] is None else time(given["since"], at.out.zone)
        until = until_time(given["until"], at.out.zone)
        if by == "model" and since is None and until is None:
            rows = [records.usage(each) for each in await queries.usage(views, name, stale=True)]
        else:
            rows = await spent(at, views, name, by, Period(since, until))
        unknown = any(each["cost"] is None or each["cost"]["unpriced"] for each in rows)
        nothing = f"Nothing was counted. {COUNTED_BY}"
        at.out.table(
            rows, tables.usage(rows, by), form, nothing=nothing, hint=UNPRICED if unknown else None
        )

    run(ctx, work)


@command("tools", "eventlog tools", "eventlog tools --format md")
@FORMAT
def tools(ctx: click.Context, form: str) -> None:
    """Tell what became of the calls of each tool."""

    async def work(at: Invocation) -> None:
        found = await queries.tools(await caught_up(at, "tools"), stale=True)
        timed = any(each.mean_seconds is not None for each in found)
        at.out.table(
            [records.tool(each) for each in found],
            tables.tools(found),
            form,
            nothing="No tool was called.",
            hint=None if timed else COUNTED_BY,
        )

    run(ctx, work)


@command(
    "search",
    "eventlog search 'refund \"by Friday\"'",
    "eventlog search parcel --in latest --removed",
    paged=True,
)
@click.argument("text", metavar="WORDS")
@click.option("--in", "within", metavar="ID", help="Only in this conversation.")
@click.option("--removed/--listed", default=None, help="Only what left the list, or the others.")
@limit(20)
@FORMAT
def search(ctx: click.Context, **given: Any) -> None:
    """Find items by their words.

    WORDS are words, beginnings of words (par*) and "phrases": all must be there. Items that were
    removed are found too, and marked.
    """

    async def work(at: Invocation) -> None:
        within = given["within"]
        name = None if within is None else await find(at.log, within)
        views = await caught_up(at, "search")
        limit = given["limit"]
        found = await queries.search(
            views,
            given["text"],
            conversation=name,
            removed=given["removed"],
            limit=limit + 1,
            stale=True,
        )
        has_more, found = len(found) > limit, found[:limit]
        marked = any(each.removed for each in found)
        at.out.table(
            [records.hit(each) for each in found],
            tables.hits(found, given["text"], at.out.zone),
            given["form"],
            nothing=await _why_nothing(at, given["text"]) if not found else "",
            hint=LEGEND if marked else None,
        )
        if has_more:
            at.out.hint(f"There are more than {limit}: -n shows so many.")

    run(ctx, work)


async def _why_nothing(at: Invocation, text: str) -> str:
    """Say why nothing was found."""
    latest = await at.log.latest()
    if at.log.spi.keys.are_used or (latest is not None and latest.key_id is not None):
        return "Nothing was found: what is encrypted is not searched."
    if not any(letter.isalnum() for letter in text):
        return f"Nothing was found: {text!r} has no word in it."
    return "Nothing was found: no item has all of these words."
