"""Signed tree heads, and evidence that is checked without this library."""

import asyncio
import os
import sys
from typing import Annotated

import typer
from rich.text import Text

from eventlog import EventLog, InvalidInputError
from eventlog.files import write_whole
from eventlog.format.records import SignedHead
from eventlog.operations import gather_evidence, to_file
from eventlog_cli.files import SIGNING_VARIABLE, signer_of
from eventlog_cli.finding import find
from eventlog_cli.options import Ids, SigningKey
from eventlog_cli.running import Invocation, run

app = typer.Typer()


@app.command()
def head(
    ctx: typer.Context,
    key_file: SigningKey = None,
    to: Annotated[
        str | None, typer.Option(metavar="FILE", help="Replace this file; else print it.")
    ] = None,
) -> None:
    """Sign for every event that is there. Without a key, show the last head that was signed.

    Keep it where whoever owns the database cannot write: `verify --against` takes it.
    """

    async def work(at: Invocation) -> None:
        found = await _head(at.log, key_file)
        if to is not None:
            await to_file(to)(found)
        if at.out.as_json:
            at.out.line(found)
        elif to is None:
            sys.stdout.write(found.note)
        else:
            at.out.print(Text(f"{to} commits to the first {found.size:,} events."))

    run(ctx, work)


@app.command()
def evidence(
    ctx: typer.Context,
    conversations: Ids,
    to: Annotated[
        str | None, typer.Option(metavar="FILE", help="A file to write; else print it.")
    ] = None,
    key_file: SigningKey = None,
) -> None:
    """Gather conversations and what proves them, as JSON that is checked without this library.

    Without a key, for the last head that was signed.
    """

    async def work(at: Invocation) -> None:
        names = [await find(at.log, each) for each in conversations]
        bundle = await gather_evidence(
            at.log, await _head(at.log, key_file), dict.fromkeys(names, None)
        )
        if to is None:
            sys.stdout.buffer.write(bundle + b"\n")
            return
        await asyncio.to_thread(write_whole, to, bundle)
        at.out.answer(
            {"file": to, "conversations": names}, Text(f"{to} proves {', '.join(names)}.")
        )

    run(ctx, work)


async def _head(log: EventLog, key_file: str | None) -> SignedHead:
    """Sign a head where there is a key; otherwise return the last one."""
    if key_file is not None or SIGNING_VARIABLE in os.environ:
        return await log.tree.head(signer_of(key_file))
    last = await log.tree.last_head()
    if last is None:
        raise InvalidInputError(
            "No head was signed yet. Give --key-file; `eventlog keys signing` makes a key."
        )
    return last
