"""What encryption and erasures add to the tables, changed behind the log's back, is found."""

import asyncio
import threading
from typing import Any, Final

import pytest

from eventlog import ItemsAdded, Verification
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey
from eventlog_projections import erase, erase_event
from tests.backends import Backend
from tests.elsewhere import open_elsewhere

WHY: Final[dict[str, Any]] = {"by": "office", "reason": "code"}

Told = tuple[str, int, str]
OF_ONE: Final = "key_id = '1' AND stream_id = (SELECT stream_id FROM {}streams WHERE name = 'a')"
KEYS: Final[dict[str, tuple[str, Told]]] = {
    "stream_id": ("SET stream_id = wrapped_key", ("a", 1, "missing")),
    "key_id": ("SET key_id = '9'", ("a", 1, "missing")),
    "kek_id": ("SET kek_id = 'other'", ("a", 1, "unknown")),
    "wrapped_key": ("SET wrapped_key = stream_id", ("a", 1, "edited")),
}
"""Of a conversation under two keys."""
UNPROTECTED_WITHOUT_A_KEYRING: Final = ("kek_id", "wrapped_key")

STREAMS: Final[dict[str, tuple[str, Told]]] = {
    "no key": ("key_id = NULL WHERE name = 'a'", ("a", 0, "edited")),
    "destroyed keys": ("key_id = '' WHERE name = 'a'", ("a", 0, "edited")),
    "an older key": ("key_id = '1' WHERE name = 'a'", ("a", 0, "edited")),
    "a key that is not there": ("key_id = '3' WHERE name = 'a'", ("a", 0, "missing")),
    "a key of a plain one": ("key_id = '1' WHERE name = 'plain'", ("plain", 0, "missing")),
    "an erasure": ("erased_version = 2 WHERE name = 'a'", ("a", 0, "edited")),
    "no erasure": ("erased_version = NULL WHERE name = 'erased'", ("erased", 0, "edited")),
    "another erasure": ("erased_version = 1 WHERE name = 'erased'", ("erased", 0, "edited")),
    "no redaction": ("erased_version = NULL WHERE name = 'redacted'", ("redacted", 0, "edited")),
    "no key after all": ("key_id = NULL WHERE name = 'erased'", ("erased", 0, "edited")),
    "the key again": ("key_id = '1' WHERE name = 'erased'", ("erased", 0, "missing")),
}
OF: Final = "stream_id = (SELECT stream_id FROM {}streams WHERE name = '%s')"
ROWS: Final[dict[str, tuple[str, Told]]] = {
    "destroyed": ("UPDATE {}keys SET wrapped_key = NULL WHERE " + OF % "a", ("a", 1, "missing")),
    "deleted": ("DELETE FROM {}keys WHERE " + OF % "a", ("a", 1, "missing")),
    "one deleted": ("DELETE FROM {}keys WHERE key_id = '2' AND " + OF % "a", ("a", 3, "missing")),
    "deleted after an erasure": (
        "DELETE FROM {}keys WHERE " + OF % "erased",
        ("erased", 0, "edited"),
    ),
    "there again": (
        "UPDATE {}keys SET wrapped_key = stream_id WHERE " + OF % "erased",
        ("erased", 3, "inserted"),
    ),
}
"""What is found without a keyring, too."""


@pytest.fixture
async def filled(sealed: Backend) -> Backend:
    """One conversation under two keys, an erased one, one with a hole, and a plain one."""
    async with open_elsewhere(sealed, keyring=None) as log:
        await log.append("plain", ItemsAdded(["plain"]))
    async with sealed.open() as log:
        for name in ("a", "erased", "redacted"):
            await log.append(name, [ItemsAdded([name]), ItemsAdded([name])])
        await rekey(log, "a")
        await log.append("a", ItemsAdded(["under the second key"]))
        await erase(log, "erased", **WHY)
        await erase_event(log, "redacted", 1, **WHY)
    return sealed


