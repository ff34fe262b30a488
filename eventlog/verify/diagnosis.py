"""Telling what is wrong with an event that should follow a head, from the stored rows. Pure."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from eventlog.format import chain
from eventlog.format.records import EventColumns, EventRow, Head, StoredEvent

WINDOW: Final = 64
"""Maximum number of events, from the first bad one on, that a diagnosis compares."""

Problem = Literal["edited", "missing", "inserted", "reordered", "moved", "unknown"]

_VERSION: Final = StoredEvent._fields.index("version")
_TIME: Final = StoredEvent._fields.index("recorded_at")
_HASH: Final = StoredEvent._fields.index("hash")

_TWICE: Final = "there are two events of this version"
_CHAIN_BROKEN: Final = "its hash does not follow from its fields and the event before it"


class Finding(NamedTuple):
    """What is wrong, as a word and as a sentence."""

    problem: Problem
    detail: str


def first_wrong(
    head: Head, events: Sequence[EventRow], columns: EventColumns
) -> tuple[int, Finding] | None:
    """Return which of the next events is the first that does not follow, and why; None if all do.

    `columns` are theirs. Whole columns are compared; which event is wrong is looked for only where
    one is.
    """
    if is_right(head, events, columns):
        return None
    before: tuple[int, bytes, int] = head
    for index, event in enumerate(events):
        finding = check(before, event)
        if finding is not None:
            return index, finding
        before = event[_VERSION], event[_HASH], event[_TIME]
    return None


def is_right(head: Head, events: Sequence[EventRow], columns: EventColumns) -> bool:
    """Tell whether `check` finds nothing in any of the next events, one at least."""
    version, previous, at = head
    _, versions, forms, _, _, _, times, _, _, _, salts, contexts, bodies, digests, hashes = columns
    return (
        versions == tuple(range(version + 1, version + 1 + len(versions)))
        and forms.count(chain.FORMAT) == len(forms)
        and [at, *times] == sorted((at, *times))
        and [*map(chain.event_hash, (previous, *hashes), events)] == [*hashes]
        and not any(map(_check_content, salts, contexts, bodies, digests))
    )


def check(head: tuple[int, bytes, int], event: EventRow) -> Finding | None:
    """Return what is wrong with the event that should follow `head`, a Head, or None."""
    version, previous, at = head
    _, found, form, _, _, _, recorded_at, _, _, _, salt, context, body, digest, stated = event
    if found != version + 1:
        return _out_of_order(version, found)
    if form != chain.FORMAT:
        return Finding("unknown", f"it has format {form}, which this release cannot check")
    if chain.event_hash(previous, event) != stated:
        return Finding("edited", _CHAIN_BROKEN)
    if recorded_at < at:
        return Finding("edited", "its time is before that of the event before it")
    return _check_content(salt, context, body, digest)


def is_chain_broken(finding: Finding) -> bool:
    """Tell whether the hash does not match, so that `diagnose` can tell more."""
    return finding.detail == _CHAIN_BROKEN


def diagnose(head: Head, window: Sequence[StoredEvent]) -> Finding:
    """Return what was done, where the chain is broken at the first event of `window`."""
    first = window[0]
    if any(later.version == first.version for later in window[1:]):
        return Finding("inserted", f"{_TWICE}, and this one is not what was recorded")
    for later in window[1:]:
        if belongs(later, first.stream_id, head.version + 1, head.hash):
            return _displaced(first, later, window)
    gone = _gone_before(*window[:2]) if len(window) > 1 else None
    if gone is not None:
        detail = f"{gone} before it are gone, and what followed was numbered anew"
        return Finding("missing", detail)
    return Finding("edited", _CHAIN_BROKEN)


def belongs(event: StoredEvent, stream_id: bytes, version: int, previous: bytes) -> bool:
    """Tell whether the event was recorded as that version of that stream, after that hash."""
    there = event._replace(stream_id=stream_id, version=version)
    return chain.event_hash(previous, there) == event.hash


def _out_of_order(before: int, version: int) -> Finding:
    if version < 1:
        return Finding("inserted", "versions begin at 1")
    if version == before:
        return Finding("inserted", _TWICE)
    return Finding("missing", f"the next event that is there is version {version}")


def _gone_before(first: StoredEvent, following: StoredEvent) -> int | None:
    """Return how many versions before two neighbours are missing, if the two still are linked."""
    for gone in range(1, WINDOW):
        if belongs(following, first.stream_id, following.version + gone, first.hash):
            return gone
    return None


def _displaced(first: StoredEvent, later: StoredEvent, window: Sequence[StoredEvent]) -> Finding:
    where = f"what was recorded there is now version {later.version}"
    for before in window:
        for other in window:
            if belongs(first, first.stream_id, other.version, before.hash):
                return Finding("reordered", f"it was version {other.version}, and {where}")
    return Finding("inserted", where)


def _check_content(
    salt: bytes | None, context: bytes | None, body: bytes | None, digest: bytes
) -> Finding | None:
    if salt is None or context is None or body is None:
        if salt is context is body:
            return None
        return Finding("edited", "a part of its content is gone; an erasure takes all of it")
    if len(salt) != chain.SALT_BYTES:
        detail = "its salt has another length, so its content could be split differently"
        return Finding("edited", detail)
    if chain.content_digest(salt, context, body) != digest:
        return Finding("edited", "its content is not what was recorded")
    return None
