"""Verifying the log, and its size."""

from typing import Any

import click
import msgspec

from eventlog import EventLog, TreeHead, Verification, Verifier
from eventlog.errors import InvalidEvidenceError, InvalidOptionError
from eventlog.plurals import count
from eventlog.proof.checkpoint import open_head
from eventlog.verify.faults import BROKEN, COULD_NOT_CHECK, SOUND
from eventlog_cli.command import command
from eventlog_cli.files import read_text
from eventlog_cli.lookups.finding import find
from eventlog_cli.options import OPTIONAL_ID
from eventlog_cli.output import Output
from eventlog_cli.progress import bar
from eventlog_cli.running import FoundError, Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.showing import pages, records, tables
from eventlog_cli.showing.text import Text
from eventlog_cli.showing.words import line, typed
from eventlog_cli.terminal import is_watched
from eventlog_projections import check_snapshots
from eventlog_projections.views.views import Views

RARE = ("pending", "warnings", "erased", "since")


@command(
    "verify",
    "eventlog verify",
    "eventlog verify --against head.txt --key 'example.com/log+...'",
    "eventlog verify --evidence evidence.json --key 'example.com/log+...'",
    "eventlog verify --since-head head.txt --key 'example.com/log+...'",
)
@OPTIONAL_ID
@click.option("--against", metavar="FILE", help="A tree head that was kept elsewhere.")
@click.option("--evidence", metavar="FILE", help="Check a file of evidence, and no log.")
@click.option(
    "--since-head", metavar="FILE", help="Only what came after such a head, of a sound log."
)
@click.option(
    "--key",
    metavar="KEY",
    multiple=True,
    help="The verifier key of who signed heads; of each, if there were more.",
)
@click.option("--open", "opens", is_flag=True, help="Open and decode every content, too.")
@click.option("--snapshots", is_flag=True, help="Compare stored snapshots with the events, too.")
@click.option("--strict", is_flag=True, help="Take a warning for a fault.")
@click.option("--all-tenants", is_flag=True, help="Of every tenant, for who sees them all.")
def verify(
    ctx: click.Context,
    conversation: str | None,
    against: str | None,
    evidence: str | None,
    since_head: str | None,
    key: tuple[str, ...],
    **how: bool,
) -> None:
    """Check that every event is as it was written.

    Hashes every event anew, and names the first of each conversation that was changed. With
    --since-head, every event behind that head, and that the log goes on from it. What is missing
    of what guards the log is a warning, and nothing that was changed. Exit code 0: sound; 1:
    broken, or with --strict a warning; 2: it could not be checked.
    """

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        keys, head = _head(against or since_head, key)
        since = None if since_head is None else head
        all_tenants = how["all_tenants"]
        what = _what(at, name, all_tenants=all_tenants)
        total = await _events(at.log, name, since) if is_watched() else None
        with bar(f"Checking {what}: events", total) as drawn:
            found = await at.log.verify(
                name,
                against=None if against is None else head,
                since=since,
                key=keys,
                progress=drawn.move,
                all_tenants=all_tenants,
                open=how["opens"],
            )
        if how["snapshots"]:
            found = await _with_snapshots(at.log, name, found, all_tenants=all_tenants)
        code = found.exit_code or (BROKEN if how["strict"] and found.warnings else SOUND)
        try:
            at.out.answer({"ok": found.ok, **_fields(found)}, *pages.verdict(found))
        finally:
            if code:  # Also where it cannot be printed.
                raise FoundError(code)

    if evidence is None:
        run(ctx, work, failed=COULD_NOT_CHECK)
    elif conversation is not None or against or since_head or any(how.values()):
        raise click.UsageError("--evidence is checked alone, with --key.")
    else:
        _verify_evidence(ctx, evidence, key)


def _verify_evidence(ctx: click.Context, path: str, given: tuple[str, ...]) -> None:
    """Check a file that somebody was given, and say what it proves."""
    from eventlog.operations import check_evidence

    async def work(_: Settings, out: Output) -> None:
        if not given:
            raise InvalidOptionError("Evidence is checked with the key of who signed: give --key.")
        bundle = read_text(path).encode()
        keys = [Verifier.load(key) for key in given]
        try:
            proved = check_evidence(bundle, keys)
        except InvalidEvidenceError as error:
            out.answer({"ok": False, "file": path, "error": str(error)}, pages.refuted(str(error)))
            raise FoundError(BROKEN) from error
        rows = [
            {"conversation": name, "branch": branch, "version": version}
            for name, branch, version in proved
        ]
        out.answer(
            {"ok": True, "file": path, "conversations": rows}, *pages.proved(typed(path), proved)
        )

    run_without_log(ctx, work, failed=COULD_NOT_CHECK)


async def _with_snapshots(
    log: EventLog, name: str | None, found: Verification, *, all_tenants: bool
) -> Verification:
    """Return what was found with what is wrong with stored snapshots."""
    if all_tenants:
        raise InvalidOptionError("Snapshots are compared for one tenant at a time.")
    checked = await check_snapshots(log, name)
    return msgspec.structs.replace(found, faults=(*found.faults, *checked.faults))


def _what(at: Invocation, name: str | None, *, all_tenants: bool) -> str:
    if all_tenants:
        return "all tenants"
    return f"tenant {at.log.tenant}" if name is None else typed(name)


def _head(kept: str | None, given: tuple[str, ...]) -> tuple[list[Verifier], TreeHead | None]:
    """Return the keys, and a head that was kept, opened by the one that signed it."""
    if kept is None or not given:
        if kept is None and not given:
            return [], None
        raise InvalidOptionError(
            "A head is checked with its key: give --key, and --against or --since-head."
        )
    keys = [Verifier.load(key) for key in given]
    return keys, open_head(read_text(kept), keys)


async def _events(log: EventLog, name: str | None, since: TreeHead | None) -> int:
    """Return how many events there are to check."""
    if since is not None:
        return max(await log.position() - since.size, 0)
    if name is None:
        return sum([row.head.version async for row in log.streams(branches=True)])
    branches = await log.branches(name).all()
    return await log.version(name) + sum(row.head.version for row in branches)


def _fields(found: Any) -> dict[str, Any]:
    """Return what a verification found; of what is rare, only what is there."""
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: each for name, each in fields.items() if each or name not in RARE}


def _sizes(conversations: int, branches: int, events: int) -> str:
    named = (("conversation", conversations), ("branch", branches), ("event", events))
    return ", ".join(count(number, noun) for noun, number in named)


@command("stats", "eventlog stats", "eventlog stats --json")
def stats(ctx: click.Context) -> None:
    """Tell how much is in the log, and where its views are."""

    async def work(at: Invocation) -> None:
        conversations = branches = events = 0
        async for row in at.log.streams(branches=True):
            conversations += not row.branch
            branches += bool(row.branch)
            events += row.head.version
        position = await at.log.position()
        views = await Views(at.log).status()
        at.out.answer(
            {
                "tenant": at.log.tenant,
                "conversations": conversations,
                "branches": branches,
                "events": events,
                "position": position,
                "views": [records.status(each) for each in views],
            },
            line(f"{at.log.spi.address}, tenant {at.log.tenant}"),
            Text.of((_sizes(conversations, branches, events), "bold")),
            f"The feed is at position {position:,}, over all tenants.",
        )
        if not at.out.as_json and views:
            rows = [records.status(each) for each in views]
            at.out.table(rows, tables.views(views, at.out.zone), nothing="")

    run(ctx, work)
