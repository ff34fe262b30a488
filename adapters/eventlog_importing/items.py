"""Decodes rows to items, and says of each other row why it is none. Pure."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from eventlog.errors import InvalidItemError
from eventlog.format.codec import decode_json, encode_json
from eventlog_importing.rows import Row

_ITEMS: Final = msgspec.json.Decoder()
_VALUES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class Run(NamedTuple):
    """Consecutive rows and their items; or one row that is no item, and why."""

    rows: Sequence[Row]
    items: list[Any]
    problem: str | None = None


class _Read(NamedTuple):
    row: Row
    item: Any
    problem: str | None


def runs(rows: Sequence[Row]) -> list[Run]:
    """Decode the rows, in order."""
    items = _decode_all(rows) if rows else None
    return list(_runs(_read(row) for row in rows)) if items is None else [Run(rows, items)]


def checked(rows: Sequence[Row], limit: int) -> list[Run]:
    """Decode the rows one by one; items that the log would refuse, over `limit` bytes, are none."""
    return list(_runs(_check(_read(row), limit) for row in rows))


def _decode_all(rows: Sequence[Row]) -> list[Any] | None:
    """Decode all rows as one array; None if they have to be decoded one by one."""
    array = b"[%b]" % b",".join([row.raw for row in rows])
    try:
        values = _VALUES.decode(array)
        items: list[Any] = _ITEMS.decode(array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    # Broken rows may be several values, or one value together.
    are_values = [bytes(value) for value in values] == [row.raw for row in rows]
    are_items = {dict} >= set(map(type, items)) and not any(row.problem for row in rows)
    return items if are_values and are_items else None


def _runs(read: Iterator[_Read]) -> Iterator[Run]:
    for problem, same in groupby(read, key=attrgetter("problem")):
        found = list(same)
        if problem is None:
            yield Run([one.row for one in found], [one.item for one in found])
        else:
            yield from (Run([one.row], [], problem) for one in found)


def _read(row: Row) -> _Read:
    if row.problem is not None:
        return _Read(row, None, row.problem)
    try:
        item = decode_json(row.raw)
    except ValueError:
        return _Read(row, None, "it is no JSON")
    return _Read(row, item, None if type(item) is dict else "it is JSON, but no object")


def _check(read: _Read, limit: int) -> _Read:
    if read.problem is not None:
        return read
    try:
        size = len(encode_json(read.item))
    except InvalidItemError:
        return read._replace(problem="it nests deeper than the log can keep an item")
    if size > limit:
        return read._replace(problem=f"it has {size} bytes; this log takes {limit}")
    return read
