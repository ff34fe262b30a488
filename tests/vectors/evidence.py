"""Vectors of evidence: bundles that prove what they hold, and bundles that do not."""

import base64
import copy
from collections.abc import Callable, Sequence
from typing import Any, Final

from eventlog import Context, ItemsAdded, Signer
from eventlog.events import ConversationForked
from eventlog.format.encryption import DataKey
from eventlog.format.events import encode_text
from eventlog.format.records import StoredEvent
from eventlog.operations.bundles import EVIDENCE
from eventlog.proof import merkle
from tests.vectors.making import Stream, Vector, event, under
from tests.vectors.proofs import OTHER, SIGNER, key_of
from tests.vectors.streams import KEY, erased_stream, stored_block

Bundle = dict[str, Any]
Change = Callable[[Bundle], Any]


def _chat() -> Stream:
    context = encode_text(Context(actor="ana"))
    return Stream(
        "chat",
        event(ItemsAdded([{"role": "user", "content": "Grüß dich"}]), context=context),
        event(ItemsAdded(["packed"]), body=stored_block(b'["packed"]'), codec=1, event_id="once"),
        event(ItemsAdded(["the last"])),
    )


def _sealed() -> Stream:
    stream = Stream("sealed")
    stream.add(under(DataKey(stream.stream_id, "1", KEY), event(ItemsAdded(["secret"])), 1))
    return stream


def _fork(parent: Stream) -> Stream:
    stream = Stream("chat", event(ConversationForked(parent.stream_id, 2, 2)), branch="idea")
    stream.add(event(ItemsAdded(["own"])))
    return stream


class Log:
    """A feed of streams, one after the other, and a head over all of it."""

    def __init__(self, *streams: Stream, signer: Signer = SIGNER) -> None:
        self._positions: Final[dict[tuple[bytes, int], int]] = {}
        events = [each for stream in streams for each in stream.events]
        for position, each in enumerate(events, 1):
            self._positions[each.stream_id, each.version] = position
        self._leaves: Final = [merkle.leaf_hash(each.hash) for each in events]
        self.note: Final = signer.sign(len(events), merkle.root_of(self._leaves))

    def bundle(self, *conversations: Bundle) -> Bundle:
        """Return a bundle of conversations that `shown` returned."""
        return {
            "evidence": EVIDENCE,
            "origin": SIGNER.name,
            "head": self.note,
            "conversations": list(conversations),
        }

    def shown(self, stream: Stream, until: int | None = None, **more: object) -> Bundle:
        """Return a conversation of a bundle: the first events of a stream."""
        events = stream.events[:until]
        position = self._positions[stream.stream_id, events[-1].version]
        spans = merkle.inclusion_spans(position - 1, len(self._leaves))
        proof = [merkle.root_of(self._leaves[start:stop]) for start, stop in spans]
        named = dict(zip(("tenant", "name", "branch"), stream.names, strict=True))
        return {
            **named,
            "stream_id": _base64(stream.stream_id),
            "position": position,
            "proof": [_base64(each) for each in proof],
            "events": _rows(events),
            **more,
        }


def _rows(events: Sequence[StoredEvent]) -> list[Bundle]:
    rows = [each._asdict() for each in events]
    for row in rows:
        del row["stream_id"]
    return [
        {name: _base64(value) if isinstance(value, bytes) else value for name, value in row.items()}
        for row in rows
    ]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def bundles() -> Vector:
    """Return bundles that a stranger accepts, and bundles that he must not."""
    chat, sealed, gone = _chat(), _sealed(), erased_stream(None)
    fork = _fork(chat)
    log = Log(chat, sealed, fork, gone)
    whole = log.bundle(log.shown(chat))
    withheld = log.bundle(log.shown(chat))
    withheld["conversations"][0]["events"][1] |= {"salt": None, "context": None, "body": None}
    opened = log.bundle(log.shown(sealed, keys={"1": _base64(KEY)}))
    sound = {
        "a conversation": whole,
        "its beginning": log.bundle(log.shown(chat, 2)),
        "content that is withheld": withheld,
        "content that is encrypted": log.bundle(log.shown(sealed)),
        "content that is encrypted, and its key": opened,
        "a fork, whose parent is not there": log.bundle(log.shown(fork)),
        "a fork and its parent": log.bundle(log.shown(fork), log.shown(chat, 2)),
        "a conversation that was erased": log.bundle(log.shown(gone)),
        "fields of a later release": {**whole, "later": {"x": [1]}},
    }
    unsound = _changed(whole, _CHANGES) | _changed(opened, _OF_KEYS)
    unsound["another key signed the head"] = {**whole, "head": Log(chat, signer=OTHER).note}
    unsound["the head of another log"] = {**whole, "head": Log(gone).note}
    back = log.bundle(log.shown(gone))
    for name in ("salt", "context", "body"):
        back["conversations"][0]["events"][0][name] = _rows(_before_erasure())[0][name]
    unsound["content that was erased is there"] = back
    return {
        "key": key_of(SIGNER),
        "sound": [{"about": about, "bundle": bundle} for about, bundle in sound.items()],
        "unsound": [{"about": about, "bundle": bundle} for about, bundle in unsound.items()],
        "no_bundle": _NO_BUNDLE,
    }


