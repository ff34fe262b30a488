"""Bytes written to disk by the first turns of a conversation and by as many after them.

Counted are the frames that SQLite appends to its WAL: every page, each time that it was changed.
What checkpoints copy from there into the file is not counted; it is at most as much again. The
number of frames stands in the index of the WAL beside the file (sqlite.org/walformat.html).
"""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.kit.place import Place, Scale, items
from benchmarks.kit.scenario import Bar, Count, Scenario
from eventlog import EventLog
from eventlog_openai_agents import EventLogSession

_INDEX_HEADER: Final = struct.Struct("=14xHI12xI")
"""Page size, number of frames, and a salt that is another one each time the WAL starts anew."""

_FRAME_HEADER: Final = 24


def scenarios(scale: Scale) -> list[Scenario]:
    """Return them."""
    first, second = _names(scale.turns)
    title = f"written by {scale.turns:,} turns, SQLite"
    return [Count(title, take, (Bar(second, first, 1.1),))]


def _names(turns: int) -> tuple[str, str]:
    return f"the first {turns:,} turns", f"the second {turns:,} turns"


class _Index(NamedTuple):
    page: int
    frames: int
    salt: int


class _Wal:
    """Adds up the frames of a WAL; has to look more often than the WAL starts anew."""

    def __init__(self, path: Path) -> None:
        self._index = path.with_name(f"{path.name}-shm")
        self._last = _Index(0, 0, 0)
        self.written = 0

    def look(self) -> None:
        with open(self._index, "rb") as file:
            now = _Index(*_INDEX_HEADER.unpack(file.read(_INDEX_HEADER.size)))
        before = self._last.frames if now.salt == self._last.salt else 0
        self.written += (now.frames - before) * (now.page + _FRAME_HEADER)
        self._last = now


async def take(place: Place) -> Mapping[str, float]:
    """Run the turns: read the list, add what the user said, add what the model answered."""
    turns = place.scale.turns
    path = place.folder / "written.db"
    advance = place.track("turns", 2 * turns)
    said, answered = items(2)
    written: list[int] = []
    async with EventLog(path, durability="normal") as log:
        session = EventLogSession("chat", log=log)
        await session.get_items()
        wal = _Wal(path)
        for _ in range(2):
            before = wal.written
            for _ in range(turns):
                await session.get_items()
                await session.add_items([said])
                await session.add_items([answered])
                wal.look()
                advance(1)
            written.append(wal.written - before)
    return dict(zip(_names(turns), written, strict=True))
