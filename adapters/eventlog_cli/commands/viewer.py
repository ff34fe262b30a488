"""The viewer: pages over the log, and a conversation as a file."""

import asyncio
import contextlib
from typing import Any
from urllib.parse import quote

import click

from eventlog import StoreError
from eventlog.files import write_whole
from eventlog_cli.command import command
from eventlog_cli.files import read_text
from eventlog_cli.lookups.finding import find_conversation
from eventlog_cli.options import AS_OF, BRANCH, ID
from eventlog_cli.output import Output
from eventlog_cli.running import Invocation, run, run_without_log
from eventlog_cli.settings import Settings
from eventlog_cli.showing.times import moment_or_none
from eventlog_cli.showing.words import typed
from eventlog_projections.views import Views

VIEWS = ("conversations", "turns", "tools", "search")


@command("web", "eventlog web", "eventlog web --port 8080 --token-file token.txt")
@click.option(
    "--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Where to listen."
)
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    default=4747,
    show_default=True,
    help="0: a free one.",
)
@click.option("--token-file", metavar="FILE", help="A token that whoever looks must give.")
@click.option("--allow-changes", is_flag=True, help="Offer to restore and to fork.")
def web(
    ctx: click.Context, host: str, port: int, token_file: str | None, allow_changes: bool
) -> None:
    """Show the log in a browser, until Ctrl-C.

    It is opened for reading alone. Before that the views are brought up to date, if this role may
    do so.
    """
    from eventlog_web import Access, build, serve

    async def work(settings: Settings, out: Output) -> None:
        access = Access(host, None if token_file is None else read_text(token_file).strip())
        async with settings.open() as log:
            with contextlib.suppress(StoreError):  # The pages say what they lack.
                await Views(log).catch_up(*VIEWS)

        def tell(bound: int) -> None:
            shown = f"[{host}]" if ":" in host else host
            address = f"http://{shown}:{bound}/" + (
                f"?token={access.token}" if access.token else ""
            )
            out.answer({"address": address}, f"The log is at {address} until Ctrl-C.")
            out.flush()

        async with settings.open(read_only=not allow_changes) as log:
            await serve(build(log, access, allow_changes=allow_changes), host, port, tell)

    run_without_log(ctx, work)


@command(
    "share",
    "eventlog share order-1042 -o shared.html",
    "eventlog share latest --redact arguments --redact-pattern '[0-9]{16}'",
)
@ID
@click.option("-o", "--output", "to", metavar="FILE", help="Else named after it.")
@AS_OF
@BRANCH
@click.option(
    "--redact",
    metavar="names|arguments",
    multiple=True,
    type=click.Choice(("names", "arguments")),
    help="Leave out names, or arguments of tools.",
)
@click.option("--redact-pattern", metavar="REGEX", help="Leave out whatever matches.")
def share(ctx: click.Context, conversation: str, **given: Any) -> None:
    """Write a conversation as one HTML file.

    It works without network and server. What is left out is marked as such.
    """
    from eventlog_web.redacting import Redactor
    from eventlog_web.sharing import share as share_one

    async def work(at: Invocation) -> None:
        chat = await find_conversation(at.log, conversation, given["branch"])
        redactor = Redactor(
            names="names" in given["redact"],
            arguments="arguments" in given["redact"],
            pattern=given["redact_pattern"],
        )
        made = await share_one(chat, moment_or_none(given["as_of"], at.out.zone), redactor)
        path = given["to"] or f"{quote(chat.name, safe=' ')[:100]}.html"
        await asyncio.to_thread(write_whole, path, made.encode())
        told = {"file": path, "conversation": chat.name, "bytes": len(made.encode())}
        at.out.answer(told, f"{typed(path)} shows {typed(chat.name, given['branch'])}.")

    run(ctx, work)
