"""Every statement on the append and read path touches one stream: so it runs on one shard.

A new statement has to be put into a list here, or the first test fails.
"""

import re
from typing import Final

import pytest

from eventlog.store.postgres.statements import of
from eventlog.store.sql.statement import Statement, Statements
from eventlog.store.sqlite.statements import ERASURES, LOG
from eventlog.store.sqlite.statements import KEYS as SQLITE_KEYS
from eventlog.store.sqlite.statements import SNAPSHOTS as SQLITE_SNAPSHOTS

POSTGRES: Final = of("eventlog")

ONE_STREAM: Final = {
    "page",
    "version_at",
    "head",
    "by_event_id",
    "hashes_at",
    "confirm",
    "append_first",
    "append_next",
    "append_several_first",
    "append_several_next",
    "insert_event",
    "insert_stream",
    "update_stream",
    "stream",
    "of_kind",
}
"""Appending and reading a conversation."""

MANY_APPENDS: Final = {"group_first", "group_next", "free", "append", "nodes"}
"""Many appends in one statement: every row names its stream, and rows meet only in their stream."""

ALL_STREAMS: Final = {
    "stream_page",
    "all_stream_page",
    "every_stream_page",
    "branch_page",
    "latest",
    "unlisted",
    "strays",
    "many",
    "many_behind",
    "several",
    "children",
}
"""Listing conversations and auditing the whole log: no append and no session waits for them."""


SNAPSHOTS: Final = {
    "tail",
    "load",
    "sources",
    "newest",
    "segment",
    "one_entry",
    "salt_of",
    "snapshot_versions",
    "hash_of",
    "save",
    "save_snapshot",
    "save_segment",
    "drop_stale",
    "drop_from",
    "erased_since",
    "drop_snapshots",
    "drop_segments",
}
"""Reading and writing the snapshots of a conversation."""


KEYS: Final = {
    "of_stream",
    "first_encrypted",
    "used",
    "users",
    "added",
    "rewrapped",
    "destroyed",
}
"""Finding and changing the data keys of a conversation."""

ERASING: Final = {"lock", "moved", "erased", "inserted", "queued", "owed"}
"""Erasing a conversation: the events, beside what drops snapshots and destroys keys."""

ALL_KEYS: Final = {"any_key", "of_streams", "stray_keys", "wrapped_by_others"}
"""Reading the feed, and rotating: no append and no session waits for them."""


STATEMENTS: Final[dict[str, Statements]] = {
    "sqlite": LOG,
    "postgres": POSTGRES.log,
    "sqlite-snapshots": SQLITE_SNAPSHOTS,
    "postgres-snapshots": POSTGRES.snapshots,
    "sqlite-keys": SQLITE_KEYS,
    "postgres-keys": POSTGRES.keys,
    "sqlite-erasing": ERASURES,
    "postgres-erasing": POSTGRES.erasures,
}
ALL: Final = [
    pytest.param(statement, id=f"{store}-{name}")
    for store, of in STATEMENTS.items()
    for name, statement in of.every().items()
    if name in ONE_STREAM | SNAPSHOTS | KEYS | ERASING
]
GROUPS: Final = [
    pytest.param(statement, id=name)
    for name, statement in POSTGRES.log.every().items()
    if name in MANY_APPENDS
]

PART: Final = re.compile(r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b(?! SET)")
PARAMETER: Final = r"(?:\?|\$\d+::BYTEA|\$\d+)"
PINNED: Final = re.compile(
    rf"stream_id = {PARAMETER}"  # WHERE stream_id = $1
    rf"|(?<=SELECT ){PARAMETER} AS (?:of_stream|stream_id)"  # SELECT $1 AS stream_id, ...
    rf"|(?<=VALUES \(){PARAMETER}"  # VALUES ($1, ...), the first column being stream_id
)


def parts(text: str) -> list[str]:
    """Cut a statement into what each SELECT, INSERT, UPDATE and DELETE of it says."""
    flat = " ".join(text.split())
    starts = [match.start() for match in PART.finditer(flat)]
    return [flat[start:end] for start, end in zip(starts, [*starts[1:], len(flat)], strict=True)]


def tables(part: str) -> set[str]:
    """Return the tables of the log that a part names behind FROM, JOIN, INTO or UPDATE."""
    named = re.findall(r"(?:FROM|JOIN|INTO|UPDATE)\s+(?:\"?eventlog\"?\.)?(\w+)", part)
    return set(named) & {"streams", "events", "queue", "snapshots", "segments", "keys"}


def unpinned(statement: Statement) -> list[str]:
    """Return the parts that name a table of the log and do not say which stream.

    What an INSERT inserts stands in the SELECT that follows it.
    """
    found: list[str] = []
    pieces = parts(statement.text)
    for number, part in enumerate(pieces):
        selects = part.startswith("INSERT INTO") and "VALUES" not in part
        said = part + pieces[number + 1] if selects else part
        if tables(part) and not PINNED.search(said):
            found.append(part)
    return found


@pytest.mark.parametrize("of", STATEMENTS.values(), ids=STATEMENTS)
def test_every_statement_is_known_here(of: Statements) -> None:
    """Whoever adds one says how many streams it touches."""
    assert of.every().keys() <= (
        ONE_STREAM | SNAPSHOTS | MANY_APPENDS | ALL_STREAMS | KEYS | ALL_KEYS | ERASING
    )


@pytest.mark.parametrize("statement", ALL)
def test_a_statement_of_the_append_and_read_path_names_one_stream(statement: Statement) -> None:
    """Each part of it pins stream_id to a parameter, and they are the same stream."""
    assert parts(statement.text)
    assert unpinned(statement) == []
    names = {name for name, _ in statement.parameters if "stream" in name}
    assert names <= {"stream_id", "of_stream"}


@pytest.mark.parametrize("statement", GROUPS)
def test_a_group_joins_rows_within_their_stream_only(statement: Statement) -> None:
    """It has no condition, order or limit that spans streams, and its rows carry their stream."""
    flat = " ".join(statement.text.split())
    assert "stream_id" in flat
    assert not re.search(r"ORDER BY|LIMIT|GROUP BY|count\(|OVER \(", flat)
    joins = re.findall(r"JOIN \S+ (?:AS \w+ )?ON (.*?)(?=\)|$| WHERE| JOIN)", flat)
    assert all("stream_id" in condition for condition in joins)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT version FROM events WHERE version > ?",
        "SELECT version FROM eventlog.events WHERE event_id = $1::TEXT",
        "UPDATE eventlog.streams SET version=$1::BIGINT WHERE streams.version = $2::BIGINT",
        "DELETE FROM events WHERE position = ?",
        "WITH head AS (UPDATE streams SET version=? WHERE stream_id = ? RETURNING 1)"
        " INSERT INTO events (stream_id, version) SELECT new.stream_id, new.version FROM new",
        "SELECT hash FROM events WHERE stream_id = ? AND EXISTS (SELECT 1 FROM events WHERE 1)",
    ],
)
def test_a_statement_that_names_no_stream_would_be_noticed(text: str) -> None:
    """The check can fail: what an index over all streams would serve is found."""
    assert unpinned(Statement(text, ())) != []
