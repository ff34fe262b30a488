"""What came since a head is verified at the cost of what is new, and what that finds is said."""

from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from eventlog import EventLog, Fault, ItemsAdded, Signer, TreeHead, Verification
from eventlog.errors import InvalidHeadError, InvalidOptionError
from eventlog.format import chain
from eventlog.operations import rekey
from eventlog_projections import Conversation, erase
from tests.backends import Backend
from tests.contract.verify.recomputing import recompute, with_body
from tests.contract.verify.test_tamper_matrix import EVENTS, forget_everything

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
OF_A: Final = (
    "WHERE version = {} AND stream_id = (SELECT stream_id FROM {{}}streams WHERE name = 'a')"
)
NEW: Final = OF_A.format(6)
OLD: Final = OF_A.format(2)


class Nightly:
    """A log of two conversations, a head over four events of each, and three more of `a`."""

    def __init__(self, log: EventLog, head: TreeHead) -> None:
        self.log = log
        self.head = head

    async def check(self, **how: Any) -> Verification:
        """Verify what came since the head."""
        return await self.log.verify(since=self.head, key=SIGNER.verifier, **how)

    async def faults(self) -> list[Fault]:
        """Return what is wrong with it."""
        return list((await self.check()).faults)


@pytest.fixture
async def nightly(backend: Backend) -> AsyncIterator[Nightly]:
    async with backend.open() as log:
        for _ in range(4):
            for name in ("a", "b"):
                await log.append(name, ItemsAdded([name]))
        head = SIGNER.verifier.open((await log.tree.head(SIGNER)).note)
        for _ in range(3):
            await log.append("a", ItemsAdded(["new"]))
        await log.position()
        yield Nightly(log, head)


async def test_only_what_is_new_is_checked_and_counted(nightly: Nightly) -> None:
    """Of the one conversation that went on, with one that is new, a fork, and a later head."""
    found = await nightly.check()
    assert (found.ok, found.since, found.conversations, found.events) == (True, 8, 1, 3)
    assert found.exit_code == 0
    assert "3 events behind position 8" in str(found)
    await Conversation(nightly.log, "a").fork("a", branch="idea")
    await nightly.log.append("c", [ItemsAdded([number]) for number in range(5)])
    await nightly.log.tree.head(SIGNER)
    found = await nightly.check()
    assert (found.faults, found.conversations, found.events) == ((), 3, 9)


async def test_nothing_new_is_nothing_to_check(nightly: Nightly) -> None:
    """From the head of now on; and from that of an empty log on, everything is new."""
    now = SIGNER.verifier.open((await nightly.log.tree.head(SIGNER)).note)
    found = await nightly.log.verify(since=now)
    assert (found.faults, found.events, found.since) == ((), 0, 11)
    empty = TreeHead("example.com/log", 0, chain.GENESIS.hash)
    empty = TreeHead(empty.origin, 0, await nightly.log.tree.root(0))
    found = await nightly.log.verify(since=empty)
    assert (found.faults, found.events, found.conversations) == ((), 11, 2)


@pytest.mark.parametrize("column", EVENTS)
async def test_any_column_of_a_new_event(backend: Backend, nightly: Nightly, column: str) -> None:
    """It is named as a check of the whole log names it."""
    await backend.tamper(f"UPDATE {{}}events SET {column} = {EVENTS[column][0]} {NEW}")
    whole = [each for each in (await nightly.log.verify()).faults if each.stream == "a"]
    found = [each for each in await nightly.faults() if each.stream == "a"]
    assert found == whole != []


async def test_a_new_event_that_is_gone(backend: Backend, nightly: Nightly) -> None:
    """In the middle, and at the end with the stream's head set back."""
    await backend.tamper(f"DELETE FROM {{}}events {NEW}")
    assert ("a", 6, "missing") in [(f.stream, f.version, f.problem) for f in await nightly.faults()]


async def test_a_new_event_computed_anew_is_found_by_a_later_head(
    backend: Backend, nightly: Nightly
) -> None:
    """Nothing else can: the hashes fit. A head that is stored behind the old one does not."""
    later = SIGNER.verifier.open((await nightly.log.tree.head(SIGNER)).note)
    await recompute(backend, "a", 6, lambda event: with_body(event, b'["x"]'))
    assert [(fault.position, fault.problem) for fault in await nightly.faults()][:1] == [
        (10, "edited")
    ]
    assert (await nightly.log.verify(against=later)).faults


@pytest.mark.parametrize("column", ["version", "head_hash", "head_at", "name", "branch", "tenant"])
async def test_the_row_of_a_conversation_that_went_on(
    backend: Backend, nightly: Nightly, column: str
) -> None:
    """Head, name and whose it is."""
    values = {"version": "6", "head_hash": "stream_id", "head_at": "head_at + 1"}
    value = values.get(column, "'x'")
    await backend.tamper(f"UPDATE {{}}streams SET {column} = {value} WHERE name = 'a'")
    found = await nightly.log.verify(since=nightly.head, all_tenants=True)
    assert found.faults


