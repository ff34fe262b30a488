"""Mending what somebody broke who could write into the tables."""

from collections.abc import Sequence

import typer
from rich.text import Text

from eventlog.operations import Misplacement, repair_feed
from eventlog_cli.asking import confirm
from eventlog_cli.options import Yes
from eventlog_cli.running import Invocation, run

app = typer.Typer()
repair = typer.Typer(no_args_is_help=True, help="Mend what somebody broke by SQL.")
app.add_typer(repair, name="repair")


@repair.command()
def feed(ctx: typer.Context, yes: Yes = False) -> None:
    """Mend positions of the feed that no event has a claim to (PostgreSQL, as the owner)."""

    async def work(at: Invocation) -> None:
        def agree(found: Sequence[Misplacement]) -> None:
            if not at.out.as_json:
                at.out.print(*[Text(str(each)) for each in found])
            confirm(f"Mend the feed in {len(found)} places", yes=yes)

        found, name = await repair_feed(at.log, agree=agree)
        told = "There is nothing to mend."
        if found:
            where = "" if name is None else f"; conversation {name!r} says what was there"
            told = f"{len(found)} places mended{where}."
        places = [
            {**each._asdict(), "stream_id": each.stream_id.hex(), "says": str(each)}
            for each in found
        ]
        hint = "Run `eventlog rebuild` if views were made of it" if found else None
        at.out.answer({"mended": places, "record": name}, Text(told), hint=hint)

    run(ctx, work)
