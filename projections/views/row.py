"""Rows of views: a frozen struct is a row, its class a table.

Columns are int, str, bytes, float or bool, or one of these or None.
"""

import types
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Union, get_args, get_origin, get_type_hints

import msgspec

from eventlog import InvalidInputError
from eventlog.views import ColumnSpec, TableSpec

_KINDS: Final = (int, str, bytes, float, bool)
_LARGEST: Final = 2**63 - 1


class Row(msgspec.Struct, frozen=True):
    """Base of all rows.

    The first column of the key says which rows belong together: it is an attribute of `Step`, and a
    fold sees the rows of its step only.
    """

    table: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    indexes: ClassVar[tuple[tuple[str, ...], ...]] = ()
    searched: ClassVar[str | None] = None
    """The column that can be searched."""
    readable: ClassVar[str | None] = None
    """The name under which any SQL client sees the rows."""
    is_shown: ClassVar[bool] = True
    is_read: ClassVar[bool] = True
    """Whether the fold asks for rows that it wrote; without it they cost less."""


class Shape:
    """What a class of rows is to a database."""

    def __init__(self, kind: type[Row]) -> None:
        self.kind: Final = kind
        self.spec: Final = TableSpec(
            kind.table,
            tuple(_columns(kind)),
            kind.key,
            kind.indexes,
            kind.searched,
            kind.readable,
            kind.is_shown,
        )
        names = [column.name for column in self.spec.columns]
        unknown = {*kind.key, *(name for index in kind.indexes for name in index)} - set(names)
        if unknown or not kind.key:
            raise InvalidInputError(f"{kind.__name__} has no column {sorted(unknown) or 'as key'}.")
        self.partition: Final = kind.key[0]
        self._names = names
        self._key = [names.index(name) for name in kind.key]
        self._flags = [column.name for column in self.spec.columns if column.type is bool]
        self._checks = [_CHECKS[column.type] for column in self.spec.columns]
        self._nullable = [column.is_nullable for column in self.spec.columns]

    def key_of(self, stored: Sequence[Any]) -> tuple[Any, ...]:
        """Return the key of a row as it is stored."""
        return tuple([stored[number] for number in self._key])

    def dump(self, row: Row) -> tuple[Any, ...]:
        """Return a row as it is stored. Raises InvalidInputError for what no column holds."""
        values = msgspec.structs.astuple(row)
        return tuple(
            [
                None if value is None and may_be_none else check(value)
                for value, check, may_be_none in zip(
                    values, self._checks, self._nullable, strict=True
                )
            ]
        )

    def load(self, stored: Sequence[Any]) -> Row:
        """Return a stored row."""
        values = dict(zip(self._names, stored, strict=True))
        for name in self._flags:
            values[name] = bool(values[name])
        return self.kind(**values)


def _columns(kind: type[Row]) -> list[ColumnSpec]:
    hints = get_type_hints(kind)
    return [_column(kind, name, hints[name]) for name in kind.__struct_fields__]


def _column(kind: type[Row], name: str, hint: Any) -> ColumnSpec:
    options = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    wanted = [option for option in options if option is not type(None)]
    if len(wanted) != 1 or wanted[0] not in _KINDS:
        raise InvalidInputError(f"Column {name} of {kind.__name__} cannot be {hint}.")
    return ColumnSpec(name, wanted[0], len(options) > 1)


def clean(text: str) -> str:
    """Return text as both databases take it: without NUL and lone surrogates."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _text(value: Any) -> str:
    if type(value) is not str:
        raise _wrong(value)
    return clean(value)


def _number(value: Any) -> int:
    if type(value) is not int or not -_LARGEST <= value <= _LARGEST:
        raise _wrong(value)
    return value


def _flag(value: Any) -> int:
    if type(value) is not bool:
        raise _wrong(value)
    return int(value)


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise _wrong(value)
    return value


def _float(value: Any) -> float:
    if type(value) is not float:
        raise _wrong(value)
    return value


def _wrong(value: Any) -> InvalidInputError:
    return InvalidInputError(f"a {type(value).__name__} does not go into its column")


_CHECKS: Final[dict[type[Any], Callable[[Any], Any]]] = {
    int: _number,
    str: _text,
    bytes: _bytes,
    float: _float,
    bool: _flag,
}
