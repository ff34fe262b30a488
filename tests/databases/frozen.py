"""Writes eventlog/store/sqlite/frozen.py: `python -m tests.databases.frozen`."""

from pathlib import Path
from typing import Any, Final

from eventlog.store.sql.log import compiled
from eventlog.store.sql.statement import Statement
from eventlog.store.sqlite import statements as sqlite_sql
from eventlog.store.sqlite.statements import Frozen

FILE: Final = Path(__file__).parents[2] / "eventlog" / "store" / "sqlite" / "frozen.py"

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
