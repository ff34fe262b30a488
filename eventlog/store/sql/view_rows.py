"""The statements over the tables of views, as text: a projection names tables that nobody knows.

Rule: imports no SQLAlchemy but to make a table or a readable view. Columns stand behind the name of
their table, so that SQLite never takes one for a text (https://sqlite.org/quirks.html#dblquote).
Placeholders are `?`; PostgreSQL's statements number them.
"""

import abc
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from eventlog.store.contract.views import ColumnSpec, Phrase, Search, Selection, TableSpec
from eventlog.store.sql.names import CheckpointStatements
from eventlog.store.sql.statement import Statement, plain, quoted
from eventlog.store.sql.view_text import WORDS, table_name

if TYPE_CHECKING:
    from eventlog.store.sql.schema import Dialect

_CACHED: Final = 128
"""Maximum number of tables of which texts are kept."""


class ViewStatements(CheckpointStatements, abc.ABC):
    """What is asked of a generation of a table, or written to it; and what all views share."""

    place_in: str
    """The function that says where in a text another one is, or 0."""

    lock: Statement | None = None
    """What makes those who change tables wait for each other, where BEGIN does not."""

    def __init__(
        self, known: Mapping[str, Statement], dialect: "Dialect", schema: str | None
    ) -> None:
        super().__init__(known, schema)
        self.dialect: Final[Dialect] = dialect
        self.schema: Final = schema

    @abc.abstractmethod
    def owners(self) -> Statement:
        """Read the tables called as those of views, with the column that says whose a row is.

        Of whoever made them: other programs have other projections. `schema` is PostgreSQL's.
        """

    @abc.abstractmethod
    def put(self, spec: TableSpec, generation: int) -> str:
        """Put rows, each in the place of the one with its key."""

    @abc.abstractmethod
    def held(self, spec: TableSpec, generation: int, *, of_tenant: bool) -> Statement:
        """Read the rows of partitions, all of them or those of a tenant."""

    @abc.abstractmethod
    def size_of(self, text: str) -> str:
        """Return how many bytes a text has, in UTF-8, without looking at all of it."""

    @abc.abstractmethod
    def by_words(self, _spec: TableSpec, _generation: int) -> tuple[str, str]:
        """Return what joins the index of words, and the condition with which it finds `match`."""

    @abc.abstractmethod
    def match(self, phrases: Sequence[Phrase]) -> str:
        """Return what the index of words is asked for: what has all words of these."""

    @abc.abstractmethod
    def statement(self, text: str, names: Iterable[str]) -> Statement:
        """Return a statement of a text with `?` for each name."""

    def name(self, name: str) -> str:
        """Return the name of a table or a view, within the schema."""
        return name if self.schema is None else f"{quoted(self.schema)}.{quoted(name)}"

    def create(self, spec: TableSpec, generation: int) -> list[Statement]:
        """Make the table of a generation, and what belongs to it."""
        # Rare, and SQLAlchemy Core says what the tables are.
        from eventlog.store.sql.view_tables import create

        return create(spec, generation, self.dialect, self.schema)

    def drop(self, spec: TableSpec, generation: int) -> list[Statement]:
        """Delete the table of a generation."""
        return [plain(f"DROP TABLE IF EXISTS {self.name(table_name(spec, generation))}")]

    def show(self, spec: TableSpec, generation: int) -> Statement:
        """Make the readable view of a table."""
        # As rare.
        from eventlog.store.sql.view_tables import readable

        seen = readable(spec, generation, self.dialect, self.schema)
        return plain(f"CREATE VIEW {self.name(spec.readable or '')} AS {seen}")

    def hide(self, spec: TableSpec) -> Statement:
        """Delete the readable view of a table."""
        return plain(f"DROP VIEW IF EXISTS {self.name(spec.readable or '')}")

    def mark(self, spec: TableSpec, generation: int) -> Statement:
        """Mark rows of a stream as removed, or no longer, by their place and version."""
        text = (
            f"UPDATE {self.name(table_name(spec, generation))} AS rows SET removed = ?"
            " WHERE rows.stream_id = ? AND rows.place >= ? AND rows.place < ?"
            " AND rows.version >= ? AND rows.version <= ? AND rows.removed != ?"
        )
        place = ("of_stream", "start", "stop", "first", "last")
        return self.statement(text, ["is_removed", *place, "is_removed"])

    def forget(self, spec: TableSpec, generation: int, width: int) -> Statement:
        """Delete rows by the first columns of their key."""
        key = spec.key[:width]
        owner = self.name(table_name(spec, generation))
        return self.statement(f"DELETE FROM {owner} AS rows{where([equal(key)])}", values(key))

    def wipe(self, table: str, of: str) -> Statement:
        """Delete the rows of a stream from a table of `owners`."""
        text = f"DELETE FROM {self.name(table)} AS rows WHERE {column(of)} = ?"
        return self.statement(text, ["of_stream"])

    def select(self, asked: Selection) -> Statement:
        """Read a page of rows."""
        wanted, given = [equal([name]) for name in asked.equal], values(asked.equal)
        if asked.after is not None:
            behind, more = _behind(asked.order)
            wanted, given = [*wanted, behind], [*given, *more]
        own, names = self.of_tenant(asked.table, asked.generation, wanted, given)
        conditions, names = [*own, *wanted], [*names, *given]
        rows = self.rows(asked.table, asked.generation)
        return self.statement(
            f"{rows}{where(conditions)} ORDER BY {ordered(asked.order)} LIMIT ?", [*names, "limit"]
        )

    def search(self, asked: Search) -> Statement:
        """Find rows that have all words by the index, and of these those that have the phrases."""
        join, is_match = self.by_words(asked.table, asked.generation)
        wanted = [*(equal([name]) for name in asked.equal), is_match]
        given = [*values(asked.equal), "match"]
        own, names = self.of_tenant(asked.table, asked.generation, wanted, given)
        conditions = [*own, *wanted]
        phrases = [f"phrase_{n}" for n, each in enumerate(asked.phrases) if len(each.words) > 1]
        conditions += [f"{self.place_in}({column(WORDS)}, ?) > 0"] * len(phrases)
        best, ranked = self._rank(asked.phrases)
        text = (
            f"{self.rows(asked.table, asked.generation)}{join}{where(conditions)}"
            f" ORDER BY {best} DESC, {ordered(asked.order)} LIMIT ?"
        )
        return self.statement(text, [*names, *given, *phrases, *ranked, "limit"])

    def _rank(self, phrases: Sequence[Phrase]) -> tuple[str, list[str]]:
        """Return how good a row is, a whole number, and its parameters.

        BM25 (Robertson and Zaragoza, 2009, with k1 = 1.2 and b = 0.75) of each phrase, added up:
        often is good, in a short text better. Without what BM25 takes from all the other rows, how
        rare a word and how long a text is: those are of other tenants too. 600 bytes are of usual
        length. Whole numbers, for both databases to say the same; how often a phrase is there is
        asked once, by what a text loses without it, because that is what takes time.
        """
        words = column(WORDS)
        size, without = self.size_of(words), self.size_of(f"replace({words}, ?, '')")
        times = f"(({size} - {without}) / CAST(? AS integer))"
        each = f"CAST(2200000000 AS bigint) / (1000000 + (300000 + 1500 * {size}) / {times})"
        names = [name for n in range(len(phrases)) for name in (f"phrase_{n}", f"size_{n}")]
        return " + ".join([each] * len(phrases)), names

    def only_in(self, spec: TableSpec, generation: int, other: int) -> Statement:
        """Read rows that the other generation has not."""
        ours, theirs = (self.rows(spec, which) for which in (generation, other))
        return self.statement(f"{ours} EXCEPT {theirs} LIMIT ?", ["limit"])

    def rows(self, spec: TableSpec, generation: int) -> str:
        """Return what selects every row."""
        return f"SELECT {_columns(spec)} FROM {self.name(table_name(spec, generation))} AS rows"

    def of_tenant(
        self, spec: TableSpec, _generation: int, _wanted: Sequence[str], _given: Sequence[str]
    ) -> tuple[list[str], list[str]]:
        """Return what says which rows are those of the tenant, and its parameters.

        `wanted` are the other conditions, and `given` their parameters.
        """
        columns = {each.name for each in spec.columns}
        if "tenant" in columns:
            return [f"{column('tenant')} = ?"], ["of_tenant"]
        if "stream_id" not in columns:
            return [], []
        is_own = f"streams.stream_id = {column('stream_id')} AND streams.tenant = ?"
        return [f"EXISTS (SELECT 1 FROM {self.name('streams')} WHERE {is_own})"], ["of_tenant"]


