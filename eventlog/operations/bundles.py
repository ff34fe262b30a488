"""Checking evidence: what docs/verify_evidence.py checks, here before a bundle is handed on.

Rule: of the bundle, and of nothing else. docs/format.md defines it; the program there shares no
code with this, and a test holds them to the same answers.
"""

import base64
import json
import struct
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from eventlog.errors import EventLogError, InvalidEvidenceError
from eventlog.format import chain
from eventlog.format.codec import decompress
from eventlog.format.encryption import BODY, CONTEXT, KEY_BYTES, DataKey
from eventlog.format.opening import ERASING, NOT_ERASED
from eventlog.format.records import Head, StoredEvent
from eventlog.proof import merkle
from eventlog.proof.checkpoint import TreeHead, Verifiers, open_head, parse_head
from eventlog.verify import diagnosis
from eventlog.verify.contents import ContentTrace, lost

EVIDENCE: Final = "conversation-eventlog evidence 1"
"""The first field of a bundle: what it is, and the number of its form."""


class _Event(msgspec.Struct):
    version: int
    event_id: str | None
    kind: str
    schema: int
    recorded_at: int
    header: str
    codec: int
    key_id: str | None
    content_digest: str
    format: int
    hash: str
    salt: str | None
    context: str | None
    body: str | None


class _Conversation(msgspec.Struct):
    tenant: str
    name: str
    branch: str
    stream_id: str
    position: int
    proof: list[str]
    events: list[_Event]
    keys: dict[str, str] = {}
    withheld: list[int] | None = None
    """The versions whose content it leaves out; None: an earlier release, which did not say."""


class _Bundle(msgspec.Struct):
    evidence: str
    head: str
    conversations: list[_Conversation]


def check_evidence(bundle: bytes, verifier: Verifiers) -> list[tuple[str, str, int]]:
    """Return the name, branch and last version of each conversation that a bundle proves.

    To whoever trusts `verifier`, or one of several. Raises InvalidEvidenceError if it does not
    prove all that it holds.
    """
    try:
        head = open_head(_decoded(bundle).head, verifier)
    except EventLogError as error:
        raise InvalidEvidenceError(f"The evidence is not sound: {error}") from error
    return check_bundle(bundle, head)


def check_bundle(bundle: bytes, head: TreeHead | None = None) -> list[tuple[str, str, int]]:
    """Check a bundle against a head, or its own, whose signature somebody else checks.

    Returns and raises as `check_evidence` does.
    """
    found = _decoded(bundle)
    head = head or parse_head(found.head)
    if found.evidence != EVIDENCE or not found.conversations:
        raise InvalidEvidenceError(f"This is no {EVIDENCE}, or there is no conversation in it.")
    try:
        return [_check(shown, head) for shown in found.conversations]
    except (ValueError, OverflowError, struct.error) as error:
        raise InvalidEvidenceError(f"The evidence is not sound: {error}") from error


def _decoded(bundle: bytes) -> _Bundle:
    try:
        # Fields that are not known are passed over below, whatever is in them: it is JSON, too.
        json.loads(bundle.decode(), parse_constant=_refuse_word)
        return msgspec.json.decode(bundle, type=_Bundle)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidEvidenceError(f"This is no evidence: {error}") from error


def _refuse_word(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _check(shown: _Conversation, head: TreeHead) -> tuple[str, str, int]:
    where = f"conversation {shown.name!r}" + (f", branch {shown.branch!r}" if shown.branch else "")
    stream_id = chain.stream_id(shown.tenant, shown.name, shown.branch)
    if _decode(shown.stream_id) != stream_id:
        raise ValueError(f"{where}: the stream is that of another conversation")
    last, contents = chain.GENESIS, ContentTrace()
    keys = {key_id: _data_key(stream_id, key_id, key) for key_id, key in shown.keys.items()}
    for shown_event in shown.events:
        event = _stored(stream_id, shown_event)
        finding = diagnosis.check(last, event)
        if finding is not None:
            raise ValueError(f"{where}, version {last.version + 1}: {finding.detail}")
        try:
            _open(event, keys)
        except ValueError as error:
            raise ValueError(f"{where}, version {event.version}: {error}") from error
        last = Head(event.version, event.hash, event.recorded_at)
        if event.body is None or event.kind in ERASING:
            contents.take(event)
    _check_contents(where, shown, contents)
    proof = [_decode(each) for each in shown.proof]
    leaf = merkle.leaf_hash(last.hash)
    index = shown.position - 1
    if not last.version or merkle.root_from_inclusion(index, head.size, leaf, proof) != head.root:
        raise ValueError(f"{where}: the head does not commit to its version {last.version}")
    return shown.name, shown.branch, last.version


def _check_contents(where: str, shown: _Conversation, contents: ContentTrace) -> None:
    """Raise ValueError for content that is there, or gone, against what the events shown say."""
    if contents.restored is not None:
        version, finding = contents.restored
        raise ValueError(f"{where}, version {version}: {finding.detail}")
    if shown.withheld is None:
        return
    events = [_stored(b"", each) for each in shown.events]
    nulls = [event for event in events if event.body is None]
    gone = lost(nulls, [event for event in events if event.kind in ERASING]) - {*shown.withheld}
    if gone:
        raise ValueError(f"{where}, version {min(gone)}: {NOT_ERASED}, nor that it is withheld")


def _data_key(stream_id: bytes, key_id: str, encoded: str) -> DataKey:
    key = _decode(encoded)
    if len(key) != KEY_BYTES:
        raise ValueError(f"its data key {key_id!r} has {len(key)} bytes, not {KEY_BYTES}")
    return DataKey(stream_id, key_id, key)


def _open(event: StoredEvent, keys: Mapping[str, DataKey]) -> None:
    """Raise ValueError for a content that does not open, but for one whose key is withheld."""
    context, body = event.context, event.body
    if context is None or body is None:
        return
    if event.key_id is not None:
        key = keys.get(event.key_id)
        if key is None:
            return
        key.decrypt_field(event, context, CONTEXT)
        body = key.decrypt_field(event, body, BODY)
    decompress(event.codec, body)


def _stored(stream_id: bytes, shown: _Event) -> StoredEvent:
    fields: dict[str, Any] = msgspec.structs.asdict(shown)
    for name in ("header", "content_digest", "hash"):
        fields[name] = _decode(fields[name])
    for name in ("salt", "context", "body"):
        fields[name] = None if fields[name] is None else _decode(fields[name])
    return StoredEvent(stream_id=stream_id, **fields)


def _decode(text: str) -> bytes:
    """Decode canonical base64. Raises ValueError for anything else."""
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("a field is not canonical base64")
    return data
