"""Rows of the tree that are gone are named, and made anew from the feed; a wrong one is a fault."""

from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.errors import BrokenTreeError
from eventlog.operations import gather_evidence, sign_head
from eventlog.operations.bundles import check_evidence
from eventlog.store.contract.rights import ALL, Rights
from tests.backends import Backend

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
GONE: Final = {
    "level 1": "DELETE FROM {}tree WHERE level = 1",
    "a first row": "DELETE FROM {}tree WHERE level = 0 AND number = 0",
    "a row between": "DELETE FROM {}tree WHERE level = 0 AND number = 1",
    "the last row": "DELETE FROM {}tree WHERE level = 0 AND number = 2",
    "the last rows": "DELETE FROM {}tree WHERE level = 0 AND number > 0",
    "level 0": "DELETE FROM {}tree WHERE level = 0",
    "all": "DELETE FROM {}tree",
    "a part of a row": "UPDATE {}tree SET hashes = ? WHERE level = 0 AND number = 1",
}


async def fill(log: EventLog, events: int, name: str = "chat") -> None:
    await log.append(name, [ItemsAdded([number]) for number in range(events)])


@pytest.mark.parametrize("more", [0, 10, 300])
@pytest.mark.parametrize("what", GONE)
async def test_rows_that_are_gone_are_made_anew(
    backend: Backend, log: EventLog, what: str, more: int
) -> None:
    """Named before, by verify, and not afterwards; heads and proofs are as they would have been."""
    await fill(log, 600)
    await log.tree.head(SIGNER)
    root = await log.tree.root(600)
    ((hashes,),) = await backend.execute("SELECT hashes FROM {}tree WHERE level = 0 AND number = 1")
    assert isinstance(hashes, bytes)
    await backend.tamper(GONE[what], *([hashes[:320]] if "?" in GONE[what] else []))
    if more:
        await fill(log, more, "other")
    found = await log.verify()
    assert found.ok, found.faults
    (warning,) = found.warnings
    assert (warning.what, "lacks hashes that it had: level" in warning.detail) == ("tree", True)
    head = await sign_head(log, SIGNER)
    assert head.size == 600 + more
    assert await log.tree.root(600) == root
    bundle = await gather_evidence(log, head, {"chat": None})
    assert check_evidence(bundle, SIGNER.verifier) == [("chat", "", 600)]
    await log.tree.prove_consistency(1, head.size)
    found = await log.verify()
    assert (found.ok, found.warnings) == (True, ())


async def test_a_proof_makes_what_it_takes(backend: Backend, log: EventLog) -> None:
    """Without a head being signed."""
    await fill(log, 600)
    await log.tree.head(SIGNER)
    before = await log.tree.prove_inclusion("chat", 300)
    await backend.tamper("DELETE FROM {}tree WHERE number < 2")
    assert await log.tree.prove_inclusion("chat", 300) == before
    assert (await log.verify()).warnings == ()


async def test_what_is_there_and_wrong_stays_a_fault(backend: Backend, log: EventLog) -> None:
    """Made anew is only what is missing: nothing is laundered."""
    await fill(log, 600)
    await log.tree.head(SIGNER)
    ((hashes,),) = await backend.execute("SELECT hashes FROM {}tree WHERE level = 1")
    assert isinstance(hashes, bytes)
    await backend.tamper("UPDATE {}tree SET hashes = ? WHERE level = 1", hashes + hashes)
    await backend.tamper("DELETE FROM {}tree WHERE level = 0 AND number = 1")
    await log.tree.prove_inclusion("chat", 300)
    (fault,) = (await log.verify()).faults
    assert (fault.problem, fault.position) == ("inserted", 601)
    await backend.tamper("DELETE FROM {}tree WHERE level = 1")
    await log.tree.head(SIGNER)
    assert (await log.verify()).ok


async def test_an_edited_event_is_found_though_the_tree_is_gone(
    backend: Backend, log: EventLog
) -> None:
    """The tree that is made anew contradicts the head that was signed."""
    await fill(log, 600)
    await log.tree.head(SIGNER)
    await backend.tamper("UPDATE {}events SET hash = content_digest WHERE version = 300")
    await backend.tamper("DELETE FROM {}tree")
    with pytest.raises(BrokenTreeError):
        await log.tree.head(SIGNER)
    faults = (await log.verify()).faults
    assert {("chat", 300), ("chat", 600)} <= {(fault.stream, fault.version) for fault in faults}


async def test_who_may_store_nothing_says_who_may(
    backend: Backend, log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader asks for proofs, too."""
    await fill(log, 600)
    await log.tree.head(SIGNER)
    await backend.tamper("DELETE FROM {}tree WHERE level = 1")

    async def rights() -> Rights:
        return ALL._replace(extends=False)

    monkeypatch.setattr(log.spi.store, "rights", rights)
    with pytest.raises(BrokenTreeError, match="eventlog head"):
        await log.tree.prove_inclusion("chat", 300)
