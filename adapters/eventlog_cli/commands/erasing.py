"""Destroying content for good. Each of these asks first, or wants --yes."""

import asyncio
import functools
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import quote

import typer
from rich.text import Text

from eventlog import Signer
from eventlog.errors import InvalidMomentError
from eventlog.files import write_whole
from eventlog_cli import tables
from eventlog_cli.asking import confirm
from eventlog_cli.files import signer_of
from eventlog_cli.finding import find, moment
from eventlog_cli.options import Branch, SigningKey, Yes, complete, login
from eventlog_cli.progress import bar
from eventlog_cli.running import FoundError, Invocation, run
from eventlog_cli.words import clean
from eventlog_projections import (
    Archive,
    Conversation,
    Disposed,
    Disposition,
    Erased,
    erase_event,
    to_folder,
)
from eventlog_projections import erase as erase_conversation
from eventlog_projections import erase_owner as erase_all_of
from eventlog_projections import prune as prune_conversations

DAYS: Final = {"d": 1, "w": 7, "y": 365}

NEXT: Final = "docs/erasure.md says what is left in free pages, backups and copies"

By = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who; it stays for ever. Else your login.")
]
Code = Annotated[str, typer.Option(metavar="CODE", help="Why; it stays for ever.")]
Receipts = Annotated[
    str | None, typer.Option(metavar="FOLDER", help="Put a signed receipt of each there.")
]

app = typer.Typer()


@app.command()
def erase(
    ctx: typer.Context,
    reason: Code,
    conversation: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Which one.", autocompletion=complete)
    ] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="NAME", help="All of an owner instead.")
    ] = None,
    by: By = None,
    event: Annotated[
        int | None, typer.Option(min=1, metavar="VERSION", help="Only this event.")
    ] = None,
    branch: Branch = "",
    no_forks: Annotated[
        bool, typer.Option("--no-forks", help="Refuse if forks share its content.")
    ] = False,
    receipts: Receipts = None,
    key_file: SigningKey = None,
    yes: Yes = False,
) -> None:
    """Destroy what was said in a conversation, for good; that it was there stays."""
    if (conversation is None) is (owner is None) or (owner is not None and event is not None):
        raise typer.BadParameter("Erase either ID, or all of --owner NAME.")
    if branch and event is None:
        raise typer.BadParameter("A branch is erased with its conversation.")
    who = by or login() or "unknown"

    async def work(at: Invocation) -> None:
        signer = None if receipts is None else signer_of(key_file)
        if owner is not None:
            confirm(f"Destroy for good all that was ever said in conversations of {owner}", yes=yes)
            with bar("Erasing") as drawn:
                done = await erase_all_of(
                    at.log, owner, by=who, reason=reason, signer=signer, progress=drawn.step
                )
            await _report(at, done, receipts)
            return
        name = await find(at.log, conversation or "")
        if event is not None:
            confirm(f"Destroy the content of version {event} of {name} for good", yes=yes)
            erased = await erase_event(
                at.log, name, event, by=who, reason=reason, branch=branch, signer=signer
            )
        else:
            total = (await Conversation(at.log, name).read(limit=0)).total
            confirm(
                f"Destroy for good all that was ever said in {name} ({total} items now)", yes=yes
            )
            erased = await erase_conversation(
                at.log, name, by=who, reason=reason, with_forks=not no_forks, signer=signer
            )
        await _keep_receipts([erased], receipts)
        _tell(at, erased)

    run(ctx, work)


