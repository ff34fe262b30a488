"""Vectors of events: chains of hashes, bodies, and the lists that events amount to."""

import json
import struct
import zlib
from typing import Any, Final

from eventlog import Context, ItemPopped, ItemsAdded, ItemsReplaced
from eventlog.events import ConversationForked, ConversationRewound
from eventlog.format import chain
from eventlog.format.dictionary import DICTIONARY
from eventlog.format.encryption import DataKey
from eventlog.format.events import encode_text
from eventlog.format.records import StoredEvent
from tests.usage import used
from tests.vectors.making import Stream, Vector, event, fixed, under

KEY: Final = fixed("data key", 32)
ZLIB: Final = bytes.fromhex("789c8b56ca4b2d2d492d56d2514a1c054403a55800f5fa75ad")
"""What zlib made of a body once. Other builds may make other bytes of it, which mean the same."""

DEFLATE: Final = bytes.fromhex("430e20432203c8139e2721a9bcb83cb508922560a5891ecdc31000")
"""The same of a message of the SDK with the dictionary of codec 2."""

FIRST: Final = bytes.fromhex("434a00041a77407300")
"""Its match begins with the first byte of the dictionary."""

BEFORE: Final = bytes.fromhex("8b564a26b611180b00")
"""Its match would begin before the first byte of the dictionary."""

NO_USAGE: Final = used(5, 4)


def _said() -> Stream:
    context = encode_text(Context(actor="ana", run_id="run-1"))
    return Stream(
        "chat",
        event(ItemsAdded([{"role": "user", "content": "Grüß dich 🎉"}]), context=context),
        event(ItemsAdded([{"role": "assistant", "content": "Hello"}, 2.5, None]), event_id="once"),
        event(ItemPopped("a typo"), context=encode_text(Context(seen_version=2))),
        event(NO_USAGE),
        event(ItemsReplaced(1, ["compacted"])),
        event(kind="from a later release", header=b'{"later":1}', body=b'{"x":1}'),
        event(ItemsAdded(["compressed"]), body=stored_block(b'["compressed"]'), codec=1),
    )


def _encrypted() -> Stream:
    stream = Stream("sealed")
    key = DataKey(stream.stream_id, "1", KEY)
    for version, text in enumerate(("one", "two"), 1):
        stream.add(under(key, event(ItemsAdded([text])), version))
    return stream


def erased_stream(only: int | None) -> Stream:
    """Return a stream in which all, or one version, was erased."""
    stream = Stream("erased", event(ItemsAdded(["a"])), event(ItemsAdded(["b"])))
    stream.erase(only)
    stream.add(event(ItemsAdded(["c"])))
    return stream


def hashes() -> Vector:
    """Return chains that hold, and chains that do not."""
    branch = Stream("chat", event(ItemsAdded([])), branch="idea")
    sound = [
        _said().vector("events of several kinds"),
        branch.vector("a branch has an identity of its own"),
        Stream("名前", event(ItemsAdded([1])), tenant="ten\x7fant").vector("names are any text"),
        _encrypted().vector("what is hashed is what is stored, which is encrypted"),
        erased_stream(1).vector("the content of one event was erased"),
        erased_stream(None).vector("all content was erased, and one event came after"),
    ]
    return {"sound": sound, "unsound": _broken_chains()}


def _broken_chains() -> list[Vector]:
    whole = _said().events

    def edited(index: int, **changes: Any) -> list[StoredEvent]:
        return [*whole[:index], whole[index]._replace(**changes), *whole[index + 1 :]]

    short = b"s" * 15
    swapped = [whole[2]._replace(version=2), whole[1]._replace(version=3)]
    moved = struct.pack(">Q", 2) + b"{}"
    longer = edited(5, salt=fixed("", 16) + moved, context=b"{}")
    broken = {
        "a body was changed": (2, edited(1, body=b"[]")),
        "a context was changed": (1, edited(0, context=b'{"actor":"eve"}')),
        "a header was changed": (2, edited(1, header=b'{"items":4}')),
        "a kind was changed": (3, edited(2, kind="cleared")),
        "an event id was taken away": (2, edited(1, event_id=None)),
        "an event id is the empty text, which is not NULL": (1, edited(0, event_id="")),
        "a time was changed": (3, edited(2, recorded_at=whole[2].recorded_at + 1)),
        "a schema was changed": (4, edited(3, schema=2)),
        "a codec was changed": (7, edited(6, codec=0)),
        "a key id was given": (1, edited(0, key_id="1")),
        "a format is not known": (5, edited(4, format=2)),
        "an event is missing": (2, [whole[0], *whole[2:]]),
        "the first event is missing": (1, whole[1:]),
        "two events changed places": (2, [whole[0], *swapped, *whole[3:]]),
        "a salt has 15 bytes": (1, edited(0, salt=short)),
        "a salt is too long": (6, longer),
        "a part of the content is gone": (3, edited(2, body=None)),
        "only the salt is left": (3, edited(2, context=None, body=None)),
        "the last hash was changed": (7, edited(6, hash=fixed("other", 32))),
    }
    found: list[Vector] = []
    for about, (version, events) in broken.items():
        stream = _said()
        stream.events[:] = events
        found.append(stream.vector(about, version=version))
    earlier = Stream("chat", event(ItemsAdded([1])))
    earlier.add(event(ItemsAdded([2])))
    first = earlier.events[0]
    backwards = Stream("chat")
    backwards.events.append(first)
    backwards.events.append(_linked_before(earlier))
    found.append(backwards.vector("a time is before that of the event before it", version=2))
    return found


