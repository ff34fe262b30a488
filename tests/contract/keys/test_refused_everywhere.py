"""An event that cannot be opened is the same error for every reader, and nothing of it is shown."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any, Final, NamedTuple

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.errors import (
    ContentTooLargeError,
    CorruptEventError,
    EventLogError,
    KeyDestroyedError,
    NoKeyError,
    WrongKeyError,
)
from eventlog.format.codec import compress
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import gather_evidence
from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views, search
from tests.backends import Backend
from tests.elsewhere import NAME, open_elsewhere

BAD: Final = 3
"""The version that is damaged, of 5."""
FORGED: Final = "forged"
SIGNER: Final = Signer("example.com/log", bytes(range(32)))


async def listed(events: Any) -> list[Any]:
    return [event async for event in events]


async def contents(events: Any) -> list[Any]:
    return [(event.event, event.context) async for event in events]


async def followed(log: EventLog) -> list[Any]:
    found: list[Any] = []
    async with contextlib.aclosing(log.subscribe()) as events:
        async for event in events:
            found.append((event.event, event.context))
            if event.version == 5:
                break
    return found


async def told(chat: Conversation) -> list[Any]:
    """Return what History says; what it could not read is an entry with the error."""
    entries = [entry async for entry in chat.history()]
    assert [entry.version for entry in entries] == [1, 2, 3, 4, 5]
    for entry in entries:
        if entry.error is not None:
            raise entry.error
    return entries


async def differing(chat: Conversation) -> list[Any]:
    """Return what a diff says; what it could not read is named with the error."""
    found = await chat.diff(1, 4)
    for lost in found.unreadable:
        raise lost.error
    return [*found.removed, *found.added]


async def used(chat: Conversation) -> list[Any]:
    """Return what turns used; what could not be read is an entry with the error."""
    found = await chat.usage_by_turn()
    for entry in found:
        if entry.error is not None:
            raise entry.error
    return found


READS: Final[Mapping[str, Callable[[EventLog], Awaitable[Any]]]] = {
    "items": lambda log: Conversation(log, NAME).items(),
    "items at a version": lambda log: Conversation(log, NAME).items(as_of=4),
    "the last items": lambda log: Conversation(log, NAME).items(limit=3),
    "log.read": lambda log: contents(log.read(NAME)),
    "log.read behind the first": lambda log: contents(log.read(NAME, after=2, until=3)),
    "log.read of a kind": lambda log: contents(log.read(NAME, after=2, kind="added")),
    "feed": lambda log: contents(log.feed()),
    "feed from there on": lambda log: contents(log.feed(2)),
    "subscribe": followed,
    "history": lambda log: told(Conversation(log, NAME)),
    "diff": lambda log: differing(Conversation(log, NAME)),
    "usage_by_turn": lambda log: used(Conversation(log, NAME)),
    "pop": lambda log: Conversation(log, NAME).pop(),
    "a fork": lambda log: Conversation(log, "fork").items(),
    "the session": lambda log: EventLogSession(NAME, log=log).get_items(),
}


class Damage(NamedTuple):
    """What is done to version 3, and what everybody is told."""

    statement: str | None
    error: type[EventLogError]
    args: tuple[Any, ...] = ()
    keyring: Any = "same"
    taken: str | None = None
    """What selects the arguments, instead."""


MANY: Final = b'["' + b"x" * 5000 + b'"]'

DAMAGES: Final[dict[str, Damage]] = {
    "plain": Damage(
        "UPDATE {}events SET key_id = NULL, codec = 0, context = ?, body = ? WHERE version = 3"
        " AND body IS NOT NULL",
        CorruptEventError,
        (b"{}", b'["forged"]'),
    ),
    "plain, and read without a keyring": Damage(
        "UPDATE {}events SET key_id = NULL, codec = 0, context = ?, body = ? WHERE version = 3"
        " AND body IS NOT NULL",
        EventLogError,
        (b"{}", b'["forged"]'),
        None,
    ),
    "ciphertext under no key": Damage(
        "UPDATE {}events SET body = ? WHERE version = 3", CorruptEventError, (b"x" * 60,)
    ),
    "of another version": Damage(
        "UPDATE {}events SET body = (SELECT e.body FROM {}events AS e WHERE e.version = 2 AND"
        " e.stream_id = {}events.stream_id) WHERE version = 3",
        CorruptEventError,
    ),
    "of another conversation": Damage(
        "UPDATE {}events SET body = ? WHERE version = 3",
        CorruptEventError,
        taken="SELECT e.body FROM {}events AS e JOIN {}streams AS s ON s.stream_id = e.stream_id"
        " WHERE e.version = 3 AND s.name = 'other'",
    ),
    "a destroyed key": Damage("UPDATE {}keys SET wrapped_key = NULL", KeyDestroyedError),
    "a lost key": Damage("DELETE FROM {}keys", KeyDestroyedError),
    "another key of that name": Damage(
        None, WrongKeyError, keyring=parse_keyring(new_key("kek-1"))
    ),
    "another keyring": Damage(None, NoKeyError, keyring=parse_keyring(new_key("kek-2"))),
    "no keyring": Damage(None, NoKeyError, keyring=None),
}


async def fill(log: EventLog) -> None:
    for name in (NAME, "other"):
        for number in range(5):
            await log.append(name, ItemsAdded([f"{name} {number}"]))
    await Conversation(log, NAME).fork("fork", at=4)


@contextlib.asynccontextmanager
async def damaged(sealed: Backend, damage: Damage) -> AsyncGenerator[EventLog]:
    async with sealed.open() as log:
        await fill(log)
    if damage.statement is not None:
        args = damage.args
        if damage.taken is not None:
            (args,) = await sealed.execute(damage.taken)
        await sealed.tamper(damage.statement, *args)
    keyring = sealed.keyring if damage.keyring == "same" else damage.keyring
    async with open_elsewhere(sealed, keyring=keyring) as log:
        yield log


@pytest.mark.parametrize("name", DAMAGES)
async def test_every_reader_refuses_alike(sealed: Backend, name: str) -> None:
    """Items, log, feed, subscription, history, a fork, the session; nothing forged is told."""
    damage = DAMAGES[name]
    async with damaged(sealed, damage) as log:
        for what, read in READS.items():
            with pytest.raises(damage.error) as caught:
                await read(log)
            assert repr(FORGED) not in str(caught.value), what
            if isinstance(caught.value, CorruptEventError):
                assert caught.value.version == BAD, what


async def test_search_and_evidence_show_nothing_that_was_forged(sealed: Backend) -> None:
    """A plain event in an encrypted conversation is no result, and nothing that is proved."""
    async with damaged(sealed, DAMAGES["plain"]) as log:
        assert await search(Views(log), FORGED) == []
        with pytest.raises(CorruptEventError, match="is not encrypted"):
            await gather_evidence(log, await log.tree.head(SIGNER), {NAME: None})
        assert [(f.stream, f.version) for f in (await log.verify(NAME)).faults] == [(NAME, BAD)]


async def test_a_process_that_knew_no_keys_refuses_what_is_plain_later(sealed: Backend) -> None:
    """That a conversation has no keys is not believed for longer than it is true."""
    async with (
        open_elsewhere(sealed, keyring=None) as plain,
        sealed.open() as log,
        open_elsewhere(sealed) as other,
    ):
        await plain.append(NAME, ItemsAdded(["before"]))
        assert len(await contents(other.read(NAME))) == 1
        await log.append(NAME, [ItemsAdded(["encrypted"]), ItemsAdded(["encrypted, too"])])
        await sealed.tamper(*forge())
        for reader in (plain, other):
            for events in (reader.read(NAME, after=2), reader.feed(2)):
                with pytest.raises(CorruptEventError, match="is not encrypted"):
                    await contents(events)
        assert (await listed(plain.read(NAME)))[0].event == ItemsAdded(["before"])


def forge() -> tuple[Any, ...]:
    damage = DAMAGES["plain"]
    return (damage.statement, *damage.args)


async def test_one_event_that_inflates_without_end_is_refused_alone(backend: Backend) -> None:
    """The error names it and the setting; the others are read, and with a higher bound it is."""
    async with backend.open(max_inflated_bytes=1000, max_item_bytes=500) as log:
        await log.append(NAME, [ItemsAdded([n]) for n in range(5)])
        codec, body = compress(MANY)
        await backend.tamper(
            "UPDATE {}events SET codec = ?, body = ? WHERE version = 3", codec, body
        )
        for what, read in READS.items():
            if what in ("a fork", "pop"):  # There is none, and it needs the last item only.
                continue
            with pytest.raises(ContentTooLargeError, match="max_inflated_bytes") as caught:
                await read(log)
            assert (caught.value.stream, caught.value.version) == (NAME, BAD), what
        assert len(await contents(log.read(NAME, after=3))) == 2
        assert (await Conversation(log, NAME).items(limit=2)) == [3, 4]
    async with backend.open(max_inflated_bytes=5004) as log:
        assert len(await Conversation(log, NAME).items()) == 5


async def test_what_may_be_added_can_be_read(backend: Backend) -> None:
    """An item of max_item_bytes always, whatever the bound; more at once than the bound never."""
    options = {"max_inflated_bytes": 1, "max_item_bytes": 5000}
    async with backend.open(**options) as log:
        item = "x" * 4998
        await Conversation(log, NAME).add([item])
        with pytest.raises(ValueError, match="max_inflated_bytes"):
            await Conversation(log, NAME).add(["x" * 3000, "y" * 3000])
    async with open_elsewhere(backend, **options) as log:
        assert await Conversation(log, NAME).items() == [item]
