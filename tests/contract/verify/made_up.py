"""Events that no append makes, and a log that holds them."""

from typing import Any, Final

from eventlog import EventLog, ItemsReplaced, NewEvent, Verification
from eventlog.errors import CorruptEventError, ErasedError, SchemaTooNewError
from eventlog.format import chain
from eventlog_projections import Conversation
from tests.contract.verify.recomputing import (
    Change,
    header,
    with_body,
)

WHY: Final[dict[str, Any]] = {"by": "office", "reason": "code"}
CHAT: Final = chain.stream_id("default", "chat")
FORK: Final = chain.stream_id("default", "fork")
NOBODY: Final = chain.stream_id("default", "nobody")


BOUND: Final[dict[str, Any]] = {"max_inflated_bytes": 2**20, "max_item_bytes": 2**20}


async def fill(log: EventLog) -> None:
    """A conversation of seven events and three items, one that is a fork of it, and a branch."""
    chat = Conversation(log, "chat")
    await chat.add(["one", "two"])
    await chat.add(["three"])
    await chat.append(NewEvent(ItemsReplaced(1, ["TWO", "THREE"])))
    await chat.pop()
    await chat.add(["four"])
    await chat.fork("fork")
    await chat.fork("chat", branch="idea")
    await Conversation(log, "fork").add(["of the fork"])


def of_chains(found: Verification) -> list[tuple[str, str, int, str]]:
    return [
        (fault.stream, fault.branch, fault.version, fault.problem)
        for fault in found.faults
        if fault.position is None
    ]


def headed(**fields: Any) -> Change:
    return lambda event: event._replace(header=header(**fields))


def become(kind: str, body: bytes = b"{}", **fields: Any) -> Change:
    return lambda event: with_body(event._replace(kind=kind, header=header(**fields)), body)


def raw(stored: bytes) -> Change:
    return lambda event: event._replace(header=stored)


def holding(body: bytes, codec: int = 0) -> Change:
    return lambda event: with_body(event, body, codec)


async def refused_only_with(log: EventLog, found: Verification) -> int:
    """Check that of whatever list is refused, verify() names an event; return how many there are.

    What makes a list be refused may be said by a later event than the first that is wrong.
    """
    named = {(fault.stream, fault.branch): fault.version for fault in found.faults}
    refused: list[CorruptEventError] = []
    async for row in log.streams(branches=True):
        chat = Conversation(log, row.name, branch=row.branch)
        for version in range(1, row.head.version + 1):
            try:
                await chat.items(as_of=version)
            except (ErasedError, SchemaTooNewError):
                continue  # Nobody is told to verify.
            except CorruptEventError as error:
                refused.append(error)
    for each in refused:
        name, _, branch = each.stream.partition(", branch ")
        assert named.get((name, branch), 99) <= each.version, (each, found.faults)
    return len(refused)
