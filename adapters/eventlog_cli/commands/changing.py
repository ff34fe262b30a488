"""Changing the list of a conversation. Each is one more event, and any can be taken back."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from eventlog.errors import InvalidMomentError, InvalidOptionError
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.options import ACTOR, CHANGING, ID, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.moved import tell_change
from eventlog_cli.showing.times import moment, time
from eventlog_projections.conversation import Conversation

if TYPE_CHECKING:
    from eventlog_projections.changing.changed import Change
    from eventlog_projections.history.diff import Diff

Make = Callable[[Conversation], Awaitable["Change[Diff]"]]

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

    _change(ctx, conversation, branch, lambda chat: chat.undo(turns, **how))


@command("redo", "eventlog redo latest", "eventlog redo order-1042 --branch idea")
@ID
@CHANGING
def redo(ctx: click.Context, conversation: str, branch: str, **given: Any) -> None:
    """Take the last undo back.

    Only where nothing else was written since.
    """
    how = _how(ctx, given)

    _change(ctx, conversation, branch, lambda chat: chat.redo(**how))


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

    def make(chat: Conversation) -> Awaitable["Change[Diff]"]:
        when = moment(to, zone)
        if not isinstance(when, int) and time(to, zone) > zone.now():
            raise InvalidMomentError(f"{to!r} is not in the past: nothing was there then yet.")
        return chat.restore(when, **how)

    _change(ctx, conversation, branch, make, whole=True)


@command("clear", "eventlog clear order-1042", "eventlog clear order-1042 --branch idea")
@ID
@CHANGING
def clear(ctx: click.Context, conversation: str, branch: str, **given: Any) -> None:
    """Empty the list.

    ID is a whole name, or `latest`. Nothing is lost by it, so nothing is asked.
    """
    how = _how(ctx, given)

    _change(ctx, conversation, branch, lambda chat: chat.clear(**how), whole=True)


def _how(ctx: click.Context, given: dict[str, Any]) -> dict[str, Any]:
    if given["dry_run"] and given["reason"] is not None:
        raise InvalidOptionError("--dry-run records nothing, so --reason says nothing.")
    context = by(ctx, given["actor"])
    return {"reason": given["reason"], "context": context, "dry_run": given["dry_run"]}


def _change(
    ctx: click.Context, conversation: str, branch: str, make: Make, *, whole: bool = False
) -> None:
    """Run a command that changes a list, and tell what went, what came, and the way back."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch, whole=whole)
        await tell_change(at, chat, await make(chat))

    run(ctx, work)
