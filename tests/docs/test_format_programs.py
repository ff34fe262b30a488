"""The two programs of docs/format.md, run as a stranger would run them."""

import json
import re
import struct
import sys
from pathlib import Path
from typing import Final

import pytest

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
from eventlog.events import ConversationRewound
from eventlog.format import chain
from eventlog.format.records import Head, PreparedEvent, StoredEvent
from eventlog_projections import Conversation, erase, erase_event
from tests.docs.programs import READER, VERIFIER, run, sql

CHAT: Final = chain.stream_id("default", "chat")


OF_CHAT: Final = "WHERE stream_id = :chat AND version"


class NotYetKnown(Event, frozen=True):
    """An event of a later release."""

    kind = "not yet known"


def conversation() -> list[Event | NewEvent]:
    """Return events of every kind, and of one that this release does not have."""
    many = [{"role": "user", "content": f"Nachricht {n} \U0001f389"} for n in range(20)]
    return [
        ItemsAdded(["a", "b", {"c": [float("nan"), 2**70]}]),
        NewEvent(ItemPopped("a typo"), Context(actor="ana"), "once"),
        ItemsAdded(["lone \ud800"]),
        NotYetKnown(),
        ItemsAdded(many),
        ItemsReplaced(5, ["compacted"]),
        ConversationCleared(),
        ItemPopped(),
        ItemsReplaced(3, ["after the clear"]),
        ConversationRewound(6),
        ItemPopped(),
        ItemsAdded(["d"]),
        ConversationRewound(11),
        ConversationRewound(0),
        ItemsAdded([]),
        ItemsAdded(["last"]),
    ]


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A log with three conversations of two tenants, written by the real code and closed."""
    where = tmp_path / "a log?.db"
    for tenant, names in (("default", ["chat", "ünï"]), ("other", ["chat"])):
        async with EventLog(where, tenant=tenant) as log:
            for name in names:
                await log.append(name, conversation())
    return where


def event(path: Path, version: int) -> StoredEvent:
    """Return an event of `chat` as it is stored."""
    columns = ", ".join(StoredEvent._fields)
    where = "stream_id = ? AND version = ?"
    (row,) = sql(path, f"SELECT {columns} FROM events WHERE {where}", CHAT, version)
    return StoredEvent._make(row)


def tamper(path: Path, *statements: str) -> None:
    """Change the conversation `chat` of `default` behind the back of the triggers."""
    for (name,) in sql(path, "SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        sql(path, f"DROP TRIGGER {name}")
    for statement in statements:
        sql(path, statement.replace(":chat", f"x'{CHAT.hex()}'"))


def test_the_verifier_is_short_and_needs_a_standard_library_only() -> None:
    """A stranger can read all of it before trusting it."""
    assert len(VERIFIER.splitlines()) < 130
    imported = re.findall(r"^import (.*)$", VERIFIER, re.MULTILINE)
    assert {name for line in imported for name in line.split(", ")} <= sys.stdlib_module_names


def test_the_verifier_accepts_a_real_log(path: Path) -> None:
    """Written by the real code, read by a program that shares no line with it."""
    answer = run(VERIFIER, path)
    assert (answer.returncode, answer.stderr) == (0, "")
    heads = sql(path, "SELECT tenant, name, version, hex(head_hash) FROM streams ORDER BY 1, 2")
    assert answer.stdout.splitlines() == [
        f"{tenant}/{name} is sound, version {version}, hash {head.lower()}"
        for tenant, name, version, head in heads
    ]


async def test_the_verifier_accepts_a_log_in_use(path: Path) -> None:
    """What is only in the write-ahead log so far is a part of the log."""
    async with EventLog(path) as log:
        await log.append("chat", ItemsAdded(["in the -wal"]))
        answer = run(VERIFIER, path)
    assert answer.returncode == 0
    assert "default/chat is sound, version 17" in answer.stdout


def test_the_verifier_changes_nothing(path: Path) -> None:
    """Evidence stays as it was found."""
    before = path.read_bytes()
    run(VERIFIER, path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 5, 16])
def test_the_verifier_names_the_event_whose_body_was_changed(path: Path, version: int) -> None:
    """One byte, raw or compressed, behind the back of the triggers."""
    body = bytearray(event(path, version).body or b"")
    body[-3] ^= 1
    tamper(path, f"UPDATE events SET body = x'{body.hex()}' {OF_CHAT} = {version}")
    answer = run(VERIFIER, path)
    assert answer.returncode == 1
    assert answer.stderr.splitlines() == [
        f"default/chat version {version}: its content is not what was recorded"
    ]
    assert len(answer.stdout.splitlines()) == 2


COPIED: Final = """
    INSERT INTO events SELECT 999, stream_id, {}, format, NULL, kind, schema, recorded_at, header,
    codec, key_id, salt, context, body, content_digest, hash FROM events WHERE stream_id = :chat
    AND version = 1
