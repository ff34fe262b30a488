"""Work on a store: generators that yield statements and are sent their rows, without any I/O.

Written once for both databases. A runner of SQLite answers a whole generator in one hop to the
thread of a connection; one of PostgreSQL answers it statement by statement on one connection.
"""

import functools
from collections.abc import Callable, Generator, Mapping, Sequence
from types import CoroutineType
from typing import (
    Any,
    Concatenate,
    Final,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
)

from eventlog.errors import StoreError
from eventlog.paging import PAGE_BYTES
from eventlog.store.nouns.concerned import of_arguments
from eventlog.store.nouns.outcomes import UnansweredError
from eventlog.store.sql.statement import Statement

_T = TypeVar("_T")
_P = ParamSpec("_P")
_N = TypeVar("_N", bound="Noun")


NOTHING: Final[Mapping[str, Any]] = {}


class Ask(NamedTuple):
    """Run a statement; its rows are sent back."""

    text: str
    args: Sequence[Any] = ()


class Repeat(NamedTuple):
    """Run a statement once for each list of arguments; no rows are sent back."""

    text: str
    every: Sequence[Sequence[Any]]


class AskPage(NamedTuple):
    """Run a statement for rows that end with a StoredEvent, up to what one page holds of those.

    A statement that has a parameter `bytes` cuts the page itself.
    """

    text: str
    args: Sequence[Any] = ()


class Each(NamedTuple):
    """Run a statement for each of several things, named by `every`; all their rows are sent back.

    SQLite runs it once for each. PostgreSQL runs it once, with an array for each name, which its
    parameters have behind "every_". Values in `alike` are the same for all of them. With a `limit`,
    which is of their rows together, they are a page as that of AskPage.
    """

    statement: Statement
    every: Sequence[Mapping[str, Any]]
    alike: Mapping[str, Any] = NOTHING
    limit: int | None = None


class Evict(NamedTuple):
    """Have appends on this connection read the end of a stream anew: this work changes it."""

    stream_id: bytes


Step: TypeAlias = Ask | AskPage | Repeat | Each | Evict
Rows: TypeAlias = list[Any]
"""Sequences of columns; empty where a statement returns none."""

Work: TypeAlias = Generator[Step, Rows, _T]


def ask(statement: Statement, /, **values: Any) -> Ask:
    """Ask a statement with its named values."""
    return Ask(statement.text, statement.args(values))


def ask_page(statement: Statement, /, **values: Any) -> AskPage:
    """Ask for a page of events with its named values."""
    return AskPage(statement.text, statement.args({"bytes": PAGE_BYTES, **values}))


def is_refused(done: object) -> bool:
    """Tell whether what work returned has its transaction rolled back."""
    return done is False


class Runner(Protocol):
    """Runs work on one database. `begin` is called once for each run of it."""

    async def read(self, begin: Callable[[], Work[_T]]) -> _T:
        """Run statements that change nothing; from the start again if the connection was lost."""
        ...

    async def read_at_once(self, begin: Callable[[], Work[_T]]) -> _T:
        """Run statements that all see the database at one moment."""
        ...

    async def examine(self, begin: Callable[[], Work[_T]]) -> _T:
        """Run statements that read all there is, beside those that somebody waits for."""
        ...

    async def write(self, begin: Callable[[], Work[_T]]) -> _T:
        """Run statements that may be repeated, and stopped behind any of them.

        This and `transact` raise UnansweredError if it is not known whether they are stored.

        On SQLite they are one transaction, on PostgreSQL each is one of its own: no round trips to
        begin and commit.
        """
        ...

    async def transact(self, begin: Callable[[], Work[_T]]) -> _T:
        """Run statements in one transaction that writes.

        Nothing of it is kept if the work raises or returns False.
        """
        ...


class Noun:
    """What a store answers about one noun: methods that are work, on a runner."""

    def __init__(self, runner: Runner) -> None:
        self.runner: Final = runner


_Method: TypeAlias = Callable[Concatenate[_N, _P], Work[_T]]
_Answer: TypeAlias = "Callable[Concatenate[_N, _P], CoroutineType[Any, Any, _T]]"


class _Run:
    """Makes of a method that is work one that is awaited, run by a method of the Runner.

    Unless `is_looked_for`, why no answer came is an error as any other: it is work that reads, or
    that can be done again.
    """

    def __init__(self, how: str, *, is_looked_for: bool = False) -> None:
        self._how: Final = how
        self._is_looked_for: Final = is_looked_for

    def __call__(self, method: _Method[_N, _P, _T]) -> "_Answer[_N, _P, _T]":
        how, is_looked_for = self._how, self._is_looked_for

        @functools.wraps(method)
        async def run(noun: _N, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
            begin = functools.partial(method, noun, *args, **kwargs)
            try:
                done: _T = await getattr(noun.runner, how)(begin)
            except UnansweredError as lost:
                if is_looked_for:
                    raise
                error = of_arguments(lost.error, args)
                raise error from error.__cause__
            except StoreError as failed:
                error = of_arguments(failed, args)
                raise error from error.__cause__
            return done

        return cast("_Answer[_N, _P, _T]", run)


reads: Final = _Run(Runner.read.__name__)
reads_at_once: Final = _Run(Runner.read_at_once.__name__)
examines: Final = _Run(Runner.examine.__name__)
writes: Final = _Run(Runner.write.__name__)
transacts: Final = _Run(Runner.transact.__name__)

writes_once: Final = _Run(Runner.write.__name__, is_looked_for=True)
transacts_once: Final = _Run(Runner.transact.__name__, is_looked_for=True)
"""For changes of which it must be known whether they are stored: they raise UnansweredError."""
