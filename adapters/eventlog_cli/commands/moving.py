"""Taking conversations into the log, and out of it."""

import asyncio
import os
from collections.abc import AsyncGenerator
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from eventlog import EventLogError, InvalidInputError, StoreError
from eventlog.files import file_name, make_folder, write_whole
from eventlog.format.codec import encode_json
from eventlog.visible import visible_json
from eventlog_cli import pages
from eventlog_cli.finding import find_conversation, moment
from eventlog_cli.genai import Operations
from eventlog_cli.options import AsOf, Branch, complete
from eventlog_cli.progress import bar, caught_up
from eventlog_cli.running import FoundError, Invocation, leave_with, run
from eventlog_cli.terminal import tell
from eventlog_cli.words import typed
from eventlog_projections import Conversation, Unreadable
from eventlog_projections.history.events import tell as tell_events
from eventlog_projections.history.salvage import read_intact
from eventlog_projections.stream import Stream
from eventlog_projections.views import Views, queries

PAGE = 100

app = typer.Typer()


class Format(StrEnum):
    """What an export consists of."""

    items = "items"
    otel = "otel"


@app.command("import")
def import_(
    ctx: typer.Context,
    source: Annotated[
        str,
        typer.Argument(metavar="FROM", help="A SQLite file, a SQLAlchemy URL or a Redis URL."),
    ],
    actor: Annotated[str, typer.Option(metavar="NAME", help="Kept with each event.")] = "import",
) -> None:
    """Copy what sessions of the OpenAI Agents SDK stored. Repeat it to copy what came since."""

    async def work(at: Invocation) -> None:
        from eventlog_importing import Progress, import_sessions  # It loads SQLAlchemy.

        with bar("Copying rows") as drawn:

            def show(done: Progress) -> None:
                drawn.move(done.rows)

            found = await import_sessions(at.log, source, actor=actor, progress=show)
        at.out.answer(found, pages.imported(found))
        if found.refused:
            raise FoundError

    run(ctx, work, create=True)


@app.command()
def export(
    ctx: typer.Context,
    conversation: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Which one.", autocompletion=complete)
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="All of an owner instead; needs --to.")
    ] = None,
    to: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="A file for each conversation, there.")
    ] = None,
    to_format: Annotated[
        Format, typer.Option("--format", help="Items of the Responses API, or OpenTelemetry.")
    ] = Format.items,
    as_of: AsOf = None,
    branch: Branch = "",
) -> None:
    """Print the items of a conversation, one a line, as the Responses API takes them as input.

    Or, as `otel`, what models were asked and answered: OpenTelemetry's events, as OTLP/JSON.
    """

    async def work(at: Invocation) -> None:
        if owner is not None and to is not None and conversation is None:
            await _export_all(at, owner, to, to_format)
        elif conversation is not None and owner is None and to is None:
            chat = await find_conversation(at.log, conversation, branch)
            errors: list[EventLogError] = []
            async for line in _lines(chat, to_format, errors, moment(as_of)):
                at.out.line(line)
            for error in errors:
                tell(f"eventlog: {error}")
            leave_with(errors)
        else:
            raise InvalidInputError("Export either ID, or --owner NAME together with --to FOLDER.")

    run(ctx, work)


async def _lines(
    chat: Conversation,
    to_format: Format,
    errors: list[EventLogError],
    as_of: int | datetime | None = None,
) -> AsyncGenerator[Any]:
    """Yield what an export of a conversation consists of; put into `errors` what it lacks."""
    stream = Stream(chat.log, chat.name, chat.branch)
    if to_format is Format.items:
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


async def _export_all(at: Invocation, owner: str, folder: str, to_format: Format) -> None:
    """Write one file for each version of a conversation: what is there is complete, and right."""
    await asyncio.to_thread(make_folder, folder)
    names = await _owned(await caught_up(at, "conversations", "turns"), owner)
    written, failed = 0, dict[str, str]()
    with bar("Exporting", len(names)) as drawn:
        for done, name in enumerate(names, 1):
            try:
                lacking = await _export_to(Conversation(at.log, name), folder, to_format)
                written += lacking == []
                if lacking:
                    failed[name] = " ".join(["only what is intact:", *map(str, lacking)])
            except (EventLogError, OSError) as error:
                if isinstance(error, StoreError):
                    raise
                failed[name] = str(error)
            drawn.move(done, len(names))
    there = len(names) - written - len(failed)
    at.out.answer(
        {"owner": owner, "conversations": len(names), "written": written, "failed": failed},
        Text(
            f"{written} conversations written to {typed(folder)}, {there} were there already."
            + (f" {len(failed)} could not be." if failed else "")
        ),
    )
    for name, why in failed.items():
        tell(f"eventlog: {typed(name)} was not exported: {why}")
    if failed:
        raise FoundError


async def _owned(views: Views, owner: str) -> list[str]:
    names: list[str] = []
    page = await queries.conversations(views, owner=owner, limit=PAGE, stale=True)
    while page:
        names += [each.name for each in page]
        page = await queries.conversations(
            views, owner=owner, after=page[-1], limit=PAGE, stale=True
        )
    return names


async def _export_to(
    chat: Conversation, folder: str, to_format: Format
) -> list[EventLogError] | None:
    """Write a conversation, unless it is there; return what it lacks, None if it was there.

    What lacks something has a name that says so, and is written anew each time.
    """
    version = await chat.log.version(chat.name)
    kind = "" if to_format is Format.items else f".{to_format}"
    whole = os.path.join(folder, file_name(chat.name, f".v{version}{kind}.jsonl"))
    if await asyncio.to_thread(os.path.exists, whole):
        return None
    errors: list[EventLogError] = []
    lines = [
        visible_json(encode_json(line)) + b"\n"
        async for line in _lines(chat, to_format, errors, version)
    ]
    part = os.path.join(folder, file_name(chat.name, f".v{version}{kind}.incomplete.jsonl"))
    await asyncio.to_thread(write_whole, part if errors else whole, b"".join(lines))
    return errors
