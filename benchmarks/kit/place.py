"""Where scenarios work and with what: one folder, the servers, the same items for everybody."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from pydoc_data.topics import topics
from typing import Any, Final, NamedTuple

OURS: Final = "EventLogSession"
SQLITE: Final = "SQLiteSession"
ASYNC_SQLITE: Final = "AsyncSQLiteSession"
ADVANCED_SQLITE: Final = "AdvancedSQLiteSession"
SQLALCHEMY: Final = "SQLAlchemySession"
REDIS: Final = "RedisSession"
EVENTSOURCING: Final = "eventsourcing"

_TEXT: Final = " ".join(" ".join(topics.values()).encode("ascii", "ignore").decode().split())
"""English text that is wherever Python is; a repeated sentence would compress like nothing real."""

_LENGTH: Final = 345


class Scale(NamedTuple):
    """How much there is of everything."""

    rounds: int
    seconds: float
    """After which a scenario does not wait for more rounds than it must."""
    hurry: int
    writers: tuple[int, ...]
    lengths: tuple[int, ...]
    log: int
    feed: int
    limited: tuple[int, ...]
    clears: int
    past: int
    turns: int
    file: int
    large: int
    rewound: int
    imported: int
    viewed: int
    undone: tuple[int, int]
    searched: int
    nodes: tuple[int, ...]


FULL: Final = Scale(
    rounds=9,
    seconds=8,
    hurry=1,
    writers=(1, 4, 16, 50),
    lengths=(10, 100, 1_000, 10_000),
    log=1_000_000,
    feed=100_000,
    limited=(100, 1_000, 10_000, 100_000),
    clears=100,
    past=100_000,
    turns=1_000,
    file=10_000,
    large=100,
    rewound=100_000,
    imported=10_000,
    viewed=20_000,
    undone=(100, 10_000),
    searched=200_000,
    nodes=(100_000, 1_000_000, 10_000_000),
)

QUICK: Final = Scale(
    rounds=3,
    seconds=2,
    hurry=5,
    writers=(50,),
    lengths=(1_000, 10_000),
    log=100_000,
    feed=10_000,
    limited=(100, 1_000, 10_000),
    clears=10,
    past=10_000,
    turns=100,
    file=2_000,
    large=10,
    rewound=10_000,
    imported=1_000,
    viewed=5_000,
    undone=(100, 2_000),
    searched=20_000,
    nodes=(2_000, 20_000),
)


class Note(NamedTuple):
    """A figure by itself."""

    what: str
    which: str
    value: float
    unit: str


@dataclass(frozen=True)
class Place:
    """Where a scenario may put its files, and servers that keep what they acknowledge.

    `track(title, total)` shows work in the progress bar and returns what to call as it advances.
    """

    folder: Path
    postgres_url: str
    redis_url: str
    scale: Scale
    track: Callable[[str, int], Callable[[int], None]]
    notes: list[Note] = field(default_factory=list[Note])


def items(count: int) -> list[Any]:
    """Return items of about 400 bytes, user and assistant in turn."""
    roles = ("user", "assistant")
    last = len(_TEXT) - _LENGTH
    starts = [number * _LENGTH % last for number in range(count)]
    return [
        {"role": roles[number % 2], "content": f"{number} {_TEXT[start : start + _LENGTH]}"}
        for number, start in enumerate(starts)
    ]
