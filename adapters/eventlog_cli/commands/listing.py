"""Lists of conversations, and of the branches and forks of one."""

from typing import Any, Final

import click

from eventlog.format.names import MAIN
from eventlog_cli.command import command
from eventlog_cli.lookups.choosing import Wanted, choose
from eventlog_cli.lookups.finding import find
from eventlog_cli.lookups.tree import branch_tree
from eventlog_cli.options import FORMAT, ID, SINCE, UNTIL, limit
from eventlog_cli.progress import caught_up
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing import records, tables

SORTS: Final = ("last", "first", "name", "items", "turns", "tokens", "cost", "bytes")


@command(
    "sessions",
    "eventlog sessions",
    "eventlog sessions --owner ada --since 7d --sort tokens",
    "eventlog sessions --text refund --format csv",
    paged=True,
)
@click.option("--owner", metavar="NAME", help="Only those of an owner.")
@click.option("--tag", metavar="TAG", multiple=True, help="Only those with a tag; all of several.")
@click.option("--model", metavar="NAME", help="Only those that used a model.")
@click.option("--agent", metavar="NAME", help="Only those in which an agent spoke.")
@click.option("--text", metavar="WORDS", help="Only those in which words were said.")
@SINCE
@UNTIL
@click.option("--sort", type=click.Choice(SORTS), default="last", help="By what.")
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--cost", is_flag=True, help="Also what they cost.")
@limit(50)
@FORMAT
def sessions(ctx: click.Context, **given: Any) -> None:
    """List conversations, the latest first.

    `title` is a conversation's label, or its first message. With --cost, `?` is a cost that nobody
    knows. --since and --until are about the last activity.
    """

    async def work(at: Invocation) -> None:
        views = await caught_up(at, "conversations", "turns")
        for_programs = at.out.as_json or given["form"] not in ("table", "md")
        wanted = Wanted.of(given, at.out.zone, priced=given["cost"] or for_programs)
        found = await choose(at, views, wanted)
        rows = [records.session(each, erased=await _is_erased(at, each)) for each in found.rows]
        more = f"There are more than {wanted.limit}: -n shows so many." if found.more else None
        nothing = (
            _no_match(given)
            if wanted.narrows
            else f"There is no conversation of tenant {at.log.tenant} yet."
        )
        at.out.table(
            rows,
            tables.sessions(rows, at.out.zone, priced=wanted.is_priced, sort=wanted.sort),
            given["form"],
            nothing=nothing,
            hint=more,
        )

    run(ctx, work)


def _no_match(given: dict[str, Any]) -> str:
    """Say that nothing was found, and where names are listed: a name is given as a whole."""
    said = "No conversation matches that."
    whole = [name for name in ("owner", "agent", "model") if given[name] is not None]
    if not whole:
        return said
    where = " or ".join(f"`eventlog usage --by {name}`" for name in whole)
    return f"{said} Names are whole: {where} lists them."


async def _is_erased(at: Invocation, found: Any) -> bool:
    """Tell whether all that was said in a conversation was erased."""
    if found.items or found.title:
        return False
    row = await at.log.stream(found.name)
    return row is not None and row.erased_version is not None


@command("branches", "eventlog branches latest", "eventlog branches order-1042 --json")
@ID
@FORMAT
def branches(ctx: click.Context, conversation: str, form: str) -> None:
    """Show the branches and forks of a conversation.

    As a tree: what began with items of what, at which version it left, and what became of it.
    Forks are other conversations that began with this one.
    """

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        found = await branch_tree(at.log, name)
        rows = [each for each in found if each["depth"] or each["branch"] == MAIN]
        nothing = f"{name} has no branches."
        at.out.table(rows, tables.branches(rows, at.out.zone), form, nothing=nothing)

    run(ctx, work)
