"""Maintenance: migrations, roles, backups, rebuilding views."""

from typing import Annotated, Final

import typer
from rich.text import Text

from eventlog import InvalidInputError
from eventlog.errors import SchemaTooOldError
from eventlog.operations import backup as copy_log
from eventlog.operations import create_roles
from eventlog.operations import migrate as migrate_log
from eventlog.operations import recover as recover_log
from eventlog_cli import tables
from eventlog_cli.output import Output
from eventlog_cli.progress import bar, watched
from eventlog_cli.running import FoundError, Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.words import typed
from eventlog_projections import rebuild as rebuild_snapshots
from eventlog_projections.views import BUILT_IN, SetAside, Views

SNAPSHOTS: Final = "snapshots"

app = typer.Typer()


@app.command()
def migrate(
    ctx: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="Only tell; exit code 3 if it has to be.")
    ] = False,
    beside: Annotated[
        bool, typer.Option("--beside", help="Make it even where there are other tables.")
    ] = False,
    partitions: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Split the events of a new one (PostgreSQL)."),
    ] = None,
    distributed: Annotated[
        str | None, typer.Option(metavar="citus", help="Spread a new one over its workers.")
    ] = None,
) -> None:
    """Bring a log up to this release, or make a new one."""

    async def work(settings: Settings, out: Output) -> None:
        if not check:
            await migrate_log(
                settings.address,
                schema=settings.schema,
                beside=beside,
                partitions=partitions,
                distributed=distributed,
            )
            _say(out, "The log is up to date.", current=True)
            return
        async with settings.open() as log:
            try:
                await log.latest()
            except SchemaTooOldError as error:
                _say(out, f"{error} `eventlog migrate` does so.", current=False)
                raise FoundError from error
        _say(out, "The log is up to date.", current=True)

    run_without_log(ctx, work)


@app.command()
def roles(
    ctx: typer.Context,
    tenant: Annotated[
        str | None, typer.Option(metavar="NAME", help="Also one that sees this tenant only.")
    ] = None,
    role: Annotated[
        str | None, typer.Option(metavar="NAME", help="What that one is called.")
    ] = None,
) -> None:
    """Create the roles of a log on PostgreSQL, or grant anew what each needs, and no more."""

    async def work(settings: Settings, out: Output) -> None:
        url = settings.address
        for name in await create_roles(url, schema=settings.schema, tenant=tenant, role=role):
            out.answer({"role": name}, Text(name))

    run_without_log(ctx, work)


@app.command()
def backup(
    ctx: typer.Context,
    to: Annotated[str, typer.Argument(metavar="FILE", help="A new file.")],
) -> None:
    """Copy a SQLite log while it is in use. For PostgreSQL it says how."""

    async def work(settings: Settings, out: Output) -> None:
        with bar("Copying pages") as drawn:
            await copy_log(settings.address, to, progress=drawn.move)
        out.answer({"backup": to}, Text(f"{typed(to)} is the log as it was just now."))

    run_without_log(ctx, work)


@app.command()
def recover(
    ctx: typer.Context,
    backup: Annotated[str, typer.Argument(metavar="BACKUP", help="A copy that `backup` made.")],
    to: Annotated[
        str | None, typer.Argument(metavar="[TO]", help="The log; without it, that of --db.")
    ] = None,
    discard: Annotated[
        bool, typer.Option("--discard", help="Do not keep the log that is replaced.")
    ] = False,
    unverified: Annotated[
        bool, typer.Option("--unverified", help="Take the backup as it is.")
    ] = False,
) -> None:
    """Put a backup of a SQLite log back, while nobody uses the log. For PostgreSQL it says how."""

    async def work(settings: Settings, out: Output) -> None:
        log = to or settings.address
        with bar("Copying pages") as drawn:
            kept = await recover_log(
                backup,
                log,
                keep=not discard,
                verify=not unverified,
                keyring=settings.keys(),
                progress=drawn.move,
            )
        said = f"{log} is {backup} now."
        if kept is not None:
            said += f" What was there is {kept}."
        out.answer({"log": log, "backup": backup, "kept": kept}, Text(said))

    run_without_log(ctx, work)


@app.command()
def rebuild(
    ctx: typer.Context,
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[VIEW]...", help="Which; without it, all.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare, row by row; exit code 3 if they differ.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at an event that a view cannot take.")
    ] = False,
) -> None:
    """Make views and snapshots anew from the events. Everything goes on meanwhile.

    An event that a view cannot take is set aside, and named.
    """
    known = [projection.name for projection in BUILT_IN]

    async def work(at: Invocation) -> None:
        wanted = what or (known if check else [*known, SNAPSHOTS])
        unknown = set(wanted) - {*known, SNAPSHOTS}
        if unknown or (check and SNAPSHOTS in wanted):
            raise InvalidInputError(f"There are {', '.join(known)}; and {SNAPSHOTS}, not to check.")
        differences = 0
        for name in wanted:
            differences += await _rebuild(at, name, check=check, strict=strict)
        if differences:
            raise FoundError

    run(ctx, work)


async def _rebuild(at: Invocation, name: str, *, check: bool, strict: bool) -> int:
    """Make one anew, or compare it; return how many rows differ."""
    views = Views(at.log)

    async def look() -> tuple[float, float]:
        new = [each for each in await views.status() if each.view == name and not each.is_serving]
        return sum(each.position for each in new), sum(each.position + each.behind for each in new)

    found = 0
    aside: list[SetAside] = []

    async def make() -> None:
        nonlocal found
        if name == SNAPSHOTS:
            await rebuild_snapshots(at.log)
        elif check:
            found = len(await views.check(name))
        else:
            aside.extend(await views.rebuild(name, strict=strict))

    await watched(make(), f"{'Comparing' if check else 'Making'} {name}", look)
    if at.out.as_json:
        at.out.line({"view": name, "checked": check, "differences": found, "set_aside": aside})
    elif check:
        at.out.print(Text(f"{name}: {found or 'no'} rows differ"))
    else:
        at.out.print(Text(f"{name}: made anew"))
        if aside:
            at.out.print(tables.asides(aside, "set aside"))
    return found


def _say(out: Output, what: str, *, current: bool) -> None:
    out.answer({"current": current}, Text(what))