@functools.lru_cache(maxsize=_CACHED)
def upserts(spec: TableSpec) -> str:
    """Return what a row does ON CONFLICT with one of its key."""
    changed = [
        f'"{each.name}" = excluded."{each.name}"'
        for each in stored(spec)
        if each.name not in spec.key
    ]
    done = f"UPDATE SET {', '.join(changed)}" if changed else "NOTHING"
    return f"ON CONFLICT ({listed(spec.key)}) DO {done}"


def where(conditions: Sequence[str]) -> str:
    """Return the WHERE of conditions, if there are any."""
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def column(name: str) -> str:
    """Return a column of the rows, which may be named with the direction of an order."""
    return f'rows."{name.removeprefix("-")}"'


def ordered(names: Iterable[str]) -> str:
    """Return an order by columns, a leading "-" for descending."""
    return ", ".join(column(name) + " DESC" * _falls(name) for name in names)


def words_in(phrases: Iterable[Phrase]) -> tuple[list[str], list[str]]:
    """Return every word that has to be there, and every beginning of one; each once, in order."""
    exact: set[str] = set()
    begun: set[str] = set()
    for phrase in phrases:
        exact.update(phrase.words[:-1])
        (begun if phrase.begins else exact).add(phrase.words[-1])
    return sorted(exact), sorted(begun)


def listed(names: Iterable[str]) -> str:
    """Return names of columns as an INSERT has them."""
    return ", ".join(f'"{name}"' for name in names)


def equal(names: Iterable[str]) -> str:
    """Compare each column with its parameter."""
    return " AND ".join(f"{column(name)} = ?" for name in names)


def values(names: Iterable[str]) -> list[str]:
    """Return the parameters that `equal` compares with."""
    return [f"is_{name}" for name in names]


def stored(spec: TableSpec) -> tuple[ColumnSpec, ...]:
    """Return the columns that a row is put with."""
    return spec.columns if spec.text is None else (*spec.columns, ColumnSpec(WORDS, str))


@functools.lru_cache(maxsize=_CACHED)
def _columns(spec: TableSpec) -> str:
    return ", ".join(column(each.name) for each in spec.columns)


def _falls(name: str) -> bool:
    return name.startswith("-")


def _behind(order: Sequence[str]) -> tuple[str, list[str]]:
    """Rows behind the values of `after_0`, `after_1` ...: in the first that differs, beyond."""
    steps: list[str] = []
    names: list[str] = []
    for number, name in enumerate(order):
        beyond = f"{column(name)} {'<' if _falls(name) else '>'} ?"
        steps.append(" AND ".join([*(equal([same]) for same in order[:number]), beyond]))
        names += [f"after_{place}" for place in range(number + 1)]
    return f"({' OR '.join(steps)})", names
