"""The viewer: pages over the log, and a conversation as a file."""

import asyncio
import contextlib
from typing import Annotated
from urllib.parse import quote

import typer
from rich.text import Text

from eventlog import StoreError
from eventlog.files import write_whole
from eventlog_cli.finding import find_conversation, moment
from eventlog_cli.options import AsOf, Branch, Id
from eventlog_cli.output import Output
from eventlog_cli.running import Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.words import typed
from eventlog_projections.views import Views

app = typer.Typer()


@app.command()
def web(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 4747,
    token_file: Annotated[
        str | None, typer.Option(metavar="FILE", help="A token that whoever looks must give.")
    ] = None,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="Offer to restore and to fork.")
    ] = False,
) -> None:
    """Show the log in a browser, until Ctrl-C. It is opened for reading alone.

    Before that the views are brought up to date, if this role may do so.
    """
    from eventlog_web import Access, build, serve

    async def work(settings: Settings, out: Output) -> None:
        access = Access(host, None if token_file is None else _token(token_file))
        async with settings.open() as log:
            with contextlib.suppress(StoreError):  # The pages say what they lack.
                await Views(log).catch_up("conversations", "turns", "tools", "search")

        def tell(bound: int) -> None:
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{bound}/" + (
                f"?token={access.token}" if access.token else ""
            )
            out.answer({"address": address}, Text(f"The log is at {address} until Ctrl-C."))
            out.flush()

        async with settings.open(read_only=not allow_changes) as log:
            await serve(build(log, access, allow_changes=allow_changes), host, port, tell)

    run_without_log(ctx, work)


@app.command()
def share(
    ctx: typer.Context,
    conversation: Id,
    to: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Else named after it.")
    ] = None,
    as_of: AsOf = None,
    branch: Branch = "",
    redact: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT", help="Leave out `names` or `arguments` (of tools); repeatable."
        ),
    ] = None,
    redact_pattern: Annotated[
        str | None, typer.Option(metavar="REGEX", help="Leave out whatever matches.")
    ] = None,
) -> None:
    """Write a conversation as one HTML file, which works without network and server.

    What is left out is marked as such.
    """
    from eventlog_web.redacting import Redactor
    from eventlog_web.sharing import share as share_one

    wanted = set(redact or ())
    if unknown := sorted(wanted - {"names", "arguments"}):
        raise typer.BadParameter(
            f"{unknown[0]!r} is none of names, arguments", param_hint="--redact"
        )

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, branch)
        redactor = Redactor(
            names="names" in wanted, arguments="arguments" in wanted, pattern=redact_pattern
        )
        made = await share_one(chat, moment(as_of), redactor)
        path = to or f"{quote(chat.name, safe=' ')[:100]}.html"
        await asyncio.to_thread(write_whole, path, made.encode())
        told = {"file": path, "conversation": chat.name, "bytes": len(made.encode())}
        at.out.answer(told, Text(f"{typed(path)} shows {typed(chat.name, branch)}."))

    run(ctx, work)


def _token(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
