"""Snapshots and segments that are not what they should be: never an error, never other items."""

import hmac
import sqlite3
import zlib
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import pytest
import zstandard

from eventlog.format import chain
from eventlog.snapshots import Piece
from eventlog_projections import Conversation
from eventlog_projections.items.segments import MAX_OPENED, SCHEMA, join, pack, unpack
from tests.backends import Backend, SqliteBackend
from tests.elsewhere import add_many, filled, listed, open_elsewhere

ITEMS: list[Any] = [{"n": number} for number in range(1100)]
MORE: list[Any] = ["more"]


class Stored:
    """One conversation with a snapshot of three segments, and what tampers with it."""

    def __init__(self, backend: Backend, name: str, items: list[Any]) -> None:
        self.backend = backend
        self.name = name
        self.items = items
        self.stream_id = chain.stream_id("default", name)

    async def pieces(self) -> list[Piece]:
        rows = await self._run("SELECT pieces FROM {}snapshots WHERE stream_id = ?")
        assert len(rows) == 1
        return listed(rows[0][0])

    async def set(self, column: str, value: object) -> None:
        """Change the snapshot."""
        statement = f"UPDATE {{}}snapshots SET {column} = ? WHERE stream_id = ?"
        await self._run(statement, value)

    async def change(self, change: "Change") -> None:
        """Change its pieces, and nothing else."""
        rows = await self._run("SELECT pieces FROM {}snapshots WHERE stream_id = ?")
        found: Any = msgspec.json.decode(rows[0][0])
        pieces = change(listed(rows[0][0]))
        changed = {**found, "pieces": pieces} if isinstance(found, dict) else pieces
        await self.set("pieces", msgspec.json.encode(changed).decode())

    async def body(self, segment_id: int) -> bytes:
        statement = "SELECT body FROM {}segments WHERE segment_id = ? AND stream_id = ?"
        return bytes((await self._run(statement, segment_id))[0][0])

    async def replace_body(self, segment_id: int, body: bytes) -> None:
        statement = "UPDATE {}segments SET body = ? WHERE segment_id = ? AND stream_id = ?"
        await self._run(statement, body, segment_id)

    async def is_refused_once(self, **view: Any) -> None:
        """Read in a new process: right and counted; and in the next: right, from a good one."""
        async with open_elsewhere(self.backend) as log:
            assert await Conversation(log, self.name).items() == self.items, self.name
            counted = (log.counters.snapshots_refused, log.counters.snapshots_failed)
            assert counted == (1, 0), self.name
        async with open_elsewhere(self.backend) as log:
            assert await Conversation(log, self.name).items() == self.items, self.name
            counted = (log.counters.snapshot_hits, log.counters.snapshots_refused)
            assert counted == (1, 0), self.name

    async def _run(self, statement: str, *args: object) -> list[tuple[Any, ...]]:
        return await self.backend.execute(statement, *args, self.stream_id)


async def stored(backend: Backend, name: str, *, behind: bool = True) -> Stored:
    """Have a snapshot stored that is of the head, or behind it."""
    async with backend.open() as log:
        await filled(log, ITEMS, batch=20, name=name)
        if behind:
            await add_many(log, MORE, name=name)
    kept = Stored(backend, name, ITEMS + MORE if behind else ITEMS)
    assert [piece[1:] for piece in await kept.pieces()] == [(0, 512), (0, 512), (0, 76)]
    return kept


@pytest.mark.parametrize("behind", [False, True], ids=["at the head", "behind the head"])
async def test_a_snapshot_with_another_hash_is_refused_and_replaced(
    backend: Backend, behind: bool
) -> None:
    """It may be of a future that was lost."""
    kept = await stored(backend, "chat", behind=behind)
    await kept.set("hash", bytes(32))
    await kept.is_refused_once()


async def test_a_snapshot_ahead_of_the_head_is_refused_and_replaced(backend: Backend) -> None:
    """A database that was restored can hold one; it does not stand before the good ones."""
    kept = await stored(backend, "chat")
    await kept.set("version", 1000)
    await kept.is_refused_once()