async def test_a_conversation_that_went_on_and_is_gone(backend: Backend, nightly: Nightly) -> None:
    """Its events are there, and no stream has them."""
    await backend.tamper("DELETE FROM {}streams WHERE name = 'a'")
    details = [fault.detail for fault in await nightly.faults()]
    assert "there are events under this stream_id but no stream" in details


async def test_a_new_conversation_that_says_another_time(
    backend: Backend, nightly: Nightly
) -> None:
    """Of its first event."""
    await nightly.log.append("c", ItemsAdded(["new"]))
    await backend.tamper("UPDATE {}streams SET created_at = created_at + 1 WHERE name = 'c'")
    assert [(fault.stream, fault.problem) for fault in await nightly.faults()] == [("c", "edited")]


async def test_what_is_older_than_the_head_is_not_read(backend: Backend, nightly: Nightly) -> None:
    """As it says: an older row that was edited in place is found by a check of the whole log."""
    await backend.tamper(f"UPDATE {{}}events SET event_id = 'x' {OLD}")
    assert await nightly.faults() == []
    assert (await nightly.log.verify(against=nightly.head)).faults


async def test_a_new_event_that_does_not_follow_the_last_old_one(
    backend: Backend, nightly: Nightly
) -> None:
    """The row before the first new one is what they are held against."""
    await recompute(backend, "a", 5, lambda event: with_body(event, b'["x"]'))
    await backend.tamper(f"UPDATE {{}}events SET hash = content_digest {OF_A.format(4)}")
    assert ("a", 4, "edited") in [(f.stream, f.version, f.problem) for f in await nightly.faults()]


async def test_a_tree_that_was_changed_below_the_head(backend: Backend, nightly: Nightly) -> None:
    """It does not lead to the head's root: the feed is hashed from the start, to say why."""
    ((hashes,),) = await backend.execute("SELECT hashes FROM {}tree")
    assert isinstance(hashes, bytes)
    await backend.tamper("UPDATE {}tree SET hashes = ?", bytes(32) + hashes[32:])
    assert [(fault.position, fault.problem) for fault in await nightly.faults()] == [(1, "edited")]
    await backend.tamper("DELETE FROM {}tree")
    found = await nightly.check()
    assert (found.faults, [each.what for each in found.warnings]) == ((), ["tree"])


async def test_the_head_of_another_log(backend: Backend, nightly: Nightly) -> None:
    """Signed by another key it is refused; by the same key, the feed does not go on from it."""
    other = Signer("example.com/log", bytes(32))
    with pytest.raises(InvalidHeadError):
        SIGNER.verifier.open(other.sign(8, nightly.head.root))
    strange = TreeHead(nightly.head.origin, 8, bytes(32))
    (fault,) = (await nightly.log.verify(since=strange)).faults
    assert (fault.problem, fault.position) == ("edited", 8)
    assert "kept elsewhere commits to other events" in fault.detail


@pytest.mark.parametrize("events", [3, 20])
async def test_a_log_that_was_put_back(backend: Backend, nightly: Nightly, events: int) -> None:
    """To fewer events than the head has, and then grown beyond it again with others."""
    await nightly.log.close()
    await forget_everything(backend)
    async with backend.open() as log:
        await log.append("a", [ItemsAdded([number]) for number in range(events)])
        found = await log.verify(since=nightly.head)
    assert found.exit_code == 1
    expected = (4, "missing") if events < 8 else (8, "edited")
    assert (found.faults[0].position, found.faults[0].problem) == expected


async def test_a_head_beyond_the_end(nightly: Nightly) -> None:
    """Somebody keeps a head of more than there is: the log lost its end."""
    beyond = TreeHead(nightly.head.origin, 99, nightly.head.root)
    (fault,) = (await nightly.log.verify(since=beyond)).faults
    assert (fault.position, fault.problem) == (12, "missing")


async def test_what_was_erased_since_is_checked_as_a_whole(
    backend: Backend, nightly: Nightly
) -> None:
    """A conversation of before, whose content is gone; and one of which only some is."""
    await erase(nightly.log, "b", by="office", reason="test")
    found = await nightly.check()
    assert (found.faults, found.erased) == ((), 4)
    await backend.tamper(
        "UPDATE {}events SET salt = NULL, context = NULL, body = NULL " + NEW,
    )
    assert ("a", 6, "missing") in [(f.stream, f.version, f.problem) for f in await nightly.faults()]


