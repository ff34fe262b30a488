"""Closing a conversation to whoever would still write, and opening it again."""

from typing import TYPE_CHECKING, Any, Protocol

import click

from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.options import ACTOR, DRY_RUN, ID, REASON, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.words import command as as_typed
from eventlog_cli.showing.words import typed
from eventlog_projections.conversation import Conversation

if TYPE_CHECKING:
    from eventlog import Appended, Context


class Make(Protocol):
    """A method that closes or opens."""

    async def __call__(
        self, chat: Conversation, /, *, reason: str | None, context: "Context"
    ) -> "Appended":
        """Return where the log says so, or that it did."""
        ...


@command("archive", "eventlog archive order-1042 --reason delivered")
@ID
@REASON
@ACTOR
@DRY_RUN
def archive(ctx: click.Context, conversation: str, **given: Any) -> None:
    """Close a conversation to whoever would still write.

    It can be read, as before.
    """
    _close(ctx, conversation, "archived", Conversation.archive, **given)


@command("unarchive", "eventlog unarchive order-1042")
@ID
@REASON
@ACTOR
@DRY_RUN
def unarchive(ctx: click.Context, conversation: str, **given: Any) -> None:
    """Open a conversation that was archived."""
    _close(ctx, conversation, "open", Conversation.unarchive, **given)


def _close(
    ctx: click.Context,
    conversation: str,
    state: str,
    make: Make,
    *,
    reason: str | None,
    actor: str | None,
    dry_run: bool,
) -> None:
    """Close or open, and say what it is now and what takes that back."""
    opposite = "unarchive" if state == "archived" else "archive"

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation)
        if dry_run:
            was_so = await chat.is_archived() is (state == "archived")
            version = await at.log.version(chat.name)
            became = f"would be {state}"
        else:
            done = await make(chat, reason=reason, context=by(ctx, actor))
            was_so, version = done.replayed, done.last
            became = f"is {state}, at version {version}"
        back = None if dry_run or was_so else as_typed(opposite, chat.name)
        at.out.answer(
            {
                "conversation": chat.name,
                "branch": chat.branch,
                "version": version,
                "state": state,
                "back": None if back is None else back.strip("`"),
                "dry_run": dry_run,
            },
            f"{typed(chat.name)} {f'is {state} already' if was_so else became}.",
            *([] if back is None else [f"{back} takes it back."]),
        )

    run(ctx, work)
