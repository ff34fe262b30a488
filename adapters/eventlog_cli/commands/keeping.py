"""Legal holds: what must not be erased."""

from typing import Annotated

import typer

from eventlog import EventLog
from eventlog.operations import held_by, lift_hold, place_hold
from eventlog_cli import tables
from eventlog_cli.finding import find
from eventlog_cli.options import Actor, Id, OptionalId, Reason, by
from eventlog_cli.progress import bar
from eventlog_cli.running import Invocation, run
from eventlog_cli.tables import Hold

app = typer.Typer()
hold = typer.Typer(no_args_is_help=True, help="Keep conversations from being erased.")
app.add_typer(hold, name="hold")

Code = Annotated[
    str, typer.Argument(metavar="CODE", help="A case number or the like; it stays for ever.")
]


@hold.command()
def place(
    ctx: typer.Context, conversation: Id, code: Code, reason: Reason = None, actor: Actor = None
) -> None:
    """Place a hold on a conversation: nothing of it is erased until it is lifted."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await place_hold(at.log, name, code, reason=reason, context=by(actor))
        await _tell(at, name)

    run(ctx, work)


@hold.command()
def lift(
    ctx: typer.Context, conversation: Id, code: Code, reason: Reason = None, actor: Actor = None
) -> None:
    """Lift a hold; others stay."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await lift_hold(at.log, name, code, reason=reason, context=by(actor))
        await _tell(at, name)

    run(ctx, work)


@hold.command("list")
def list_(ctx: typer.Context, conversation: OptionalId = None) -> None:
    """List the holds on a conversation, or on all."""

    async def work(at: Invocation) -> None:
        if conversation is not None:
            await _tell(at, await find(at.log, conversation))
        else:
            at.out.table(await _every_hold(at.log), tables.holds)

    run(ctx, work)


async def _every_hold(log: EventLog) -> list[Hold]:
    names = [row.name async for row in log.streams()]
    found: list[Hold] = []
    with bar("Reading holds", len(names)) as drawn:
        for done, name in enumerate(names, 1):
            found += await _holds(log, name)
            drawn.move(done)
    return found


async def _holds(log: EventLog, name: str) -> list[Hold]:
    return [Hold(name, code) for code in await held_by(log, name)]


async def _tell(at: Invocation, name: str) -> None:
    at.out.table(await _holds(at.log, name), tables.holds)