async def test_a_snapshot_of_other_code_is_left_alone(backend: Backend) -> None:
    """An older and a newer release work beside this one, each with its own."""
    kept = await stored(backend, "chat")
    await kept.set("pieces", "from the future")
    await kept.set("schema", 999)
    async with open_elsewhere(backend) as log:
        assert await Conversation(log, "chat").items() == kept.items
        assert (log.counters.snapshot_misses, log.counters.snapshots_refused) == (1, 0)
    rows = await backend.execute("SELECT schema, pieces FROM {}snapshots ORDER BY schema")
    assert [schema for schema, _ in rows] == [SCHEMA, 999]
    assert rows[1][1] == "from the future"


NO_PIECES = (
    "",
    "[[1, 0",
    "{}",
    "null",
    "17",
    "[[1, 2]]",
    "[[1, 0, 2, 3]]",
    '[["1", 0, 2]]',
    "[[1.5, 0, 2]]",
    "[[null, null, null]]",
    "[" * 900 + "]" * 900,
    "[" * 100_000,
    "[[1, 0, 2]] [",
    f"[[{2**63}, 0, {2**70}]]",
    f"[[{-(2**63)}, 0, 1]]",
    r'["\u0000"]',
    '{"pieces": [[1, 0, 2]], "checksum": 0}',
    '{"pieces": 1}',
)


@pytest.mark.parametrize("behind", [False, True], ids=["at the head", "behind the head"])
async def test_pieces_that_are_none_are_refused_and_replaced(
    backend: Backend, behind: bool
) -> None:
    """Whatever text is there, also in the snapshot of the very head."""
    for number, pieces in enumerate(NO_PIECES):
        kept = await stored(backend, f"{number}: {pieces[:30]}", behind=behind)
        await kept.set("pieces", pieces)
        await kept.is_refused_once()


Change = Callable[[list[Piece]], list[Piece]]

IMPOSSIBLE: dict[str, Change] = {
    "a segment that is nowhere": lambda own: [own[0]._replace(source=7), *own[1:]],
    "an event that is nowhere": lambda own: [Piece(-9999, 0, 512), *own[1:]],
    "source zero": lambda own: [own[0]._replace(source=0), *own[1:]],
    "one beyond the segment": lambda own: [*own[:2], own[2]._replace(stop=89)],
    "far beyond the segment": lambda own: [*own[:2], own[2]._replace(start=512, stop=1024)],
    "a negative start": lambda own: [own[0]._replace(start=-1), *own[1:]],
    "a negative stop": lambda own: [own[0]._replace(start=-9, stop=-1), *own[1:]],
    "backwards": lambda own: [own[0]._replace(start=200, stop=100), *own[1:]],
    "beyond the event": lambda own: [*own[:2], Piece(-52, 2, 10), Piece(-53, 0, 80)],
    "an event from a negative start": lambda own: [*own[:2], Piece(-52, -8, 10), own[2]],
    "an event backwards": lambda own: [*own, Piece(-52, 8, 3)],
    "an event after the snapshot": lambda own: [*own, Piece(-61, 0, 1)],
    "nothing of a segment": lambda own: [*own, own[0]._replace(stop=0)],
}


async def test_pieces_that_cannot_be_are_refused_and_replaced(backend: Backend) -> None:
    """Sources that are not there, and items that the source does not have."""
    for name, change in IMPOSSIBLE.items():
        kept = await stored(backend, name)
        await kept.change(change)
        await kept.is_refused_once()


EDITED: dict[str, Change] = {
    "none": lambda own: [],
    "one left out": lambda own: own[1:],
    "one twice": lambda own: [*own, own[0]],
    "in another order": lambda own: own[::-1],
    "fewer items of one": lambda own: [own[0]._replace(stop=255), *own[1:]],
    "an event instead": lambda own: [*own[:2], Piece(-1, 0, 10)],
}


async def test_pieces_that_somebody_edited_are_refused_and_replaced(backend: Backend) -> None:
    """Each of them could be; together they are not what was stored."""
    for name, change in EDITED.items():
        kept = await stored(backend, name)
        await kept.change(change)
        await kept.is_refused_once()


