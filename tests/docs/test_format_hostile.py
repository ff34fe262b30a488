"""The programs of docs/format.md, on logs that somebody made to break them."""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import Event, EventLog, ItemsAdded, NewEvent
from eventlog.events import ConversationForked
from eventlog.format import chain, envelope, preparing
from eventlog.format.records import PreparedEvent
from eventlog_projections import Conversation, erase_event
from tests.docs.programs import READER, VERIFIER, run, sql

CHAT: Final = chain.stream_id("default", "chat")
NOBODY: Final = 65534


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A log with one conversation of two items."""
    where = tmp_path / "log.db"
    async with EventLog(where) as log:
        await log.append("chat", ItemsAdded(["a", "b"]))
    return where


def prepared(event: Event) -> PreparedEvent:
    return preparing.prepare(envelope.encode(NewEvent(event)))


def holding(body: bytes, codec: int = 0) -> PreparedEvent:
    """Return an event of one item whose body is these bytes."""
    salt = bytes(16)
    digest = chain.content_digest(salt, b"{}", body)
    header = b'{"items":1}'
    return PreparedEvent(None, "added", 1, header, codec, None, salt, b"{}", body, digest)


def store(path: Path, name: str, *events: PreparedEvent, tenant: str = "default") -> None:
    """Store a stream with valid hashes, past the library and its checks."""
    stream_id = chain.stream_id(tenant, name)
    rows, head = chain.link(stream_id, chain.GENESIS, events, 0)
    for row in rows:
        fields = ", ".join("?" * len(row))
        sql(path, f"INSERT INTO events VALUES (NULL, {fields})", *row)
    values = (stream_id, tenant, name, head.version, head.hash, head.at)
    sql(
        path,
        "INSERT INTO streams (stream_id, tenant, name, version, head_hash, head_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, 0)",
        *values,
    )


def items(path: Path, name: str, *more: object, code: str = READER) -> list[Any]:
    """Return what the reader prints."""
    answer = run(code, path, "default", name, *more)
    assert (answer.returncode, answer.stderr) == (0, "")
    return [json.loads(line) for line in answer.stdout.splitlines()]


def refusal(path: Path, name: str, code: str = READER) -> str:
    """Return what the reader says in the place of a list, in one line."""
    answer = run(code, path, "default", name)
    assert (answer.returncode, answer.stdout) == (1, "")
    (line,) = answer.stderr.splitlines()
    assert line.startswith("it cannot be read: ")
    return line


async def test_an_erased_event_of_a_fork_takes_nothing_of_its_parent(tmp_path: Path) -> None:
    """Versions are numbers of one stream: the parent has one of the same number."""
    where = tmp_path / "forked.db"
    async with EventLog(where) as log:
        parent = Conversation(log, "parent")
        for number in range(1, 5):
            await parent.add([f"p{number}"])
        fork = await parent.fork("fork")
        for number in range(2, 5):
            await fork.add([f"f{number}"])
        await erase_event(log, "fork", 3, by="office", reason="art-17")
        expected = ["p1", "p2", "p3", "p4", "f2", "f4"]
        assert await fork.items() == expected
    assert items(where, "fork") == expected
    assert run(VERIFIER, where).returncode == 0


async def test_a_parent_of_another_tenant_is_none(path: Path) -> None:
    """What a fork began with is of its tenant, whatever its header names."""
    fork = prepared(ConversationForked(CHAT, 1, 2))
    store(path, "theirs", fork, tenant="other")
    answer = run(READER, path, "other", "theirs")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "what it is a fork of is not there" in answer.stderr


@pytest.mark.parametrize("others", [0, 1])
async def test_a_fork_of_itself_ends(path: Path, others: int) -> None:
    """Directly, or by way of another."""
    names = ["loop", *[f"loop {number}" for number in range(others)]]
    for name, parent in zip(names, [*names[1:], names[0]], strict=True):
        store(path, name, prepared(ConversationForked(chain.stream_id("default", parent), 1, 1)))
    assert "what it is a fork of is not there" in refusal(path, "loop")


async def test_a_fork_may_have_more_ancestors_than_a_stack_has_frames(path: Path) -> None:
    """Lists are folded one after the other, not one inside the other."""
    async with EventLog(path) as log:
        parent = CHAT
        for number in range(1100):
            await log.append(f"f{number}", ConversationForked(parent, 1, 2), expected_version=0)
            parent = chain.stream_id("default", f"f{number}")
    assert items(path, "f1099") == ["a", "b"]


@pytest.mark.parametrize("digits", [4300, 4301, 5000])
async def test_an_integer_is_printed_as_it_is_stored(path: Path, digits: int) -> None:
    """Python converts 4,300 digits unless it is told otherwise; nothing here converts."""
    store(path, "long", holding(b"[" + b"7" * digits + b"]"))
    answer = run(READER, path, "default", "long")
    assert (answer.returncode, answer.stdout.strip()) == (0, "7" * digits)


async def test_what_inflates_without_end_is_refused(path: Path) -> None:
    """At the bound that the page names; here a smaller one, so that it takes no time."""
    bound = "256 * 1024 * 1024"
    assert bound in READER
    small = READER.replace(bound, "1024")
    fits, bursts = (json.dumps(["a" * size]).encode() for size in (1020, 1021))
    store(path, "fits", holding(zlib.compress(fits), 1))
    store(path, "bursts", holding(zlib.compress(bursts), 1))
    assert items(path, "fits", code=small) == ["a" * 1020]
    assert "1024 bytes" in refusal(path, "bursts", small)


@pytest.mark.parametrize(
    "body",
    [b"", b"[", b"[1", b"[1,2]", b"[1 ]", b"{}", b"1", b"[\xff]", b"[" * 5000 + b"]" * 5000],
    ids=range(9),
)
async def test_a_body_that_is_no_array_is_refused_in_one_line(path: Path, body: bytes) -> None:
    """Whatever it is instead."""
    store(path, "broken", holding(body))
    refusal(path, "broken")


async def test_an_item_nests_as_deep_as_the_page_says(path: Path) -> None:
    """900 levels, and the array around it."""
    deep = json.loads("[" * 900 + "]" * 900)
    async with EventLog(path) as log:
        await log.append("deep", ItemsAdded([deep]))
    assert items(path, "deep") == [deep]


@pytest.mark.parametrize("program", [VERIFIER, READER], ids=["verifier", "reader"])
async def test_an_unknown_revision_is_refused(path: Path, program: str) -> None:
    """A later release may have changed what the tables mean."""
    sql(path, "UPDATE eventlog_version SET version_num = '9999'")
    answer = run(program, path, "default", "chat")
    assert (answer.returncode, answer.stdout) == (2 if program == VERIFIER else 1, "")
    assert "9999" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("program", [VERIFIER, READER], ids=["verifier", "reader"])
@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_what_is_no_log_is_refused_in_one_line(
    tmp_path: Path, program: str, content: bytes
) -> None:
    """A file that is empty, that is another one, or that is not there."""
    where = tmp_path / "other.db"
    for _ in range(2):
        answer = run(program, where, "default", "chat")
        assert answer.returncode == (2 if program == VERIFIER else 1)
        assert len(answer.stderr.splitlines()) == 1
        where.write_bytes(content)


async def test_names_and_items_move_no_cursor(path: Path) -> None:
    """Nor do they begin a line that looks like the program's own."""
    name = "evil\x1b[2J\n\u202edefault/chat is sound, version 9\x9b"
    async with EventLog(path) as log:
        await log.append(name, ItemsAdded(["\x7f\x9b\u202e\u2028é\U000e0041"]))
    verified, read = run(VERIFIER, path), run(READER, path, "default", name)
    assert (verified.returncode, len(verified.stdout.splitlines())) == (0, 2)
    assert read.stdout == '"\\u007f\\u009b\\u202e\\u2028\\u00e9\\udb40\\udc41"\n'
    for shown in (verified.stdout.replace("\n", ""), read.stdout.replace("\n", "")):
        assert shown.isprintable()


