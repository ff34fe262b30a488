"""Legal holds: what must not be erased."""

from typing import Final

import click

from eventlog import EventLog
from eventlog.operations import held_by, lift_hold, place_hold
from eventlog_cli.command import command, group
from eventlog_cli.lookups.finding import find
from eventlog_cli.options import ACTOR, FORMAT, ID, OPTIONAL_ID, REASON, by
from eventlog_cli.progress import bar
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing import tables
from eventlog_cli.showing.tables import Hold
from eventlog_cli.showing.words import typed

hold = group("hold", "Keep conversations from being erased.", no_args_is_help=True)

CODE: Final = click.argument("code", metavar="CODE")


@command("place", "eventlog hold place order-1041 case-7 --reason 'a lawsuit'", of=hold)
@ID
@CODE
@REASON
@ACTOR
def place(
    ctx: click.Context, conversation: str, code: str, reason: str | None, actor: str | None
) -> None:
    """Place a hold on a conversation: nothing of it is erased until it is lifted.

    CODE is a case number or the like; it stays for ever.
    """

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await place_hold(at.log, name, code, reason=reason, context=by(ctx, actor))
        await _tell(at, name)

    run(ctx, work)


@command("lift", "eventlog hold lift order-1041 case-7", of=hold)
@ID
@CODE
@REASON
@ACTOR
def lift(
    ctx: click.Context, conversation: str, code: str, reason: str | None, actor: str | None
) -> None:
    """Lift a hold; others stay."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        await lift_hold(at.log, name, code, reason=reason, context=by(ctx, actor))
        await _tell(at, name)

    run(ctx, work)


@command("list", "eventlog hold list", "eventlog hold list latest", of=hold)
@OPTIONAL_ID
@FORMAT
def list_(ctx: click.Context, conversation: str | None, form: str) -> None:
    """List the holds on a conversation, or on all."""

    async def work(at: Invocation) -> None:
        if conversation is not None:
            await _tell(at, await find(at.log, conversation), form)
        else:
            _put(at, await _every_hold(at.log), "No conversation is held.", form)

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


async def _tell(at: Invocation, name: str, form: str | None = None) -> None:
    _put(at, await _holds(at.log, name), f"No hold is on {typed(name)}.", form)


def _put(at: Invocation, found: list[Hold], nothing: str, form: str | None) -> None:
    rows = [each._asdict() for each in found]
    at.out.table(rows, tables.holds(found), form, nothing=nothing)
