"""What makes a view: one pure function from events to rows, and the tables of the rows."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, TypeVar

from eventlog.views import Removed, TableSpec
from projections.views.row import Row, Shape
from projections.views.step import Step

RowT = TypeVar("RowT", bound=Row)


class Rows(Protocol):
    """The rows that belong to the step, as the steps before left them."""

    def get(self, kind: type[RowT], *key: Any) -> RowT | None:
        """Return a row by the rest of its key, behind the first column."""
        ...

    def all(self, kind: type[RowT]) -> Iterable[RowT]:
        """Return every row, in no order."""
        ...


Written = Row | tuple[type[Row], Removed]
"""A row that takes its place by its key; or what happens to rows that are not read."""

Fold = Callable[[Step, Rows], Iterable[Written]]


class Projection(NamedTuple):
    """A view. Raise `schema` whenever the fold or the rows change: the view is made anew.

    `fold` is pure: the same steps give the same rows. Whatever it raises sets the event aside.
    """

    name: str
    schema: int
    tables: tuple[type[Row], ...]
    fold: Fold


def specs(projection: Projection) -> list[TableSpec]:
    """Return the tables as the database knows them."""
    return [Shape(kind).spec for kind in projection.tables]