@pytest.mark.parametrize("program", [VERIFIER, READER], ids=["verifier", "reader"])
async def test_a_log_in_a_folder_that_cannot_be_written_is_read(
    path: Path, program: str, public_folder: Path
) -> None:
    """It is in WAL mode, and SQLite cannot make the files that this takes."""
    become = f"\nif os.geteuid() == 0:\n    os.setuid({NOBODY})\n\nREVISION"  # Root may write it.
    code = program.replace("\nREVISION", become, 1)
    path = Path(shutil.copy(path, public_folder))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    arguments = (str(path), "default", "chat")[: 1 if program == VERIFIER else 3]
    command = [sys.executable, "-I", "-c", code, *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert os.listdir(path.parent) == [path.name]


SECOND: Final = prepared(ConversationForked(CHAT, 1, 2))


async def test_a_fork_is_the_first_event_of_its_stream(path: Path) -> None:
    """A later one would give a stream another beginning."""
    store(path, "late", holding(b"[1]"), SECOND)
    expected = "default/late version 2: only the first event of a stream is of the kind forked"
    assert run(VERIFIER, path).stderr.splitlines() == [expected]
    assert "does not say what it is a fork of" in refusal(path, "late")


async def test_positions_are_those_of_the_feed(path: Path) -> None:
    """Without gaps, and in the order of each stream."""
    store(path, "two", holding(b"[1]"), holding(b"[2]"))
    assert run(VERIFIER, path).returncode == 0
    for (name,) in sql(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        sql(path, f"DROP TRIGGER {name}")
    sql(path, "UPDATE events SET position = 9 WHERE position = 2")
    assert "the feed is not as it was at 3" in run(VERIFIER, path).stderr
    sql(path, "UPDATE events SET position = 2 WHERE position = 9 AND version = 1")
    assert run(VERIFIER, path).returncode == 0


async def test_a_row_of_another_type_is_a_problem_and_no_traceback(path: Path) -> None:
    """Whoever changes tables can put anything into a row."""
    sql(path, "PRAGMA writable_schema = ON")
    for header in (b"{", b"[]", b'{"erased":{}}', b'{"erased":' + b"9" * 5000 + b"}"):
        event = holding(b"[1]")._replace(kind="redacted", header=header)
        store(path, f"kind {header[:12]!r}", event)
    answer = run(VERIFIER, path)
    assert answer.returncode == 1
    assert "Traceback" not in answer.stderr
    assert len(answer.stderr.splitlines()) == 4


async def test_an_index_that_disagrees_with_its_table_is_found(path: Path) -> None:
    """What is read by it is not what is there."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'IS NOT NULL', 'IS NULL')"
            " WHERE name = 'events_by_event_id'"
        )
    answer = run(VERIFIER, path)
    assert answer.returncode == 1
    assert answer.stderr.startswith("the file contradicts itself: ")
