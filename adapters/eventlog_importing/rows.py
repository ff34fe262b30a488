"""What a source yields: conversations one after the other, each as chunks of its rows in order."""

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol

from eventlog.format.envelope import to_microseconds
from eventlog.format.names import MAIN
from eventlog_projections.history.counts import Counts

MAX_ROWS: Final = 256
MAX_BYTES: Final = 256 * 1024
"""What a chunk holds at most; a row that is larger is a chunk of its own."""


class Row(NamedTuple):
    """One row as it is stored: JSON, if nothing is wrong with it.

    `at` is the source's own time of it, microseconds since 1970 UTC. `problem` says why it cannot
    be an item, where the source knows already.
    """

    raw: bytes
    at: int | None = None
    problem: str | None = None


class TurnRow(NamedTuple):
    """What a turn of a conversation used, as the source says now; it may say more later.

    `turn` is what the source calls it, `turns_ago` how many turns came after it. `raw` is the row
    as JSON. `counts` is None where the row has no numbers; `problem` says what is wrong with it.
    """

    turn: str
    turns_ago: int
    raw: bytes
    counts: Counts | None
    at: int | None = None
    problem: str | None = None


class Fork(NamedTuple):
    """What a branch has in common with another: its first `rows` rows, which are not repeated.

    Of these the parent has `inherited` from its own parent.
    """

    parent: str
    rows: int
    inherited: int


class Origin(NamedTuple):
    """A conversation as its source names it, and the source's own times of it, in microseconds.

    Or a branch of it, which comes after all that it may be a fork of.
    """

    name: str
    created_at: int | None = None
    updated_at: int | None = None
    branch: str = MAIN
    fork: Fork | None = None

    @property
    def title(self) -> str:
        """The display name in reports."""
        return f"{self.name} (branch {self.branch})" if self.branch else self.name


class Chunk(NamedTuple):
    """Some rows of a conversation; those of one conversation come in order, with none between.

    `refused` says why no more of it can be read; then nothing more of it is copied. `turns` is what
    all of its turns used, the same in each chunk of it.
    """

    origin: Origin
    rows: list[Row]
    refused: str | None = None
    turns: Sequence[TurnRow] = ()


class Source(Protocol):
    """A store of conversations. It is only read."""

    @property
    def layout(self) -> str:
        """The kind of store, as `ConversationImported` records it."""
        ...

    def chunks(self) -> AsyncGenerator[Chunk]:
        """Yield every conversation, empty ones too. Raises SourceError."""
        ...


def chunked(
    page: Iterable[Sequence[Any]],
    origin_of: Callable[[Sequence[Any]], Origin],
    row_of: Callable[[Any, Any], Row],
) -> Iterator[Chunk]:
    """Cut the rows of a query, in order, into chunks.

    It found the columns of each conversation's origin, whose first is the name, and behind them
    the content and the time of a row.
    """
    for _, found in groupby(page, itemgetter(0)):
        of_one = list(found)
        origin = origin_of(of_one[0][:-2])
        for part in cut([row_of(columns[-2], columns[-1]) for columns in of_one]):
            yield Chunk(origin, part)


def cut(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Cut rows of one conversation into parts that are neither too many nor too large."""
    part: list[Row] = []
    size = 0
    for row in rows:
        if part and (len(part) == MAX_ROWS or size + len(row.raw) > MAX_BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row.raw)
    if part:
        yield part


@lru_cache(4096)
def moment(stored: Any) -> int | None:
    """Read a time as the SDK's sessions store it, UTC; None for anything else.

    SQLite has text, SQLAlchemy gives a naive datetime, Redis has seconds since 1970 as text.
    """
    if isinstance(stored, bytes):
        stored = stored.decode("ascii", "replace")
    try:
        if isinstance(stored, str):
            stored = float(stored) if stored.isdecimal() else datetime.fromisoformat(stored)
        if isinstance(stored, int | float):
            return int(stored * 1_000_000)
        aware = stored if stored.tzinfo else stored.replace(tzinfo=UTC)
    except (ValueError, AttributeError, OverflowError):
        return None
    return to_microseconds(aware)
