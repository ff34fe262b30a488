"""Changing a conversation. Each of these is one more event, and any of them can be taken back."""

from typing import Annotated

import typer
from rich.text import Text

from eventlog import Appended, InvalidInputError
from eventlog_cli.finding import find, moment
from eventlog_cli.options import Actor, AsOf, Branch, Id, Reason, by
from eventlog_cli.running import Invocation, run
from eventlog_projections import Conversation

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

    async def work(at: Invocation) -> None:
        chat = await _chat(at, conversation, branch)
        done = await chat.undo(turns, reason=reason, context=by(actor))
        await _tell(at, chat, done, "`eventlog redo` takes it back")

    run(ctx, work)


@app.command()
def redo(
    ctx: typer.Context,
    conversation: Id,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Take the last undo back."""

    async def work(at: Invocation) -> None:
        chat = await _chat(at, conversation, branch)
        await _tell(at, chat, await chat.redo(reason=reason, context=by(actor)))

    run(ctx, work)


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

    async def work(at: Invocation) -> None:
        chat = await _chat(at, conversation, branch)
        version = moment(to)
        if version is None:
            raise InvalidInputError("Name a version or a time to restore.")
        done = await chat.restore(version, reason=reason, context=by(actor))
        await _tell(at, chat, done)

    run(ctx, work)


@app.command()
def clear(
    ctx: typer.Context,
    conversation: Id,
    branch: Branch = "",
    reason: Reason = None,
    actor: Actor = None,
) -> None:
    """Empty the list. Nothing is lost by it, so nothing is asked."""

    async def work(at: Invocation) -> None:
        chat = await _chat(at, conversation, branch)
        done = await chat.clear(reason=reason, context=by(actor))
        await _tell(
            at, chat, done, f"`eventlog restore {chat.name} {done.first - 1}` takes it back"
        )

    run(ctx, work)


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
        parent = await _chat(at, conversation, branch)
        context = by(actor)
        child = await parent.fork(new, at=moment(as_of), reason=reason, context=context)
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

    async def work(at: Invocation) -> None:
        chat = await _chat(at, conversation, "")
        tags = [] if no_tags else tag or None
        done = await chat.label(title=title, owner=owner, tags=tags, context=by(actor))
        await _tell(at, chat, done)

    run(ctx, work)


async def _chat(at: Invocation, conversation: str, branch: str) -> Conversation:
    return Conversation(at.log, await find(at.log, conversation), branch)


async def _tell(at: Invocation, chat: Conversation, done: Appended, hint: str = "") -> None:
    seen = await chat.read(limit=0)
    if at.out.as_json:
        found = {"conversation": chat.name, "branch": chat.branch, "version": done.last}
        at.out.line(found | {"total": seen.total})
        return
    at.out.print(Text(f"{chat.name} is at version {done.last} and has {seen.total} items."))
    if hint:
        at.out.print(Text(hint, "dim"))
