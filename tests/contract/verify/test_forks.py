"""Forks that verify() names, and forks that are as they should be."""

from typing import Final

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import (
    InvalidMomentError,
)
from eventlog.events import ConversationForked
from eventlog.format import chain
from eventlog_projections import Conversation
from tests.backends import Backend
from tests.contract.verify.made_up import CHAT, NOBODY, fill, headed, of_chains, refused_only_with
from tests.contract.verify.recomputing import (
    Change,
    recompute,
)
from tests.elsewhere import open_elsewhere

FORKS: Final[dict[str, tuple[Change, str, str]]] = {
    "more than there was": (
        headed(parent=CHAT.hex(), at_version=1, kept=3),
        "inserted",
        "its parent had fewer items than it says",
    ),
    "a version that is not there": (
        headed(parent=CHAT.hex(), at_version=99, kept=1),
        "inserted",
        "a version that its parent does not have",
    ),
    "nobody": (
        headed(parent=NOBODY.hex(), at_version=1, kept=1),
        "missing",
        "what it is a fork of is not there",
    ),
    "another tenant's": (
        headed(parent=chain.stream_id("other", "chat").hex(), at_version=1, kept=1),
        "missing",
        "what it is a fork of is not there",
    ),
}


@pytest.mark.parametrize("what", FORKS)
async def test_a_fork_of_what_there_never_was(backend: Backend, what: str) -> None:
    """Its parent is one of the same tenant, at a version that it has, with as many items."""
    change, problem, says = FORKS[what]
    async with backend.open(tenant="other") as other:
        await other.append("chat", ItemsAdded([1, 2, 3]))
    async with backend.open() as log:
        await fill(log)
    await recompute(backend, "fork", 1, change)
    async with open_elsewhere(backend) as log:
        (fault,) = (await log.verify("fork")).faults
        assert (fault.version, fault.problem, fault.detail) == (1, problem, fault.detail)
        assert says in fault.detail
        found = await log.verify()
        assert ("fork", "", 1, problem) in of_chains(found)
        await refused_only_with(log, found)


async def test_forks_of_each_other(backend: Backend) -> None:
    """Each of a circle is named, and none that only began with one of them."""
    async with backend.open() as log:
        await Conversation(log, "root").add(["one", "two"])
        for name, parent in (("a", "root"), ("b", "a"), ("c", "b"), ("d", "c")):
            await Conversation(log, parent).fork(name)
        assert (await log.verify()).ok
    stream_id = chain.stream_id("default", "c")
    await recompute(backend, "a", 1, headed(parent=stream_id.hex(), at_version=1, kept=2))
    async with open_elsewhere(backend) as log:
        found = await log.verify()
        assert [(fault.stream, fault.version) for fault in found.faults if fault.stream] == [
            ("a", 1),
            ("b", 1),
            ("c", 1),
        ]
        assert await refused_only_with(log, found) >= 4


async def test_forks_that_are_as_they_should_be(log: EventLog) -> None:
    """Of nothing, of nobody yet, of each other's empty beginnings, of many pages; many of them."""
    await Conversation(log, "empty").fork("of nothing")
    await Conversation(log, "empty").add(["now there is something"])
    parent = Conversation(log, "parent")
    for number in range(30):
        await parent.add([{"role": "user", "content": number}, number])
        if number % 3 == 0:
            await parent.pop()
        if number % 7 == 6:
            await parent.undo()
        if number % 11 == 10:
            await parent.clear()
        await parent.fork(f"fork {number}")
    assert (await log.verify()).faults == ()


@pytest.mark.parametrize(
    "fork",
    [
        ConversationForked(b"chat", 0, 0),
        ConversationForked(NOBODY, 0, 1),
        ConversationForked(NOBODY, 1, 0),
        ConversationForked(CHAT, 99, 0),
    ],
)
async def test_a_fork_that_would_be_named_is_not_appended(
    log: EventLog, fork: ConversationForked
) -> None:
    """Whoever appends it is told; nothing is stored."""
    await fill(log)
    with pytest.raises(InvalidMomentError):
        await log.append("new", fork, expected_version=0)
    assert await log.version("new") == 0