"""
TAMPERING: Final = {
    "a header": (f"UPDATE events SET header = x'7b7d' {OF_CHAT} = 5", 5),
    "a context": (f"UPDATE events SET context = x'7b7d' {OF_CHAT} = 2", 2),
    "a time": (f"UPDATE events SET recorded_at = recorded_at - 1 {OF_CHAT} = 3", 3),
    "a time before 1970": (f"UPDATE events SET recorded_at = -1 {OF_CHAT} = 1", 1),
    "a negative codec": (f"UPDATE events SET codec = -1 {OF_CHAT} = 4", 4),
    "a kind that is no UTF-8": (f"UPDATE events SET kind = CAST(x'ff' AS TEXT) {OF_CHAT} = 4", 4),
    "an event_id": (f"UPDATE events SET event_id = 'twice' {OF_CHAT} = 2", 2),
    "an event_id, gone": (f"UPDATE events SET event_id = NULL {OF_CHAT} = 2", 2),
    "a format": (f"UPDATE events SET format = 2 {OF_CHAT} = 6", 6),
    "a hash": (f"UPDATE events SET hash = zeroblob(32) {OF_CHAT} = 6", 6),
    "the last hash": (f"UPDATE events SET hash = zeroblob(32) {OF_CHAT} = 16", 16),
    "a deletion": (f"DELETE FROM events {OF_CHAT} = 7", 7),
    "the last event": (f"DELETE FROM events {OF_CHAT} = 16", 16),
    "all events": ("DELETE FROM events WHERE stream_id = :chat", 1),
    "an insertion at the end": (COPIED.format(17), 17),
    "an insertion before the first": (COPIED.format(0), 1),
    "a body alone, gone": (f"UPDATE events SET body = NULL {OF_CHAT} = 5", 5),
    "a salt alone, gone": (f"UPDATE events SET salt = NULL {OF_CHAT} = 5", 5),
    "a head that is behind": ("UPDATE streams SET version = 9 WHERE stream_id = :chat", 10),
    "a head's time": ("UPDATE streams SET head_at = 9 WHERE stream_id = :chat", 16),
    "another name": ("UPDATE streams SET name = 'mine' WHERE stream_id = :chat", 0),
    "another tenant": ("UPDATE streams SET tenant = 'mine' WHERE stream_id = :chat", 0),
    "a parent": ("UPDATE streams SET parent_id = stream_id WHERE stream_id = :chat", 1),
}


@pytest.mark.parametrize("edit", TAMPERING)
def test_the_verifier_names_the_first_bad_event(path: Path, edit: str) -> None:
    """Any edit, deletion or insertion; the streams beside it stay sound."""
    statement, version = TAMPERING[edit]
    tamper(path, statement)
    answer = run(VERIFIER, path)
    assert answer.returncode == 1
    assert re.match(rf"(default|mine)/(chat|mine) version {version}: ", answer.stderr)
    assert len(answer.stderr.splitlines()) == 1
    assert len(answer.stdout.splitlines()) == 2


def test_the_verifier_finds_two_events_that_were_swapped(path: Path) -> None:
    """The order is part of the chain."""
    tamper(
        path,
        f"UPDATE events SET version = 999 {OF_CHAT} = 3",
        f"UPDATE events SET version = 3 {OF_CHAT} = 4",
        f"UPDATE events SET version = 4 {OF_CHAT} = 999",
    )
    assert run(VERIFIER, path).stderr.startswith("default/chat version 3: ")


def test_the_verifier_finds_events_without_a_stream(path: Path) -> None:
    """Removing the row of a stream does not hide its events."""
    tamper(path, "DELETE FROM streams WHERE stream_id = :chat")
    answer = run(VERIFIER, path)
    assert answer.returncode == 1
    assert answer.stderr.startswith(CHAT.hex())


def test_the_verifier_does_not_take_a_part_of_the_content_for_its_salt(path: Path) -> None:
    """If a salt could have any length, one digest would stand for two contents."""
    context, body = b"{}", b"[1]" + struct.pack(">Q", 2) + b"{}" + b"[2]"
    longer_salt = b"s" * 16 + struct.pack(">Q", len(context)) + context + b"[1]"
    digest = chain.content_digest(b"s" * 16, context, body)
    assert chain.content_digest(longer_salt, b"{}", b"[2]") == digest
    last = event(path, 16)
    forged = PreparedEvent(
        None, "added", 1, last.header, 0, None, longer_salt, b"{}", b"[2]", digest
    )
    (row,), head = chain.link(CHAT, Head(16, last.hash, last.recorded_at), [forged], 0)
    sql(path, f"INSERT INTO events VALUES (999, {', '.join('?' * len(row))})", *row)
    sql(path, "UPDATE streams SET version = 17, head_hash = ? WHERE stream_id = ?", head.hash, CHAT)
    assert run(VERIFIER, path).stderr.startswith("default/chat version 17: a part of its content")


async def test_the_verifier_accepts_an_erasure(path: Path) -> None:
    """Of all, twice, and of one event: salt, context and body are gone; the chain holds."""
    async with EventLog(path) as log:
        for reason in ("art-17", "again"):
            await erase(log, "ünï", by="office", reason=reason)
            await log.append("ünï", ItemsAdded(["after"]))
        await erase_event(log, "chat", 1, by="office", reason="art-17")
    answer = run(VERIFIER, path)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("version", [3, 16])
async def test_the_verifier_finds_content_that_is_gone_unsaid(path: Path, version: int) -> None:
    """Content that no event says was erased was taken by somebody who does not say so."""
    async with EventLog(path) as log:
        await erase_event(log, "chat", 5, by="office", reason="art-17")
    gone = "salt = NULL, context = NULL, body = NULL"
    tamper(path, f"UPDATE events SET {gone} {OF_CHAT} = {version}")
    expected = f"default/chat version {version}: its content is gone, and no event says so"
    assert run(VERIFIER, path).stderr.splitlines() == [expected]


@pytest.mark.parametrize("is_whole", [True, False])
async def test_the_verifier_finds_content_that_was_put_back(path: Path, is_whole: bool) -> None:
    """From a backup: what an event says was erased is not there."""
    before = event(path, 5)
    async with EventLog(path) as log:
        if is_whole:
            await erase(log, "chat", by="office", reason="art-17")
        else:
            await erase_event(log, "chat", 5, by="office", reason="art-17")
    tamper(path)
    back = "UPDATE events SET salt = ?, context = ?, body = ? WHERE stream_id = ? AND version = 5"
    sql(path, back, before.salt, before.context, before.body, CHAT)
    expected = "default/chat version 5: its content is there, and an event erased it"
    assert run(VERIFIER, path).stderr.splitlines() == [expected]


def test_the_verifier_cannot_see_a_tail_that_was_cut_off_with_its_head(path: Path) -> None:
    """The page says so: only a head that is kept elsewhere shows it."""
    tamper(
        path,
        f"DELETE FROM events {OF_CHAT} > 9",
        "UPDATE streams SET version = 9, (head_hash, head_at) = (SELECT hash, recorded_at"
        f" FROM events {OF_CHAT} = 9) WHERE stream_id = :chat",
        "UPDATE events SET position = position - 7 WHERE position > 9",
    )
    assert run(VERIFIER, path).returncode == 0


@pytest.mark.parametrize("version", range(len(conversation()) + 1))
async def test_the_reader_prints_the_items_of_every_version(path: Path, version: int) -> None:
    """The same list as the library's, after pops, clears, compactions and rewinds."""
    async with EventLog(path) as log:
        expected = await Conversation(log, "ünï").items(as_of=version)
    answer = run(READER, path, "default", "ünï", version)
    assert answer.stderr == ""
    assert [repr(json.loads(line)) for line in answer.stdout.splitlines()] == [
        repr(item) for item in expected
    ]


