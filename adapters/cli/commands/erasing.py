"""Destroying content for good. Each of these asks first, or wants --yes."""

import sys
from typing import Annotated

import typer
from rich.text import Text

from adapters.cli.finding import find
from adapters.cli.options import Branch, Id, Yes, login
from adapters.cli.running import Invocation, run
from eventlog import InvalidInputError
from projections import Conversation, Erased, erase_event
from projections import erase as erase_conversation

app = typer.Typer()


@app.command()
def erase(
    ctx: typer.Context,
    conversation: Id,
    reason: Annotated[str, typer.Option(metavar="CODE", help="Why; it stays for ever.")],
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who; it stays for ever. Else your login.")
    ] = None,
    event: Annotated[
        int | None, typer.Option(min=1, metavar="VERSION", help="Only this event.")
    ] = None,
    branch: Branch = "",
    no_forks: Annotated[
        bool, typer.Option("--no-forks", help="Refuse if forks share its content.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Destroy what was said in a conversation, for good; that it was there stays."""

    async def work(at: Invocation) -> None:
        name = await find(at.log, conversation)
        who = by or login() or "unknown"
        if event is None:
            if branch:
                raise InvalidInputError("A branch is erased with its conversation: --event only.")
            count = (await Conversation(at.log, name).view(limit=0)).total
            confirm(
                f"Destroy {name} for good, all that was ever said in it ({count} items now)",
                yes=yes,
            )
            done = await erase_conversation(
                at.log, name, by=who, reason=reason, with_forks=not no_forks
            )
        else:
            confirm(f"Destroy the content of version {event} of {name} for good", yes=yes)
            done = await erase_event(at.log, name, event, by=who, reason=reason, branch=branch)
        _tell(at, done)

    run(ctx, work)


def _tell(at: Invocation, done: Erased) -> None:
    if at.out.as_json:
        at.out.line(done)
        return
    streams = sorted({stream.name for stream in done.streams})
    at.out.print(Text(f"Erased, by {done.by}, because of {done.reason}: {', '.join(streams)}"))
    hint = "`eventlog rebuild` makes the views anew, which keep words; then clean the database"
    at.out.print(Text(f"{hint}: docs/erasure.md", "dim"))


def confirm(question: str, *, yes: bool) -> None:
    """Ask whoever is there. Raises InvalidInputError unless they, or --yes, say so."""
    if yes:
        return
    if not is_somebody_there():
        raise InvalidInputError(f"{question}? Nobody is there to ask: say --yes.")
    sys.stderr.write(f"{question}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise InvalidInputError("Nothing was destroyed.")


def is_somebody_there() -> bool:
    """Tell whether a question would be seen."""
    return sys.stdin.isatty()
