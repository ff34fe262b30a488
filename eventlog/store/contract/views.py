"""The contract of stored views: rows of tables that can all be deleted and made again.

A projection has one generation of its tables that is read, and maybe others that are being filled
beside it. Each generation has a checkpoint, which moves in the transaction of its rows.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

from eventlog.format.records import FoldInput

NO_LIMIT: Final = 2**31 - 1

ViewRow = Sequence[Any]
"""The columns of a table, in its order."""


class ColumnSpec(NamedTuple):
    """A column of a view's table."""

    name: str
    type: type[Any]
    """int, str, bytes, float or bool."""
    is_nullable: bool = False


class TableSpec(NamedTuple):
    """A table of a projection. `text` is the column that can be searched.

    A row of such a table has one value more behind its columns: the words of the text, with a space
    before and behind each. The words are made elsewhere; what is looked for has the same ones.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    text: str | None = None
    readable: str | None = None
    """The name under which any SQL client sees it."""
    is_shown: bool = True
    """Whether it is so from the start."""


class Checkpoint(NamedTuple):
    """How far a generation is, and when it last moved (microseconds), at how many events/s."""

    projection: str
    generation: int
    schema: int
    position: int
    rate: int
    moved_at: int
    is_serving: bool
    epoch: int = 0
    """Raised whenever rows were changed without a move: who remembers rows reads them again."""

    @property
    def key(self) -> tuple[str, int]:
        """The projection's name, and which generation of it this is."""
        return self.projection, self.generation

    @classmethod
    def load(cls, row: Sequence[Any]) -> "Checkpoint":
        """Read a row."""
        point = cls._make(row)
        return point._replace(is_serving=bool(point.is_serving))


class Moved(NamedTuple):
    """A checkpoint goes from position `before`, in its epoch, to `after`, or nothing happens."""

    projection: str
    generation: int
    before: int
    after: int
    rate: int
    at: int
    epoch: int = 0
    renews: bool = False
    """Whether its next epoch begins: rows of events before it were changed."""


class Put(NamedTuple):
    """Rows take their place by key; each key once. A text is followed by its words."""

    table: TableSpec
    generation: int
    rows: Sequence[ViewRow]


class Removed(NamedTuple):
    """Rows of a stream with start <= place < stop are marked, or no longer, as removed.

    With `version` only those of that event.
    """

    stream_id: bytes
    start: int
    stop: int
    version: int | None
    removed: bool


class Mark(NamedTuple):
    """What becomes of rows that are there, in this order."""

    table: TableSpec
    generation: int
    removals: Sequence[Removed]


class Forgotten(NamedTuple):
    """Rows go whose key begins with one of `keys`; all of these name as many columns."""

    table: TableSpec
    generation: int
    keys: Sequence[Sequence[Any]]


class DeadLetter(NamedTuple):
    """An event that a projection could not take, and why: never with anything of its content."""

    projection: str
    generation: int
    position: int
    stream_id: bytes
    version: int
    error: str


class NamedLetter(NamedTuple):
    """A dead letter with the names of its stream."""

    letter: DeadLetter
    tenant: str
    conversation: str
    branch: str


class Purge(NamedTuple):
    """A generation that may still hold what was erased from a stream."""

    projection: str
    generation: int
    schema: int
    stream_id: bytes
    tenant: str
    conversation: str
    branch: str


class Batch(NamedTuple):
    """What one transaction does, in this order."""

    moves: Sequence[Moved]
    writes: Sequence[Put | Mark | Forgotten]
    asides: Sequence[DeadLetter]
    taken: Sequence[DeadLetter] = ()
    """Dead letters that are none any more."""
    purged: Sequence[tuple[str, int, bytes]] = ()
    """Projection, generation and stream of purges that are done with this."""
    is_trial: bool = False
    """Whether only to see if a value is refused: False is the answer, and nothing is kept."""


class Selection(NamedTuple):
    """Rows of a tenant in a table, where columns are equal to values, a page of them.

    `order` names columns, a leading "-" for descending; `after` holds the values of the last row
    of the page before, in all of them.
    """

    table: TableSpec
    generation: int
    tenant: str
    equal: Mapping[str, Any]
    order: tuple[str, ...]
    after: Sequence[Any] | None = None
    limit: int = NO_LIMIT

    def values(self) -> dict[str, Any]:
        """Return the parameters of its statement."""
        behind = {f"after_{number}": value for number, value in enumerate(self.after or ())}
        return {**_equal(self.equal), **behind, "of_tenant": self.tenant, "limit": self.limit}


