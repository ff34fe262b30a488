"""Which revisions of the tables there are, and what a database that has one of them needs."""

from collections.abc import Mapping, Sequence
from typing import Final

from eventlog.errors import NotAnEventLogError, SchemaTooNewError, SchemaTooOldError

VERSION_TABLE: Final = "eventlog_version"
REVISIONS: Final = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0013",
    "0014",
)
"""Every revision ever released, oldest first; the last is what this release reads and writes."""

HEAD: Final = REVISIONS[-1]


def needs_migration(
    where: str,
    tables: Mapping[str, Sequence[str]],
    revision: str | None,
    *,
    upgrade: bool = False,
    beside: bool = False,
    create: bool = True,
) -> bool:
    """Tell whether the log has to be created, or upgraded where `upgrade` allows it.

    Other people's tables are a reason to stop, unless the log may stand `beside` them.
    Raises NotAnEventLogError, SchemaTooOldError or SchemaTooNewError.
    """
    if VERSION_TABLE not in tables:
        if tables and not beside:
            raise _not_ours(where, tables)
        if not create:
            raise NotAnEventLogError(f"{where} holds no event log. Is the name right?")
        return True
    if revision == HEAD:
        return False
    if revision not in REVISIONS:
        raise SchemaTooNewError(
            f"{where} has schema {revision}, which this release does not know; it knows up to"
            f" {HEAD}. Upgrade conversation-eventlog."
        )
    if not upgrade:
        raise SchemaTooOldError(
            f"{where} has schema {revision}, this release needs {HEAD}. Call migrate(), or open"
            " the log with migrate=True."
        )
    return True


def _not_ours(where: str, tables: Mapping[str, Sequence[str]]) -> NotAnEventLogError:
    names = sorted(tables)
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return NotAnEventLogError(
        f"{where} holds other tables ({shown}) and no event log. It was left untouched. Give the"
        " log a place of its own, or call migrate(..., beside=True) to create it beside them.",
        tables,
    )