def _before_erasure() -> list[StoredEvent]:
    return Stream("erased", event(ItemsAdded(["a"])), event(ItemsAdded(["b"]))).events


def _changed(good: Bundle, changes: dict[str, Change]) -> dict[str, Bundle]:
    found: dict[str, Bundle] = {}
    for about, change in changes.items():
        found[about] = copy.deepcopy(good)
        change(found[about])
    return found


def _at(bundle: Bundle) -> Bundle:
    shown: Bundle = bundle["conversations"][0]
    return shown


_CHANGES: Final[dict[str, Change]] = {
    "no conversation": lambda b: b["conversations"].clear(),
    "no event": lambda b: _at(b)["events"].clear(),
    "another name": lambda b: _at(b).update(name="other"),
    "another branch": lambda b: _at(b).update(branch="other"),
    "another stream": lambda b: _at(b).update(stream_id=_base64(bytes(16))),
    "another position": lambda b: _at(b).update(position=2),
    "the last event is missing": lambda b: _at(b)["events"].pop(),
    "the first event is missing": lambda b: _at(b)["events"].pop(0),
    "two events changed places": lambda b: _at(b)["events"].reverse(),
    "a hash of the proof is missing": lambda b: _at(b)["proof"].pop(),
    "a body was changed": lambda b: _at(b)["events"][0].update(body=_base64(b"[]")),
    "a context was changed": lambda b: _at(b)["events"][0].update(context=_base64(b"{}")),
    "a header was changed": lambda b: _at(b)["events"][0].update(header=_base64(b"{}")),
    "a kind was changed": lambda b: _at(b)["events"][0].update(kind="replaced"),
    "a time was changed": lambda b: _at(b)["events"][0].update(recorded_at=1),
    "a version is a text": lambda b: _at(b)["events"][0].update(version="1"),
    "a version is true": lambda b: _at(b)["events"][0].update(version=True),
    "a number is a fraction": lambda b: _at(b)["events"][0].update(schema=1.5),
    "a part of the content is gone": lambda b: _at(b)["events"][0].update(salt=None),
    "base64 without padding": lambda b: _at(b)["events"][0].update(
        salt=_at(b)["events"][0]["salt"].rstrip("=")
    ),
    "bytes in hexadecimal": lambda b: _at(b).update(stream_id=_chat().stream_id.hex()),
    "a field is missing": lambda b: _at(b)["events"][0].pop("event_id"),
    "the head was changed": lambda b: b.update(head=b["head"].replace("\n10\n", "\n11\n", 1)),
    "conversations that are none": lambda b: b.update(conversations={"0": 1}),
}

_OF_KEYS: Final[dict[str, Change]] = {
    "a key that does not open it": lambda b: _at(b).update(keys={"1": _base64(bytes(32))}),
    "a key of 31 bytes": lambda b: _at(b).update(keys={"1": _base64(bytes(31))}),
    "keys that are none": lambda b: _at(b).update(keys=["1"]),
}

_NO_BUNDLE: Final = [
    {"about": about, "text": text}
    for about, text in {
        "nothing": "",
        "no JSON": "{",
        "another form": '{"evidence":"conversation-eventlog evidence 2"}',
        "no object": '["conversation-eventlog evidence 1"]',
        "too deep": "[" * 100_000,
        "a number of 5000 digits": "9" * 5000,
    }.items()
]
