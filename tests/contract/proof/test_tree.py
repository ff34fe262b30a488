"""Heads commit to the whole feed; what is in it, and that it only grew, is proved to anybody."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog import tree as trees
from eventlog.errors import BrokenTreeError, InvalidMomentError, PublishingError
from eventlog.format.records import SignedHead
from eventlog.operations import publish, to_command, to_file
from eventlog.proof import merkle
from eventlog_projections import Conversation
from tests.backends import Backend

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
NEVER: Final = 3600.0


async def fill(log: EventLog, count: int = 5) -> None:
    for number in range(count):
        await log.append(f"chat {number % 2}", ItemsAdded([number]))


async def leaves(log: EventLog) -> list[bytes]:
    return [merkle.leaf_hash(event.hash) async for event in log.feed()]


async def test_a_head_commits_to_every_event_of_the_feed(log: EventLog) -> None:
    """Its root is that of the tree over the events' hashes, by position; its signature holds."""
    empty = await log.tree.head(SIGNER)
    assert (empty.size, empty.root) == (0, merkle.EMPTY_ROOT)
    await fill(log)
    head = await log.tree.head(SIGNER)
    assert SIGNER.verifier.open(head.note).size == head.size == 5
    assert head.root == SIGNER.verifier.open(head.note).root == merkle.root_of(await leaves(log))


async def test_heads_are_kept(log: EventLog) -> None:
    """By size; signing the same size again changes nothing but the time."""
    first = await log.tree.head(SIGNER)
    await fill(log)
    second = await log.tree.head(SIGNER)
    again = await log.tree.head(SIGNER)
    assert again._replace(signed_at=0) == second._replace(signed_at=0)
    assert await log.tree.heads().all() == [first, again]
    assert await log.tree.heads(after=0).all() == [again]
    assert again.signed_at >= second.signed_at > 0


async def test_a_head_covers_all_tenants(backend: Backend, log: EventLog) -> None:
    """The feed is one; a tenant proves its own events in it."""
    other = backend.open(tenant="other")
    await fill(log)
    await other.append("chat 0", ItemsAdded(["theirs"]))
    assert (await log.tree.head(SIGNER)).size == 6
    (theirs,) = [event async for event in other.feed()]
    assert (await other.tree.prove_inclusion("chat 0", 1)).position == theirs.position
    await other.close()


async def test_every_event_proves_that_it_is_in_the_feed(log: EventLog) -> None:
    """In the tree of today and in any older one that it was in."""
    await fill(log)
    roots = [merkle.root_of((await leaves(log))[:size]) for size in range(6)]
    async for event in log.feed():
        assert event.position
        for size in range(event.position, 6):
            proof = await log.tree.prove_inclusion(event.stream, event.version, size)
            assert (proof.position, proof.size) == (event.position, size)
            leaf = merkle.leaf_hash(event.hash)
            root = merkle.root_from_inclusion(proof.position - 1, size, leaf, proof.hashes)
            assert root == roots[size]
    assert (await log.tree.prove_inclusion("chat 0", 1)).size == 5


async def test_an_event_of_a_branch_is_proved_by_its_branch(log: EventLog) -> None:
    """The main branch has other events under the same versions."""
    await fill(log)
    await (await Conversation(log, "chat 0").fork("chat 0", branch="idea")).add(["own"])
    found = await log.tree.prove_inclusion("chat 0", 2, branch="idea")
    root = merkle.root_of(hashes := await leaves(log))
    assert found.position == 7
    assert merkle.root_from_inclusion(6, 7, hashes[6], found.hashes) == root
    assert (await log.tree.prove_inclusion("chat 0", 2)).position == 3
    assert await log.tree.last_version("chat 0", 7, branch="idea") == 2
    with pytest.raises(InvalidMomentError):
        await log.tree.prove_inclusion("chat 1", 1, branch="idea")


