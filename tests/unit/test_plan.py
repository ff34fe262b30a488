"""Which views go on next, up to where, and who waits: decided by checkpoints alone."""

from typing import Final

import pytest

from eventlog.views import Checkpoint
from eventlog_projections.views.plan import Range, fillable, gives_way, missing, plan

NOW: Final = 10_000_000
"""Microseconds."""


def at(
    position: int,
    name: str = "a",
    generation: int = 1,
    schema: int = 1,
    *,
    rate: int = 0,
    moved_at: int = NOW,
    serving: bool = True,
) -> Checkpoint:
    return Checkpoint(name, generation, schema, position, rate, moved_at, serving)


A, B, C = at(3), at(3, "b"), at(7, "c")


@pytest.mark.parametrize(
    ("points", "end", "expected"),
    [
        ([], 9, None),
        ([A], 3, None),
        ([A], 2, None),
        ([A], 9, Range((A,), 3, 9)),
        ([A, B], 9, Range((A, B), 3, 9)),
        ([C, A, B], 9, Range((A, B), 3, 7)),
        ([A, C], 5, Range((A,), 3, 5)),
        ([A, C], 7, Range((A,), 3, 7)),
        ([C, at(7, "d")], 9, Range((C, at(7, "d")), 7, 9)),
        ([at(0), C, at(5, "d")], 9, Range((at(0),), 0, 5)),
    ],
)
def test_those_furthest_behind_go_on_to_where_the_next_one_is(
    points: list[Checkpoint], end: int, expected: Range | None
) -> None:
    """Together, if they are at one position; nobody goes beyond the end."""
    assert plan(points, end) == expected


def test_all_views_reach_the_end_and_take_every_event_once() -> None:
    """Whatever they were behind, in as many ranges as there were positions."""
    points, ranges = {"a": at(0), "b": at(4, "b"), "c": at(4, "c"), "d": at(9, "d")}, []
    while (found := plan(list(points.values()), 9)) is not None:
        assert all(point.position == found.after for point in found.points)
        ranges.append((found.after, found.until))
        points |= {each.projection: each._replace(position=found.until) for each in found.points}
    assert ranges == [(0, 4), (4, 9)]
    assert {point.position for point in points.values()} == {9}


@pytest.mark.parametrize(
    ("points", "schemas", "expected"),
    [
        ([], {"a": 1}, []),
        ([at(1)], {}, []),
        ([at(1)], {"a": 1}, [at(1)]),
        ([at(1)], {"a": 2}, []),
        ([at(1), at(0, "a", 2, serving=False)], {"a": 1}, [at(1)]),
        ([at(0, "a", 2, serving=False), at(1)], {"a": 1}, [at(1)]),
        ([at(1, "a", 2), at(0, serving=False)], {"a": 1}, [at(1, "a", 2)]),
        ([at(1), at(0, "a", 2, 2, serving=False)], {"a": 2}, [at(0, "a", 2, 2, serving=False)]),
        (
            [at(5, "a", 3, 2, serving=False), at(0, "a", 2, 2, serving=False)],
            {"a": 2},
            [at(0, "a", 2, 2, serving=False)],
        ),
    ],
)
def test_code_fills_the_generation_of_its_schema_that_is_read_or_will_be(
    points: list[Checkpoint], schemas: dict[str, int], expected: list[Checkpoint]
) -> None:
    """One of each projection; of a schema that is only being filled, the first."""
    assert fillable(points, schemas) == expected


@pytest.mark.parametrize(
    ("points", "schemas", "expected"),
    [
        ([], {"a": 1, "b": 1}, ["a", "b"]),
        ([at(1)], {"a": 1, "b": 1}, ["b"]),
        ([at(1)], {"a": 2}, ["a"]),
        ([at(1), at(0, "a", 2, 2, serving=False)], {"a": 2}, []),
        ([at(1, schema=3)], {"a": 2}, []),
    ],
)
def test_a_projection_is_made_once_and_again_for_a_higher_schema(
    points: list[Checkpoint], schemas: dict[str, int], expected: list[str]
) -> None:
    """A later release's generation is left alone."""
    assert missing(points, schemas) == expected


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (at(95, "a", 2, rate=20, serving=False), True),
        (at(94, "a", 2, rate=20, serving=False), False),
        (at(101, "a", 2, rate=20, serving=False), False),
        (at(95, "a", 2, rate=20, moved_at=NOW - 1_000_001, serving=False), False),
        (at(95, "a", 2, rate=20, moved_at=NOW + 3_600_000_000, serving=False), False),
        (at(95, "b", 2, rate=20, serving=False), False),
        (at(95, "a", 2, rate=20), False),
    ],
)
def test_a_view_waits_for_a_generation_that_is_nearly_there(
    other: Checkpoint, expected: bool
) -> None:
    """Within a quarter of a second of its rate, if it moved within the last second.

    One that moves in the future does so by a clock that was put back since.
    """
    assert gives_way(at(100), [at(100), other], NOW) is expected
    assert not gives_way(at(100, serving=False), [at(100), other], NOW)
