"""Keyrings and data keys: who makes them, who changes them, and where they open."""

import asyncio
from asyncio.subprocess import PIPE

import pytest

from eventlog.errors import InvalidOptionError, WrongKeyError
from eventlog.keys import (
    CalledKeyRing,
    KeyRing,
    LocalKeyRing,
    NotOpenedError,
    new_key,
    parse_keyring,
)
from eventlog.operations import rekey, rotate
from eventlog_projections import Conversation
from tests import processes
from tests.backends import Backend
from tests.contract.keys.test_encryption import ITEMS
from tests.elsewhere import NAME, elsewhere, filled, open_elsewhere, stream_id


async def test_writers_of_a_new_conversation_agree_on_one_key(sealed: Backend) -> None:
    """However many begin at once, on one connection or on several: one key, and all of it reads."""
    async with sealed.open() as one, open_elsewhere(sealed) as two, open_elsewhere(sealed) as three:
        for name in ("first", "second", "third"):
            writers = [Conversation(log, name) for log in (one, two, three) for _ in range(4)]
            await asyncio.gather(*[chat.add([number]) for number, chat in enumerate(writers)])
            found = await Conversation(three, name).items()
            assert sorted(found) == list(range(12))
    rows = await sealed.execute("SELECT key_id, count(*) FROM {}keys GROUP BY key_id")
    assert rows == [("1", 3)]


async def test_a_new_data_key_is_for_what_comes(sealed: Backend) -> None:
    """Writers elsewhere take it with their next append; everything stays readable."""
    async with sealed.open() as log, open_elsewhere(sealed) as other:
        chat, theirs = Conversation(log, NAME), Conversation(other, NAME)
        await chat.add([1])
        await theirs.add([2])
        await rekey(log, NAME)
        await theirs.add([3])
        await chat.add([4])
        assert [event.stored.key_id for event in await log.read(NAME).all()] == ["1", "1", "2", "2"]
        assert await theirs.items() == [1, 2, 3, 4]
    async with elsewhere(sealed) as chat:
        assert await chat.items() == [1, 2, 3, 4]


async def test_rotating_touches_keys_and_no_event(sealed: Backend) -> None:
    """Afterwards the old key-encryption key is not needed any more."""
    old, new = new_key("kek-1"), new_key("kek-2")
    sealed.keyring = parse_keyring(old)
    async with sealed.open() as log:
        for name in ("a", "b", "c"):
            await Conversation(log, name).add([name])
        await rekey(log, "c")
        await Conversation(log, "c").add(["again"])
        before = await sealed.execute("SELECT * FROM {}events ORDER BY stream_id, version")
        assert await rotate(log) == 0
    sealed.keyring = parse_keyring(f"{new} {old}")
    async with sealed.open() as log:
        assert await rotate(log) == 4
        assert await rotate(log) == 0
    after = await sealed.execute("SELECT * FROM {}events ORDER BY stream_id, version")
    assert after == before
    sealed.keyring = parse_keyring(new)
    async with sealed.open() as log:
        assert await Conversation(log, "a").items() == ["a"]
        assert await Conversation(log, "c").items() == ["c", "again"]
        assert (await log.verify()).ok


ROTATING = """
import ast, asyncio, sys
from eventlog import EventLog, PostgresOptions
from eventlog.keys import CalledKeyRing, parse_keyring
from eventlog.operations import rotate

url, options, words = ast.literal_eval(sys.argv[1])
ring, wrapped = parse_keyring(words), []

def wrap(kek_id, key, place):
    wrapped.append(kek_id)
    if len(wrapped) == 4:
        print("three are wrapped", flush=True)
        sys.stdin.read()
    return ring.wrap(kek_id, key, place)

async def main():
    keyring = CalledKeyRing(ring.current, wrap=wrap, unwrap=ring.unwrap)
    await rotate(EventLog(url, keyring=keyring, postgres=PostgresOptions(**options)))

asyncio.run(main())
"""


async def test_a_rotation_that_was_killed_is_gone_on_with(sealed: Backend) -> None:
    """Whatever moment it ends at, nothing is lost, and the next one does the rest."""
    old, new = new_key("kek-1"), new_key("kek-2")
    sealed.keyring = parse_keyring(old)
    async with sealed.open() as log:
        for number in range(5):
            await Conversation(log, f"{number}").add([number])
    told = repr((sealed.url, sealed.options, f"{new} {old}"))
    async with processes.python("-c", ROTATING, told, stdin=PIPE) as child:
        assert child.stdout is not None
        assert await child.stdout.readline() == b"three are wrapped\n"
    sealed.keyring = parse_keyring(f"{new} {old}")
    async with sealed.open() as log:
        for number in range(5):
            assert await Conversation(log, f"{number}").items() == [number]
        assert await rotate(log) == 2


async def test_a_keyring_may_be_two_async_functions(sealed: Backend) -> None:
    """As a KMS offers them: awaited before anything is decoded, and asked once for each stream."""
    local = parse_keyring(new_key("kms"))
    asked: list[str] = []

    async def wrap(kek_id: str, key: bytes, place: bytes) -> bytes:
        asked.append("wrap")
        return local.wrap(kek_id, key, place)

    async def unwrap(kek_id: str, key: bytes, place: bytes) -> bytes:
        asked.append("unwrap")
        return local.unwrap(kek_id, key, place)

    sealed.keyring = CalledKeyRing("kms", wrap=wrap, unwrap=unwrap)
    async with sealed.open() as log:
        chat = await filled(log, ITEMS)
        await chat.add(["more"])
        assert await chat.items() == [*ITEMS, "more"]
    assert asked == ["wrap", "unwrap"]


async def test_logs_of_one_process_have_to_agree_about_the_keyring(sealed: Backend) -> None:
    """They share what they remember: one without the key would read it there."""
    async with sealed.open() as log:
        assert sealed.open().spi.keys is log.spi.keys
        with pytest.raises(InvalidOptionError):
            sealed.open(keyring=None)


def test_a_wrapped_key_opens_in_its_own_place_only() -> None:
    """Moved to another stream, or another key id, it is a key that does not open."""
    ring: KeyRing = LocalKeyRing({"a": bytes(32)}, "a")
    wrapped = ring.wrap("a", b"k" * 32, b"here")
    assert isinstance(wrapped, bytes)
    assert ring.unwrap("a", wrapped, b"here") == b"k" * 32
    with pytest.raises(NotOpenedError):
        ring.unwrap("a", wrapped, b"there")
    with pytest.raises(KeyError):
        ring.unwrap("b", wrapped, b"here")


async def test_a_data_key_of_another_conversation_is_a_wrong_one(sealed: Backend) -> None:
    """A row of the table of keys cannot be given to another stream."""
    async with sealed.open() as log:
        for name in (NAME, "other"):
            await Conversation(log, name).add([name])
        mine = stream_id(log)
    query = "SELECT wrapped_key FROM {}keys WHERE stream_id <> ?"
    ((theirs,),) = await sealed.execute(query, mine)
    await sealed.execute("UPDATE {}keys SET wrapped_key = ? WHERE stream_id = ?", theirs, mine)
    async with sealed.open() as log:
        with pytest.raises(WrongKeyError):
            await Conversation(log, NAME).items()
        assert await Conversation(log, "other").items() == ["other"]
