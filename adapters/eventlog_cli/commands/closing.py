"""Closing a conversation to whoever would still write, and opening it again."""

from collections.abc import Awaitable, Callable
from typing import Any

import click

from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.options import ACTOR, ID, REASON, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.words import command as as_typed
from eventlog_cli.showing.words import typed
from eventlog_projections.conversation import Conversation

Change = Callable[[Conversation], Awaitable[Any]]


@command("archive", "eventlog archive order-1042 --reason delivered")
@ID
@REASON
@ACTOR
def archive(ctx: click.Context, conversation: str, reason: str | None, actor: str | None) -> None:
    """Close a conversation to whoever would still write.

    It can be read, as before.
    """
    context = by(ctx, actor)
    _close(ctx, conversation, "archived", lambda chat: chat.archive(reason=reason, context=context))


@command("unarchive", "eventlog unarchive order-1042")
@ID
@REASON
@ACTOR
def unarchive(ctx: click.Context, conversation: str, reason: str | None, actor: str | None) -> None:
    """Open a conversation that was archived."""
    context = by(ctx, actor)
    _close(ctx, conversation, "open", lambda chat: chat.unarchive(reason=reason, context=context))


def _close(
    ctx: click.Context,
    conversation: str,
    became: str,
    change: Callable[[Conversation], Awaitable[Any]],
) -> None:
    """Close or open, and say what it is now and what takes that back."""
    opposite = "unarchive" if became == "archived" else "archive"

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation)
        done = await change(chat)
        back = as_typed(opposite, chat.name)
        at.out.answer(
            {
                "conversation": chat.name,
                "branch": chat.branch,
                "version": done.last,
                "state": became,
                "back": back.strip("`"),
            },
            f"{typed(chat.name)} is {became}, at version {done.last}.",
            f"{back} takes it back.",
        )

    run(ctx, work)