async def test_content_that_is_back_after_an_erasure(backend: Backend, nightly: Nightly) -> None:
    """What an event says was erased since is not there."""
    b = nightly.log.spi.stream_id("b")
    rows = await backend.execute(
        "SELECT version, salt, context, body FROM {}events WHERE stream_id = ?", b
    )
    await erase(nightly.log, "b", by="office", reason="test")
    for version, *content in rows:
        change = "UPDATE {}events SET salt = ?, context = ?, body = ? WHERE stream_id = ?"
        await backend.tamper(f"{change} AND version = {version}", *content, b)
    assert [(f.stream, f.problem) for f in await nightly.faults()] == [("b", "inserted")]


async def test_a_place_that_is_not_as_it_was_given(backend: Backend, nightly: Nightly) -> None:
    """Behind the head: swapped, given twice, for an event that never was, or not at all."""
    if backend.name == "sqlite":
        await backend.tamper("UPDATE events SET position = -position WHERE position > 9")
        await backend.tamper("UPDATE events SET position = 21 + position WHERE position < 0")
        found = await nightly.faults()
        assert ("a", "reordered") in [(fault.stream, fault.problem) for fault in found]
        return
    for change, problem in (
        ("UPDATE {}feed SET version = 13 - version WHERE position > 9", "reordered"),
        ("UPDATE {}feed SET version = 5 WHERE position = 10", "inserted"),
        ("UPDATE {}feed SET version = 99 WHERE position = 11", "missing"),
        ("DELETE FROM {}feed WHERE position = 10", "missing"),
    ):
        places = await backend.execute("SELECT position, stream_id, version FROM {}feed")
        await backend.tamper(change)
        assert problem in [fault.problem for fault in await nightly.faults()], change
        await backend.tamper("DELETE FROM {}feed")
        for place in places:
            await backend.tamper("INSERT INTO {}feed VALUES (?, ?, ?)", *place)
        assert await nightly.faults() == []


async def test_an_event_that_never_got_a_place(backend: Backend, nightly: Nightly) -> None:
    """The last of a conversation that went on: it waits no more, and has none."""
    if backend.name == "sqlite":
        return  # A commit has its position.
    await nightly.log.append("a", ItemsAdded(["waits"]))
    await backend.tamper("DELETE FROM {}queue")
    assert ("a", 8, "missing") in [(f.stream, f.version, f.problem) for f in await nightly.faults()]


async def test_encrypted_conversations_go_on(sealed: Backend) -> None:
    """With keys that are there and open; one that is gone is named."""
    async with sealed.open() as log:
        for name in ("a", "b"):
            await log.append(name, [ItemsAdded([1]), ItemsAdded([2])])
        head = SIGNER.verifier.open((await log.tree.head(SIGNER)).note)
        await log.append("a", ItemsAdded([3]))
        await rekey(log, "b")
        await log.append("b", ItemsAdded([3]))
        found = await log.verify(since=head, open=True)
        assert (found.faults, found.events) == ((), 2)
        await sealed.tamper("DELETE FROM {}keys WHERE key_id = '2'")
        assert [f.stream for f in (await log.verify(since=head)).faults] == ["b"]


async def test_large_growth_is_read_page_by_page(backend: Backend) -> None:
    """Of one conversation more than is read together, and of many small ones."""
    async with backend.open() as log:
        await log.append("a", ItemsAdded(["old"]))
        head = SIGNER.verifier.open((await log.tree.head(SIGNER)).note)
        for _ in range(5):
            await log.append("a", [ItemsAdded([number]) for number in range(500)])
        for number in range(40):
            await log.append(f"small {number}", [ItemsAdded([each]) for each in range(50)])
        found = await log.verify(since=head)
        assert (found.faults, found.events, found.conversations) == ((), 4500, 41)
        await backend.tamper(f"UPDATE {{}}events SET event_id = 'x' {OF_A.format(2300)}")
        faults = (await log.verify(since=head)).faults
        assert [(fault.stream, fault.version) for fault in faults if fault.stream] == [("a", 2300)]


async def test_another_tenant_s_events_are_its_own(backend: Backend, nightly: Nightly) -> None:
    """They are in the feed; what is wrong with them is told to who verifies all tenants."""
    async with backend.open(tenant="other") as other:
        await other.append("a", ItemsAdded(["theirs"]))
        stream_id = other.spi.stream_id("a")
    await backend.tamper("UPDATE {}events SET event_id = 'x' WHERE stream_id = ?", stream_id)
    assert (await nightly.check()).ok
    (fault,) = (await nightly.check(all_tenants=True)).faults
    assert (fault.tenant, fault.stream, fault.version) == ("other", "a", 1)


async def test_a_head_stands_for_the_whole_log(nightly: Nightly) -> None:
    """A conversation, or a second head, beside it is refused."""
    with pytest.raises(InvalidOptionError):
        await nightly.log.verify("a", since=nightly.head)
    with pytest.raises(InvalidOptionError):
        await nightly.log.verify(since=nightly.head, against=nightly.head)
