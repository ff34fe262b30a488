"""Changing a conversation. Each of these is one more event, and any of them can be taken back."""

from collections.abc import Awaitable, Callable
from typing import Annotated

import typer
from rich.text import Text

from eventlog import Appended
from eventlog.format.names import MAIN
from eventlog_cli.finding import find_conversation, moment
from eventlog_cli.options import Actor, AsOf, Branch, Id, Reason, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.words import typed
from eventlog_projections import Conversation

Change = Callable[[Conversation], Awaitable[Appended]]
Hint = Callable[[str, Appended], str]
"""From the conversation's name and what was appended to what takes it back."""

app = typer.Typer()


@app.command()
def undo(
    ctx: typer.Context,
    conversation: Id,
    turns: Annotated[int, typer.Option(min=1, help="How many turns.")] = 1,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Take the last turns off the list."""
    _change(
        ctx,
        conversation,
        branch,
        lambda chat: chat.undo(turns, reason=reason, context=by(actor)),
        hint=lambda _name, _done: "`eventlog redo` takes it back",
    )


@app.command()
def redo(
    ctx: typer.Context,
    conversation: Id,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Take the last undo back."""
    _change(ctx, conversation, branch, lambda chat: chat.redo(reason=reason, context=by(actor)))


@app.command()
def restore(
    ctx: typer.Context,
    conversation: Id,
    to: Annotated[str, typer.Argument(metavar="VERSION|TIME", help="What it was then.")],
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Make the list again what it was at a version or a time."""
    _change(
        ctx,
        conversation,
        branch,
        lambda chat: chat.restore(moment(to), reason=reason, context=by(actor)),
    )


@app.command()
def clear(
    ctx: typer.Context,
    conversation: Id,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Empty the list. Nothing is lost by it, so nothing is asked."""
    _change(
        ctx,
        conversation,
        branch,
        lambda chat: chat.clear(reason=reason, context=by(actor)),
        hint=lambda name, done: f"`eventlog restore {typed(name)} {done.first - 1}` takes it back",
    )


@app.command()
def fork(
    ctx: typer.Context,
    conversation: Id,
    new: Annotated[str, typer.Argument(metavar="NAME", help="The new one's name.")],
    as_of: AsOf = None,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Begin a new conversation with what this one is, or was. Nothing is copied."""

    async def work(at: Invocation) -> None:
        parent = await find_conversation(at.log, conversation, branch)
        child = await parent.fork(new, at=moment(as_of), reason=reason, context=by(actor))
        await _tell(at, child, Appended(1, 1))

    run(ctx, work)


@app.command()
def label(
    ctx: typer.Context,
    conversation: Id,
    title: Annotated[str | None, typer.Option(help="Its title; an empty one removes it.")] = None,
    owner: Annotated[str | None, typer.Option(help="Its owner; an empty one removes it.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag; all of them, each time.")] = None,
    no_tags: Annotated[bool, typer.Option("--no-tags", help="Remove them.")] = False,
    actor: Actor = None,
) -> None:
    """Give a conversation a title, an owner or tags."""
    tags = [] if no_tags else tag or None
    _change(
        ctx,
        conversation,
        MAIN,
        lambda chat: chat.label(title=title, owner=owner, tags=tags, context=by(actor)),
    )


@app.command()
def archive(
    ctx: typer.Context, conversation: Id, reason: Reason = None, actor: Actor = None
) -> None:
    """Close a conversation to whoever would still write. It can be read, as before."""
    _change(
        ctx,
        conversation,
        MAIN,
        lambda chat: chat.archive(reason=reason, context=by(actor)),
        hint=lambda name, _done: f"`eventlog unarchive {typed(name)}` takes it back",
    )


@app.command()
def unarchive(
    ctx: typer.Context, conversation: Id, reason: Reason = None, actor: Actor = None
) -> None:
    """Open a conversation that was archived."""
    _change(ctx, conversation, MAIN, lambda chat: chat.unarchive(reason=reason, context=by(actor)))


def _change(
    ctx: typer.Context, conversation: str, branch: str, change: Change, *, hint: Hint | None = None
) -> None:
    """Run a command that changes a conversation, and tell what came of it."""

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        done = await change(chat)
        await _tell(at, chat, done, None if hint is None else hint(chat.name, done))

    run(ctx, work)


async def _tell(
    at: Invocation, chat: Conversation, done: Appended, hint: str | None = None
) -> None:
    seen = await chat.read(limit=0)
    at.out.answer(
        {
            "conversation": chat.name,
            "branch": chat.branch,
            "version": done.last,
            "total": seen.total,
        },
        Text(
            f"{typed(chat.name, chat.branch)} is at version {done.last} and has {seen.total} items."
        ),
        hint=hint,
    )
