"""A statement that is ready for the driver, and names and texts as SQL spells them."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

SCHEMA: Final = "__schema__"
"""Stands for the schema in PostgreSQL's generated statements."""


class Statement(NamedTuple):
    """SQL text for the driver, and its positional arguments in order: name and default."""

    text: str
    parameters: tuple[tuple[str, Any], ...]

    def args(self, values: Mapping[str, Any]) -> list[Any]:
        """Put named values in the driver's order."""
        return [values.get(name, default) for name, default in self.parameters]

    def of_schema(self, schema: str) -> "Statement":
        """Put the name of a schema in place of SCHEMA: quoted in the text, plain as an argument."""
        return Statement(
            self.text.replace(SCHEMA, quoted(schema)),
            tuple(
                (name, schema if default == SCHEMA else default)
                for name, default in self.parameters
            ),
        )


class Statements:
    """The statements of a noun as attributes; `names.py` says which there are.

    One is put over the tables of `schema`, if there is one, when it is first asked for: there are
    hundreds, and most programs run few. Rule: look one up when it is to run, not before: opening a
    log tells whether it is distributed.
    """

    is_distributed = False

    def __init__(self, known: Mapping[str, Statement], schema: str | None = None) -> None:
        self._known = known
        self._schema = schema

    def distribute(self, known: Mapping[str, Statement]) -> None:
        """Take the place of those that a distributed log runs otherwise."""
        self._known = {**self._known, **known}
        for name in known:
            vars(self).pop(name, None)
        self.is_distributed = True

    def every(self) -> dict[str, Statement]:
        """Return all of them, by name."""
        return {name: getattr(self, name) for name in self._known}

    if not TYPE_CHECKING:  # What names.py does not declare is an error.

        def __getattr__(self, name: str) -> Statement:
            statement = vars(self).get("_known", {}).get(name)
            if statement is None:
                raise AttributeError(f"{type(self).__name__} has no {name!r}")
            if self._schema is not None:
                statement = statement.of_schema(self._schema)
            vars(self)[name] = statement
            return statement


def plain(text: str, names: Iterable[str] = ()) -> Statement:
    """Return a statement whose parameters have no defaults."""
    return Statement(text, tuple((name, None) for name in names))


def quoted(name: str) -> str:
    """Return a name as an SQL identifier, whatever characters it has."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as a literal of PostgreSQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"