class Phrase(NamedTuple):
    """Words that stand one behind the other; the last may be only the beginning of one."""

    words: tuple[str, ...]
    begins: bool = False

    @property
    def spaced(self) -> str:
        """How it stands among the words of a text."""
        return f" {' '.join(self.words)}{' ' * (not self.begins)}"


class Search(NamedTuple):
    """Rows of a tenant whose text has every one of `phrases`, the best first.

    Those that are as good as each other come by `order`, as in a Selection.
    """

    table: TableSpec
    generation: int
    tenant: str
    equal: Mapping[str, Any]
    phrases: tuple[Phrase, ...]
    order: tuple[str, ...]
    limit: int

    def values(self) -> dict[str, Any]:
        """Return the parameters of its statement, without what the database's own index takes."""
        spaced = {f"phrase_{number}": each.spaced for number, each in enumerate(self.phrases)}
        sizes = {f"size_{n}": len(each.spaced.encode()) for n, each in enumerate(self.phrases)}
        return {
            **_equal(self.equal),
            **spaced,
            **sizes,
            "of_tenant": self.tenant,
            "limit": self.limit,
        }


class Compared(NamedTuple):
    """Rows that only one of two generations has; at most as many as asked for of each."""

    only_first: Sequence[ViewRow]
    only_second: Sequence[ViewRow]


class ViewSource(Protocol):
    """Tables of views beside the events. Raises StoreError.

    A row is of the tenant that its column `tenant`, or else its `stream_id`, tells; one that has
    neither is everybody's.
    """

    batch: int
    """How many events one transaction takes at most: few where an append waits for it."""

    async def checkpoints(self) -> list[Checkpoint]:
        """Return all of them, by projection and generation."""
        ...

    async def begin(
        self, projection: str, schema: int, tables: Sequence[TableSpec], *, beside: bool
    ) -> int:
        """Make a generation of empty tables, and return its number; it is read if no other is.

        Not `beside`, nothing happens where one of that schema is there: its number is returned.
        Else any other of that schema that is not read is thrown away.
        """
        ...

    async def take_over(self, new: Checkpoint, tables: Sequence[TableSpec]) -> bool:
        """Read this generation from now on and delete the one before it, at once.

        False, and nothing happens, while it is behind that one.
        """
        ...

    async def drop(self, projection: str, generation: int, tables: Sequence[TableSpec]) -> None:
        """Delete a generation, with its checkpoint."""
        ...

    async def are_there(self, generation: int, tables: Sequence[TableSpec]) -> bool:
        """Tell whether the tables of a generation are there: somebody may have dropped one."""
        ...

    async def headers(self, stream_id: bytes, after: int, until: int) -> list[FoldInput]:
        """Return the events of a stream with after < version <= until, without their bodies."""
        ...

    async def held(
        self, table: TableSpec, generation: int, partitions: Sequence[Any], tenant: str | None
    ) -> list[ViewRow]:
        """Return the rows whose first column of the key is one of `partitions`.

        Those of one tenant, or with None of all.
        """
        ...

    async def apply(self, batch: Batch) -> bool:
        """Do all of the batch, or nothing: False if a checkpoint was not where it says."""
        ...

    async def select(self, selection: Selection) -> list[ViewRow]:
        """Return rows."""
        ...

    async def search(self, search: Search) -> list[ViewRow]:
        """Return rows that have the text."""
        ...

    async def asides(
        self, projection: str, generation: int, tenant: str | None, limit: int
    ) -> list[NamedLetter]:
        """Return events set aside and not skipped, a tenant's or with None all, the last first."""
        ...

    async def letters(
        self, projection: str, generation: int, streams: Sequence[bytes]
    ) -> list[DeadLetter]:
        """Return the dead letters of a generation that are of these streams."""
        ...

    async def skip(self, letters: Sequence[DeadLetter], at: int) -> None:
        """Acknowledge dead letters, at a time in microseconds."""
        ...

    async def purges(self, tenant: str | None) -> list[Purge]:
        """Return what is still to be purged, of a tenant or with None of all."""
        ...

    async def wipe(self, point: Checkpoint, streams: Sequence[bytes], kept: Sequence[str]) -> None:
        """Delete the rows of streams, by `stream_id` or `conversation_id`, without their function.

        From every table of a view with the generation's number, but for those named in `kept`.
        """
        ...

    async def compare(
        self, table: TableSpec, first: Checkpoint, second: Checkpoint, limit: int
    ) -> Compared | None:
        """Compare two generations row by row; None where they are not at one position."""
        ...

    async def show(self, table: TableSpec, generation: int, *, shown: bool) -> None:
        """Give any SQL client a readable view of a table, or take it away."""
        ...


def _equal(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {f"is_{name}": value for name, value in wanted.items()}
