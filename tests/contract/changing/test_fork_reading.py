"""Forks are read through their ancestors: deep, in part, from snapshots, and around damage."""

from typing import Any

import pytest

from eventlog import EventLog
from eventlog.errors import CorruptEventError
from eventlog.format import chain
from eventlog.snapshots import StreamSnapshots
from eventlog_projections import Conversation, rebuild
from eventlog_projections.items.segments import unpack
from tests.backends import Backend
from tests.elsewhere import NAME, add_many, anywhere, five_items, make_small, snapshots


@pytest.fixture
async def chat(log: EventLog) -> Conversation:
    return await five_items(log)


@pytest.mark.parametrize("limit", [None, 1, 30])
async def test_forks_may_be_two_hundred_levels_deep(
    backend: Backend, log: EventLog, chat: Conversation, limit: int | None
) -> None:
    """With an item of its own on each level, or none."""
    expected = list(range(5))
    for level in range(200):
        chat = await chat.fork(f"level {level}")
        if level % 2:
            await chat.add([level])
            expected.append(level)
    shown = expected if limit is None else expected[-limit:]
    assert await anywhere(backend, chat, limit=limit) == shown
    assert await chat.items(limit=limit) == shown


async def test_a_limited_read_looks_at_the_ancestors_it_needs_only(
    log: EventLog, chat: Conversation, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last items of a fork are its own: nothing of the parent is read for them."""
    new = await chat.fork("fork")
    await new.add([5, 6, 7])
    asked: list[bytes] = []
    load = StreamSnapshots.load

    async def noted(self: StreamSnapshots, *args: Any) -> Any:
        asked.append(self.stream_id)
        return await load(self, *args)

    monkeypatch.setattr(StreamSnapshots, "load", noted)
    assert await anywhere(backend, new, limit=3) == [5, 6, 7]
    assert asked == [chain.stream_id(log.tenant, "fork")]
    assert await anywhere(backend, new, limit=4) == [4, 5, 6, 7]
    assert chain.stream_id(log.tenant, NAME) in asked


async def test_a_fork_stores_a_snapshot_that_copies_nothing(
    backend: Backend, log: EventLog, chat: Conversation
) -> None:
    """One piece, however long what it began with is."""
    await add_many(log, list(range(1000)))
    new = await chat.fork("fork")
    await log.spi.background.finish()
    before = await snapshots(backend)
    await new.items()
    await log.spi.background.finish()
    (stored,) = [one for one in await snapshots(backend) if one not in before]
    assert (stored.version, stored.pieces) == (1, [(0, 0, 1005)])
    segments = await backend.execute(
        "SELECT 1 FROM {}segments WHERE stream_id = ?", chain.stream_id(log.tenant, "fork")
    )
    assert segments == []


async def test_a_fork_copies_its_own_items_once(
    backend: Backend, log: EventLog, chat: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is read and stored, with what it inherited at hand."""
    make_small(monkeypatch)
    new = await chat.fork("fork")
    for number in range(100):
        await new.add([number])
        assert await new.items() == [*range(5), *range(number + 1)]
        await log.spi.background.finish()
    rows = await backend.execute(
        "SELECT segment_id, body FROM {}segments WHERE stream_id = ?",
        chain.stream_id(log.tenant, "fork"),
    )
    assert 80 <= sum(len(unpack(*row).ends) for row in rows) <= 100


@pytest.mark.parametrize("table", ["snapshots", "segments"])
async def test_a_fork_reads_a_parent_without_its_snapshots(
    backend: Backend, log: EventLog, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deleted while somebody remembers them, and anew afterwards."""
    make_small(monkeypatch)
    items = list(range(100))
    await add_many(log, items)
    chat = Conversation(log, NAME)
    await rebuild(log)
    new = await (await chat.fork("between")).fork("fork")
    await new.add(["own"])
    assert await new.items(limit=3) == [98, 99, "own"]
    await backend.execute(f"DELETE FROM {{}}{table}")
    assert await new.items() == [*items, "own"]
    assert await anywhere(backend, new) == [*items, "own"]
    await rebuild(log)
    assert await anywhere(backend, new, limit=50) == [*items[-49:], "own"]


async def test_a_fork_reads_a_parent_whose_segments_are_damaged(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another segment's bytes, or none: the parent is folded anew."""
    make_small(monkeypatch)
    items = list(range(60))
    await add_many(log, items)
    chat = Conversation(log, NAME)
    new = await chat.fork("fork")
    await rebuild(log)
    await backend.execute("UPDATE {}segments SET body = ?", b"no segment")
    assert await anywhere(backend, new) == items
    assert await anywhere(backend, new, limit=20) == items[-20:]


async def test_damage_in_the_parent_is_reported_as_of_the_parent(
    backend: Backend, log: EventLog, chat: Conversation
) -> None:
    """The event that cannot be read is named, not the fork that wanted it."""
    branch = await chat.fork(NAME, branch="idea")
    await branch.add(["fine"])
    new = await branch.fork("fork")
    damage = "UPDATE {}events SET body = ?, codec = 0 WHERE version = 3 AND stream_id = ?"
    await backend.tamper(damage, b"no json", chain.stream_id(log.tenant, NAME))
    assert await anywhere(backend, new, limit=2) == [4, "fine"]
    with pytest.raises(CorruptEventError) as raised:
        await anywhere(backend, new)
    assert (raised.value.stream, raised.value.version) == (NAME, 3)
    await backend.tamper(
        "UPDATE {}events SET body = ?, codec = 0 WHERE version = 2 AND stream_id = ?",
        b"no json",
        chain.stream_id(log.tenant, NAME, "idea"),
    )
    with pytest.raises(CorruptEventError) as raised:
        await anywhere(backend, new, limit=1)
    assert (raised.value.stream, raised.value.version) == (f"{NAME}, branch idea", 2)


@pytest.mark.parametrize(
    "header",
    [
        "{}",
        '{"kept":5}',
        '{"kept":9,"parent":"PARENT","at_version":5}',
        '{"kept":5,"parent":"PARENT","at_version":4}',
        '{"kept":5,"parent":"zz","at_version":5}',
        '{"kept":5,"parent":"00","at_version":5}',
        '{"kept":5,"parent":"ITSELF","at_version":1}',
        '{"kept":5,"parent":5}',
        "no json",
    ],
)
async def test_a_damaged_fork_is_an_error_never_another_list(
    backend: Backend, log: EventLog, chat: Conversation, header: str
) -> None:
    """Whatever its first event says, reading ends, and names it."""
    new = await chat.fork("fork")
    itself = chain.stream_id(log.tenant, "fork")
    header = header.replace("PARENT", chain.stream_id(log.tenant, NAME).hex())
    header = header.replace("ITSELF", itself.hex())
    damage = "UPDATE {}events SET header = ? WHERE stream_id = ?"
    await backend.tamper(damage, header.encode(), itself)
    with pytest.raises(CorruptEventError) as raised:
        await anywhere(backend, new)
    assert (raised.value.stream, raised.value.version) == ("fork", 1)
    assert not (await log.verify("fork")).ok
