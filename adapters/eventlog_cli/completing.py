"""Completes names of conversations for the shell."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from eventlog.errors import EventLogError
from eventlog.visible import quoted
from eventlog_cli.catalogue import TAKES_ID
from eventlog_cli.settings import Settings

if TYPE_CHECKING:
    import click

COMPLETIONS: Final = 50
LATEST: Final = "latest"


QUOTING: Final = frozenset("\"'\\$`")

FORMS: Final[dict[str, Callable[[str], str]]] = {
    "bash": lambda name: f"plain,{name}\n",
    "zsh": lambda name: f"plain\n{name}\n_\n",
}
"""How click answers each shell."""


def complete_at_once(environment: Mapping[str, str]) -> str | None:
    """Return what a shell is told of a name that is typed, without loading what reads options.

    None where it is something else that is completed, or the log has to be opened.
    """
    form = FORMS.get(environment["_EVENTLOG_COMPLETE"].partition("_")[0])
    typed, number = environment.get("COMP_WORDS", ""), environment.get("COMP_CWORD", "")
    words = typed.split()
    if form is None or not number.isdigit() or QUOTING & set(typed):
        return None
    before, incomplete = words[1 : int(number)], "".join(words[int(number) :][:1])
    if len(before) != 1 or before[0] not in TAKES_ID or incomplete.startswith("-"):
        return None
    settings = Settings()
    try:
        found = _in_a_file(settings, incomplete)
    except EventLogError:
        found = []
    return None if found is None else "".join(map(form, _for_a_shell(found, incomplete)))


def _in_a_file(settings: Settings, beginning: str) -> list[str] | None:
    """Return names in a SQLite log; None where the log is elsewhere."""
    if "://" in settings.address or settings.address == ":memory:":
        return None
    from eventlog.store.sqlite.beginnings import names_in_file

    return names_in_file(settings.address, settings.tenant, beginning, COMPLETIONS)


def complete(ctx: "click.Context", _param: "click.Parameter", incomplete: str) -> list[str]:
    """Return names of conversations; none where the log cannot be read."""
    try:
        found = _found(ctx.find_object(Settings) or Settings(), incomplete)
    except (EventLogError, OSError):
        return []
    return _for_a_shell(found, incomplete)


def _for_a_shell(found: list[str], incomplete: str) -> list[str]:
    """Return names as a shell takes them; it would act on others."""
    plain = [name for name in found if name == quoted(name)]
    return [LATEST, *plain] if LATEST.startswith(incomplete) else plain


def _found(settings: Settings, incomplete: str) -> list[str]:
    import asyncio

    from eventlog_cli.lookups.finding import names

    async def ask() -> list[str]:
        async with settings.open() as log:
            return await names(log, incomplete, COMPLETIONS)

    return asyncio.run(ask())