async def test_a_feed_proves_that_it_only_grew(log: EventLog) -> None:
    """Between any two sizes."""
    await fill(log)
    roots = [merkle.root_of((await leaves(log))[:size]) for size in range(6)]
    for new in range(1, 6):
        for old in range(1, new + 1):
            proof = await log.tree.prove_consistency(old, new)
            found = merkle.roots_from_consistency(old, new, roots[old], proof)
            assert found == (roots[old], roots[new])
    assert await log.tree.prove_consistency(0) == []


@pytest.mark.parametrize("size", [None, 2])
async def test_what_is_not_there_is_not_proved(log: EventLog, size: int | None) -> None:
    """An event that was never there, was not there yet, and a size that there is not."""
    await fill(log)
    for refused in (
        log.tree.prove_inclusion("chat 0", 4, size),
        log.tree.prove_inclusion("chat 0", 0, size),
        log.tree.prove_inclusion("nobody", 1, size),
        log.tree.prove_inclusion("chat 0", 3, 4),
        log.tree.prove_inclusion("chat 0", 1, 6),
        log.tree.prove_inclusion("chat 0", 1, -1),
        log.tree.prove_consistency(3, 2),
        log.tree.prove_consistency(3, 6),
        log.tree.prove_consistency(-1, size),
    ):
        with pytest.raises(InvalidMomentError):
            await refused


async def test_many_rounds_build_the_same_tree(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded by a round; tiles are filled and begun across rounds."""
    monkeypatch.setattr(trees, "LEAVES", 100)
    await log.append("chat", [ItemsAdded([number]) for number in range(613)])
    head = await log.tree.head(SIGNER)
    assert (head.size, head.root) == (613, merkle.root_of(await leaves(log)))
    assert await log.spi._store.tree.size() == 613


async def test_many_who_extend_at_once_build_one_tree(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others append; every head of them is one of the same feed."""
    monkeypatch.setattr(trees, "LEAVES", 7)
    logs = [log, backend.open(poll_interval=0.25), backend.open()]
    heads: list[SignedHead] = []

    async def work(mine: EventLog) -> None:
        for number in range(6):
            await mine.append("chat", [ItemsAdded([number])] * 13)
            heads.append(await mine.tree.head(SIGNER))

    await asyncio.gather(*map(work, logs))
    found = await leaves(log)
    assert (await log.tree.head(SIGNER)).size == len(found) == 3 * 6 * 13
    for head in heads:
        assert head.root == merkle.root_of(found[: head.size])
    for opened in logs[1:]:
        await opened.close()


async def test_an_extender_that_comes_late_takes_nothing_back(log: EventLog) -> None:
    """Tiles only grow, whoever writes last."""
    await fill(log)
    await log.tree.extend()
    tiles = await log.spi._store.tree.tiles(merkle.edge_of(5))
    await fill(log)
    head = await log.tree.head(SIGNER)
    await log.spi._store.tree.save(tiles)
    assert await log.tree.head(SIGNER) == head._replace(
        signed_at=(await log.tree.heads().all())[0].signed_at
    )


@pytest.mark.parametrize("change", ["DELETE FROM {}tree", "UPDATE {}tree SET hashes = ?"])
async def test_hashes_that_are_gone_are_made_anew(
    backend: Backend, log: EventLog, change: str
) -> None:
    """They follow from the feed: the next head is the one that it would have been."""
    await fill(log)
    before = await log.tree.head(SIGNER)
    ((hashes,),) = await backend.execute("SELECT hashes FROM {}tree")
    assert isinstance(hashes, bytes)
    await backend.execute(change, *([hashes[:64]] if "?" in change else []))
    assert (await log.tree.head(SIGNER)).note == before.note


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("UPDATE {}tree SET hashes = ?", bytes(160)),
        ("UPDATE {}tree_heads SET root = ?", bytes(32)),
        ("UPDATE {}events SET hash = ? WHERE version = 1", bytes(32)),
    ],
)
async def test_nothing_is_signed_that_does_not_continue_the_last_head(
    backend: Backend, log: EventLog, change: str, value: bytes
) -> None:
    """What was signed once is a promise: changed hashes, a changed head, a changed feed."""
    await fill(log)
    await log.tree.head(SIGNER)
    await backend.tamper(change, value)
    if "events" in change:
        await backend.execute("DELETE FROM {}tree")
    await log.append("chat", ItemsAdded(["more"]))
    with pytest.raises(BrokenTreeError, match=r"Run verify\(\)"):
        await log.tree.head(SIGNER)
    assert len(await log.tree.heads().all()) == 1


