"""Verifying the log, and its size."""

from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from eventlog import EventLog, TreeHead, Verification, Verifier
from eventlog.errors import InvalidOptionError
from eventlog.proof.checkpoint import open_head
from eventlog.verify.faults import BROKEN, COULD_NOT_CHECK, SOUND
from eventlog_cli import pages, tables
from eventlog_cli.files import read_text
from eventlog_cli.finding import find
from eventlog_cli.options import OptionalId
from eventlog_cli.progress import bar, is_drawn
from eventlog_cli.running import FoundError, Invocation, run
from eventlog_projections import check_snapshots
from eventlog_projections.views import Views

app = typer.Typer()

_RARE = ("pending", "warnings", "erased")


@app.command()
def verify(
    ctx: typer.Context,
    conversation: OptionalId = None,
    against: Annotated[
        str | None, typer.Option(metavar="FILE", help="A tree head that was kept elsewhere.")
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY", help="The verifier key of who signed heads; of each, if there were more."
        ),
    ] = None,
    opens: Annotated[
        bool, typer.Option("--open", help="Open and decode every content, too.")
    ] = False,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Compare stored snapshots with the events, too.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Take a warning for a fault.")] = False,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Of every tenant, for who sees them all.")
    ] = False,
) -> None:
    """Hash every event anew, and name the first of each conversation that was changed.

    What is missing of what guards the log is a warning, and nothing that was changed.

    Exit code 0: sound; 1: broken, or with --strict a warning; 2: it could not be checked.
    """

    async def work(at: Invocation) -> None:
        name = None if conversation is None else await find(at.log, conversation)
        keys, head = _head(against, key or [])
        total = await _events(at.log, name) if is_drawn() else None
        with bar("Hashing events", total) as drawn:
            found = await at.log.verify(
                name,
                against=head,
                key=keys,
                progress=drawn.move,
                all_tenants=all_tenants,
                open=opens,
            )
        if snapshots:
            found = await _with_snapshots(at.log, name, found, all_tenants=all_tenants)
        code = found.exit_code or (BROKEN if strict and found.warnings else SOUND)
        try:
            at.out.answer({"ok": found.ok, **_fields(found)}, pages.verdict(found))
        finally:
            if code:  # Also where it cannot be printed.
                raise FoundError(code)

    run(ctx, work, failed=COULD_NOT_CHECK)


async def _with_snapshots(
    log: EventLog, name: str | None, found: Verification, *, all_tenants: bool
) -> Verification:
    """Return what was found with what is wrong with stored snapshots."""
    if all_tenants:
        raise InvalidOptionError("Snapshots are compared for one tenant at a time.")
    checked = await check_snapshots(log, name)
    return msgspec.structs.replace(found, faults=(*found.faults, *checked.faults))


def _head(against: str | None, given: list[str]) -> tuple[list[Verifier], TreeHead | None]:
    """Return the keys, and a head that was kept, opened by the one that signed it."""
    if against is None or not given:
        if against is None and not given:
            return [], None
        raise InvalidOptionError("A head is checked with its key: give --against and --key.")
    keys = [Verifier.load(key) for key in given]
    return keys, open_head(read_text(against), keys)


async def _events(log: EventLog, name: str | None) -> int:
    """Return how many events there are to check."""
    if name is None:
        return sum([row.head.version async for row in log.streams(branches=True)])
    branches = await log.branches(name).all()
    return await log.version(name) + sum(row.head.version for row in branches)


def _fields(found: Any) -> dict[str, Any]:
    """Return what a verification found; of what is rare, only what is there."""
    fields = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: each for name, each in fields.items() if each or name not in _RARE}


@app.command()
def stats(ctx: typer.Context) -> None:
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
                "views": views,
            },
            Text(repr(at.log), "dim"),
            Text(
                f"{conversations:,} conversations, {branches:,} branches, {events:,} events", "bold"
            ),
            Text(f"the feed is at position {position:,}, over all tenants", "dim"),
            *((Text(), tables.views(views)) if views else ()),
        )

    run(ctx, work)
