"""Forks of a conversation, and its labels."""

from typing import Any

import click

from eventlog.errors import InvalidOptionError
from eventlog.format.names import MAIN
from eventlog.plurals import count
from eventlog.visible import typed as visible_typed
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.lookups.tree import stream_of
from eventlog_cli.options import ACTOR, AS_OF, BRANCH, CHANGING, DRY_RUN, ID, REASON, by
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.times import moment_or_none
from eventlog_cli.showing.words import command as as_typed
from eventlog_cli.showing.words import line, typed
from eventlog_projections.changing.forks import fork as fork_stream
from eventlog_projections.changing.labels import Labels
from eventlog_projections.stream import Stream

__all__ = ["CHANGING", "fork", "label"]


@command("fork", "eventlog fork latest second-try", "eventlog fork order-1042 try --as-of 2")
@ID
@click.argument("new", metavar="NAME")
@AS_OF
@BRANCH
@REASON
@ACTOR
@DRY_RUN
def fork(ctx: click.Context, conversation: str, new: str, **given: Any) -> None:
    """Begin a new conversation with what one is, or was.

    NAME is the new one's. Nothing is copied.
    """

    async def work(at: Invocation) -> None:
        parent = await find_conversation(at.log, conversation, given["branch"])
        when = moment_or_none(given["as_of"], at.out.zone)
        forked = await fork_stream(
            stream_of(parent),
            Stream(at.log, new),
            when,
            None,
            given["reason"],
            by(ctx, given["actor"]),
            dry_run=given["dry_run"],
        )
        told = {
            "conversation": new,
            "branch": MAIN,
            "version": 0 if given["dry_run"] else 1,
            "total": forked.kept,
            "parent": {
                "conversation": parent.name,
                "branch": parent.branch,
                "version": forked.at_version,
            },
            "dry_run": given["dry_run"],
        }
        begins = "would begin" if given["dry_run"] else "begins"
        place = f"{typed(parent.name, parent.branch)} at version {forked.at_version}"
        at.out.answer(told, f"{typed(new)} {begins} with {count(forked.kept, 'item')} of {place}.")

    run(ctx, work)


@command(
    "label",
    "eventlog label latest --title 'A lost parcel' --owner ada",
    "eventlog label order-1042 --tag parcel --tag lost",
)
@ID
@click.option("--title", metavar="TEXT", help="Its title; an empty one removes it.")
@click.option("--owner", metavar="NAME", help="Its owner; an empty one removes it.")
@click.option("--tag", metavar="TAG", multiple=True, help="A tag; all of them, each time.")
@click.option("--no-tags", is_flag=True, help="Remove all tags.")
@ACTOR
@DRY_RUN
def label(ctx: click.Context, conversation: str, **given: Any) -> None:
    """Give a conversation a title, an owner or tags.

    It says what they were, and how that is taken back.
    """
    if given["tag"] and given["no_tags"]:
        raise click.UsageError("--tag and --no-tags contradict each other.")
    tags: tuple[str, ...] | None = () if given["no_tags"] else given["tag"] or None

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation)
        asked: dict[str, Any] = {"title": given["title"], "owner": given["owner"], "tags": tags}
        if all(value is None for value in asked.values()):
            raise InvalidOptionError("Give a title, an owner or tags.")
        change = await chat.label(
            **asked, context=by(ctx, given["actor"]), dry_run=given["dry_run"]
        )
        before, after = await change.diff()
        back = None if change.is_dry_run else _back(chat.name, before, asked)
        at.out.answer(
            {
                "conversation": chat.name,
                "branch": MAIN,
                "version": change.version,
                "before": before,
                "after": after,
                "back": None if back is None else back.strip("`"),
                "dry_run": change.is_dry_run,
            },
            *_changes(chat.name, before, after, dry_run=change.is_dry_run),
            *([] if back is None else [f"{back} takes it back."]),
        )

    run(ctx, work)


def in_shell(text: str) -> str:
    """Return a text as one types it in a shell."""
    return visible_typed(text) if text else "''"


def _changes(name: str, before: Labels, after: Labels, *, dry_run: bool) -> list[str]:
    """Say each label that is another one now."""
    became = "would become" if dry_run else "became"
    said = [
        f"{field} of {typed(name)}: {_shown(old)} {became} {_shown(new)}"
        for field, old, new in zip(("Title", "Owner", "Tags"), before, after, strict=True)
        if old != new
    ]
    return said or [f"Nothing of {typed(name)} changed: it was labelled so."]


def _shown(value: str | tuple[str, ...] | None) -> str:
    if not value:
        return "none"
    return line(value if isinstance(value, str) else ", ".join(value))


def _back(name: str, before: Labels, asked: dict[str, Any]) -> str:
    """Return what gives back the labels that were there."""
    words: list[str] = []
    if asked["title"] is not None:
        words += ["--title", in_shell(before.title or "")]
    if asked["owner"] is not None:
        words += ["--owner", in_shell(before.owner or "")]
    if asked["tags"] is not None:
        for tag in before.tags:
            words += ["--tag", in_shell(tag)]
        words += [] if before.tags else ["--no-tags"]
    return as_typed("label", name, options=words)
