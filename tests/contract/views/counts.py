"""The smallest view: how many items a conversation ever got."""

from collections.abc import Iterator
from typing import Any

from eventlog import EventLog, ItemsAdded
from eventlog_projections.views import Projection, Row, Rows, Step, Views, Written


class Count(Row, frozen=True):
    """How many items a conversation ever got."""

    table = "counts"
    key = ("stream_id",)
    readable = "counts"

    stream_id: bytes
    items: int


def count(step: Step, rows: Rows) -> Iterator[Written]:
    before = rows.get(Count)
    for item in step.items:
        if item == "poison":
            raise ValueError(item)
    yield Count(step.stream_id, len(step.items) + (before.items if before else 0))


COUNTS = Projection("counts", 1, (Count,), count)


async def counted(views: Views, **options: Any) -> list[int]:
    rows = await views.select(Count, {}, order=("items", "stream_id"), **options)
    return [row.items for row in rows]


async def fill(log: EventLog, events: int, names: int = 3) -> None:
    for number in range(events):
        await log.append(f"chat-{number % names}", ItemsAdded([{"role": "user", "content": "hi"}]))
