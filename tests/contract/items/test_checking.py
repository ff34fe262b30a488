"""A stored snapshot that is not what the events amount to is found, whoever wrote it."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from eventlog import ItemsAdded, ItemsReplaced
from eventlog.errors import CorruptEventError
from eventlog.format import chain
from eventlog.format.codec import encode_msgpack
from eventlog.snapshots import Piece, Snapshot
from eventlog.store.contract.snapshots import dump_pieces, load_snapshot
from eventlog_projections import Conversation, check_snapshots, erase, erase_event
from eventlog_projections.items.segments import SCHEMA, id_of, join, pack
from tests.backends import Backend
from tests.elsewhere import filled, make_small, open_elsewhere

WHY: Final[dict[str, Any]] = {"by": "office", "reason": "code"}
ITEMS: Final[list[Any]] = [{"n": number} for number in range(600)]
CHAT: Final = chain.stream_id("default", "chat")


async def told(backend: Backend, name: str | None = None) -> list[tuple[str, str, int, str]]:
    async with open_elsewhere(backend) as log:
        found = await check_snapshots(log, name)
        return [(each.stream, each.branch, each.version, each.problem) for each in found.faults]


Forge = Callable[[list[Piece]], list[Piece]]
FORGED: Final[dict[str, Forge]] = {
    "fewer items": lambda own: [own[0]._replace(stop=own[0].stop - 3), *own[1:]],
    "one left out": lambda own: own[1:],
    "one twice": lambda own: [*own, own[0]],
    "in another order": lambda own: own[::-1],
    "none": lambda own: [],
    "what is not there": lambda own: [*own, Piece(7, 0, 1)],
    "more than there is": lambda own: [*own[:-1], own[-1]._replace(stop=own[-1].stop + 1)],
}


async def forge(backend: Backend, change: Forge) -> int:
    """Change a snapshot as somebody can who reads the events; return its version."""
    ((version, chained, pieces, salt),) = await backend.execute(
        "SELECT s.version, s.hash, s.pieces, e.salt FROM {}snapshots s JOIN {}events e"
        " ON e.stream_id = s.stream_id AND e.version = s.version WHERE s.stream_id = ?",
        CHAT,
    )
    stored = load_snapshot(version, chained, pieces, salt)
    assert stored is not None
    forged = stored._replace(pieces=tuple(change(list(stored.pieces))))
    await backend.execute(
        "UPDATE {}snapshots SET pieces = ? WHERE stream_id = ?", dump_pieces(forged, salt), CHAT
    )
    return int(version)


async def fill(backend: Backend) -> None:
    async with backend.open() as log:
        await filled(log, ITEMS, batch=10)
        await filled(log, ITEMS, batch=10, name="other")


@pytest.mark.parametrize("what", FORGED)
async def test_a_snapshot_that_was_forged_with_the_events_at_hand(
    backend: Backend, what: str
) -> None:
    """Nobody who only reads could tell; who compares does, and mends it."""
    await fill(backend)
    assert await told(backend) == []
    version = await forge(backend, FORGED[what])
    assert await told(backend) == [("chat", "", version, "edited")]
    assert await told(backend, "chat") == [("chat", "", version, "edited")]
    assert await told(backend, "other") == []


async def test_a_segment_that_was_forged_with_the_events_at_hand(backend: Backend) -> None:
    """The same number of items, of which one is another."""
    await fill(backend)
    stored = pack(join([encode_msgpack({"n": -number}) for number in range(512)]))
    await backend.execute(
        "INSERT INTO {}segments (stream_id, segment_id, body) VALUES (?, ?, ?)",
        CHAT,
        id_of(stored),
        stored,
    )
    version = await forge(backend, lambda own: [Piece(id_of(stored), 0, 512), *own[1:]])
    assert await told(backend) == [("chat", "", version, "edited")]


@pytest.mark.parametrize(
    "change",
    ["pieces = '[]'", "hash = stream_id", "version = version + 1000", "pieces = 'no pieces'"],
)
async def test_a_snapshot_that_nobody_would_use(backend: Backend, change: str) -> None:
    """It changes no answer, and somebody wrote it."""
    await fill(backend)
    await backend.execute(f"UPDATE {{}}snapshots SET {change} WHERE stream_id = ?", CHAT)
    ((stream, _, _, problem),) = await told(backend)
    assert (stream, problem) == ("chat", "edited")


async def test_whatever_was_done_to_a_list_its_snapshots_are_right(
    erasable: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every kind of change, forks of it, items that only `json` can read; erased or not."""
    make_small(monkeypatch)
    async with erasable.open() as log:
        chat = Conversation(log, "chat")
        for number in range(60):
            await chat.add([{"role": "user", "content": number}, float("nan"), "x" * number])
            if number % 7 == 3:
                await chat.pop()
            if number % 11 == 5:
                await chat.undo()
            if number % 13 == 6:
                await log.append("chat", ItemsReplaced(1, ["compacted"]))
            if number % 29 == 28:
                await chat.clear()
            await chat.items()
            await log.spi.background.finish()  # Else it depends on time how many there are.
        await chat.fork("fork")
        for number in range(12):
            await Conversation(log, "fork").add([number])
            await Conversation(log, "fork").items()
        await log.append("erased", [ItemsAdded([number]) for number in range(30)])
        await Conversation(log, "erased").items()
        await log.spi.background.finish()
        found = await check_snapshots(log)
        assert found.faults == ()
        assert found.snapshots > 10
        await erase_event(log, "fork", await log.version("fork"), **WHY)
        await erase(log, "erased", **WHY)
        await Conversation(log, "erased").add(list(range(30)))
        await Conversation(log, "erased").items()
        await log.spi.background.finish()
        assert (await check_snapshots(log)).faults == ()


