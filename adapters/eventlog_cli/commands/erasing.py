"""Destroying content for good. Each of these lists what will go, and asks or wants --yes."""

import functools
from datetime import datetime
from typing import Any, Final

import click

from eventlog import EventLog
from eventlog.errors import InvalidMomentError
from eventlog.plurals import count
from eventlog_cli.asking import confirm
from eventlog_cli.command import command
from eventlog_cli.files import signer_of
from eventlog_cli.lookups.doomed import (
    Doomed,
    doomed_by,
    doomed_of_owner,
    doomed_table,
    refuse_more,
)
from eventlog_cli.lookups.finding import check_branch, find_whole
from eventlog_cli.options import BRANCH, DRY_RUN, SIGNING_KEY, YES, login
from eventlog_cli.progress import bar
from eventlog_cli.running import FAILED, FoundError, Invocation, run
from eventlog_cli.showing import records, tables
from eventlog_cli.showing.times import Zone, time
from eventlog_cli.showing.words import line, typed
from eventlog_cli.terminal import tell
from eventlog_projections import (
    Archive,
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

NEXT = (
    "What is left in free pages, backups and copies is another matter: `eventlog help erase` names"
    " what to do."
)

BY: Final = click.option("--by", metavar="NAME", help="Who; it stays for ever. Else your login.")
RECEIPTS: Final = click.option(
    "--receipts", metavar="FOLDER", help="Put a signed receipt of each there, before."
)


@command(
    "erase",
    "eventlog erase order-1042 --reason gdpr-17 --dry-run",
    "eventlog erase order-1042 --reason gdpr-17",
    "eventlog erase order-1042 --event 3 --reason wrong-person",
    "eventlog erase --owner ada --reason gdpr-17 --receipts receipts --key-file signing.key",
)
@click.argument("conversations", metavar="[ID]...", nargs=-1)
@click.option("--reason", metavar="CODE", required=True, help="Why; it stays for ever.")
@click.option("--owner", metavar="NAME", help="All of an owner instead.")
@BY
@click.option("--event", metavar="VERSION", type=click.IntRange(min=1), help="Only this event.")
@BRANCH
@click.option("--no-forks", is_flag=True, help="Refuse if forks share its content.")
@RECEIPTS
@SIGNING_KEY
@click.option("--unsound", is_flag=True, help="Also what was changed behind the log's back.")
@DRY_RUN
@YES
def erase(ctx: click.Context, conversations: tuple[str, ...], **given: Any) -> None:
    """Destroy what was said in a conversation, for good.

    ID is a whole name, or `latest`. It lists what will go, forks and branches too, and asks. That
    the conversation was there stays in the log, with who erased it and why.

    What is left elsewhere: free pages of the file (`sqlite3 FILE VACUUM`, or VACUUM FULL on
    PostgreSQL), write-ahead logs, backups and exports. Those are yours to remove.
    """
    _refuse_contradictions(conversations, given)
    how: dict[str, Any] = {
        "by": given["by"] or login() or "unknown",
        "reason": given["reason"],
        "even_unsound": given["unsound"],
    }

    async def work(at: Invocation) -> None:
        if given["receipts"] is not None:
            how.update(_receipts(given["receipts"], given["key_file"]))
        if given["owner"] is not None:
            await _erase_owner(at, given, how)
        elif given["event"] is not None:
            await _erase_event(at, conversations[0], given, how)
        else:
            await _erase_named(at, conversations, given, how)

    run(ctx, work)


def _refuse_contradictions(conversations: tuple[str, ...], given: dict[str, Any]) -> None:
    """Raise UsageError for options that say two things."""
    if bool(conversations) is (given["owner"] is not None):
        raise click.UsageError("Erase either ID, or all of --owner NAME.")
    if given["event"] is None and given["branch"]:
        raise click.UsageError("A branch is erased with its conversation.")
    if given["event"] is not None and len(conversations) != 1:
        raise click.UsageError("--event is about one ID.")
    if given["event"] is not None and given["no_forks"]:
        raise click.UsageError("--no-forks and --event contradict each other: an event has none.")
    if given["owner"] is not None and given["no_forks"]:
        raise click.UsageError("--no-forks and --owner contradict each other.")
    if given["dry_run"] and given["yes"]:
        raise click.UsageError("--dry-run and --yes contradict each other.")
    if given["key_file"] is not None and given["receipts"] is None:
        raise click.UsageError("--key-file signs receipts: say where with --receipts.")


async def _erase_named(
    at: Invocation, conversations: tuple[str, ...], given: dict[str, Any], how: dict[str, Any]
) -> None:
    names = [await find_whole(at.log, each) for each in conversations]
    found = await doomed_by(at.log, names)
    left = [each for each in found if not each.is_gone]
    if not left:
        at.out.answer(
            {"erased": [], "doomed": [each._asdict() for each in found]},
            f"Nothing was left of {', '.join(map(typed, names))}: it was erased before.",
        )
        return
    _show(at, left)
    if given["dry_run"]:
        return
    if given["yes"]:
        refuse_more(left, names)
    confirm(f"Destroy for good all that was ever said in {_all_of(names, left)}", yes=given["yes"])
    for name in names:
        done = await erase_conversation(at.log, name, with_forks=not given["no_forks"], **how)
        _tell(at, done)


def _all_of(names: list[str], left: list[Doomed]) -> str:
    items = sum(each.items for each in left)
    if len(left) == 1:
        return f"{typed(names[0])} ({count(items, 'item')} now)"
    conversations = len({each.conversation for each in left})
    return (
        f"{', '.join(map(typed, names))} ({count(conversations, 'conversation')},"
        f" {count(len(left), 'list')}, {count(items, 'item')} now)"
    )


async def _erase_owner(at: Invocation, given: dict[str, Any], how: dict[str, Any]) -> None:
    owner = given["owner"]
    left = await doomed_of_owner(at.log, owner)
    if not left:
        nothing = f"No conversation is labelled with the owner {typed(owner)}."
        at.out.table([], tables.disposed([], at.out.zone), nothing=nothing)
        return
    _show(at, left)
    if given["dry_run"]:
        return
    if given["yes"]:
        refuse_more(left, [each.conversation for each in left if each.owner == owner])
    confirm(
        f"Destroy for good all that was ever said in {count(len(left), 'list')} of {typed(owner)}",
        yes=given["yes"],
    )
    with bar("Erasing") as drawn:
        done = await erase_all_of(at.log, owner, **how, progress=drawn.step)
    _report(at, done)


async def _erase_event(
    at: Invocation, conversation: str, given: dict[str, Any], how: dict[str, Any]
) -> None:
    name, version, branch = await find_whole(at.log, conversation), given["event"], given["branch"]
    await check_branch(at.log, name, branch)
    what = await _event_in_words(at.log, name, version, branch)
    if what is None:
        at.out.answer(
            {"erased": [], "doomed": []},
            f"Nothing was left of version {version} of {typed(name, branch)}:"
            " it was erased before.",
        )
        return
    at.out.hint(what)
    if given["dry_run"]:
        return
    confirm(
        f"Destroy the content of version {version} of {typed(name, branch)} for good",
        yes=given["yes"],
    )
    _tell(at, await erase_event(at.log, name, version, branch=branch, **how), version)


async def _event_in_words(log: EventLog, name: str, version: int, branch: str) -> str | None:
    """Say what an event is; None where it was erased before. Raises InvalidMomentError."""
    found = await log.read(name, after=version - 1, until=version, branch=branch).all()
    if not found:
        raise InvalidMomentError(f"Conversation {typed(name, branch)} has no version {version}.")
    if found[0].is_erased:
        return None
    items = found[0].header.items
    holds = "" if items is None else f", {count(items, 'item')}"
    return f"Version {version} of {typed(name, branch)}: {line(found[0].kind)}{holds}."


def _show(at: Invocation, left: list[Doomed]) -> None:
    """List what will go: to people beside the answer, which is what became of it."""
    if at.out.as_json:
        return
    for each in doomed_table(left, at.out):
        tell(each)


@command(
    "prune",
    "eventlog prune --older-than 2y --dry-run",
    "eventlog prune --older-than 90d --archive archive --key-file signing.key",
)
@click.option(
    "--older-than", metavar="AGE|TIME", required=True, help="Not used for 90d, or since a time."
)
@click.option(
    "--reason",
    metavar="CODE",
    default="pruned",
    show_default=True,
    help="Why; it stays for ever.",
)
@BY
@click.option(
    "--keep-latest",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="Keep so many, however old.",
)
@click.option("--owner", metavar="NAME", help="Only of an owner.")
@click.option("--tag", metavar="TAG", help="Only with a tag.")
@click.option("--archive", metavar="FOLDER", help="Put what verifies there before.")
@click.option("--no-archive", is_flag=True, help="Keep nothing.")
@RECEIPTS
@SIGNING_KEY
@DRY_RUN
@YES
def prune(ctx: click.Context, **given: Any) -> None:
    """Archive and erase what nobody has used for long.

    It lists what will go, and asks.
    """
    archive, dry_run = given["archive"], given["dry_run"]
    if archive is not None and given["no_archive"]:
        raise click.UsageError("--archive and --no-archive contradict each other.")
    if archive is None and not given["no_archive"] and not dry_run:
        raise click.UsageError("Name a folder for what goes with --archive, or say --no-archive.")
    if dry_run and given["yes"]:
        raise click.UsageError("--dry-run and --yes contradict each other.")

    async def work(at: Invocation) -> None:
        choose = functools.partial(
            prune_conversations,
            at.log,
            _before(given["older_than"], at.out.zone),
            by=given["by"] or login() or "unknown",
            reason=given["reason"],
            owner=given["owner"],
            tag=given["tag"],
            keep=given["keep_latest"],
        )
        found = await choose(dry_run=True)
        chosen = [each for each in found if each.disposition is Disposition.CHOSEN]
        if dry_run or not chosen:
            _report(at, found)
            return
        how: dict[str, Any] = {}
        if given["receipts"] is not None:
            how |= _receipts(given["receipts"], given["key_file"])
        if archive is not None:
            how["archive"] = Archive(signer_of(given["key_file"]), to_folder(archive))
        names = [each.session_id for each in chosen]
        _show(at, await doomed_by(at.log, names))
        confirm(f"Destroy {count(len(chosen), 'conversation')} for good", yes=given["yes"])
        with bar("Erasing", len(found)) as drawn:
            done = await choose(**how, progress=drawn.step)
        _report(at, done)

    run(ctx, work)


def _receipts(folder: str, key_file: str | None) -> dict[str, Any]:
    return {"signer": signer_of(key_file), "receipts": ReceiptFolder(folder)}


def _before(text: str, zone: Zone) -> datetime:
    """Return the moment that an age, or a time, names: one of the past."""
    found = time(text, zone)
    is_no_age = text == "now" or (text[:-1].isdigit() and int(text[:-1]) == 0)
    if is_no_age or found >= zone.now():
        raise InvalidMomentError(
            f"--older-than {text!r} is not in the past: everything would be old enough."
        )
    return found


def _report(at: Invocation, found: list[Disposed]) -> None:
    """Tell what became of each; FoundError if one had to be left, or lacks its receipt."""
    became = {each.disposition for each in found}
    for each in found:
        _tell_pending(at, each.erased)
    at.out.table(
        [records.disposed(each) for each in found],
        tables.disposed(found, at.out.zone),
        nothing="No conversation is old enough.",
        hint=NEXT if Disposition.ERASED in became else None,
    )
    if found:
        sums = [(each, sum(one.disposition is each for one in found)) for each in Disposition]
        said = ", ".join(f"{number:,} {each.value}" for each, number in sums if number)
        at.out.hint(f"{count(len(found), 'conversation')}: {said}.")
    failed = [each.why for each in found if each.why is not None]
    for why in failed:
        tell(f"eventlog: {why}")
    if failed or not became <= {Disposition.CHOSEN, Disposition.ERASED}:
        raise FoundError


def _tell(at: Invocation, done: Erased, version: int | None = None) -> None:
    streams = ", ".join(typed(name) for name in sorted({stream.name for stream in done.streams}))
    by, reason = line(done.by), line(done.reason)
    what = "" if version is None else f"version {version} of "
    at.out.answer(
        records.erased(done),
        f"Erased, by {by}, because of {reason}: {what}{streams}",
        hint=NEXT,
    )
    _tell_pending(at, done)
    if done.unkept is not None:
        tell(f"eventlog: {done.unkept}")
        raise FoundError(FAILED)


def _tell_pending(at: Invocation, done: Erased | None) -> None:
    """Name the views that may still hold something: what else there was is gone."""
    if done is None or at.out.as_json:
        return
    for each in done.pending:
        at.out.say(
            f"View {each.view} (schema {each.schema}) may still hold something of"
            f" {typed(done.session_id)}: {each.reason}. A worker goes on trying."
        )
