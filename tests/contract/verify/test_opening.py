"""With open=True contents are opened, as a reader opens them: what does not open is named."""

from typing import Any, Final

import pytest

from eventlog import ItemsAdded, Verification
from eventlog.errors import CorruptEventError
from eventlog.events import ConversationLabelled
from eventlog.format.events import Context, NewEvent
from eventlog.format.records import StoredEvent
from eventlog.keys import new_key, parse_keyring
from eventlog_projections import Conversation, erase, erase_event
from tests.backends import Backend
from tests.contract.verify.recomputing import Change, recompute
from tests.elsewhere import open_elsewhere

WHY: Final[dict[str, Any]] = {"by": "office", "reason": "code"}


async def fill(backend: Backend) -> None:
    async with backend.open() as log:
        for name in ("a", "b"):
            who = Context(actor="ada")
            for number in range(3):
                await log.append(name, NewEvent(ItemsAdded([name * 200, number]), who))
        await log.append("a", ConversationLabelled(title="what it is about"))


def told(found: Verification) -> list[tuple[str, int, str]]:
    return [
        (fault.stream, fault.version, fault.problem)
        for fault in found.faults
        if fault.position is None
    ]


async def opened(backend: Backend, name: str | None = None, **options: Any) -> Verification:
    async with open_elsewhere(backend, **options) as log:
        return await log.verify(name, open=True)


async def closed(backend: Backend) -> Verification:
    async with open_elsewhere(backend) as log:
        return await log.verify()


async def test_what_opens_is_sound(erasable: Backend) -> None:
    """Erased or not, in small conversations and in long ones, of every kind."""
    await fill(erasable)
    async with erasable.open() as log:
        await erase(log, "b", **WHY)
        await erase_event(log, "a", 1, **WHY)
        await Conversation(log, "a").fork("a", branch="idea")
        await log.append("long", [ItemsAdded([number]) for number in range(2500)])
    found = await opened(erasable)
    assert (found.faults, found.erased) == ((), 4)
    assert (await opened(erasable, "long")).ok


def flipped(field: str) -> Change:
    def change(event: StoredEvent) -> StoredEvent:
        content = getattr(event, field)
        return event._replace(**{field: bytes([content[0] ^ 1]) + content[1:]})

    return change


@pytest.mark.parametrize("field", ["body", "context"])
async def test_a_flipped_ciphertext_with_the_chain_computed_anew(
    sealed: Backend, field: str
) -> None:
    """Only who has the key can tell; nobody without it is told that it is sound."""
    await fill(sealed)
    await recompute(sealed, "a", 2, flipped(field))
    assert told(await closed(sealed)) == []
    assert told(await opened(sealed)) == [("a", 2, "edited")]
    assert told(await opened(sealed, "a")) == [("a", 2, "edited")]
    assert told(await opened(sealed, "b")) == []
    if field == "body":
        async with open_elsewhere(sealed) as log:
            with pytest.raises(CorruptEventError) as caught:
                await Conversation(log, "a").items()
        assert (caught.value.stream, caught.value.version) == ("a", 2)


async def test_a_ciphertext_that_was_moved(sealed: Backend) -> None:
    """It opens in its own place, and in no other."""
    await fill(sealed)
    async with sealed.open() as log:
        (other,) = await log.read("a", until=1).all()

    def moved(event: StoredEvent) -> StoredEvent:
        return event._replace(body=other.stored.body, context=other.stored.context)

    await recompute(sealed, "a", 3, moved)
    assert told(await opened(sealed)) == [("a", 3, "edited")]


async def test_without_the_keyring_nothing_is_called_sound_that_is_closed(sealed: Backend) -> None:
    """It could not be checked, which is not the same: exit code 2. Without open, it is hashed."""
    await fill(sealed)
    for keyring in (None, parse_keyring(new_key("another"))):
        found = await opened(sealed, keyring=keyring)
        assert told(found) == [("a", 1, "unknown"), ("b", 1, "unknown")]
        assert found.exit_code == 2
    async with open_elsewhere(sealed, keyring=None) as log:
        assert (await log.verify()).ok
    sealed.keyring = parse_keyring(new_key("kek-1"))
    found = await opened(sealed)
    assert told(found) == [("a", 1, "edited"), ("b", 1, "edited")]


PLAIN: Final[dict[str, Change]] = {
    "a context that is none": lambda event: event._replace(context=b"[1]"),
    "a title that is none": lambda event: event._replace(body=b'{"title":1}', codec=0),
    "a body that is none": lambda event: event._replace(body=b"\xff", codec=0),
}


@pytest.mark.parametrize("what", PLAIN)
async def test_content_that_no_list_needs(backend: Backend, what: str) -> None:
    """Labels and contexts decode as well; what opens nothing does not look at them."""
    await fill(backend)
    await recompute(backend, "a", 4, PLAIN[what])
    assert told(await closed(backend)) == []
    assert told(await opened(backend)) == [("a", 4, "edited")]