async def verified(backend: Backend, stream: str | None = None, **options: object) -> Verification:
    async with open_elsewhere(backend, **options) as log:
        return await log.verify(stream)


def told(found: Verification) -> list[Told]:
    return [(fault.stream, fault.version, fault.problem) for fault in found.faults]


async def test_what_is_untouched_is_sound(filled: Backend) -> None:
    """With the keyring and without."""
    assert told(await verified(filled)) == told(await verified(filled, keyring=None)) == []
    async with filled.open() as log:
        await log.append("erased", ItemsAdded(["anew"]))
        await log.append("plain", ItemsAdded(["encrypted from here on"]))
    assert told(await verified(filled)) == []


@pytest.mark.parametrize("column", KEYS)
async def test_any_column_of_a_key(filled: Backend, column: str) -> None:
    """The first event is named whose content can no longer be read."""
    change, expected = KEYS[column]
    await filled.execute(f"UPDATE {{}}keys {change} WHERE {OF_ONE}")
    assert told(await verified(filled)) == [expected]
    assert told(await verified(filled, "a")) == [expected]
    without = [] if column in UNPROTECTED_WITHOUT_A_KEYRING else [expected]
    assert told(await verified(filled, keyring=None)) == without


async def test_a_keyring_that_lacks_a_key_could_not_check(filled: Backend) -> None:
    """Which is not the same as a key that was changed; nor as one that is another."""
    filled.keyring = parse_keyring(new_key("kek-2"))
    found = await verified(filled, "redacted")
    assert (told(found), found.exit_code) == ([("redacted", 2, "unknown")], 2)
    assert "'kek-1', which the keyring does not have" in found.faults[0].detail
    filled.keyring = parse_keyring(new_key("kek-1"))
    found = await verified(filled, "redacted")
    assert (told(found), found.exit_code) == ([("redacted", 2, "edited")], 1)
    assert "its data key '1' does not open under 'kek-1'" in found.faults[0].detail


async def test_a_key_that_no_event_uses_is_checked(filled: Backend) -> None:
    """The next event would."""
    async with filled.open() as log:
        await rekey(log, "redacted")
    await filled.execute("UPDATE {}keys SET wrapped_key = ? WHERE key_id = '2'", b"another")
    assert ("redacted", 0, "edited") in told(await verified(filled))


@pytest.mark.parametrize("what", STREAMS)
async def test_what_a_stream_says_of_its_keys_and_erasures(filled: Backend, what: str) -> None:
    """Without the keyring, too; alone, and among the others."""
    change, expected = STREAMS[what]
    await filled.execute(f"UPDATE {{}}streams SET {change}")
    assert told(await verified(filled)) == [expected]
    assert told(await verified(filled, expected[0], keyring=None)) == [expected]


@pytest.mark.parametrize("what", ROWS)
async def test_a_row_of_keys_that_should_not_be_so(filled: Backend, what: str) -> None:
    """Gone without an erasure, or there again after one."""
    change, expected = ROWS[what]
    await filled.execute(change)
    assert told(await verified(filled, keyring=None)) == [expected]
    assert told(await verified(filled, expected[0])) == [expected]


@pytest.mark.parametrize("stream", [None, "a"])
async def test_an_erasure_during_a_check_is_left_to_the_next(
    filled: Backend, stream: str | None
) -> None:
    """The keys are looked at last, and are gone by then: somebody erased, nobody tampered."""

    async def erase_elsewhere() -> None:
        async with open_elsewhere(filled) as log:
            await erase(log, "a", **WHY)

    erasing = threading.Thread(target=lambda: asyncio.run(erase_elsewhere()))

    def begin_and_wait(_events: int) -> None:
        if erasing.ident is None:
            erasing.start()
            erasing.join()

    async with filled.open() as log:
        assert (await log.verify(stream, progress=begin_and_wait)).ok
        assert not erasing.is_alive()
        (found,) = await filled.execute("SELECT erased_version FROM {}streams WHERE name = 'a'")
        assert found == (4,)
        assert (await log.verify(stream)).ok
