"""Nobody places what has no claim to a position; what was placed so is one tenant's, and mended."""

from collections.abc import Sequence
from typing import Final

import asyncpg
import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.operations import Misplacement, repair_feed
from eventlog_projections import Conversation, erase
from tests.backends import PostgresBackend
from tests.databases.roles.conftest import Roled

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
OURS: Final = "tenant_ours"

QUEUED: Final = {
    "never there": "SELECT stream_id, 4711, 1 FROM {}streams",
    "the next": "SELECT stream_id, version + 1, 1 FROM {}streams",
    "zero": "SELECT stream_id, 0, 1 FROM {}streams",
    "negative": "SELECT stream_id, -1, 1 FROM {}streams",
    "the largest": "SELECT stream_id, 9223372036854775807, 1 FROM {}streams",
    "placed already": "SELECT stream_id, version, recorded_at FROM {}events",
    "placed already, another time": "SELECT stream_id, version, 1 FROM {}events",
}


async def two_tenants(roled: Roled) -> tuple[EventLog, EventLog]:
    """Return logs of two tenants with a placed event each; ours is opened by our own role."""
    await roled.create(tenant="ours")
    ours, theirs = roled.open(OURS, tenant="ours"), roled.open("writer", tenant="theirs")
    for log in (ours, theirs):
        await log.append("chat", ItemsAdded(["a"]))
    assert await theirs.position() == 2
    return ours, theirs


async def all_is_well(log: EventLog) -> bool:
    """Tell whether heads grow, and checks find nothing."""
    await log.append("chat", ItemsAdded(["b"]))
    position = await log.position()
    head = await log.tree.head(SIGNER)
    proof = await log.tree.prove_inclusion("chat", await log.version("chat"))
    return (await log.verify()).ok and head.size == position == proof.size


@pytest.mark.parametrize("what", QUEUED)
async def test_a_tenant_queues_only_what_it_has_just_appended(roled: Roled, what: str) -> None:
    """Whatever else it names is refused by the database, and nobody notices."""
    _, theirs = await two_tenants(roled)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await roled.run(OURS, f"INSERT INTO {{}}queue {QUEUED[what]}")
    assert await all_is_well(roled.open("owner", tenant="theirs"))
    assert (await roled.open("reader", tenant="ours").verify()).ok
    assert theirs.tenant == "theirs"


async def test_a_tenants_own_appends_are_queued(roled: Roled) -> None:
    """The first of a stream, the next, several, many streams at once, and in a transaction."""
    ours, _ = await two_tenants(roled)
    await ours.append("new", [ItemsAdded([number]) for number in range(3)])
    await ours.append("new", [ItemsAdded([number]) for number in range(3)])
    assert await roled.open("writer").position() == 8
    assert (await roled.open("reader", tenant="ours").verify()).events == 7


@pytest.mark.parametrize("role", ["writer", "eraser", "owner"])
@pytest.mark.parametrize("what", QUEUED)
async def test_whoever_queues_it_it_is_not_placed(roled: Roled, role: str, what: str) -> None:
    """It is taken out of the queue, the right ones beside it are placed, and one tenant is told."""
    _, theirs = await two_tenants(roled)
    own = (
        "{}streams WHERE tenant = 'ours'"
        if "streams" in QUEUED[what]
        else ("{}events WHERE stream_id IN (SELECT stream_id FROM {}streams WHERE tenant = 'ours')")
    )
    text = QUEUED[what].split(" FROM ")[0] + " FROM " + own
    await roled.run(role, f"INSERT INTO {{}}queue {text}")
    await theirs.append("other", ItemsAdded(["b"]))
    assert await theirs.position() == 3
    assert await roled.backend.execute("SELECT count(*) FROM {}feed") == [(3,)]
    assert await roled.backend.execute("SELECT count(*) FROM {}misplaced") == [(1,)]
    assert await all_is_well(roled.open("owner", tenant="theirs"))
    faults = (await roled.open("reader", tenant="ours").verify()).faults
    assert [(fault.stream, fault.problem) for fault in faults] == [("chat", "inserted")]
    owner = roled.open("owner", tenant="ours")
    assert [each.what for each in (await repair_feed(owner))[0]] == ["refused"]
    assert (await owner.verify()).ok
    assert (await repair_feed(owner)) == ([], None)


async def test_an_event_that_was_erased_before_it_had_a_position_gets_one(roled: Roled) -> None:
    """Then its row is no longer that of the append: it is looked up, and found to be right."""
    log = roled.open("owner")
    await log.append("chat", [ItemsAdded(["a"]), ItemsAdded(["b"])])
    await erase(log, "chat", by="dpo", reason="r")
    assert await log.position() == 3
    assert (await log.verify()).ok
    assert await roled.backend.execute("SELECT * FROM {}misplaced") == []


async def test_rows_that_were_copied_get_their_positions(roled: Roled) -> None:
    """A restored dump has them from other transactions than their events."""
    log = roled.open("owner")
    await log.append("chat", [ItemsAdded([number]) for number in range(5)])
    backend = roled.backend
    await backend.execute("CREATE TABLE {}kept AS SELECT * FROM {}queue")
    await backend.execute("DELETE FROM {}queue")
    await backend.execute("INSERT INTO {}queue SELECT * FROM {}kept")
    await backend.execute("DROP TABLE {}kept")
    assert await log.position() == 5
    assert (await log.verify()).ok


async def broken(roled: Roled, *rows: str) -> EventLog:
    """Return the log of their tenant, and put rows of ours into the feed behind it."""
    _, theirs = await two_tenants(roled)
    for number, row in enumerate(rows, 3):
        await roled.backend.execute(
            f"INSERT INTO {{}}feed SELECT {number}, stream_id, {row} FROM {{}}streams"
            " WHERE tenant = 'ours'"
        )
        await roled.backend.execute(f"UPDATE {{}}feed_head SET position = {number}")
    return theirs


