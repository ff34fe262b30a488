"""What is decided about views by their checkpoints alone: who goes on, where to, and who waits.

Pure: no database and no clock. A checkpoint says where one generation of a projection is.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from eventlog.views import Checkpoint

NEAR: Final = 0.25
"""Maximum time, in seconds, that a generation needs to where the view is, for the view to wait."""

PATIENCE: Final = 1.0
"""Seconds after its last move until a generation is not waited for any more."""

Key = tuple[str, int]
"""A projection's name, and a generation of it."""


class Range(NamedTuple):
    """Views at one position, and the events that they take next: after < position <= until."""

    points: tuple[Checkpoint, ...]
    after: int
    until: int


def plan(points: Sequence[Checkpoint], end: int, alone: Collection[Key] = ()) -> Range | None:
    """Return which views go on next, and up to where, in a feed with an `end`; None: all are there.

    Those that are furthest behind go first, together, up to where the next one is; those of `alone`
    each by itself.
    """
    after = min((point.position for point in points), default=end)
    if after >= end:
        return None
    ahead = [point.position for point in points if point.position > after]
    first = tuple(point for point in points if point.position == after)
    single = [point for point in first if point.key in alone]
    return Range(tuple(single[:1]) or first, after, min([*ahead, end]))


def fillable(points: Iterable[Checkpoint], schemas: Mapping[str, int]) -> list[Checkpoint]:
    """Return the generation of each projection that code with these schema numbers can fill.

    It is the one that is read, or the first of the schema that will be.
    """
    found: dict[str, Checkpoint] = {}
    for point in sorted(points, key=lambda point: point.key):
        name = point.projection
        if schemas.get(name) == point.schema:
            if point.is_serving:
                found[name] = point
            found.setdefault(name, point)
    return list(found.values())


def missing(points: Iterable[Checkpoint], schemas: Mapping[str, int]) -> list[str]:
    """Return the projections that have no generation of this schema yet, nor of a later one."""
    newest: dict[str, int] = {}
    for point in points:
        newest[point.projection] = max(point.schema, newest.get(point.projection, 0))
    return [name for name, schema in schemas.items() if newest.get(name, 0) < schema]


def gives_way(point: Checkpoint, points: Iterable[Checkpoint], now: int) -> bool:
    """Tell whether a view waits for a generation that is filled beside it and is nearly there.

    Without that a generation might never reach a view that others keep moving. `now` is in
    microseconds. One that moved long ago is not waited for, nor one that moves in the future: a
    clock was put back.
    """
    patience = int(PATIENCE * 1_000_000)
    return point.is_serving and any(
        abs(now - other.moved_at) <= patience
        and 0 <= point.position - other.position <= other.rate * NEAR
        for other in points
        if other.projection == point.projection and not other.is_serving
    )