async def test_a_snapshot_from_before_an_erasure_that_was_put_back(backend: Backend) -> None:
    """It would hold what was erased."""
    await fill(backend)
    kept = {
        table: await backend.execute(f"SELECT {columns} FROM {{}}{table} WHERE stream_id = ?", CHAT)
        for table, columns in TABLES.items()
    }
    async with backend.open() as log:
        await erase(log, "chat", **WHY)
    for table, columns in TABLES.items():
        marks = ", ".join("?" for _ in columns.split(","))
        for row in kept[table]:
            statement = f"INSERT INTO {{}}{table} ({columns}) VALUES ({marks})"
            await backend.execute(statement, *row)
    assert await told(backend) == [("chat", "", 60, "edited")]


TABLES: Final = {
    "snapshots": "stream_id, schema, version, hash, pieces",
    "segments": "stream_id, segment_id, body",
}


async def test_what_cannot_be_compared_is_told_as_that(backend: Backend) -> None:
    """Events that are not sound are for verify()."""
    await fill(backend)
    await backend.tamper("UPDATE {}events SET body = salt, codec = 0 WHERE version = 3")
    assert {problem for *_, problem in await told(backend)} == {"unknown"}
    async with open_elsewhere(backend) as log:
        with pytest.raises(CorruptEventError):
            await Conversation(log, "chat").items(as_of=3)


async def test_no_snapshot_is_stored_of_an_event_that_has_no_salt(backend: Backend) -> None:
    """Its digest would be under nothing."""
    await fill(backend)
    async with backend.open() as log:
        stored = log.spi.snapshots("chat", SCHEMA)
        ((chained,),) = await backend.execute(
            "SELECT hash FROM {}events WHERE version = 5 AND stream_id = ?", CHAT
        )
        await backend.tamper(
            "UPDATE {}events SET salt = NULL, context = NULL, body = NULL"
            " WHERE version = 5 AND stream_id = ?",
            CHAT,
        )
        assert not await stored.save(Snapshot(5, chained, (Piece(-1, 0, 10),)), {})
        assert await stored.versions() == [60]
