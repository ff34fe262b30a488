"""Rows of views: a frozen struct is a row, its class a table.

Columns are int, str, bytes, float or bool, or one of these or None.
"""

import hashlib
import math
import operator
import struct
import types
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import astuple

from eventlog import InvalidInputError
from eventlog.errors import UnfitRowError
from eventlog.format.names import check_columns, check_identifier, check_table
from eventlog.views import ColumnSpec, TableSpec
from eventlog_projections.views.searching.words import spaced_words

_KINDS: Final = (int, str, bytes, float, bool)
_LARGEST: Final = 2**63 - 1

MAX_INDEXED: Final = 2500
"""Bytes of the columns of a key, or of an index: PostgreSQL takes 2,704 with what it adds."""

_SMALL: Final = 500
"""Characters, of at most four bytes, that fit into any index together with its numbers."""


DIGEST_BYTES: Final = 16


def digest_of(text: str) -> bytes:
    """Return what a free text is known by in keys and indexes: they hold no text of any length."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:DIGEST_BYTES]


class Row(msgspec.Struct, frozen=True, gc=False):
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
        check_table(kind.table)
        check_columns(kind.__struct_fields__)
        if kind.readable is not None:
            check_identifier("readable", kind.readable)
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
        columns = list(enumerate(self.spec.columns))
        names = [column.name for column in self.spec.columns]
        unknown = {*kind.key, *(name for index in kind.indexes for name in index)} - set(names)
        if unknown or not kind.key:
            raise InvalidInputError(f"{kind.__name__} has no column {sorted(unknown) or 'as key'}.")
        self._text: Final = None if kind.searched is None else names.index(kind.searched)
        self.partition: Final = kind.key[0]
        self._names = names
        self.key_of: Final = _picker([names.index(name) for name in kind.key])
        """Returns the key of a row, from its columns."""
        self._flags = [column.name for column in self.spec.columns if column.type is bool]
        sure = [n for n, column in columns if column.type is int and not column.is_nullable]
        self._texts = [n for n, column in columns if column.type is str]
        self._others = [
            (n, _DUMPS[column.type])
            for n, column in columns
            if column.type in _DUMPS and n not in sure
        ]
        self._sure = sure
        self._pick_texts = _picker(self._texts)
        self._pick_sure = _picker(sure)
        self._fit = struct.Struct(f"{len(sure)}q").pack
        self._kinds: tuple[type[Any], ...] = ()
        self._right: set[tuple[type[Any], ...]] = set()
        self._indexed = [[names.index(n) for n in index] for index in (kind.key, *kind.indexes)]
        types = {n: column.type for n, column in columns}
        everywhere = {n for index in self._indexed for n in index}
        self._sized = [n for n in sorted(everywhere) if types[n] in (str, bytes)]
        self._floats = [n for n, column in columns if column.type is float]
        self._key_texts = [n for n in self._indexed[0] if types[n] is str]
        self._key_numbers = [n for n in self._indexed[0] if types[n] is int]

    def columns(self, row: Row) -> tuple[Any, ...]:
        """Return the columns of a row. Raises UnfitRowError for a value that none can hold."""
        values = astuple(row)
        kinds = tuple(map(type, values))
        if kinds != self._kinds:  # Which costs less than to look them up.
            self._check_kinds(kinds)
        for n in self._floats:
            if values[n] is not None and math.isnan(values[n]):
                raise UnfitRowError(f"{self.kind.__name__} holds NaN, which SQLite takes for NULL.")
        return values

    def _check_kinds(self, kinds: tuple[type[Any], ...]) -> None:
        if kinds not in self._right:
            for kind, column in zip(kinds, self.spec.columns, strict=True):
                if kind is not column.type and not (column.is_nullable and kind is type(None)):
                    raise UnfitRowError(
                        f"Column {column.name} of {self.kind.__name__} cannot hold {kind.__name__}."
                    )
            self._right.add(kinds)
        self._kinds = kinds

    def check_indexed(self, values: Sequence[Any]) -> None:
        """Refuse what no index holds, and a key that would be stored as another one.

        Raises UnfitRowError.
        """
        size = 0
        for n in self._sized:
            size += len(values[n] or "")
        if size > _SMALL and any(
            sum(_size(values[n]) for n in index) > MAX_INDEXED for index in self._indexed
        ):
            raise UnfitRowError(
                f"The key or an index of {self.kind.__name__} holds at most {MAX_INDEXED} bytes."
                " Key and index a digest."
            )
        for n in self._key_texts:
            text = values[n]
            if text and (not text.isascii() or "\0" in text) and _text(text) != text:
                raise UnfitRowError(
                    f"The key of {self.kind.__name__} holds NUL or a lone surrogate."
                )
        for n in self._key_numbers:
            if values[n] is not None and not -_LARGEST <= values[n] <= _LARGEST:
                raise UnfitRowError(f"The key of {self.kind.__name__} holds over 64 bits.")

    def dump(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the columns as both databases take them, and the words of a searched one.

        Text loses NUL and lone surrogates; a number that has no 64 bits is the largest that has.
        """
        dumped = list(values)
        for number, dump in self._others:
            dumped[number] = dump(values[number])
        # Rows that need no care are told from the others without a call for each column.
        texts = "".join(filter(None, self._pick_texts(values)))
        if not texts.isascii() or "\0" in texts:
            for number in self._texts:
                dumped[number] = _text(values[number])
        try:
            self._fit(*self._pick_sure(values))
        except struct.error:
            for number in self._sure:
                dumped[number] = _number(values[number])
        if self._text is not None:
            dumped.append(spaced_words(dumped[self._text]))
        return tuple(dumped)

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


def _picker(numbers: Sequence[int]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    """Return what picks some columns of a row."""
    if len(numbers) > 1:
        return operator.itemgetter(*numbers)
    if len(numbers) == 1:
        (only,) = numbers
        return lambda values: (values[only],)
    return lambda values: tuple(values[number] for number in numbers)


def _size(value: Any) -> int:
    """Return how many bytes a value takes in an index of PostgreSQL."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return len(value) if isinstance(value, bytes) else 8


def _text(text: str | None) -> str | None:
    if text is None:
        return None
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def _number(number: int | None) -> int | None:
    return number if number is None else max(-_LARGEST, min(number, _LARGEST))


def _flag(flag: bool | None) -> int | None:  # noqa: FBT001 - it is what is dumped
    return None if flag is None else int(flag)


_DUMPS: Final[dict[type[Any], Callable[[Any], Any]]] = {int: _number, bool: _flag}
