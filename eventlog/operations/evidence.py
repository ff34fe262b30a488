"""Evidence: conversations, and what proves them, in one file that needs no database.

docs/format.md defines it; docs/verify_evidence.py checks it without this library.
"""

import base64
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from eventlog.errors import (
    CorruptEventError,
    InvalidEvidenceError,
    InvalidMomentError,
    UnsoundError,
)
from eventlog.format import chain
from eventlog.format.envelope import RecordedEvent
from eventlog.format.names import MAIN, check_branch, check_name
from eventlog.format.opening import ERASING, NOT_ERASED
from eventlog.format.questions import check_version
from eventlog.format.records import SignedHead, StoredEvent
from eventlog.log import EventLog
from eventlog.operations.bundles import EVIDENCE, check_bundle
from eventlog.proof.checkpoint import parse_head
from eventlog.verify.contents import lost
from eventlog.visible import visible_json

_Chosen = TypeVar("_Chosen", bound=str | tuple[str, str])
"""A conversation by its name, or a branch by both names."""

_Stream = tuple[str, str]
"""A conversation's name and that of a branch."""


def withhold_nothing(_event: RecordedEvent) -> bool:
    """Show the content of every event."""
    return False


async def gather_evidence(
    log: EventLog,
    head: SignedHead,
    conversations: Mapping[_Chosen, int | None],
    *,
    withhold: Callable[[RecordedEvent], bool] = withhold_nothing,
    with_parents: bool = False,
    disclose_keys: bool = False,
) -> bytes:
    """Return a bundle, as JSON, that proves conversations to whoever trusts who signed `head`.

    `conversations`: names, or pairs of name and branch, each with the version up to which it is
    shown; None means all that the head covers. Content of events for which `withhold` is true stays
    away, as after an erasure, and everything still verifies; the bundle says which these are. It is
    built in memory.

    What a fork began with is in its parent: the verifier says in which version of which stream.
    `with_parents` adds it: the parents up to that version, and theirs, so that lists are complete;
    a parent also holds what was said and popped before.

    Encrypted content is shown as it is stored, which proves it and tells nothing. `disclose_keys`
    puts the data keys of what is shown into the bundle, so that anybody can read it. A data key
    opens whatever was or will be stored under it, not only what is shown here: see `rekey`.

    The bundle is checked as docs/verify_evidence.py would check it, but for the head's signature.
    Raises UnsoundError where the log was changed so that nothing is proved;
    InvalidMomentError for a version that is not there or came after the head; CorruptEventError for
    an event that is plain where it has to be encrypted; with `disclose_keys`
    NoKeyError, WrongKeyError or KeyDestroyedError.
    """
    wanted = {
        stream: await _last(log, head, *stream, version)
        for stream, version in ((_named(chosen), until) for chosen, until in conversations.items())
    }
    if with_parents:
        await _add_parents(log, wanted)
    shown = [
        await _conversation(log, head, stream, last, withhold, disclose_keys=disclose_keys)
        for stream, last in wanted.items()
    ]
    origin = parse_head(head.note).origin
    bundle = {"evidence": EVIDENCE, "origin": origin, "head": head.note, "conversations": shown}
    encoded = visible_json(msgspec.json.format(msgspec.json.encode(bundle), indent=1))
    try:
        check_bundle(encoded)
    except InvalidEvidenceError as error:
        raise UnsoundError(None, (str(error),), "There is no evidence of it") from error
    return encoded


def _named(chosen: str | tuple[str, str]) -> _Stream:
    name, branch = chosen if isinstance(chosen, tuple) else (chosen, MAIN)
    return check_name("session_id", name), check_branch(branch)


async def _last(log: EventLog, head: SignedHead, name: str, branch: str, until: int | None) -> int:
    last = None if until is None else check_version("version", until)
    if last is None:
        last = await log.tree.last_version(name, head.size, branch=branch)
    if last < 1:
        raise InvalidMomentError(
            f"Conversation {name!r} has no events that the head of {head.size} positions covers."
            " Name one that is there, or sign a later head."
        )
    return last


async def _add_parents(log: EventLog, wanted: dict[_Stream, int]) -> None:
    """Add the ancestors of streams, each up to the version that is forked from."""
    look = list(wanted)
    while look:
        name, branch = look.pop()
        fork = await log.stream(name, branch=branch)
        if fork is None or fork.parent is None or not fork.parent.version:
            continue
        parent = await log.stream(fork.parent.stream_id)
        if parent is None:
            raise CorruptEventError(name, 1, "the stream that it was forked from is not there")
        stream = parent.name, parent.branch
        if stream not in wanted:
            look.append(stream)
        wanted[stream] = max(wanted.get(stream, 0), fork.parent.version)


async def _conversation(
    log: EventLog,
    head: SignedHead,
    stream: _Stream,
    last: int,
    withhold: Callable[[RecordedEvent], bool],
    *,
    disclose_keys: bool,
) -> dict[str, Any]:
    name, branch = stream
    # The hash of the last event is over all before it: one proof is enough.
    proof = await log.tree.prove_inclusion(name, last, head.size, branch=branch)
    events = [
        _withheld(event) if withhold(event) else _shown(event)
        async for event in log.read(name, until=last, branch=branch)
    ]
    nulls = [event for event in events if event.body is None]
    shown: dict[str, Any] = {
        "tenant": log.tenant,
        "name": name,
        "branch": branch,
        "stream_id": _encode(chain.stream_id(log.tenant, name, branch)),
        "position": proof.position,
        "proof": [_encode(found) for found in proof.hashes],
        "events": [_event(event) for event in events],
        "withheld": sorted(lost(nulls, [event for event in events if event.kind in ERASING])),
    }
    if disclose_keys:
        keys = await log.spi.keys.disclose(name, events)
        shown["keys"] = {key_id: _encode(key) for key_id, key in keys.items()}
    return shown


def _shown(event: RecordedEvent) -> StoredEvent:
    """Return the row of an event; UnsoundError where its content is gone, and nobody erased it."""
    if event.stored.body is None and not event.is_erased:
        fault = f"version {event.version}: {NOT_ERASED}"
        raise UnsoundError(event.stream, (fault,), "There is no evidence of it")
    event.check_encryption()
    return event.stored


def _withheld(event: RecordedEvent) -> StoredEvent:
    return event.stored._replace(salt=None, context=None, body=None)


def _event(event: StoredEvent) -> dict[str, Any]:
    fields = event._asdict()
    del fields["stream_id"]
    return {
        name: _encode(value) if isinstance(value, bytes) else value
        for name, value in fields.items()
    }


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()
