"""The viewer: pages over the log, and a conversation as a file."""

from typing import Annotated

import typer
from rich.text import Text

from eventlog_cli.running import Invocation, run

app = typer.Typer()


@app.command()
def web(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one.")] = 4747,
) -> None:
    """Show the log in a browser, until Ctrl-C."""
    from eventlog_web import Access, build, serve

    async def work(at: Invocation) -> None:
        def tell(bound: int) -> None:
            address = f"http://{host}:{bound}/"
            at.out.answer({"address": address}, Text(f"The log is at {address} until Ctrl-C."))
            at.out.flush()

        await serve(build(at.log, Access(host)), host, port, tell)

    run(ctx, work)