def _linked_before(stream: Stream) -> StoredEvent:
    """Return the second event with a time before the first, and the hash that belongs to it."""
    first, second = stream.events
    early = second._replace(recorded_at=first.recorded_at - 1)
    return early._replace(hash=chain.event_hash(first.hash, early))


def stored_block(data: bytes) -> bytes:
    """Return a zlib stream that compresses nothing: the same bytes from any library."""
    size = struct.pack("<HH", len(data), 0xFFFF ^ len(data))
    return b"\x78\x01\x01" + size + data + struct.pack(">I", zlib.adler32(data))


def bodies() -> Vector:
    """Return stored bodies and their JSON, and what must be refused."""
    deep = b"[" * 901 + b"]" * 901
    raw = {
        "an array of no items": b"[]",
        "keys keep their order": b'[{"b":1,"a":2}]',
        "numbers that JSON does not have": b"[NaN,Infinity,-Infinity]",
        "an integer of 4300 digits": b"[" + b"9" * 4300 + b"]",
        "a lone surrogate makes all of it ASCII": rb'["\ud800","gr\u00fc\u00df"]',
        "a NUL character": rb'["\u0000"]',
        "text in UTF-8": '["Grüß dich 🎉"]'.encode(),
        "an item of 900 levels, in its array": deep,
    }
    sound = [
        {"about": about, "codec": 0, "stored": body.hex(), "json": body.hex()}
        for about, body in raw.items()
    ]
    packed = {
        "a stream of one block that is stored": stored_block(b'["a",1]'),
        "a stream as zlib makes it": ZLIB,
    }
    sound += [
        {"about": about, "codec": 1, "stored": data.hex(), "json": zlib.decompress(data).hex()}
        for about, data in packed.items()
    ]
    shared = {
        "a stream of one block that is stored": stored_block(b'["a",1]')[2:-4],
        "a stream that refers to the dictionary": DEFLATE,
        "a match that begins with the first byte of the dictionary": FIRST,
    }
    sound += [
        {"about": about, "codec": 2, "stored": data.hex(), "json": inflated(data).hex()}
        for about, data in shared.items()
    ]
    one = stored_block(b'["a",1]')
    refused = {
        "it does not end": one[:-1],
        "something follows its end": one + b"\x00",
        "its checksum is of other bytes": one[:-4] + b"\x00\x00\x00\x00",
        "it is no zlib stream": b'["a",1]',
        "nothing is stored": b"",
    }
    bad = [{"about": about, "codec": 1, "stored": data.hex()} for about, data in refused.items()]
    unshared = {
        "it does not end": DEFLATE[:-1],
        "something follows its end": DEFLATE + b"\x00",
        "a match that begins before the dictionary": BEFORE,
        "it is no DEFLATE stream": b'["a",1]',
        "nothing is stored": b"",
    }
    bad += [{"about": about, "codec": 2, "stored": data.hex()} for about, data in unshared.items()]
    bad.append({"about": "a codec that is not known", "codec": 3, "stored": one.hex()})
    bound = {"about": "more than the bound", "codec": 1, "stored": ZLIB.hex(), "largest": 300}
    less = {"about": "more than the bound", "codec": 2, "stored": DEFLATE.hex(), "largest": 60}
    return {"dictionary": DICTIONARY.hex(), "sound": sound, "refused": [*bad, bound, less]}


def inflated(data: bytes) -> bytes:
    """Return what a stream of codec 2 inflates to."""
    return zlib.decompressobj(-15, zdict=DICTIONARY).decompress(data)


def lists() -> Vector:
    """Return streams, and the list of items that each is at a version."""
    streams = _listed()
    shown = [stream.vector() for stream in streams.values()]
    return {"streams": shown, "lists": _LISTS, "unreadable": _UNREADABLE}


