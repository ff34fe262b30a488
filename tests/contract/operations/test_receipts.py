"""Receipts: whoever asked for an erasure gets it in writing, signed."""

from typing import Any, Final

import pytest

from eventlog import EventLog, Signer
from eventlog.errors import InvalidHeadError
from eventlog.operations import Receipt, read_receipt
from eventlog_projections import Conversation, erase, erase_event, erase_owner
from tests.backends import Backend
from tests.conftest import Clock
from tests.contract.proof.test_evidence import SIGNER

WHY: Final[dict[str, Any]] = {"by": "dpo", "reason": "gdpr-17", "signer": SIGNER}


def read(note: str | None) -> Receipt:
    assert note is not None
    return read_receipt(note, SIGNER.verifier)


async def test_it_names_every_stream_and_the_event_that_says_so(
    erasable: Backend, clock: Clock
) -> None:
    """What was erased, how much, by whom, when and why; asked for again, it says the same."""
    async with erasable.open(clock=clock) as log:
        chat = Conversation(log, "a\nb")
        await chat.add(["one"])
        await chat.add(["two"])
        await chat.fork("child")
        now = clock.tick()
        done = await erase(log, "a\nb", **WHY)
        receipt = read(done.receipt)
        assert (receipt.tenant, receipt.session_id) == (log.tenant, "a\nb")
        assert [(one.name, one.first, one.last, one.events) for one in receipt.streams] == [
            ("a\nb", 1, 2, 2),
            ("child", 1, 1, 1),
        ]
        for one in receipt.streams:
            event = (await log.read(one.name).all())[-1]
            assert (one.version, one.hash) == (event.version, event.hash.hex())
            assert (one.stream_id, one.at) == (event.stored.stream_id.hex(), now)
            assert (one.by, one.reason) == ("dpo", "gdpr-17")
        late = await erase(log, "a\nb", by="late", reason="again", signer=SIGNER)
        assert late.receipt == done.receipt
        await chat.add(["three"])
        later = read((await erase(log, "a\nb", **WHY)).receipt)
        assert [(one.first, one.last) for one in later.streams] == [(4, 4), (1, 1)]


async def test_one_event_and_everything_of_an_owner_have_receipts(log: EventLog) -> None:
    """For one event, also when it went with the others later."""
    chat = Conversation(log, "chat")
    for text in ("one", "two", "three"):
        await chat.add([text])
    await chat.label(owner="ann")
    for _ in range(2):
        (one,) = read((await erase_event(log, "chat", 2, **WHY)).receipt).streams
        assert (one.first, one.last, one.version) == (2, 2, 5)
    (disposed,) = await erase_owner(log, "ann", **WHY)
    assert disposed.erased is not None
    (whole,) = read(disposed.erased.receipt).streams
    assert (whole.first, whole.last, whole.version) == (1, 5, 6)
    (one,) = read((await erase_event(log, "chat", 1, **WHY)).receipt).streams
    assert (one.first, one.last, one.version) == (1, 1, 6)


async def test_what_was_changed_or_signed_by_others_is_no_receipt(log: EventLog) -> None:
    """Nor is a head, nor is a receipt a head."""
    await Conversation(log, "chat").add(["one"])
    note = (await erase(log, "chat", **WHY)).receipt
    assert note is not None
    other = Signer(SIGNER.name, bytes(32))
    for bad in (
        note.replace("gdpr-17", "gdpr-18"),
        note.replace("receipt 1", "receipt 2"),
        other.sign_text(note.partition("\n\n")[0] + "\n"),
        (await log.tree.head(SIGNER)).note,
        SIGNER.sign_text("conversation-eventlog erasure receipt 1\n{}\n"),
        "",
    ):
        with pytest.raises(InvalidHeadError):
            read(bad)
    with pytest.raises(InvalidHeadError):
        SIGNER.verifier.open(note)
