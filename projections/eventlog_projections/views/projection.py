"""What makes a view: one pure function from events to rows, and the tables of the rows."""

from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from eventlog.views import Removed, TableSpec
from eventlog_projections.views.row import Row, Shape
from eventlog_projections.views.step import Step

RowT = TypeVar("RowT", bound=Row)


class Rows(Protocol):
    """The rows that belong to the step, as the steps before left them."""

    def get(self, kind: type[RowT], *key: Any) -> RowT | None:
        """Return a row by the rest of its key, behind the first column."""
        ...

    def all(self, kind: type[RowT]) -> Iterable[RowT]:
        """Return every row, in no order."""
        ...


class Gone(NamedTuple):
    """A row that is there no more, by its whole key."""

    kind: type[Row]
    key: tuple[Any, ...]


Written = Row | Gone | tuple[type[Row], Removed]
"""A row that takes its place by its key, or loses it; or what happens to rows that are not read."""

Fold = Callable[[Step, Rows], Iterable[Written]]

Withdraw = Callable[[Iterable[Row], Rows], Iterable[Written]]
"""Takes what rows of a conversation brought out of rows that belong to all of its tenant."""


class Projection(NamedTuple):
    """A view. Raise `schema` whenever the fold or the rows change: the view is made anew.

    `fold` is pure: the same steps give the same rows. Whatever it raises sets the event aside.
    After an erasure the rows of a conversation (by `stream_id` or `conversation_id`) go, and are
    made anew of what is left of it. Where it also brought something into other rows, `withdraw` has
    to take that out: it is given those rows that go and that folds read. Without one nothing of
    this happens: the view has to be rebuilt.
    """

    name: str
    schema: int
    tables: tuple[type[Row], ...]
    fold: Fold
    withdraw: Withdraw | None = None


OF_CONVERSATION: Final = ("stream_id", "conversation_id")
"""First columns of keys whose rows belong to one conversation."""


def can_refold(projection: Projection) -> bool:
    """Tell whether what a conversation brought into rows can be taken out of all of them."""
    if projection.withdraw is not None:
        return True
    return all(kind.key[0] in OF_CONVERSATION for kind in projection.tables)


def specs(projection: Projection) -> list[TableSpec]:
    """Return the tables as the database knows them."""
    return [Shape(kind).spec for kind in projection.tables]
