"""Trying it out."""

from typing import Annotated

import typer

from eventlog_cli.demo import main as play

app = typer.Typer()


@app.command()
def demo(
    live: Annotated[bool, typer.Option("--live", help="Ask a real model.")] = False,
) -> None:
    """Let an agent run on a log in ./demo-output, take its history back, and lose nothing."""
    raise typer.Exit(play(["--live"] if live else []))
