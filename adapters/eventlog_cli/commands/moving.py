"""Taking conversations into the log, and out of it."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from typing import Any, Final

import click

from eventlog import EventLogError, InvalidInputError, StoreError
from eventlog.files import file_name, make_folder, write_whole
from eventlog.format.codec import encode_json
from eventlog.plurals import count
from eventlog.visible import visible_json
from eventlog_cli.command import command
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.lookups.tree import places_of, stream_of
from eventlog_cli.options import AS_OF, BRANCH, id_argument
from eventlog_cli.progress import bar, caught_up
from eventlog_cli.running import FoundError, Invocation, leave_with, run
from eventlog_cli.showing import pages
from eventlog_cli.showing.documents import html, markdown
from eventlog_cli.showing.genai import Operations
from eventlog_cli.showing.times import moment_or_none
from eventlog_cli.showing.words import typed
from eventlog_cli.terminal import put, tell
from eventlog_projections.conversation import Conversation
from eventlog_projections.history.events import tell as tell_events
from eventlog_projections.history.salvage import Unreadable, read_intact
from eventlog_projections.views import Views, queries

PAGE: Final = 100

LINES: Final = {"items": ".jsonl", "otel": ".otel.jsonl"}
DOCUMENTS: Final[dict[str, Callable[..., str]]] = {"md": markdown, "html": html}
FORMATS: Final = (*LINES, *DOCUMENTS)


@command(
    "import",
    "eventlog --db conversations.db import sessions.db",
    "eventlog import postgresql+asyncpg://user@host/app",
)
@click.argument("source", metavar="FROM")
@click.option(
    "--actor", metavar="NAME", default="import", show_default=True, help="Kept with each event."
)
def import_(ctx: click.Context, source: str, actor: str) -> None:
    """Copy what sessions of the OpenAI Agents SDK stored.

    FROM is a SQLite file, a SQLAlchemy URL or a Redis URL. Repeat it to copy what came since.
    """

    async def work(at: Invocation) -> None:
        from eventlog_importing import Progress, import_sessions  # It loads SQLAlchemy.

        with bar("Copying rows") as drawn:

            def show(done: Progress) -> None:
                drawn.move(done.rows)

            found = await import_sessions(at.log, source, actor=actor, progress=show)
        at.out.answer(found, *pages.imported(found))
        if found.refused:
            raise FoundError

    run(ctx, work, create=True)


@command(
    "export",
    "eventlog export latest > items.jsonl",
    "eventlog export latest --format html > conversation.html",
    "eventlog export --owner ada --to for-ada",
)
@id_argument(required=False)
@click.option("--owner", metavar="NAME", help="All of an owner instead; needs --to.")
@click.option("--to", metavar="FOLDER", help="A file for each conversation, there.")
@click.option(
    "--format",
    "form",
    metavar="|".join(FORMATS),
    type=click.Choice(FORMATS),
    default="items",
    help="Items, OpenTelemetry, or a document.",
)
@AS_OF
@BRANCH
def export(ctx: click.Context, conversation: str | None, **given: Any) -> None:
    """Print a conversation, or write an owner's to files.

    Its items, one a line, as the Responses API takes them as input. As `otel`, what models were
    asked and answered: OpenTelemetry's events, as OTLP/JSON. As `md` or `html`, to be read.
    """
    owner, to, form = given["owner"], given["to"], given["form"]

    async def work(at: Invocation) -> None:
        if owner is not None and to is not None and conversation is None:
            await _export_all(at, owner, to, form)
        elif conversation is not None and owner is None and to is None:
            chat = await find_conversation(at.log, conversation, given["branch"])
            as_of = moment_or_none(given["as_of"], at.out.zone)
            if form in DOCUMENTS:
                put(await _document(at, chat, form, as_of))
                return
            errors: list[EventLogError] = []
            async for line in _lines(chat, form, errors, as_of):
                at.out.line(line)
            for error in errors:
                tell(f"eventlog: {error}")
            leave_with(errors)
        else:
            raise InvalidInputError("Export either ID, or --owner NAME together with --to FOLDER.")

    run(ctx, work)


async def _document(
    at: Invocation, chat: Conversation, form: str, as_of: int | datetime | None
) -> str:
    seen = await chat.read(as_of=as_of)
    places = await places_of(chat, seen.version)
    return DOCUMENTS[form](chat.name, chat.branch, seen, places, await chat.labels(), at.out.zone)


async def _lines(
    chat: Conversation,
    form: str,
    errors: list[EventLogError],
    as_of: int | datetime | None = None,
) -> AsyncGenerator[Any]:
    """Yield what an export of a conversation consists of; put into `errors` what it lacks."""
    stream = stream_of(chat)
    if form == "items":
        for item in (await read_intact(stream, as_of)).items:
            if isinstance(item, Unreadable):
                errors.append(item.error)
            else:
                yield item
        return
    operations = Operations()
    until = None if as_of is None else await stream.version_at(as_of)
    async for told in tell_events(stream, until):
        errors += [] if told.error is None else [told.error]
        for record in operations.take(told):
            yield record
    for record in operations.end():
        yield record


async def _export_all(at: Invocation, owner: str, folder: str, form: str) -> None:
    """Write one file for each version of a conversation: what is there is complete, and right."""
    await asyncio.to_thread(make_folder, folder)
    names = await _owned(await caught_up(at, "conversations", "turns"), owner)
    written, failed = 0, dict[str, str]()
    with bar("Exporting", len(names)) as drawn:
        for done, name in enumerate(names, 1):
            try:
                lacking = await _export_to(at, Conversation(at.log, name), folder, form)
                written += lacking == []
                if lacking:
                    failed[name] = " ".join(["only what is intact:", *map(str, lacking)])
            except (EventLogError, OSError) as error:
                if isinstance(error, StoreError):
                    raise
                failed[name] = str(error)
            drawn.move(done, len(names))
    there = len(names) - written - len(failed)
    were = "was" if there == 1 else "were"
    at.out.answer(
        {"owner": owner, "conversations": len(names), "written": written, "failed": failed},
        f"{count(written, 'conversation')} written to {typed(folder)},"
        f" {there} {were} there already." + (f" {len(failed)} could not be." if failed else ""),
    )
    if not names:
        at.out.hint(f"No conversation is labelled with the owner {typed(owner)}.")
    for name, why in failed.items():
        tell(f"eventlog: {typed(name)} was not exported: {why}")
    if failed:
        raise FoundError


async def _owned(views: Views, owner: str) -> list[str]:
    names: list[str] = []
    page = await queries.conversations(views, owner=owner, limit=PAGE, priced=False, stale=True)
    while page:
        names += [each.name for each in page]
        page = await queries.conversations(
            views, owner=owner, after=page[-1], limit=PAGE, priced=False, stale=True
        )
    return names


async def _export_to(
    at: Invocation, chat: Conversation, folder: str, form: str
) -> list[EventLogError] | None:
    """Write a conversation, unless it is there; return what it lacks, None if it was there.

    What lacks something has a name that says so, and is written anew each time.
    """
    version = await chat.log.version(chat.name)
    ending = LINES.get(form, f".{form}")
    whole = os.path.join(folder, file_name(chat.name, f".v{version}{ending}"))
    if await asyncio.to_thread(os.path.exists, whole):
        return None
    errors: list[EventLogError] = []
    if form in DOCUMENTS:
        content = (await _document(at, chat, form, version)).encode()
    else:
        lines = [
            visible_json(encode_json(line)) + b"\n"
            async for line in _lines(chat, form, errors, version)
        ]
        content = b"".join(lines)
    kind, dot, suffix = ending.rpartition(".")
    part = os.path.join(folder, file_name(chat.name, f".v{version}{kind}.incomplete{dot}{suffix}"))
    await asyncio.to_thread(write_whole, part if errors else whole, content)
    return errors
