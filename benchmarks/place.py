"""Where scenarios work and with what: one folder, one server, the same items for everybody."""

from pathlib import Path
from typing import Any, Final, NamedTuple

OURS: Final = "EventLogSession"

_WORDS: Final = "the order you asked about left our warehouse on Monday and will arrive soon "


class Place(NamedTuple):
    """Where a scenario may put its files, and a PostgreSQL that keeps what it acknowledges."""

    folder: Path
    postgres_url: str


def items(count: int) -> list[Any]:
    """Return items of 400 bytes, user and assistant in turn."""
    roles = ("user", "assistant")
    return [
        {"role": roles[number % 2], "content": f"{number} {_WORDS * 5}"[:360]}
        for number in range(count)
    ]
