"""docs/format.md is true: its numbers and its tables are those of the code."""

import configparser
import hashlib
import json
import re
import sqlite3
import struct
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
from sqlalchemy import CheckConstraint
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect as Driver

from eventlog import (
    Context,
    ConversationCleared,
    Event,
    EventLog,
    ItemPopped,
    ItemsAdded,
    ItemsReplaced,
    NewEvent,
)
from eventlog.errors import InvalidItemError
from eventlog.events import (
    BranchDeleted,
    ConversationForked,
    ConversationImported,
    ConversationLabelled,
    ConversationRewound,
    Header,
    ModelCalled,
    RowPreserved,
    UsageRecorded,
    digest,
)
from eventlog.format import chain, codec, envelope, inflating, names, preparing
from eventlog.format.kinds import KINDS
from eventlog.proof import checkpoint
from eventlog.store.contract.revisions import HEAD, VERSION_TABLE
from eventlog.store.sql.schema import Dialect, metadata
from tests.conftest import Clock

DOCUMENT: Final = (Path(__file__).parents[2] / "docs" / "format.md").read_text("utf-8")
ABSENT: Final = "none"
DRIVERS: Final[dict[Dialect, Driver]] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}
HEADINGS: Final[dict[Dialect, str]] = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}

Row = dict[str, str]
Column = tuple[str, str, bool]


def table(header: str, part: str = DOCUMENT) -> list[Row]:
    """Return the first table of `part` whose header line starts so, without backticks."""
    lines = part[part.index(f"| {header}") :].partition("\n\n")[0].splitlines()
    names, _, *rows = [
        [cell.strip(" `") for cell in line.strip("| ").split(" |")] for line in lines
    ]
    return [dict(zip(names, row, strict=True)) for row in rows]


TABLES: Final = {
    part.partition("`")[0]: table("column", part) for part in DOCUMENT.split("\n### Table `")[1:]
}


def example() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    found = re.search(r"```ini\n(.*?)```", DOCUMENT, re.DOTALL)
    assert found
    parser.read_string(found[1])
    return parser


EXAMPLE: Final = example()
VERSIONS: Final = ("version 1", "version 2")


def pieces(section: str, key: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in EXAMPLE[section][key].split()]


def shown(section: str, column: str, like: Any) -> Any:
    """Return a column of the example, as the type that the database gives."""
    text = EXAMPLE[section][column]
    if text == "NULL":
        return None
    return bytes.fromhex(text) if isinstance(like, bytes) else type(like)(text)


ITEM: Final = {"role": "user", "content": "Grüß dich"}
SAID: Final = NewEvent(ItemsAdded([ITEM]), Context(actor="ana", run_id="run-1"), "first")
USED: Final = UsageRecorded(
    requests=1,
    input_tokens=5,
    cached_input_tokens=2,
    cache_write_tokens=1,
    output_tokens=4,
    reasoning_tokens=3,
    total_tokens=9,
)
EVENTS: Final = [
    ItemsAdded([1]),
    ItemPopped("why"),
    ConversationCleared("why"),
    ItemsReplaced(0, [1]),
    ConversationRewound(0, 1, "why"),
    ConversationForked(bytes(16), 1, 1, "why"),
    BranchDeleted("why"),
    ConversationLabelled("a title", "ana", ("a", "b")),
    USED,
    ModelCalled(input=[digest(ITEM)]),
    ConversationImported("SQLiteSession", 1, "00", 0, 0),
    RowPreserved.of(b"{", "it is no JSON"),
]
POPPED: Final = NewEvent(ItemPopped("typo"), Context(actor="ana", seen_version=1))


