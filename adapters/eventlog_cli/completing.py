"""Completes names of conversations for the shell."""

from typing import TYPE_CHECKING, Final

from eventlog.errors import EventLogError
from eventlog.visible import quoted
from eventlog_cli.settings import Settings

if TYPE_CHECKING:
    import click

COMPLETIONS: Final = 50
LATEST: Final = "latest"


def complete(ctx: "click.Context", _param: "click.Parameter", incomplete: str) -> list[str]:
    """Return names of conversations; none where the log cannot be read."""
    try:
        found = _found(ctx.find_object(Settings) or Settings(), incomplete)
    except (EventLogError, OSError):
        return []
    plain = [name for name in found if name == quoted(name)]  # A shell would act on the others.
    return [LATEST, *plain] if LATEST.startswith(incomplete) else plain


def _found(settings: Settings, incomplete: str) -> list[str]:
    import asyncio

    from eventlog_cli.lookups.finding import names

    async def ask() -> list[str]:
        async with settings.open() as log:
            return await names(log, incomplete, COMPLETIONS)

    return asyncio.run(ask())
