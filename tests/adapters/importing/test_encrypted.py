"""Importing what EncryptedSession stored: expired items too, and never with a wrong key."""

import time
from pathlib import Path
from typing import Any, Final

import pytest
from agents import SQLiteSession
from agents.extensions.memory import EncryptedSession

from eventlog import EventLog
from eventlog_importing import EncryptedSource, SQLiteSource, import_sessions
from eventlog_projections import Conversation
from tests.adapters.importing.stores import KEY
from tests.adapters.importing.test_files import insert

ITEM: Final[Any] = {"role": "user", "content": "Größe"}


async def write(file: Path, salt: str, name: str, *items: Any, key: str = KEY) -> None:
    session = SQLiteSession(name, file)
    await EncryptedSession(salt, session, key).add_items(list(items))
    session.close()


async def items(log: EventLog, name: str = "chat") -> list[Any]:
    return await Conversation(log, name).items()


@pytest.mark.parametrize("by_object", [True, False])
async def test_expired_items_are_copied(
    file: Path, target: EventLog, monkeypatch: pytest.MonkeyPatch, *, by_object: bool
) -> None:
    """EncryptedSession shows nothing of them; they are there, with the time of their writing."""
    with monkeypatch.context() as past:
        written = int(time.time()) - 10_000
        past.setattr(time, "time", lambda: float(written))
        await write(file, "chat", "chat", ITEM, ITEM)
    session = SQLiteSession("chat", file)
    encrypted = EncryptedSession("chat", session, KEY)
    assert await encrypted.get_items() == []
    source = encrypted if by_object else EncryptedSource(SQLiteSource(file), KEY)
    report = await import_sessions(target, source)
    session.close()
    assert (report.items, await items(target)) == (2, [ITEM, ITEM])
    added = await anext(aiter(target.read("chat")))
    assert added.context.source_time == [written * 1_000_000] * 2


async def test_a_wrong_key_copies_nothing(file: Path, target: EventLog) -> None:
    """The conversation is refused, not kept as ciphertext; the right key copies it later."""
    await write(file, "chat", "chat", ITEM, ITEM)
    report = await import_sessions(target, EncryptedSource(SQLiteSource(file), "another key"))
    assert [refused.conversation for refused in report.refused] == ["chat"]
    assert "the key, or the session id" in report.refused[0].why
    assert await target.version("chat") == 0
    await import_sessions(target, EncryptedSource(SQLiteSource(file), KEY))
    assert await items(target) == [ITEM, ITEM]


async def test_the_salt_is_the_session_id_of_the_encrypted_session(
    file: Path, target: EventLog
) -> None:
    """It may differ from the store's: a function tells it."""
    await write(file, "salt of chat", "chat", ITEM)
    await write(file, "salt of other", "other", ITEM)
    source = EncryptedSource(SQLiteSource(file), KEY, session_id="salt of {}".format)
    report = await import_sessions(target, source)
    assert (report.items, report.refused) == (2, [])


async def test_the_object_of_a_session_is_copied_under_its_own_id(
    file: Path, target: EventLog
) -> None:
    """Whoever goes on with ours gives the name that they gave to EncryptedSession."""
    await write(file, "mine", "stored as", ITEM)
    session = SQLiteSession("stored as", file)
    await import_sessions(target, EncryptedSession("mine", session, KEY))
    session.close()
    assert [row.name async for row in target.streams()] == ["mine"]


async def test_a_row_that_cannot_be_decrypted_is_kept_as_it_is(
    file: Path, target: EventLog
) -> None:
    """As one that is not encrypted is, which EncryptedSession never shows as history."""
    await write(file, "chat", "chat", ITEM)
    await write(file, "chat", "chat", ITEM, key="another key")
    insert(file, "chat", '{"role": "user", "content": "in the clear"}')
    await write(file, "chat", "chat", ITEM)
    report = await import_sessions(target, EncryptedSource(SQLiteSource(file), KEY))
    assert [(row.row, row.why[:13]) for row in report.preserved] == [
        (1, "it cannot be "),
        (2, "it is not enc"),
    ]
    assert await items(target) == [ITEM, ITEM]
    raw = [event.event async for event in target.read("chat") if event.kind == "preserved"]
    assert raw[1].raw == b'{"role": "user", "content": "in the clear"}'  # type: ignore[union-attr]