async def test_a_feed_with_a_gap_is_not_signed(backend: Backend, log: EventLog) -> None:
    """Nor one that is shorter than its tree."""
    await fill(log)
    await log.position()
    if backend.name == "sqlite":
        await backend.tamper("DELETE FROM {}events WHERE position = 3")
    else:
        await backend.tamper("DELETE FROM {}feed WHERE position = 3")
    with pytest.raises(BrokenTreeError, match="Position 3 "):
        await log.tree.head(SIGNER)


async def test_a_feed_that_was_cut_is_not_signed(backend: Backend, log: EventLog) -> None:
    """It is shorter than its tree."""
    await fill(log)
    await log.tree.extend()
    await backend.tamper("DELETE FROM {}events WHERE version = 3")
    if backend.name == "postgres":
        await backend.tamper("DELETE FROM {}feed WHERE version = 3")
        await backend.execute("UPDATE {}feed_head SET position = 4")
    with pytest.raises(BrokenTreeError, match="the feed only 4"):
        await log.tree.head(SIGNER)


async def test_heads_are_published_as_the_log_grows(log: EventLog) -> None:
    """At once, and after so many events; nothing is said twice."""
    heads: asyncio.Queue[SignedHead] = asyncio.Queue()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(
            publish(log, SIGNER, heads.put, stop, every_events=3, every_seconds=NEVER)
        )
        assert (await heads.get()).size == 0
        await fill(log, 2)
        assert heads.empty()
        await fill(log, 1)
        assert (await heads.get()).size == 3
        stop.set()
    assert heads.empty()


async def test_heads_are_published_as_time_goes_by(log: EventLog) -> None:
    """However few events there are, but only if there are any."""
    heads: asyncio.Queue[SignedHead] = asyncio.Queue()
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(publish(log, SIGNER, heads.put, stop, every_seconds=0.01))
        assert (await heads.get()).size == 0
        await fill(log, 1)
        assert (await heads.get()).size == 1
        stop.set()


async def test_a_head_that_could_not_be_published_is_published_later(
    log: EventLog, caplog: pytest.LogCaptureFixture
) -> None:
    """The failure is told to whoever reads the logs of the program."""
    tries: asyncio.Queue[SignedHead] = asyncio.Queue()
    stop = asyncio.Event()

    async def fail_once(head: SignedHead) -> None:
        await tries.put(head)
        if not caplog.records:
            raise PublishingError("the shelf is full.")

    async with asyncio.TaskGroup() as group:
        group.create_task(publish(log, SIGNER, fail_once, stop, every_seconds=0.01))
        first, second = await tries.get(), await tries.get()
        stop.set()
    assert first.note == second.note
    assert "the shelf is full" in caplog.text


async def test_a_head_goes_to_a_file(log: EventLog, tmp_path: Path) -> None:
    """Replaced as a whole."""
    head = await log.tree.head(SIGNER)
    path = tmp_path / "head.txt"
    for _ in range(2):
        await to_file(path)(head)
        assert path.read_text("utf-8") == head.note
    assert list(tmp_path.glob("head*")) == [path]
    with pytest.raises(PublishingError, match="cannot be written"):
        await to_file(tmp_path / "no" / "head.txt")(head)


async def test_a_head_goes_to_a_command(log: EventLog, tmp_path: Path) -> None:
    """On its standard input; a program that fails is told about."""
    head = await log.tree.head(SIGNER)
    path = tmp_path / "head.txt"
    await to_command(["tee", str(path)])(head)
    assert path.read_text("utf-8") == head.note
    with pytest.raises(PublishingError, match="status 1"):
        await to_command(["false"])(head)
    with pytest.raises(PublishingError, match="cannot be run"):
        await to_command([str(tmp_path / "nothing")])(head)
