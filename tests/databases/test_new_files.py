"""A new SQLite file is made from frozen DDL: it is what the migrations make, and made at once."""

import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

from eventlog import EventLog, ItemsAdded
from eventlog.store.sqlite.making import made_in_memory
from eventlog.store.sqlite.migration import migrated_in_memory
from tests.waiting import PATIENCE

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
PRAGMAS = ("application_id", "user_version", "page_size", "auto_vacuum", "encoding")

FIRST = """
import asyncio, logging, sys
logging.basicConfig(level="DEBUG")
from eventlog import EventLog, ItemsAdded
async def main():
    async with EventLog(sys.argv[1]) as log:
        await log.append("a", ItemsAdded(["x"]))
asyncio.run(main())
print(sorted({"alembic", "sqlalchemy"} & {*sys.modules}))
"""


def told(content: bytes) -> list[object]:
    """Return all that a database consists of."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(content)
        pragmas = [db.execute(f"PRAGMA {name}").fetchone() for name in PRAGMAS]
        tables = [
            name
            for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if not name.startswith("sqlite_")
        ]
        rows = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in sorted(tables)}
        return [db.execute(SCHEMA).fetchall(), pragmas, rows]


def test_a_new_file_is_what_the_migrations_make() -> None:
    """Every table, index and trigger to the letter, every row and every setting of the file."""
    assert told(made_in_memory()) == told(migrated_in_memory())


def test_a_first_append_loads_no_alembic(tmp_path: Path) -> None:
    """Nor SQLAlchemy; and no line of theirs is in the program's log."""
    done = subprocess.run(
        [sys.executable, "-c", FIRST, str(tmp_path / "new.db")],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert done.stdout == "[]\n"
    assert "alembic" not in done.stderr


async def test_a_new_file_is_guarded_and_sound(tmp_path: Path) -> None:
    """As any other: verify finds neither a fault nor a warning."""
    async with EventLog(tmp_path / "new.db") as log:
        await log.append("a", ItemsAdded(["x"]))
        found = await log.verify()
    assert (found.faults, found.warnings) == ((), ())