Forge = Callable[[bytes, list[Piece], bytes], dict[str, Any]]
"""Makes the stored form from the chain's hash, changed pieces, and the salt of another event."""

FORGED: dict[str, Forge] = {
    "with the checksum of earlier releases": lambda chained, pieces, _: {
        "pieces": pieces,
        "checksum": zlib.crc32(msgspec.json.encode(pieces), zlib.crc32(chained)),
    },
    "with a digest without a key": lambda chained, pieces, _: {
        "pieces": pieces,
        "digest": sha256(chained + msgspec.json.encode(pieces)).digest(),
    },
    "with a digest under the hash": lambda chained, pieces, _: {
        "pieces": pieces,
        "digest": hmac.digest(chained, chained + msgspec.json.encode(pieces), "sha256"),
    },
    "with a digest under another event's salt": lambda chained, pieces, salt: {
        "pieces": pieces,
        "digest": hmac.digest(salt, chained + msgspec.json.encode(pieces), "sha256"),
    },
}


@pytest.mark.parametrize("what", FORGED)
async def test_pieces_that_were_made_up_without_the_events_are_refused(
    backend: Backend, what: str
) -> None:
    """A writer of rows knows the pieces and the hash; the key is in the event alone."""
    kept = await stored(backend, "chat")
    ((chained,),) = await kept._run("SELECT hash FROM {}snapshots WHERE stream_id = ?")
    ((salt,),) = await kept._run("SELECT salt FROM {}events WHERE version = 2 AND stream_id = ?")
    for change in EDITED.values():
        pieces = change(await kept.pieces())
        forged = FORGED[what](chained, pieces, salt)
        await kept.set("pieces", msgspec.json.encode(forged).decode())
        await kept.is_refused_once()


async def test_a_snapshot_of_another_conversation_is_refused(backend: Backend) -> None:
    """Though both have the same items in events of the same versions."""
    kept, other = await stored(backend, "chat"), await stored(backend, "other")
    ((pieces,),) = await other._run("SELECT pieces FROM {}snapshots WHERE stream_id = ?")
    await kept.set("pieces", pieces)
    await kept.is_refused_once()


async def test_a_piece_of_an_event_without_items_is_refused(backend: Backend) -> None:
    """A clear holds none, whatever a snapshot says."""
    async with backend.open() as log:
        await (await filled(log, ITEMS[:10])).clear()
        await filled(log, ITEMS, batch=10)
    kept = Stored(backend, "chat", ITEMS)
    await kept.change(lambda own: [*own[:-1], Piece(-11, 0, own[-1].stop)])
    await kept.is_refused_once()


async def test_the_end_the_past_and_a_pop_are_right_whatever_pieces_say(backend: Backend) -> None:
    """They look at some of the pieces only."""
    for name, change in {**IMPOSSIBLE, **EDITED}.items():
        kept = await stored(backend, name)
        await kept.change(change)
        async with open_elsewhere(backend) as log:
            chat = Conversation(log, name)
            assert await chat.items(limit=100, as_of=55) == ITEMS[-100:], name
        kept = await stored(backend, f"{name}, now")
        await kept.change(change)
        async with open_elsewhere(backend) as log:
            chat = Conversation(log, kept.name)
            assert await chat.items(limit=1) == MORE, name
            assert await chat.items(limit=300) == kept.items[-300:], name
            assert [await chat.pop() for _ in range(3)] == [*MORE, ITEMS[-1], ITEMS[-2]], name
            assert await chat.items() == ITEMS[:-2], name


def claiming(size: int) -> bytes:
    """Return a zstd frame that says it holds `size` bytes: RFC 8878, 3.1.1.1."""
    return b"\x28\xb5\x2f\xfd" + b"\xe0" + size.to_bytes(8, "little") + b"\x01\x00\x00"


Damage = Callable[[int, bytes], bytes]

