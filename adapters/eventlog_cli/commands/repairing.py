"""Mending what somebody broke who could write into the tables."""

from collections.abc import Sequence

import click

from eventlog.operations import Misplacement, repair_feed
from eventlog.plurals import count
from eventlog_cli.asking import confirm
from eventlog_cli.command import command, group
from eventlog_cli.options import YES
from eventlog_cli.running import Invocation, run
from eventlog_cli.showing.words import line, typed

repair = group("repair", "Mend what somebody broke by SQL.", no_args_is_help=True)


@command("feed", "eventlog repair feed", of=repair)
@YES
def feed(ctx: click.Context, yes: bool) -> None:
    """Mend positions of the feed that no event has a claim to (PostgreSQL, as the owner)."""

    async def work(at: Invocation) -> None:
        def agree(found: Sequence[Misplacement]) -> None:
            if not at.out.as_json:
                at.out.print(*[line(str(each)) for each in found])
            confirm(f"Mend the feed in {count(len(found), 'place')}", yes=yes)

        found, name = await repair_feed(at.log, agree=agree)
        told = "There is nothing to mend."
        if found:
            where = "" if name is None else f"; conversation {typed(name)} says what was there"
            told = f"{count(len(found), 'place')} mended{where}."
        places = [
            {**each._asdict(), "stream_id": each.stream_id.hex(), "says": str(each)}
            for each in found
        ]
        hint = "Run `eventlog rebuild` if views were made of it." if found else None
        at.out.answer({"mended": places, "record": name}, told, hint=hint)

    run(ctx, work)