def _listed() -> dict[str, Stream]:
    parent = Stream("parent", *[event(ItemsAdded([f"p{number}"])) for number in range(1, 5)])
    fork = Stream("fork", event(ConversationForked(parent.stream_id, 4, 4)))
    fork.add(*[event(ItemsAdded([f"f{number}"])) for number in range(2, 5)])
    fork.erase(3)
    deep = Stream("deep", event(ConversationForked(fork.stream_id, 2, 5)), branch="idea")
    deep.add(event(ItemPopped()), event(ItemPopped()), event(ItemsReplaced(1, ["d"])))
    work = Stream("work", event(ItemsAdded(["a", "b", "c"])), event(ItemPopped()))
    work.add(
        event(ItemsReplaced(1, ["x", "y"])),
        event(kind="cleared"),
        event(ItemPopped()),
        event(ConversationRewound(3, 2)),
        event(ItemsReplaced(9, ["z"])),
        event(ConversationRewound(4)),
        event(kind="from a later release"),
        event(ConversationRewound(7)),
        event(kind="deleted"),
        event(NO_USAGE),
        event(ItemsAdded(["last"])),
    )
    gone = Stream("gone", event(ItemsAdded(["a"])), event(ItemsAdded(["b"])))
    gone.erase()
    gone.add(event(ItemsAdded(["new"])))
    later = Stream("later", event(ItemsAdded(["a", "b"])), event(ItemPopped())._replace(schema=2))
    later.add(event(ItemsAdded(["new"]))._replace(schema=2), event(ItemPopped()))
    ours = [parent, fork, deep, work, gone, later, *_wrong(parent)]
    return {"/".join(filter(None, stream.names[1:])): stream for stream in ours}


def _wrong(parent: Stream) -> list[Stream]:
    """Return streams whose lists cannot be read."""
    loop = Stream("loop")
    loop.add(event(ConversationForked(loop.stream_id, 1, 1)))
    wrong = {
        "too many": event(ConversationForked(parent.stream_id, 2, 3)),
        "of nobody": event(ConversationForked(fixed("nobody", 16), 1, 1)),
        "forwards": event(ConversationRewound(1)),
        "to nowhere": event(kind="rewound"),
        "miscounted": event(header=b'{"items":2}', body=b"[1]"),
        "no array": event(header=b'{"items":1}', body=b'{"0":1}'),
    }
    streams = [Stream(name, each) for name, each in wrong.items()]
    late = Stream("late", event(ItemsAdded([1])))
    late.add(event(ConversationForked(parent.stream_id, 1, 1)))
    theirs = event(ConversationForked(parent.stream_id, 1, 1))
    return [loop, *streams, late, Stream("theirs", theirs, tenant="other")]


def _list(name: str, version: int, items: str, branch: str = "") -> Vector:
    place = {"tenant": "default", "name": name, "branch": branch, "version": version}
    return {**place, "items": json.loads(items)}


_LISTS: Final = [
    _list("parent", 0, "[]"),
    _list("parent", 3, '["p1", "p2", "p3"]'),
    _list("parent", 4, '["p1", "p2", "p3", "p4"]'),
    _list("fork", 0, "[]"),
    _list("fork", 1, '["p1", "p2", "p3", "p4"]'),
    _list("fork", 2, '["p1", "p2", "p3", "p4", "f2"]'),
    _list("fork", 5, '["p1", "p2", "p3", "p4", "f2", "f4"]'),
    _list("deep", 1, '["p1", "p2", "p3", "p4", "f2"]', "idea"),
    _list("deep", 3, '["p1", "p2", "p3"]', "idea"),
    _list("deep", 4, '["p1", "d"]', "idea"),
    _list("work", 1, '["a", "b", "c"]'),
    _list("work", 2, '["a", "b"]'),
    _list("work", 3, '["a", "x", "y"]'),
    _list("work", 4, "[]"),
    _list("work", 5, "[]"),
    _list("work", 6, '["a", "x"]'),
    _list("work", 7, '["a", "x", "z"]'),
    _list("work", 8, "[]"),
    _list("work", 9, "[]"),
    _list("work", 10, '["a", "x", "z"]'),
    _list("work", 12, "[]"),
    _list("work", 13, '["last"]'),
    _list("gone", 3, "[]"),
    _list("gone", 4, '["new"]'),
    _list("later", 2, '["a"]'),
    _list("later", 4, '["a"]'),
]

_UNREADABLE: Final = [
    {"about": about, "tenant": tenant, "name": name, "branch": "", "version": version}
    for about, tenant, name, version in (
        ("its items were erased since", "default", "gone", 2),
        ("an item of it was erased since", "default", "fork", 4),
        ("an item of it is of a schema that is not known", "default", "later", 3),
        ("it is a fork of itself", "default", "loop", 1),
        ("its parent had fewer items", "default", "too many", 1),
        ("its parent is not there", "default", "of nobody", 1),
        ("its parent is another tenant's", "other", "theirs", 1),
        ("it is rewound to no earlier version", "default", "forwards", 1),
        ("it is rewound to no version", "default", "to nowhere", 1),
        ("an array has fewer items than its header says", "default", "miscounted", 1),
        ("a body is no array", "default", "no array", 1),
        ("it is a fork behind its first event", "default", "late", 2),
    )
]