def test_the_reader_prints_the_items_now(path: Path) -> None:
    """Without a version."""
    answer = run(READER, path, "other", "chat")
    assert answer.stdout.splitlines() == ['"last"']


def test_the_reader_does_not_leave_out_erased_items(path: Path) -> None:
    """A list with a hole would be a lie."""
    sql(path, "DROP TRIGGER events_erased")
    sql(path, "UPDATE events SET salt = NULL, context = NULL, body = NULL WHERE version = 1")
    answer = run(READER, path, "default", "chat", 3)
    assert answer.returncode == 1
    assert "version 1 was erased" in answer.stderr
    assert answer.stdout == ""


FORK: Final = chain.stream_id("default", "chat", "idea")


@pytest.fixture
async def forked(path: Path) -> Path:
    """The same log, with forks of forks of `chat` in which everything happens that can."""
    async with EventLog(path) as log:
        chat = Conversation(log, "chat")
        idea = await chat.fork("chat", branch="idea", at=6, kept=5)
        await idea.add([{"role": "user"}, "one", {"role": "user"}, "two"])
        await idea.undo()
        await idea.redo()
        await idea.undo(2)
        await idea.label(title="An idea", tags=["a", "b"])
        await idea.pop()
        deep = await idea.fork("deep")
        await deep.add(["deeper"])
        await deep.restore(1)
        await deep.fork("empty", at=0)
        await idea.restore(2)
        await idea.delete_branch(reason="done")
    return path


