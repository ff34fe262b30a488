"""Keys are made, replaced and destroyed at once: no stream is left with one that is gone."""

import asyncio

import pytest

from eventlog.keys import CalledKeyRing, LocalKeyRing, new_key, parse_keyring
from eventlog.operations import rekey
from eventlog_projections import Conversation, erase
from tests.backends import Backend
from tests.elsewhere import open_elsewhere

NAME = "chat"


class SlowKms:
    """A keyring whose next call of `wrap` waits until it is told to go on."""

    def __init__(self, keyring: LocalKeyRing) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.is_slow = False
        self.ring = CalledKeyRing(keyring.current, wrap=self._wrap, unwrap=keyring.unwrap)
        self._keyring = keyring

    async def _wrap(self, kek_id: str, key: bytes, aad: bytes) -> bytes:
        if self.is_slow:
            self.is_slow = False
            self.asked.set()
            await self.go_on.wait()
        return self._keyring.wrap(kek_id, key, aad)


@pytest.fixture
def kms(backend: Backend) -> SlowKms:
    keyring = parse_keyring(new_key("kek"))
    backend.keyring = keyring
    return SlowKms(keyring)


@pytest.mark.parametrize("erasures", [1, 2])
async def test_a_key_that_was_destroyed_while_another_was_made_is_not_used(
    backend: Backend, kms: SlowKms, erasures: int
) -> None:
    """A prepares key 2; B stores its key 2, appends and erases; A goes on: the stream has key 3."""
    async with backend.open() as log, open_elsewhere(backend, keyring=kms.ring) as other:
        await Conversation(log, NAME).add(["old"])
        await erase(log, NAME, by="a", reason="b")
        kms.is_slow = True
        adding = asyncio.ensure_future(Conversation(other, NAME).add(["a"]))
        await kms.asked.wait()
        for _ in range(erasures):
            await Conversation(log, NAME).add(["b"])
            await erase(log, NAME, by="a", reason="b")
        kms.go_on.set()
        await adding
        await Conversation(log, NAME).add(["c"])
        used, destroyed = await state(backend)
        assert used not in destroyed
        last = "SELECT key_id FROM {}events ORDER BY version DESC LIMIT 1"
        assert await backend.execute(last) == [(used,)]
        assert (await log.verify()).ok


async def test_a_key_change_beside_an_erasure_leaves_a_stream_that_can_be_written(
    backend: Backend, kms: SlowKms
) -> None:
    """The new key may be stored for nothing; the next append makes one if need be."""
    async with backend.open() as log, open_elsewhere(backend, keyring=kms.ring) as other:
        await Conversation(log, NAME).add(["old"])
        kms.is_slow = True
        changing = asyncio.ensure_future(rekey(other, NAME))
        await kms.asked.wait()
        await erase(log, NAME, by="a", reason="b")
        kms.go_on.set()
        await changing
        for each in (log, other):
            await Conversation(each, NAME).add(["new"])
        used, destroyed = await state(backend)
        assert used not in destroyed
        assert (await log.verify()).ok


async def state(backend: Backend) -> tuple[str, set[str]]:
    """Return the key that the stream uses, and those that were destroyed."""
    ((used,),) = await backend.execute("SELECT key_id FROM {}streams")
    rows = await backend.execute("SELECT key_id FROM {}keys WHERE wrapped_key IS NULL")
    return used, {key_id for (key_id,) in rows}