@app.command()
def prune(
    ctx: typer.Context,
    older_than: Annotated[
        str, typer.Option(metavar="AGE|TIME", help="Not used for 90d, 8w or 2y, or since a time.")
    ],
    reason: Code = "pruned",
    by: By = None,
    keep_latest: Annotated[
        int, typer.Option(min=0, metavar="N", help="Keep so many, however old.")
    ] = 0,
    owner: Annotated[str | None, typer.Option(metavar="NAME", help="Only of an owner.")] = None,
    tag: Annotated[str | None, typer.Option(metavar="TAG", help="Only with a tag.")] = None,
    archive: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Put what verifies there before.")
    ] = None,
    no_archive: Annotated[bool, typer.Option("--no-archive", help="Keep nothing.")] = False,
    receipts: Receipts = None,
    key_file: SigningKey = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell.")] = False,
    yes: Yes = False,
) -> None:
    """Archive the conversations that nobody has used for long, and erase them for good."""
    if (archive is None) is not no_archive and not dry_run:
        raise typer.BadParameter("Name a folder for what goes with --archive, or say --no-archive.")

    async def work(at: Invocation) -> None:
        choose = functools.partial(
            prune_conversations,
            at.log,
            _before(older_than),
            by=by or login() or "unknown",
            reason=reason,
            owner=owner,
            tag=tag,
            keep=keep_latest,
        )
        found = await choose(dry_run=True)
        count = sum(each.disposition is Disposition.CHOSEN for each in found)
        if dry_run or not count:
            await _report(at, found, None)
            return
        signer = signer_of(key_file) if archive or receipts else None
        kept, signs = _archive(signer, archive), signer if receipts else None
        confirm(f"Destroy {count} conversations for good", yes=yes)
        with bar("Erasing", len(found)) as drawn:
            done = await choose(archive=kept, signer=signs, progress=drawn.step)
        await _report(at, done, receipts)

    run(ctx, work)


def _archive(signer: Signer | None, folder: str | None) -> Archive | None:
    return None if signer is None or folder is None else Archive(signer, to_folder(folder))


def _before(text: str) -> datetime:
    """Return the moment that an age, or a time, names."""
    number, unit = text[:-1], text[-1:]
    try:
        if number.isdecimal() and unit in DAYS:
            return datetime.now(UTC) - timedelta(days=int(number) * DAYS[unit])
        found = None if text.lstrip("-").isdecimal() else moment(text)
    except (OverflowError, InvalidMomentError):
        found = None
    if not isinstance(found, datetime):
        raise InvalidMomentError(
            f"{text!r} is no age and no time. Write 90d, 8w, 2y, 2026-11-01 or 2026-11-01T12:00Z."
        )
    return found


async def _report(at: Invocation, found: list[Disposed], receipts: str | None) -> None:
    """Tell what became of each; FoundError if one had to be left."""
    await _keep_receipts([each.erased for each in found if each.erased is not None], receipts)
    became = {each.disposition for each in found}
    for each in found:
        _tell_pending(at, each.erased)
    at.out.table(found, tables.disposed, hint=NEXT if Disposition.ERASED in became else None)
    if not became <= {Disposition.CHOSEN, Disposition.ERASED}:
        raise FoundError


async def _keep_receipts(erased: Iterable[Erased], folder: str | None) -> None:
    if folder is None:
        return
    os.makedirs(folder, exist_ok=True)
    for each in erased:
        path = os.path.join(folder, f"{quote(each.session_id, safe=' ')}.receipt")
        await asyncio.to_thread(write_whole, path, (each.receipt or "").encode())


def _tell(at: Invocation, done: Erased) -> None:
    streams = ", ".join(sorted({stream.name for stream in done.streams}))
    at.out.answer(
        done, Text(f"Erased, by {done.by}, because of {done.reason}: {streams}"), hint=NEXT
    )
    _tell_pending(at, done)


def _tell_pending(at: Invocation, done: Erased | None) -> None:
    """Name the views that may still hold something: what else there was is gone."""
    if done is None or at.out.as_json:
        return
    for each in done.pending:
        at.out.print(
            Text(
                f"View {each.view} (schema {each.schema}) may still hold something of"
                f" {clean(done.session_id)}: {each.reason}. A worker goes on trying.",
                "yellow",
            )
        )