@pytest.fixture
async def file(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[sqlite3.Connection]:
    """The log of the worked example, written by the real code, as sqlite3 sees it."""
    salts = iter([bytes.fromhex(EXAMPLE[section]["salt"]) for section in VERSIONS])

    def next_salt(size: int) -> bytes:
        assert size == 16
        return next(salts)

    monkeypatch.setattr(preparing, "os", SimpleNamespace(urandom=next_salt))
    clock.now = 1_767_225_600_000_000
    async with EventLog(tmp_path / "log.db", clock=clock) as log:
        await log.append("example", SAID)
        clock.tick(1_500_000)
        await log.append("example", POPPED)
    db = sqlite3.connect(tmp_path / "log.db")
    db.row_factory = sqlite3.Row
    yield db
    db.close()


def test_the_example_shows_what_is_stored(file: sqlite3.Connection) -> None:
    """Every byte of an event that the page shows is the byte that the log writes."""
    rows = file.execute("SELECT * FROM events ORDER BY version")
    for section, row in zip(VERSIONS, rows, strict=True):
        assert section == f"version {row['version']}"
        for column in set(row.keys()) - {"position", "version", "stream_id"}:
            assert shown(section, column, row[column]) == row[column], column


def test_the_example_shows_the_stream_that_is_stored(file: sqlite3.Connection) -> None:
    """Its identity and its head."""
    (row,) = file.execute("SELECT * FROM streams")
    for section in ("stream", "head"):
        for column in set(EXAMPLE[section]) - {"hashed", "sha256"}:
            assert shown(section, column, row[column]) == row[column], column


@pytest.mark.parametrize("section", VERSIONS)
@pytest.mark.parametrize("column", ["header", "context", "body"])
def test_the_text_in_the_example_is_its_bytes(section: str, column: str) -> None:
    """What a person reads there is what the hexadecimal says."""
    stored = bytes.fromhex(EXAMPLE[section][column])
    assert stored.decode("utf-8") == EXAMPLE[section][f"{column} as text"]


@pytest.mark.parametrize(
    ("section", "hashed", "result"),
    [
        ("stream", "hashed", "sha256"),
        *[(section, "hashed for content_digest", "content_digest") for section in VERSIONS],
        *[(section, "hashed for hash", "hash") for section in VERSIONS],
    ],
)
def test_the_hashes_in_the_example_are_of_the_bytes_shown(
    section: str, hashed: str, result: str
) -> None:
    """A stranger who hashes what is printed gets what is printed."""
    digest = hashlib.sha256(b"".join(pieces(section, hashed)))
    assert digest.hexdigest() == EXAMPLE[section][result]


@pytest.mark.parametrize("section", VERSIONS)
def test_the_example_shows_the_fields_in_the_order_and_size_of_the_table(section: str) -> None:
    """One line for each field that is hashed."""
    fields = table("# | field")
    shown_pieces = pieces(section, "hashed for hash")
    assert len(shown_pieces) == len(fields)
    for field, piece in zip(fields, shown_pieces, strict=True):
        assert _fits(field["bytes"], field["encoding"], piece), field["field"]


def _fits(size: str, encoding: str, piece: bytes) -> bool:
    if size.isdigit():
        return len(piece) == int(size)
    if encoding == "optional" and piece[:1] != b"\x01":
        return piece == b"\x00"
    text = piece[1:] if encoding == "optional" else piece
    return struct.unpack(">Q", text[:8]) == (len(text) - 8,)


def test_the_hashed_columns_are_the_hashed_fields() -> None:
    """The table of the columns and the table of the hash name the same."""
    fields = [row["field"] for row in table("# | field")]
    assert fields[:2] == ["domain", "previous hash"]
    hashed = [row["column"] for row in TABLES["events"] if row["hashed"] == "yes"]
    assert sorted(fields[2:]) == sorted(hashed)


def test_the_domain_is_the_one_that_is_hashed() -> None:
    """In words and in hexadecimal."""
    assert chain.EVENT_DOMAIN.hex() in DOCUMENT
    assert chain.EVENT_DOMAIN[:-1].decode() in table("# | field")[0]["encoding"]


def columns_of(dialect: Dialect) -> dict[str, list[Column]]:
    return {
        found.name: [
            (
                column.name,
                column.type.compile(DRIVERS[dialect]).partition(" COLLATE")[0],
                bool(column.nullable),
            )
            for column in found.columns
        ]
        for found in metadata(dialect).tables.values()
    }


def documented(rows: Sequence[Row], dialect: Dialect) -> list[Column]:
    kind = HEADINGS[dialect]
    return [(row["column"], row[kind], row["null"] == "yes") for row in rows if row[kind] != ABSENT]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_columns_are_those_of_the_tables(dialect: Dialect) -> None:
    """Every table and column with its type, in order, whether it may be NULL, and no other."""
    told = {name: documented(rows, dialect) for name, rows in TABLES.items()}
    del told[VERSION_TABLE]
    assert {name: columns for name, columns in told.items() if columns} == columns_of(dialect)


def test_the_columns_are_those_of_a_real_file(file: sqlite3.Connection) -> None:
    """What Alembic created is what the page says, the version table too."""
    found: dict[str, list[Column]] = {}
    for (name,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
        info = file.execute(f"PRAGMA table_info({name})")
        found[name] = [(row["name"], row["type"], not row["notnull"]) for row in info]
    del found["sqlite_sequence"]
    told = {name: documented(rows, "sqlite") for name, rows in TABLES.items()}
    assert found == {name: columns for name, columns in told.items() if columns}


def test_the_triggers_are_those_of_a_real_file(file: sqlite3.Connection) -> None:
    """Each is named, beside what it refuses."""
    found = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    told = [row["trigger"] for row in table("database | trigger") if row["database"] == "SQLite"]
    assert sorted(name for (name,) in found) == sorted(told)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_check_constraints_are_those_of_the_tables(dialect: Dialect) -> None:
    """Each is named, with what it demands, in the section of its table."""
    sections = {part.partition("`")[0]: part for part in DOCUMENT.split("\n### Table `")[1:]}
    for found in metadata(dialect).tables.values():
        for each in found.constraints:
            if isinstance(each, CheckConstraint):
                assert f"`{each.name}` (`{each.sqltext}`)" in sections[found.name]


@pytest.mark.parametrize(
    "told",
    [
        f"at most {names.MAX_BYTES} bytes in UTF-8",
        f"at most {codec.MAX_DEPTH} levels deep",
        f"their array nests at most {codec.MAX_DEPTH + 1}",
        f"{inflating.MAX_INFLATED} bytes",
        f"at most {checkpoint.MAX_NOTE:,} characters",
        "no more than 4,300 digits",
    ],
)
def test_the_limits_are_those_of_the_code(told: str) -> None:
    """A reader that others write refuses what this one refuses, and no more."""
    assert told in DOCUMENT


def test_a_body_at_the_limits_is_stored_and_one_beyond_is_not() -> None:
    """They were measured, not remembered."""
    deep = json.loads("[" * codec.MAX_DEPTH + "]" * codec.MAX_DEPTH)
    assert envelope.encode(NewEvent(ItemsAdded([deep]))).body.count(b"[") == codec.MAX_DEPTH + 1
    assert envelope.encode(NewEvent(ItemsAdded([10**4299]))).body.count(b"0") == 4299
    for beyond in ([deep], 10**4300):
        with pytest.raises(InvalidItemError):
            envelope.encode(NewEvent(ItemsAdded([beyond])))


def test_the_revision_is_the_one_that_this_release_writes(file: sqlite3.Connection) -> None:
    """A page about another revision would be about other tables."""
    (row,) = file.execute(f"SELECT * FROM {VERSION_TABLE}")
    assert tuple(row) == (HEAD,)
    assert f"revision `{HEAD}`" in DOCUMENT
    assert f'REVISION = b"{HEAD}"' in DOCUMENT
    assert f'REVISION, LARGEST = "{HEAD}"' in DOCUMENT
    assert f"format `{chain.FORMAT}`" in DOCUMENT


def test_the_kinds_are_those_of_the_code() -> None:
    """Every kind and schema, and no other."""
    told = {(row["kind"], int(row["schema"])) for row in table("kind | schema")}
    assert told == set(KINDS)


@pytest.mark.parametrize(
    ("heading", "struct"),
    [
        ("header", Header),
        ("context", Context),
        ("label", ConversationLabelled),
        ("usage", UsageRecorded),
        ("call", ModelCalled),
    ],
)
def test_the_fields_are_those_of_the_code(
    heading: str,
    struct: type[Header | Context | ConversationLabelled | UsageRecorded | ModelCalled],
) -> None:
    """Every field of a header, a context and the objects in bodies, in order, and no other."""
    told = [row[f"{heading} field"] for row in table(f"{heading} field")]
    assert told == list(struct.__struct_fields__)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_header_and_body_are_those_of_the_kind(event: Event) -> None:
    """What is stored for a kind is what its row of the table says."""
    (told,) = [row for row in table("kind | schema") if row["kind"] == event.kind]
    sealed = preparing.prepare(envelope.encode(NewEvent(event)))
    assert list(json.loads(sealed.header)) == re.findall(r"\w+", told["header"])
    body = codec.decompress(sealed.codec, sealed.body)
    assert type(json.loads(body)) is (list if told["body"] == "array of items" else dict)
    assert ("reason" in told["body"]) == ("reason" in type(event).__struct_fields__)


def test_a_digest_is_what_the_page_says() -> None:
    """Of what `json.dumps` writes in the one way that is printed, whatever a string holds."""
    (call,) = re.findall(r"`(json\.dumps\(value, .*?\))`", DOCUMENT)
    for value in (ITEM, "Antworte kurz.", {"b": [1, 2.5, None, "\ud800"], "a": {"z": 0, "é": 1}}):
        written: str = eval(call, {"json": json, "value": value})
        assert digest(value) == hashlib.sha256(written.encode("ascii")).hexdigest()