DAMAGED: dict[str, Damage] = {
    "empty": lambda _, __: b"",
    "garbage": lambda _, __: b"garbage that is no frame",
    "cut off": lambda _, own: own[:-1],
    "half": lambda _, own: own[: len(own) // 2],
    "a bit turned": lambda _, own: own[:30] + bytes([own[30] ^ 1]) + own[31:],
    "something behind": lambda _, own: own + own,
    "claims to be huge": lambda _, __: claiming(2**62),
    "claims to be as large as allowed": lambda _, __: claiming(MAX_OPENED),
    "claims to be larger": lambda _, __: claiming(MAX_OPENED + 1),
    "opens to nothing": lambda _, __: zstandard.compress(b""),
    "counts four billion items": lambda _, __: zstandard.compress(
        bytes(16) + b"\xff\xff\xff\xff[]"
    ),
    "counts none": lambda _, __: zstandard.compress(bytes(20)),
    "other items": lambda _, __: pack(join([b"1"] * 512)),
    "the same items, packed again": lambda source, own: pack(
        unpack(source, own)._replace(nonce=bytes(16))
    ),
    "one item changed": lambda source, own: pack(
        unpack(source, own)._replace(
            array=bytes(unpack(source, own).array).replace(b"\x07", b"\x08", 1)
        )
    ),
}


async def test_a_segment_that_is_none_is_refused_and_replaced(backend: Backend) -> None:
    """Cut off, damaged, empty, or claiming what it is not; a read that needs it not goes on."""
    for name, damage in DAMAGED.items():
        kept = await stored(backend, name)
        first = (await kept.pieces())[0].source
        await kept.replace_body(first, damage(first, await kept.body(first)))
        async with open_elsewhere(backend) as log:
            assert await Conversation(log, name).items(limit=300) == kept.items[-300:], name
            assert log.counters.snapshots_refused == 0
        await kept.is_refused_once()


async def test_a_segment_in_the_place_of_another_is_refused_and_replaced(backend: Backend) -> None:
    """Both are good and hold as many items: only their places were exchanged."""
    kept = await stored(backend, "chat")
    first, second, _ = [piece.source for piece in await kept.pieces()]
    bodies = (await kept.body(first), await kept.body(second))
    await kept.replace_body(first, bodies[1])
    await kept.replace_body(second, bodies[0])
    await kept.is_refused_once()


async def test_a_segment_of_another_conversation_is_refused_and_replaced(backend: Backend) -> None:
    """Nobody reads what somebody else said."""
    kept, other = await stored(backend, "chat"), await stored(backend, "other")
    ours, theirs = (await kept.pieces())[0].source, (await other.pieces())[0].source
    await kept.replace_body(ours, await other.body(theirs))
    await kept.is_refused_once()


async def test_a_segment_that_is_none_is_read_around_where_nobody_may_write(
    backend: Backend,
) -> None:
    """A locked or read-only database costs the repair, not the answer."""
    kept = await stored(backend, "chat")
    first = (await kept.pieces())[0].source
    await kept.replace_body(first, b"")
    if isinstance(backend, SqliteBackend):
        options = {"busy_timeout": 0.05}
        lock = sqlite3.connect(backend.url, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
    else:
        options = {}
        lock = None
        await backend.execute("CREATE RULE no AS ON DELETE TO {}segments DO INSTEAD SELECT 1/0")
    async with open_elsewhere(backend, **options) as log:
        assert await Conversation(log, "chat").items() == kept.items
        assert log.counters.snapshots_refused == 1
    if lock is not None:
        lock.close()


@pytest.mark.parametrize("table", ["snapshots", "segments"])
async def test_every_moment_is_right_without_them(backend: Backend, table: str) -> None:
    """What is gone is folded anew."""
    await stored(backend, "chat")
    for view in ({"as_of": 55}, {"as_of": 30}, {"as_of": 30, "limit": 5}, {}):
        await backend.execute(f"DELETE FROM {{}}{table}")
        async with open_elsewhere(backend) as log:
            items = await Conversation(log, "chat").items(**view)
        expected = (ITEMS + MORE) if not view else ITEMS[: 20 * view["as_of"]]
        assert items == expected[-view.get("limit", 2000) :]
