"""Changing the list of a conversation. Each is one more event, and any can be taken back."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from eventlog.errors import InvalidOptionError
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.lookups.tree import stream_of
from eventlog_cli.options import ACTOR, CHANGING, ID, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.moved import Moved, moved, tell_moved
from eventlog_cli.showing.times import moment
from eventlog_projections.changing.rewinding import redoing, undoing
from eventlog_projections.conversation import Conversation

Change = Callable[[Conversation], Awaitable[Any]]
Plan = Callable[[Conversation], Awaitable[tuple[int, int | None]]]
"""Returns the version that the list would be again, and how many items of that it would keep."""

__all__ = ["ACTOR", "clear", "redo", "restore", "undo"]


@command("undo", "eventlog undo latest", "eventlog undo order-1042 --turns 2 --reason typo")
@ID
@click.option(
    "--turns",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many turns.",
)
@CHANGING
def undo(ctx: click.Context, conversation: str, turns: int, branch: str, **given: Any) -> None:
    """Take the last turns off the list.

    It says what went, and how that is taken back.
    """
    how = _how(ctx, given)

    async def change(chat: Conversation) -> Any:
        return await chat.undo(turns, **how)

    async def plan(chat: Conversation) -> tuple[int, int | None]:
        return await undoing(stream_of(chat), turns)

    _change(ctx, conversation, branch, change, plan, dry_run=given["dry_run"])


@command("redo", "eventlog redo latest", "eventlog redo order-1042 --branch idea")
@ID
@CHANGING
def redo(ctx: click.Context, conversation: str, branch: str, **given: Any) -> None:
    """Take the last undo back.

    Only where nothing else was written since.
    """
    how = _how(ctx, given)

    async def change(chat: Conversation) -> Any:
        return await chat.redo(**how)

    async def plan(chat: Conversation) -> tuple[int, int | None]:
        return await redoing(stream_of(chat)), None

    _change(ctx, conversation, branch, change, plan, dry_run=given["dry_run"])


@command(
    "restore",
    "eventlog restore order-1042 4",
    "eventlog restore latest '2026-11-02 10:04:00' --dry-run",
)
@ID
@click.argument("to", metavar="MOMENT")
@CHANGING
def restore(ctx: click.Context, conversation: str, to: str, branch: str, **given: Any) -> None:
    """Make the list again what it was at a moment.

    ID is a whole name, or `latest`. It says what went and what came back.
    """
    from eventlog_cli.running import zone_of

    how = _how(ctx, given)
    zone = zone_of(ctx)

    async def change(chat: Conversation) -> Any:
        return await chat.restore(moment(to, zone), **how)

    async def plan(chat: Conversation) -> tuple[int, int | None]:
        return await chat.log.version_at(chat.name, moment(to, zone), branch=chat.branch), None

    _change(ctx, conversation, branch, change, plan, dry_run=given["dry_run"], whole=True)


@command("clear", "eventlog clear order-1042", "eventlog clear order-1042 --branch idea")
@ID
@CHANGING
def clear(ctx: click.Context, conversation: str, branch: str, **given: Any) -> None:
    """Empty the list.

    ID is a whole name, or `latest`. Nothing is lost by it, so nothing is asked.
    """
    how = _how(ctx, given)

    async def change(chat: Conversation) -> Any:
        return await chat.clear(**how)

    async def plan(_: Conversation) -> tuple[int, int | None]:
        return 0, None

    _change(ctx, conversation, branch, change, plan, dry_run=given["dry_run"], whole=True)


def _how(ctx: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    if given["dry_run"] and given["reason"] is not None:
        raise InvalidOptionError("--dry-run records nothing, so --reason says nothing.")
    return {"reason": given["reason"], "context": by(ctx, given["actor"])}


def _change(
    ctx: click.Context,
    conversation: str,
    branch: str,
    change: Change,
    plan: Plan,
    *,
    dry_run: bool,
    whole: bool = False,
) -> None:
    """Run a command that changes a list, and tell what went, what came, and the way back."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch, whole=whole)
        if dry_run:
            version, kept = await plan(chat)
            found = await _planned(chat, version, kept)
        else:
            done = await change(chat)
            found = await moved(chat, done.first - 1, done.last)
        tell_moved(at, chat, found, dry_run=dry_run)

    run(ctx, work)


async def _planned(chat: Conversation, version: int, kept: int | None) -> Moved:
    """Return what would go and come, without a change."""
    now = await chat.read()
    then = (await chat.read(as_of=version)).items
    return Moved.between(
        now.version, now.version, now.items, then[:kept] if kept is not None else then
    )
