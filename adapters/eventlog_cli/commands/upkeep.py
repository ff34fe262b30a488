"""Maintenance: migrations, roles, backups, rebuilding views."""

from typing import Final

import click

from eventlog import InvalidInputError
from eventlog.errors import SchemaTooOldError
from eventlog.operations import backup as copy_log
from eventlog.operations import create_roles
from eventlog.operations import migrate as migrate_log
from eventlog.operations import recover as recover_log
from eventlog.plurals import count
from eventlog_cli.command import command
from eventlog_cli.output import Output
from eventlog_cli.progress import bar, watched
from eventlog_cli.running import FoundError, Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.showing import records, tables
from eventlog_cli.showing.words import typed
from eventlog_projections import rebuild as rebuild_snapshots
from eventlog_projections.views import BUILT_IN, SetAside, Views

SNAPSHOTS: Final = "snapshots"


@command("migrate", "eventlog migrate", "eventlog migrate --check")
@click.option("--check", is_flag=True, help="Only tell; exit code 3 if it has to be.")
@click.option("--beside", is_flag=True, help="Make it even where there are other tables.")
@click.option(
    "--partitions",
    metavar="N",
    type=click.IntRange(min=1),
    help="Split the events of a new one (PostgreSQL).",
)
@click.option("--distributed", metavar="citus", help="Spread it over the workers, for good.")
def migrate(
    ctx: click.Context,
    check: bool,
    beside: bool,
    partitions: int | None,
    distributed: str | None,
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


@command("roles", "eventlog roles", "eventlog roles --tenant acme --role acme_reader")
@click.option("--tenant", metavar="NAME", help="Also one that sees this tenant only.")
@click.option("--role", metavar="NAME", help="What that one is called.")
def roles(ctx: click.Context, tenant: str | None, role: str | None) -> None:
    """Create the roles of a log on PostgreSQL.

    Or grant anew what each needs, and no more.
    """

    async def work(settings: Settings, out: Output) -> None:
        url = settings.address
        for name in await create_roles(url, schema=settings.schema, tenant=tenant, role=role):
            out.answer({"role": name}, name)

    run_without_log(ctx, work)


@command("backup", "eventlog backup conversations-backup.db")
@click.argument("to", metavar="FILE")
def backup(ctx: click.Context, to: str) -> None:
    """Copy a SQLite log while it is in use.

    FILE is a new one. For PostgreSQL it says how.
    """

    async def work(settings: Settings, out: Output) -> None:
        with bar("Copying pages") as drawn:
            await copy_log(settings.address, to, progress=drawn.move)
        out.answer({"backup": to}, f"{typed(to)} is the log as it was just now.")

    run_without_log(ctx, work)


@command("recover", "eventlog recover conversations-backup.db")
@click.argument("backup", metavar="BACKUP")
@click.argument("to", metavar="[TO]", required=False)
@click.option("--discard", is_flag=True, help="Do not keep the log that is replaced.")
@click.option("--unverified", is_flag=True, help="Take the backup as it is.")
def recover(
    ctx: click.Context,
    backup: str,
    to: str | None,
    discard: bool,
    unverified: bool,
) -> None:
    """Put a backup of a SQLite log back.

    BACKUP is a copy that `backup` made, TO the log; without it, that of --db. Nobody may use the
    log meanwhile. For PostgreSQL it says how.
    """

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
        said = f"{typed(log)} is {typed(backup)} now."
        if kept is not None:
            said += f" What was there is {typed(kept)}."
        out.answer({"log": log, "backup": backup, "kept": kept}, said)

    run_without_log(ctx, work)


@command("rebuild", "eventlog rebuild", "eventlog rebuild --check turns")
@click.argument("what", metavar="[VIEW]...", nargs=-1)
@click.option("--check", is_flag=True, help="Only compare, row by row; exit code 3 if they differ.")
@click.option("--strict", is_flag=True, help="Stop at an event that a view cannot take.")
def rebuild(ctx: click.Context, what: tuple[str, ...], check: bool, strict: bool) -> None:
    """Make views and snapshots anew from the events.

    Everything goes on meanwhile. An event that a view cannot take is set aside, and named.
    """
    known = [projection.name for projection in BUILT_IN]

    async def work(at: Invocation) -> None:
        wanted = list(what) or (known if check else [*known, SNAPSHOTS])
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
        set_aside = [records.aside(each) for each in aside]
        at.out.line({"view": name, "checked": check, "differences": found, "set_aside": set_aside})
    elif check:
        at.out.say(f"{name}: {_differing(found)}")
    else:
        at.out.say(f"{name}: made anew")
        if aside:
            table = tables.asides([("set aside", each) for each in aside], "became")
            at.out.table([], table, nothing="")
    return found


def _differing(rows: int) -> str:
    if not rows:
        return "no rows differ"
    return f"{count(rows, 'row')} {'differs' if rows == 1 else 'differ'}"


def _say(out: Output, what: str, *, current: bool) -> None:
    out.answer({"current": current}, what)
