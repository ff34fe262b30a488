"""Every column of every table of ours, changed behind the log's back, is found and named."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from eventlog import (
    EventLog,
    Fault,
    ItemsAdded,
    Signer,
    TreeHead,
)
from eventlog.errors import SchemaTooNewError
from eventlog.format import chain
from eventlog.store.contract.revisions import VERSION_TABLE
from eventlog.store.sql.schema import metadata
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.contract.verify.test_tamper_keys import KEYS

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
EVENT: Final = "WHERE version = 2 AND stream_id = (SELECT stream_id FROM {}streams WHERE name='a')"
STREAM: Final = "WHERE name = 'a'"

# What is set, where, and what has to be found: conversation, version, problem, position.
Found = tuple[str, int, str, int | None]
EVENTS: Final[dict[str, tuple[str, Found]]] = {
    "stream_id": ("content_digest", ("a", 2, "missing", None)),
    "version": ("9", ("a", 2, "missing", None)),
    "format": ("2", ("a", 2, "unknown", None)),
    "event_id": ("'x'", ("a", 2, "edited", None)),
    "kind": ("'cleared'", ("a", 2, "edited", None)),
    "schema": ("2", ("a", 2, "edited", None)),
    "recorded_at": ("recorded_at + 1", ("a", 2, "edited", None)),
    "header": ("hash", ("a", 2, "edited", None)),
    "codec": ("1", ("a", 2, "edited", None)),
    "key_id": ("'k'", ("a", 2, "edited", None)),
    "salt": ("stream_id", ("a", 2, "edited", None)),
    "context": ("hash", ("a", 2, "edited", None)),
    "body": ("hash", ("a", 2, "edited", None)),
    "content_digest": ("hash", ("a", 2, "edited", None)),
    "hash": ("content_digest", ("a", 2, "edited", None)),
}
STREAMS: Final[dict[str, tuple[str, Found]]] = {
    "tenant": ("'x'", ("STREAM", 0, "moved", None)),
    "name": ("'x'", ("x", 0, "moved", None)),
    "version": ("2", ("a", 2, "edited", None)),
    "head_hash": ("stream_id", ("a", 3, "edited", None)),
    "head_at": ("head_at + 1", ("a", 3, "edited", None)),
    "parent_id": ("stream_id", ("a", 1, "edited", None)),
    "parent_version": ("1", ("a", 1, "edited", None)),
    "created_at": ("created_at + 1", ("a", 0, "edited", None)),
    "stream_id": ("head_hash", ("a", 0, "moved", None)),
    "branch": ("'x'", ("a", 0, "moved", None)),
    "key_id": ("'1'", ("a", 0, "missing", None)),
    "erased_version": ("2", ("a", 0, "edited", None)),
}
# What is set, and the branch, version and problem that have to be found.
BRANCHES: Final[dict[str, tuple[str, str, int, str]]] = {
    "another parent": ("parent_id = stream_id", "idea", 1, "edited"),
    "a parent at another version": ("parent_version = 1", "idea", 1, "edited"),
    "a parent without a version": ("parent_version = NULL", "idea", 1, "edited"),
    "a version without a parent": ("parent_id = NULL", "idea", 1, "edited"),
    "no parent": ("parent_id = NULL, parent_version = NULL", "idea", 1, "edited"),
    "another branch": ("branch = 'x'", "x", 0, "moved"),
    "the main branch": ("branch = ''", "", 0, "moved"),
    "another time": ("created_at = created_at + 1", "idea", 0, "edited"),
    "another head": ("head_at = head_at + 1", "idea", 2, "edited"),
}
PLACES: Final[dict[str, dict[str, tuple[str, Found]]]] = {
    "feed": {
        "position": ("WHERE position = 2 SET position = 99", ("", 0, "missing", 2)),
        "stream_id": ("WHERE position = 2 SET stream_id = ?", ("00" * 16, 1, "missing", 2)),
        "version": ("WHERE position = 2 SET version = 9", ("b", 9, "missing", 2)),
    },
    "feed_head": {
        "id": ("WHERE id = 1 SET id = 2", ("", 0, "missing", 7)),
        "position": ("WHERE id = 1 SET position = 3", ("", 0, "missing", 7)),
    },
    "queue": {
        "stream_id": ("WHERE version = 4 SET stream_id = ?", ("b", 4, "missing", None)),
        "version": ("WHERE version = 4 SET version = 9", ("b", 4, "missing", None)),
        "recorded_at": ("WHERE version = 4 SET recorded_at = 1", ("b", 4, "inserted", None)),
    },
    "tree": {
        "level": ("WHERE level = 0 SET level = 2", ("", 0, "inserted", 7)),
        "number": ("WHERE level = 0 SET number = 1", ("", 0, "missing", 7)),
        "hashes": ("WHERE level = 0 SET hashes = ?", ("a", 2, "edited", 3)),
    },
    "tree_heads": {
        "size": ("WHERE size = 6 SET size = 5", ("a", 3, "edited", 5)),
        "root": ("WHERE size = 6 SET root = ?", ("b", 3, "edited", 6)),
        "note": ("WHERE size = 6 SET note = 'x'", ("b", 3, "edited", 6)),
    },
}

UNPROTECTED: Final = {
    "lease": "who is at work decides nothing",
    "snapshots": "made anew from the events by eventlog_projections.rebuild",
    "segments": "as snapshots",
    "checkpoints": "views are made anew from the feed; Views.check compares",
    "set_aside": "as checkpoints",
    "misplaced": "what was refused a place, and what was mended, for those who ask",
    "purges": "as checkpoints",
    "tree_heads.signed_at": "a note has no time; what is signed is size and root",
}
BYTES: Final[dict[str, bytes]] = {"root": bytes(32), "stream_id": bytes(16)}


@pytest.fixture
async def filled(backend: Backend) -> AsyncIterator[EventLog]:
    """Two conversations of three events, all in the feed, with a signed head."""
    async with backend.open() as log:
        for _ in range(3):
            for name in ("a", "b"):
                await log.append(name, ItemsAdded([name]))
        await log.tree.head(SIGNER)
        yield log


async def faults_of(log: EventLog) -> list[Fault]:
    return list((await log.verify(key=SIGNER.verifier)).faults)


def told(faults: list[Fault]) -> list[Found]:
    return [(fault.stream, fault.version, fault.problem, fault.position) for fault in faults]


def test_the_matrix_has_every_column_of_every_table() -> None:
    """And says why, where a column is left out."""
    tables = metadata("postgresql").tables.values()
    wanted = {f"{table.name}.{column.name}" for table in tables for column in table.columns}
    wanted -= {name for name in wanted if name.split(".")[0] in UNPROTECTED or name in UNPROTECTED}
    matrix: dict[str, Any] = {"events": EVENTS, "streams": STREAMS, "keys": KEYS, **PLACES}
    assert wanted == {f"{name}.{column}" for name, columns in matrix.items() for column in columns}


async def test_what_is_untouched_is_sound(filled: EventLog) -> None:
    """With a head and its key; the matrix would find anything otherwise."""
    assert await faults_of(filled) == []


@pytest.mark.parametrize("column", EVENTS)
async def test_any_column_of_an_event(backend: Backend, filled: EventLog, column: str) -> None:
    """The first bad event of the conversation is the one that was changed."""
    value, expected = EVENTS[column]
    await backend.tamper(f"UPDATE {{}}events SET {column} = {value} {EVENT}")
    conversations = [fault for fault in await faults_of(filled) if fault.position is None]
    assert expected in told(conversations)
    assert {fault.stream for fault in conversations} <= {"a", hashed(conversations)}


def hashed(faults: list[Fault]) -> str:
    """Return the id under which events were found that no stream has."""
    return next((fault.stream for fault in faults if len(fault.stream) > 1), "")


@pytest.mark.parametrize("column", STREAMS)
async def test_any_column_of_a_stream(backend: Backend, filled: EventLog, column: str) -> None:
    """Identity, head, and what it says of its beginning."""
    value, expected = STREAMS[column]
    (((stream_id,),)) = await backend.execute(f"SELECT stream_id FROM {{}}streams {STREAM}")
    assert isinstance(stream_id, bytes)
    await backend.tamper(f"UPDATE {{}}streams SET {column} = {value} {STREAM}")
    found = told(await faults_of(filled))
    assert (expected[0].replace("STREAM", stream_id.hex()), *expected[1:]) in found


@pytest.mark.parametrize("what", BRANCHES)
async def test_what_a_branch_says_of_itself(backend: Backend, filled: EventLog, what: str) -> None:
    """Its name, and the parent, which has to be the one that its first event names."""
    idea = await Conversation(filled, "a").fork("a", branch="idea")
    await idea.add(["own"])
    assert await faults_of(filled) == []
    values, *expected = BRANCHES[what]
    await backend.tamper(f"UPDATE {{}}streams SET {values} WHERE branch = 'idea'")
    (fault,) = await faults_of(filled)
    assert [fault.branch, fault.version, fault.problem] == expected
    assert (fault.stream, fault.position) == ("a", None)
    if "time" not in what and "main" not in what:
        assert (await filled.verify("a")).faults == (fault,)


async def test_an_event_of_a_branch(backend: Backend, filled: EventLog) -> None:
    """The branch is named, and so is the one that a moved event was taken from."""
    for branch in ("one", "two"):
        new = await Conversation(filled, "a").fork("a", branch=branch)
        await new.add(["own"])
    one, two = (chain.stream_id(filled.tenant, "a", branch) for branch in ("one", "two"))
    await backend.tamper("DELETE FROM {}events WHERE version = 2 AND stream_id = ?", one)
    await backend.tamper(
        "UPDATE {}events SET stream_id = ? WHERE version = 2 AND stream_id = ?", one, two
    )
    faults = (await filled.verify("a")).faults
    assert [(fault.branch, fault.version) for fault in faults] == [("one", 2), ("two", 2)]
    assert faults[0].problem == "moved"
    assert faults[0].detail == "it was version 2 of branch 'two' of 'a'"


@pytest.mark.parametrize(
    ("table", "column"), [(table, column) for table in PLACES for column in PLACES[table]]
)
async def test_any_column_of_the_feed_and_its_tree(
    backend: Backend, filled: EventLog, table: str, column: str
) -> None:
    """A place that is not as it was given, a hash, a head."""
    if backend.name == "sqlite" and table in ("feed", "feed_head", "queue"):
        return  # There are no such tables: see the next test.
    if (table, column) == ("feed_head", "id"):
        await backend.execute("ALTER TABLE {}feed_head DROP CONSTRAINT feed_head_one_row")
    if table == "queue":
        await filled.append("b", ItemsAdded(["waits"]))
    change, expected = PLACES[table][column]
    where, _, values = change.partition(" SET ")
    args = [await value_of(backend, column)] if "?" in values else []
    await backend.tamper(f"UPDATE {{}}{table} SET {values} {where}", *args)
    assert expected in told(await faults_of(filled))


async def value_of(backend: Backend, column: str) -> bytes:
    if column != "hashes":
        return BYTES[column]
    ((hashes,),) = await backend.execute("SELECT hashes FROM {}tree")
    assert isinstance(hashes, bytes)
    return hashes[:64] + bytes(32) + hashes[96:]


async def test_a_position_on_sqlite(backend: Backend, filled: EventLog) -> None:
    """The order of a stream, density, and the end that the database remembers."""
    if backend.name == "postgres":
        return
    await backend.tamper("UPDATE events SET position = -position")
    await backend.tamper("UPDATE events SET position = 7 + position")
    found = told(await faults_of(filled))
    assert ("a", 2, "reordered", 4) in found
    await backend.tamper("UPDATE events SET position = 99 WHERE position = 3")
    assert ("", 0, "missing", 3) in told(await faults_of(filled))


async def test_a_revision_that_is_none(backend: Backend, filled: EventLog) -> None:
    """The log is not opened."""
    await filled.close()
    await backend.execute(f"UPDATE {{}}{VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(SchemaTooNewError):
        await backend.open().verify()


@pytest.mark.parametrize("table", ["events", "feed", "queue", "streams", "tree", "tree_heads"])
async def test_a_row_that_is_gone(backend: Backend, filled: EventLog, table: str) -> None:
    """From any table; a head that is gone only if it is kept elsewhere, too.

    Of the tree it is a warning: it is made anew.
    """
    if backend.name == "sqlite" and table in ("feed", "queue"):
        return  # There are no such tables.
    if table == "queue":
        await filled.append("b", ItemsAdded(["waits"]))
    await backend.tamper(f"DELETE FROM {{}}{table}")
    if table == "tree_heads":
        return  # It says nothing about the others.
    found = await filled.verify(key=SIGNER.verifier)
    assert found.warnings if table == "tree" else found.faults
    assert found.ok is (table == "tree")


async def forget_everything(backend: Backend) -> None:
    """Leave nothing of the log, as its owner can, so that another one can be written."""
    tables = ["events", "streams", "tree", "tree_heads", "snapshots", "segments"]
    if backend.name == "postgres":
        tables += ["feed", "queue"]
        await backend.execute("UPDATE {}feed_head SET position = 0")
    for table in tables:
        await backend.tamper(f"DELETE FROM {{}}{table}")
    if backend.name == "sqlite":
        await backend.execute("DELETE FROM sqlite_sequence")


@pytest.mark.parametrize(
    ("events", "expected"),
    [(4, ("", 0, "missing", 5)), (6, ("b", 3, "edited", 6))],
)
async def test_a_log_computed_anew_is_found_by_a_head_kept_elsewhere(
    backend: Backend, filled: EventLog, events: int, expected: Found
) -> None:
    """Cut off, rolled back or rewritten with every hash; and by nothing else."""
    (kept,) = await filled.tree.heads().all()
    head = SIGNER.verifier.open(kept.note)
    assert (await filled.verify(against=head)).ok
    await filled.close()
    await forget_everything(backend)
    async with backend.open() as log:
        for number in range(events):
            await log.append("ab"[number % 2], ItemsAdded(["another"]))
        await log.position()
        assert (await log.verify()).ok
        found = await log.verify(against=head)
        assert told(list(found.faults)) == [expected]
        assert "kept elsewhere" in found.faults[0].detail
        assert (await log.verify("a", against=head)).faults == found.faults


async def test_an_older_head_is_continued(filled: EventLog) -> None:
    """What grew since is no fault, and an empty log is continued by any."""
    (kept,) = await filled.tree.heads().all()
    await filled.append("a", ItemsAdded(["more"]))
    await filled.tree.head(SIGNER)
    await filled.append("a", ItemsAdded(["and more"]))
    head = SIGNER.verifier.open(kept.note)
    assert (await filled.verify(against=head, key=SIGNER.verifier)).ok
    assert (await filled.verify(against=TreeHead("x", 0, bytes(32)))).faults
