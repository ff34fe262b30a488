"""Destroying content for good. Each of these asks first, or wants --yes."""

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from eventlog.errors import InvalidMomentError
from eventlog_cli import tables
from eventlog_cli.asking import confirm
from eventlog_cli.files import signer_of
from eventlog_cli.finding import LONGEST, find, moment
from eventlog_cli.options import Branch, SigningKey, Yes, complete, login
from eventlog_cli.progress import bar
from eventlog_cli.running import FAILED, FoundError, Invocation, run
from eventlog_cli.terminal import tell
from eventlog_cli.words import line, typed
from eventlog_projections import (
    Archive,
    Conversation,
    Disposed,
    Disposition,
    Erased,
    ReceiptFolder,
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
    str | None, typer.Option(metavar="FOLDER", help="Put a signed receipt of each there, before.")
]
Unsound = Annotated[
    bool, typer.Option("--unsound", help="Also what was changed behind the log's back.")
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
    unsound: Unsound = False,
    yes: Yes = False,
) -> None:
    """Destroy what was said in a conversation, for good; that it was there stays."""
    if (conversation is None) is (owner is None) or (owner is not None and event is not None):
        raise typer.BadParameter("Erase either ID, or all of --owner NAME.")
    if branch and event is None:
        raise typer.BadParameter("A branch is erased with its conversation.")
    who = by or login() or "unknown"

    async def work(at: Invocation) -> None:
        how: dict[str, Any] = {"by": who, "reason": reason, "even_unsound": unsound}
        if receipts is not None:
            how |= _receipts(receipts, key_file)
        if owner is not None:
            confirm(
                f"Destroy for good all that was ever said in conversations of {typed(owner)}",
                yes=yes,
            )
            with bar("Erasing") as drawn:
                done = await erase_all_of(at.log, owner, **how, progress=drawn.step)
            _report(at, done)
            return
        name = await find(at.log, conversation or "")
        if event is not None:
            confirm(
                f"Destroy the content of version {event} of {typed(name, branch)} for good", yes=yes
            )
            erased = await erase_event(at.log, name, event, branch=branch, **how)
        else:
            total = (await Conversation(at.log, name).read(limit=0)).total
            confirm(
                f"Destroy for good all that was ever said in {typed(name)} ({total} items now)",
                yes=yes,
            )
            erased = await erase_conversation(at.log, name, with_forks=not no_forks, **how)
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
            _report(at, found)
            return
        how: dict[str, Any] = {} if receipts is None else _receipts(receipts, key_file)
        if archive is not None:
            how["archive"] = Archive(signer_of(key_file), to_folder(archive))
        confirm(f"Destroy {count} conversations for good", yes=yes)
        with bar("Erasing", len(found)) as drawn:
            done = await choose(**how, progress=drawn.step)
        _report(at, done)

    run(ctx, work)


def _receipts(folder: str, key_file: str | None) -> dict[str, Any]:
    return {"signer": signer_of(key_file), "receipts": ReceiptFolder(folder)}


def _before(text: str) -> datetime:
    """Return the moment that an age, or a time, names."""
    number, unit = text[:-1], text[-1:]
    try:
        if re.fullmatch(r"\d{1,9}", number) and unit in DAYS:
            return datetime.now(UTC) - timedelta(days=int(number) * DAYS[unit])
        found = None if re.fullmatch(r"-?\d+", text) else moment(text)
    except (OverflowError, InvalidMomentError):
        found = None
    if not isinstance(found, datetime):
        raise InvalidMomentError(
            f"{text[:LONGEST]!r} is no age and no time. Write 90d, 8w, 2y, 2026-11-01 or"
            " 2026-11-01T12:00Z."
        )
    return found


def _report(at: Invocation, found: list[Disposed]) -> None:
    """Tell what became of each; FoundError if one had to be left, or lacks its receipt."""
    became = {each.disposition for each in found}
    for each in found:
        _tell_pending(at, each.erased)
    at.out.table(found, tables.disposed, hint=NEXT if Disposition.ERASED in became else None)
    failed = [each.why for each in found if each.why is not None]
    for why in failed:
        tell(f"eventlog: {why}")
    if failed or not became <= {Disposition.CHOSEN, Disposition.ERASED}:
        raise FoundError


def _tell(at: Invocation, done: Erased) -> None:
    streams = ", ".join(typed(name) for name in sorted({stream.name for stream in done.streams}))
    by, reason = line(done.by), line(done.reason)
    at.out.answer(done, Text(f"Erased, by {by}, because of {reason}: {streams}"), hint=NEXT)
    _tell_pending(at, done)
    if done.unkept is not None:
        tell(f"eventlog: {done.unkept}")
        raise FoundError(FAILED)


def _tell_pending(at: Invocation, done: Erased | None) -> None:
    """Name the views that may still hold something: what else there was is gone."""
    if done is None or at.out.as_json:
        return
    for each in done.pending:
        at.out.print(
            Text(
                f"View {each.view} (schema {each.schema}) may still hold something of"
                f" {typed(done.session_id)}: {each.reason}. A worker goes on trying.",
                "yellow",
            )
        )
