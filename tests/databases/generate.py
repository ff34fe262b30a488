"""Writes the statements that SQLAlchemy Core compiles to: `python -m tests.databases.generate`.

They are what the functions of `eventlog/store/sql` build that are marked with their databases.
"""

import contextlib
import importlib
import pkgutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

from eventlog.store import sql
from eventlog.store.sql.compiling import compiled, marked
from eventlog.store.sql.schema import Dialect, Tables
from eventlog.store.sql.statement import SCHEMA, Statement
from eventlog.store.sqlite.migration import migrated_in_memory
from eventlog.store.sqlite.protection import guards

STORE: Final = Path(__file__).parents[2] / "eventlog" / "store"
SCHEMAS: Final[dict[Dialect, str | None]] = {"sqlite": None, "postgresql": SCHEMA}
_OBJECT: Final = "from eventlog.store.sqlite.protection import Object\n"
WRITTEN: Final = "Written by tests/databases/generate.py."


class Noun(NamedTuple):
    """The statements of a noun: those of modules of `eventlog.store.sql`."""

    name: str
    what: str
    modules: tuple[str, ...]
    constant: str

    def statements(self, dialect: Dialect, *, distributed: bool = False) -> dict[str, Statement]:
        """Compile, in the order of the names."""
        tables = Tables(dialect, SCHEMAS[dialect], distributed=distributed)
        built = {
            name: build(tables)
            for module in self.modules
            for name, build in marked(of_sql(module), dialect).items()
        }
        return {name: _plain(compiled(built[name], dialect)) for name in sorted(built)}

    def distributed(self) -> dict[str, Statement]:
        """Compile those that a distributed log runs otherwise."""
        plain = self.statements("postgresql")
        every = self.statements("postgresql", distributed=True)
        return {name: own for name, own in every.items() if own != plain[name]}


NOUNS: Final = (
    Noun("Log", "streams and their events", ("log", "append"), "LOG"),
    Noun("Erasure", "erasures", ("erasures",), "ERASURES"),
    Noun("Snapshot", "snapshots", ("snapshots",), "SNAPSHOTS"),
    Noun("Key", "data keys", ("keys",), "KEYS"),
    Noun("Feed", "the feed", ("feed", "placing"), "FEED"),
    Noun("Tree", "the tree", ("tree",), "TREE"),
    Noun("Violation", "what contradicts the events", ("violations",), "VIOLATIONS"),
    Noun("Checkpoint", "checkpoints and dead letters", ("views",), "VIEWS"),
)


def of_sql(name: str) -> ModuleType:
    """Import a module of statements."""
    return importlib.import_module(f"{sql.__name__}.{name}")


def modules() -> list[str]:
    """Return the names of all modules of `eventlog.store.sql`."""
    return [module.name for module in pkgutil.iter_modules(sql.__path__)]


def files() -> dict[Path, str]:
    """Return what each generated file has to hold."""
    return {
        STORE / "sql" / "names.py": _names(),
        STORE / "sqlite" / "generated.py": _texts("sqlite", "SQLite", _OBJECT) + _made(),
        STORE / "postgres" / "generated.py": _texts("postgresql", "PostgreSQL") + _distributed(),
    }


def _made() -> str:
    """Return tables, indexes and triggers as the migrations make them in a new file."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(migrated_in_memory())
        every = guards(db)
    parts = [f"    {key!r}: Object({own.table!r}, {own.sql!r}),\n" for key, own in every.items()]
    return "".join(["MADE: Final = {\n", *parts, "}\n"])


def _distributed() -> str:
    parts = ["DISTRIBUTED: Final[dict[str, dict[str, Statement]]] = {\n"]
    for noun in NOUNS:
        if noun.distributed():
            parts.append(f"    {noun.constant!r}: {{\n")
            parts += [f"    {line}" for line in _lines(noun.distributed())]
            parts.append("    },\n")
    return "".join([*parts, "}\n"])


def _texts(dialect: Dialect, name: str, imported: str = "") -> str:
    parts = [
        f'"""What SQLAlchemy makes of the statements of {name}. {WRITTEN}"""\n\n',
        "from typing import Final\n\n",
        f"from eventlog.store.sql.statement import Statement\n{imported}\n",
    ]
    for noun in NOUNS:
        parts.append(f"{noun.constant}: Final = {{\n")
        parts += _lines(noun.statements(dialect))
        parts.append("}\n")
    return "".join(parts)


def _lines(statements: Mapping[str, Statement]) -> list[str]:
    return [
        f"    {key!r}: Statement({each.text!r}, {each.parameters!r}),\n"
        for key, each in statements.items()
    ]


def _names() -> str:
    parts = [
        f'"""The statements of each noun by name, as types. {WRITTEN}"""\n\n',
        "from eventlog.store.sql.statement import Statement, Statements\n",
    ]
    for noun in NOUNS:
        sqlite, postgres = (noun.statements(dialect).keys() for dialect in SCHEMAS)
        both = sqlite & postgres
        own = f"{noun.name}Statements"
        parts.append(_class(own, "Statements", f"Statements of {noun.what}.", both))
        for database, names in (("Sqlite", sqlite - both), ("Postgres", postgres - both)):
            if names:
                what = f"Those that only {database.replace('gres', 'greSQL')} has, too."
                parts.append(
                    _class(f"{database}{own}", own, what.replace("Sqlite", "SQLite"), names)
                )
    return "".join(parts)


def _class(name: str, base: str, what: str, names: set[str]) -> str:
    lines = "".join(f"    {each}: Statement\n" for each in sorted(names))
    return f'\n\nclass {name}({base}):\n    """{what}"""\n\n{lines}'


def _plain(statement: Statement) -> Statement:
    """Put a statement on one line, and take defaults as what they are: str, not an enum."""
    return Statement(
        " ".join(statement.text.split()),
        tuple(
            (name, str(default) if isinstance(default, str) else default)
            for name, default in statement.parameters
        ),
    )


if __name__ == "__main__":
    for file, content in files().items():
        file.write_text(content, "utf-8")