@pytest.mark.parametrize("version", range(10))
async def test_the_reader_prints_the_items_of_a_branch(forked: Path, version: int) -> None:
    """What it inherited, what an undo kept and what a deletion left, at every version."""
    async with EventLog(forked) as log:
        expected = await Conversation(log, "chat", "idea").items(as_of=version)
    answer = run(READER, forked, "default", "chat", version, "idea")
    assert answer.stderr == ""
    assert [json.loads(line) for line in answer.stdout.splitlines()] == expected


@pytest.mark.parametrize("version", [0, 1, 2, 3])
async def test_the_reader_prints_the_items_of_a_fork_of_a_fork(forked: Path, version: int) -> None:
    """Through both ancestors."""
    async with EventLog(forked) as log:
        expected = await Conversation(log, "deep").items(as_of=version)
    answer = run(READER, forked, "default", "deep", version)
    assert [json.loads(line) for line in answer.stdout.splitlines()] == expected
    assert version != 1 or len(expected) == 4


def test_the_verifier_accepts_forks_and_branches(forked: Path) -> None:
    """Their identities and parents too."""
    answer = run(VERIFIER, forked)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "default/chat/idea is sound, version 9" in answer.stdout
    assert len(answer.stdout.splitlines()) == 6


@pytest.mark.parametrize(
    "edit",
    [
        "SET parent_id = zeroblob(16)",
        "SET parent_version = 7",
        "SET parent_id = NULL, parent_version = NULL",
        "SET branch = 'other'",
        "SET branch = ''",
    ],
)
async def test_both_verifiers_find_another_parent_or_branch(forked: Path, edit: str) -> None:
    """What a fork began with is what its first event says, and its branch is its identity."""
    tamper(forked)
    sql(forked, f"UPDATE streams {edit} WHERE stream_id = ?", FORK)
    answer = run(VERIFIER, forked)
    assert answer.returncode == 1
    version = 0 if "branch" in edit else 1
    assert f" version {version}: " in answer.stderr
    async with EventLog(forked) as log:
        (fault,) = (await log.verify()).faults
    assert (fault.problem, fault.version) == ("edited" if version else "moved", version)
