"""What guards the file of a log: its triggers, constraints and indexes, and SQLite's own check."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Final

from eventlog.errors import UnavailableError
from eventlog.store.contract.guards import Damage
from eventlog.store.nouns.work import Ask, Noun, Rows, Work, examines, reads
from eventlog.store.sqlite.generated import MADE
from eventlog.store.sqlite.protection import OBJECTS, Object

MOST: Final = 20
"""Maximum number of places in one table where an index is told to disagree with it."""

CHECKED: Final = ("events", "streams", "keys", "tree", "tree_heads")
"""What the log is; the other tables are made anew from these."""

_OF_VALUES: Final = re.compile(r"CHECK constraint failed in |\S+ value in ")
"""What some releases said of sound values, too. The hashes tell of those that were changed."""

_UNINDEXED: Final = re.compile(r"row (\d+) missing from index events_")
_SOUND: Final = "ok"


class SqliteGuards(Noun):
    """A GuardSource."""

    @reads
    def lost(self) -> Work[list[str]]:
        there = {(row[0], row[1]): Object(*row[2:]) for row in (yield Ask(OBJECTS))}
        return compare(MADE, there)

    async def damage(self) -> list[Damage]:
        """Ask for each table; of one that SQLite gives up on, that is what is known."""
        found: list[Damage] = []
        for table in CHECKED:
            try:
                found += await self._check(table)
            except UnavailableError as error:
                if not _is_of_pages(error):
                    raise
                found.append(Damage(f"table {table}: {error.__cause__}"))
        return found

    @examines
    def _check(self, table: str) -> Work[list[Damage]]:
        """See https://sqlite.org/pragma.html#pragma_integrity_check."""
        rows: Rows = yield Ask(f"PRAGMA integrity_check({table})")
        said = [row[0] for row in rows if row[0] != _SOUND and not _OF_VALUES.match(row[0])]
        return [_damage(table, each) for each in said[:MOST]]


def compare(
    wanted: Mapping[tuple[str, str], Object], there: Mapping[tuple[str, str], Object]
) -> list[str]:
    """Return what is not there as it is wanted, a sentence each."""
    lost: list[str] = []
    for (kind, name), own in wanted.items():
        found = there.get((kind, name))
        which = f"{kind} {name}" + (f" on {own.table}" if kind != "table" else "")
        if found is None:
            lost.append(f"{which} is missing")
        elif not found.is_like(own):
            what = "a column or a constraint of it is" if kind == "table" else "it is"
            lost.append(f"{which} is not as this release makes it: {what} missing or changed")
    return lost


def _is_of_pages(error: UnavailableError) -> bool:
    code: int = getattr(error.__cause__, "sqlite_errorcode", 0)
    return code & 0xFF == sqlite3.SQLITE_CORRUPT


def _damage(table: str, said: str) -> Damage:
    """Read what SQLite says. The number of a row of `events` is its position."""
    row = _UNINDEXED.match(said) if table == "events" else None
    return Damage(f"table {table}: {' '.join(said.split())}", int(row[1]) if row else None)
