"""Our heads and proofs hold for an implementation of the formats that shares no code with ours."""

from typing import Any, Final, cast

import metamorphic_log
import pytest

from eventlog import EventLog, ItemsAdded, Signer
from eventlog.proof import merkle

SIGNER: Final = Signer("example.com/log", bytes(range(32)))
KEYS: Final = [str(SIGNER.verifier)]
EVENTS: Final = 9

theirs: Final = cast(Any, metamorphic_log)  # A library of Rust, with types of its own making.


async def test_a_stranger_s_program_checks_heads_and_proofs(log: EventLog) -> None:
    """Every head by its verifier key; every event, and every growth, against a head."""
    notes: list[str] = []
    for number in range(EVENTS):
        await log.append(f"chat {number % 2}", ItemsAdded([number]))
        head = await log.tree.head(SIGNER)
        found = theirs.checkpoint_verify(head.note, KEYS)
        assert (found.origin, found.size, found.root) == (SIGNER.name, number + 1, head.root)
        notes.append(head.note)
    async for event in log.feed():
        leaf = merkle.leaf_hash(event.hash)
        for size in range(event.position or 1, EVENTS + 1):
            proof = await log.tree.prove_inclusion(event.stream, event.version, size)
            index, hashes = proof.position - 1, proof.hashes
            theirs.checkpoint_verify_inclusion(notes[size - 1], KEYS, index, leaf, hashes)
    for new in range(1, EVENTS + 1):
        for old in range(1, new + 1):
            growth = await log.tree.prove_consistency(old, new)
            theirs.checkpoint_verify_consistency(notes[old - 1], notes[new - 1], KEYS, growth)


async def test_what_a_stranger_s_program_refuses_is_not_ours(log: EventLog) -> None:
    """Another key, another event, another beginning: so that the test above can fail."""
    await log.append("chat", [ItemsAdded([number]) for number in range(EVENTS)])
    note, proof = (await log.tree.head(SIGNER)).note, await log.tree.prove_inclusion("chat", 3)
    other = [str(Signer("example.com/log", bytes(32)).verifier)]
    leaf = merkle.leaf_hash(bytes(32))
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify(note, other)
    with pytest.raises(theirs.VerifyError):
        theirs.checkpoint_verify_inclusion(note, KEYS, 2, leaf, proof.hashes)
    with pytest.raises(theirs.VerifyError):
        theirs.verify_consistency(3, EVENTS, [leaf], leaf, leaf)
