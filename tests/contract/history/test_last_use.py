"""What was used last: how a conversation is filed, or held, makes it no younger."""

import pytest

from eventlog import Context, EventLog, handle
from eventlog.format.envelope import from_microseconds
from eventlog.format.records import StreamRow
from eventlog.operations import lift_hold, place_hold
from eventlog_projections import Conversation, prune
from eventlog_projections.history.last_use import last_used
from eventlog_projections.items.uses import use_time
from tests.backends import Backend
from tests.conftest import Clock


async def file(log: EventLog, name: str) -> None:
    """Do all that is no use of a conversation."""
    chat = Conversation(log, name)
    for number in range(12):
        await chat.label(title=f"{number}")
    await place_hold(log, name, "case-7")
    await lift_hold(log, name, "case-7")
    await chat.archive()
    await chat.unarchive()


async def test_what_was_filed_last_was_not_used_last(backend: Backend, clock: Clock) -> None:
    """Among many that were; what was said, taken back or paid for counts."""
    async with backend.open(clock=clock) as log:
        assert await last_used(log) is None
        for number in range(12):
            clock.tick()
            await Conversation(log, f"chat-{number}").add(["hello"])
        for number in range(11):
            clock.tick()
            await file(log, f"chat-{number}")
        found = await last_used(log)
        assert found is not None
        assert found.name == "chat-11"
        clock.tick()
        await Conversation(log, "chat-3").pop()
        found = await last_used(log)
        assert found is not None
        assert found.name == "chat-3"


async def test_without_the_key_an_import_was_used_when_it_was_made(
    sealed: Backend, clock: Clock
) -> None:
    """Its source's own times are encrypted like all that says who and what: later, never sooner."""
    of_2019 = Context(source_time=[1_550_000_000_000_000])
    async with sealed.open(clock=clock) as log:
        await Conversation(log, "imported").add(["hello"], context=of_2019)
        (event,) = await log.read("imported").all()
        assert use_time(event) == 1_550_000_000_000_000
    async with sealed.open(clock=clock, keyring=None) as log:
        (event,) = await log.read("imported").all()
        assert use_time(event) == event.stored.recorded_at > 1_550_000_000_000_000


async def test_what_is_filed_is_pruned_by_its_use(backend: Backend, clock: Clock) -> None:
    """And those that are kept are those that were used last."""
    async with backend.open(clock=clock) as log:
        for name in ("old", "young"):
            clock.tick()
            await Conversation(log, name).add(["hello"])
        clock.tick()
        await file(log, "old")
        done = await prune(log, from_microseconds(clock.tick()), by="dpo", reason="old", keep=1)
        assert [one.session_id for one in done] == ["old"]
        assert await Conversation(log, "young").items() == ["hello"]


async def test_what_was_used_last_is_found_however_many_there_are(
    backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the last positions; every row is looked at where they are of others."""
    monkeypatch.setattr(handle, "RECENT", 4)
    async with backend.open(clock=clock) as log, backend.open(tenant="other") as other:
        for number in range(12):
            clock.tick()
            await Conversation(log, f"chat-{number}").add(["hello"])
        scanned: list[int] = []
        streams = log.spi.store.streams
        every = streams.latest

        async def latest(tenant: str, limit: int) -> list[StreamRow]:
            scanned.append(limit)
            return await every(tenant, limit)

        monkeypatch.setattr(streams, "latest", latest)
        found = await last_used(log)
        assert found is not None
        assert (found.name, scanned) == ("chat-11", [])
        for _ in range(4):
            await Conversation(other, "theirs").add(["hello"])
        found = await last_used(log)
        assert found is not None
        assert (found.name, scanned) == ("chat-11", [1])
