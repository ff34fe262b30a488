"""Writes eventlog/store/frozen.py: `python -m tests.frozen`."""

from pathlib import Path
from typing import Any, Final

from eventlog.store import sqlite_sql
from eventlog.store.sql import compiled
from eventlog.store.sqlite_sql import Frozen
from eventlog.store.statement import Statement

FILE: Final = Path(__file__).parents[1] / "eventlog" / "store" / "frozen.py"

HEAD: Final = '''"""What SQLAlchemy makes of the statements of SQLite. Written by tests/frozen.py.

For each owner, its statements: the text, and the names and defaults of its parameters in order.
"""

from typing import Any, Final

FROZEN: Final[dict[str, dict[str, tuple[str, tuple[tuple[str, Any], ...]]]]] = {
'''


def text() -> str:
    """Return what the file has to hold."""
    parts = [HEAD]
    for frozen in vars(sqlite_sql).values():
        if isinstance(frozen, Frozen):
            parts.append(f"    {frozen.owner!r}: {{\n")
            parts += [f"        {line},\n" for line in _statements(frozen)]
            parts.append("    },\n")
    return "".join([*parts, "}\n"])


def _statements(frozen: Frozen) -> list[str]:
    built = frozen.build()
    names = [name for name in dir(built) if isinstance(getattr(type(built), name, None), compiled)]
    return [f"{name!r}: {_plain(getattr(built, name))!r}" for name in names]


def _plain(statement: Statement) -> tuple[str, tuple[tuple[str, Any], ...]]:
    """Return a statement without words that only their own class knows."""
    return statement.text, tuple(
        (name, str(default) if isinstance(default, str) else default)
        for name, default in statement.parameters
    )


if __name__ == "__main__":
    FILE.write_text(text(), "utf-8")