async def test_until_it_is_mended_only_that_tenant_is_told(roled: Roled) -> None:
    """Heads and proofs of others are of what lies before it, and true."""
    theirs = await broken(roled, "4711")
    await theirs.append("chat", ItemsAdded(["b"]))
    assert await theirs.position() == 4
    sequencer = roled.open("sequencer", tenant="theirs")
    head = await sequencer.tree.head(SIGNER)
    assert head.size == 2
    assert (await sequencer.tree.prove_inclusion("chat", 1, head.size)).size == 2
    assert (await theirs.verify(against=SIGNER.verifier.open(head.note))).ok
    assert [event.version async for event in theirs.feed()] == [1, 2]
    faults = (await roled.open("reader", tenant="ours").verify()).faults
    assert {(fault.stream, fault.version, fault.position) for fault in faults} >= {
        ("chat", 4711, 3)
    }
    assert not (await roled.open(OURS, tenant="ours").verify()).ok


async def test_what_was_never_there_makes_room_for_a_record(roled: Roled) -> None:
    """No position moves, heads go on from the last one, and every tenant is sound."""
    theirs = await broken(roled, "4711", "12")
    await theirs.append("chat", ItemsAdded(["b"]))
    await theirs.position()
    before = await roled.open("sequencer").tree.head(SIGNER)
    owner = roled.open("owner", tenant="admin")
    found, name = await repair_feed(owner)
    assert [(each.position, each.what, each.tenant) for each in found] == [
        (3, "nowhere", "ours"),
        (4, "nowhere", "ours"),
    ]
    assert name is not None
    records = await owner.read(name).all()
    assert [record.kind for record in records] == ["preserved", "preserved"]
    assert [event.position async for event in owner.feed()] == [3, 4]
    assert [event.position async for event in theirs.feed()] == [2, 5]
    assert await roled.backend.execute("SELECT count(*) FROM {}queue") == [(0,)]
    for tenant in ("ours", "theirs", "admin"):
        kept = SIGNER.verifier.open(before.note)
        assert (await roled.open("owner", tenant=tenant).verify(against=kept)).ok
    assert await all_is_well(roled.open("owner", tenant="theirs"))
    assert await repair_feed(owner) == ([], None)


async def test_what_was_placed_twice_makes_room_too(roled: Roled) -> None:
    """Also where it came too early, and its stream got there later."""
    theirs = await broken(roled, "1", "3")
    ours = roled.open(OURS, tenant="ours")
    await ours.append("chat", [ItemsAdded(["b"]), ItemsAdded(["c"])])
    await theirs.append("chat", ItemsAdded(["b"]))
    assert await theirs.position() == 7
    assert (await theirs.verify()).ok
    assert not (await roled.open("reader", tenant="ours").verify()).ok
    owner = roled.open("owner", tenant="admin")
    found, _ = await repair_feed(owner)
    assert [(each.position, each.version, each.what) for each in found] == [
        (3, 1, "twice"),
        (4, 3, "twice"),
    ]
    assert [event.version async for event in roled.open("reader", tenant="ours").feed()] == [
        1,
        2,
        3,
    ]
    for tenant in ("ours", "theirs", "admin"):
        assert (await roled.open("owner", tenant=tenant).verify()).ok


async def test_what_a_head_was_signed_over_stays_and_is_recorded(roled: Roled) -> None:
    """Another event there would contradict the head; that it is known is no fault any more."""
    await broken(roled, "1")
    owner = roled.open("owner", tenant="ours")
    head = await owner.tree.head(SIGNER)
    assert head.size == 3
    assert not (await owner.verify()).ok
    found, name = await repair_feed(owner)
    assert ([(each.position, each.stays) for each in found], name) == ([(3, True)], None)
    assert (await owner.verify(against=SIGNER.verifier.open(head.note))).ok
    assert await repair_feed(owner) == ([], None)


async def test_an_event_that_is_missing_is_not_mended_away(roled: Roled) -> None:
    """It was there: that is what verify names, and a repair would hide it."""
    log = roled.open("owner")
    await Conversation(log, "chat").add(["a"])
    await Conversation(log, "chat").add(["b"])
    await log.position()
    await roled.backend.tamper("DELETE FROM {}events WHERE version = 1")
    assert await repair_feed(log) == ([], None)
    assert not (await log.verify()).ok


async def test_nothing_happens_unless_it_is_agreed(roled: Roled) -> None:
    """Whoever is asked may refuse, and has seen what would be done."""
    await broken(roled, "4711")
    told: list[Misplacement] = []

    def refuse(found: Sequence[Misplacement]) -> None:
        told.extend(found)
        raise KeyError

    with pytest.raises(KeyError):
        await repair_feed(roled.open("owner"), agree=refuse)
    assert str(told[0]).startswith(
        "conversation 'chat' of tenant 'ours', version 4711: has position"
    )
    assert await roled.backend.execute("SELECT count(*) FROM {}misplaced") == [(0,)]


async def test_only_the_owner_mends(roled: Roled) -> None:
    """A writer's attempt changes nothing."""
    from eventlog.errors import ReadOnlyError

    await broken(roled, "4711")
    for role in ("writer", "sequencer", "eraser", "reader", OURS):
        with pytest.raises(ReadOnlyError):
            await repair_feed(roled.open(role))
    assert isinstance(roled.backend, PostgresBackend)
    assert await roled.backend.execute("SELECT version FROM {}feed WHERE position = 3") == [(4711,)]
