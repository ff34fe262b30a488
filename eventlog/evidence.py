"""Evidence: conversations, and what proves them, in one file that needs no database.

docs/format.md defines it; docs/verify_evidence.py checks it without this library.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from eventlog import chain
from eventlog.checkpoint import read_head
from eventlog.envelope import RecordedEvent
from eventlog.errors import InvalidMomentError
from eventlog.log import EventLog
from eventlog.names import MAIN
from eventlog.records import SignedHead

EVIDENCE: Final = "conversation-eventlog evidence 1"
"""The first field of a bundle: what it is, and the number of its form."""

_Chosen = TypeVar("_Chosen", bound=str | tuple[str, str])
"""A conversation by its name, or a branch by both names."""


def withhold_nothing(_event: RecordedEvent) -> bool:
    """Show the content of every event."""
    return False


async def gather_evidence(
    log: EventLog,
    head: SignedHead,
    conversations: Mapping[_Chosen, int | None],
    *,
    withhold: Callable[[RecordedEvent], bool] = withhold_nothing,
) -> bytes:
    """Return a bundle, as JSON, that proves conversations to whoever trusts who signed `head`.

    `conversations`: names, or pairs of name and branch, each with the version up to which it is
    shown; None means all that the head covers. What a fork began with is in its parent: the
    verifier says in which version of which stream, and whoever wants to see it is shown that, too.
    Content of events for which `withhold` is true stays away, as after an erasure, and everything
    still verifies. The bundle is built in memory.

    Raises InvalidMomentError for a version that is not there or came after the head.
    """
    shown = [
        await _conversation(log, head, *_named(chosen), version, withhold)
        for chosen, version in conversations.items()
    ]
    origin = read_head(head.note).origin
    bundle = {"evidence": EVIDENCE, "origin": origin, "head": head.note, "conversations": shown}
    return msgspec.json.format(msgspec.json.encode(bundle), indent=1)


def _named(chosen: str | tuple[str, str]) -> tuple[str, str]:
    return (chosen, MAIN) if isinstance(chosen, str) else chosen


async def _conversation(
    log: EventLog,
    head: SignedHead,
    name: str,
    branch: str,
    until: int | None,
    withhold: Callable[[RecordedEvent], bool],
) -> dict[str, Any]:
    last = until
    if last is None:
        last = await log.tree.last_version(name, head.size, branch=branch)
    if last < 1:
        raise InvalidMomentError(
            f"Conversation {name!r} has no events that the head of {head.size} positions covers."
            " Name one that is there, or sign a later head."
        )
    # The hash of the last event is over all before it: one proof is enough.
    proof = await log.tree.prove_inclusion(name, last, head.size, branch=branch)
    events = [
        _event(event, is_withheld=withhold(event))
        async for event in log.read(name, until=last, branch=branch)
    ]
    return {
        "tenant": log.tenant,
        "name": name,
        "branch": branch,
        "stream_id": _encode(chain.stream_id(log.tenant, name, branch)),
        "position": proof.position,
        "proof": [_encode(found) for found in proof.hashes],
        "events": events,
    }


def _event(event: RecordedEvent, *, is_withheld: bool) -> dict[str, Any]:
    stored = event.stored
    if is_withheld:
        stored = stored._replace(salt=None, context=None, body=None)
    fields = stored._asdict()
    del fields["stream_id"]
    return {
        name: _encode(value) if isinstance(value, bytes) else value
        for name, value in fields.items()
    }


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
