"""Vectors of encryption: wrapped data keys, contents of events, data beside them."""

from eventlog import ItemsAdded
from eventlog.format import encryption
from eventlog.format.encryption import BODY, CONTEXT, MARKER, NONCE_BYTES, DataKey, key_aad
from eventlog.format.records import StoredEvent
from eventlog.keys.ring import LocalKeyRing
from tests.vectors.making import Stream, Vector, event, fixed, nonces, under
from tests.vectors.streams import KEY

STREAM = Stream("sealed")
KEK = fixed("key-encryption key", 32)
KEK_ID = "2026"
KEY_ID = "1"
NAME = "segment 17"


def encrypted() -> Vector:
    """Return what opens, and what must not."""
    return {"keys": _keys(), "contents": _contents(), "beside": _beside()}


def _keys() -> Vector:
    aad = key_aad(STREAM.stream_id, KEY_ID, KEK_ID)
    with nonces("a wrapped key"):
        wrapped = LocalKeyRing({KEK_ID: KEK}, KEK_ID).wrap(KEK_ID, KEY, aad)
    good: Vector = {
        "stream_id": STREAM.stream_id.hex(),
        "key_id": KEY_ID,
        "kek_id": KEK_ID,
        "key_encryption_key": KEK.hex(),
        "wrapped_key": wrapped.hex(),
    }
    shown = {"aad": aad.hex(), "key": KEY.hex()}
    return {
        "opened": [good | shown],
        "refused": [
            good | {"about": "the key of another stream", "stream_id": fixed("other", 16).hex()},
            good | {"about": "another key of the stream", "key_id": "2"},
            good | {"about": "another name of the key-encryption key", "kek_id": "2027"},
            good | {"about": "another key", "key_encryption_key": fixed("other", 32).hex()},
            good | {"about": "the tag is cut", "wrapped_key": wrapped[:-1].hex()},
            good | {"about": "nothing", "wrapped_key": ""},
        ],
    }


def _sealed_event() -> StoredEvent:
    stream = Stream("sealed")
    key = DataKey(stream.stream_id, KEY_ID, KEY)
    stream.add(under(key, event(ItemsAdded(["one"]), context=b'{"actor":"ana"}'), 1))
    return stream.events[0]


def _contents() -> Vector:
    stored = _sealed_event()
    key = DataKey(STREAM.stream_id, KEY_ID, KEY)
    place: Vector = {
        "stream_id": STREAM.stream_id.hex(),
        "key_id": KEY_ID,
        "key": KEY.hex(),
        "version": stored.version,
        "schema": stored.schema,
        "codec": stored.codec,
        "kind": stored.kind,
        "header": stored.header.hex(),
    }
    opened: list[Vector] = []
    for name, field, data in (("context", CONTEXT, stored.context), ("body", BODY, stored.body)):
        sealed = data or b""
        aad = aad_of(stored) + field
        plain = key.decrypt_field(stored, sealed, field)
        vector = {"field": name, "nonce": sealed[:NONCE_BYTES].hex(), "aad": aad.hex()}
        opened.append({**place, **vector, "stored": sealed.hex(), "plain": plain.hex()})
    body = {**place, "field": "body", "stored": opened[1]["stored"]}
    changes: list[Vector] = [
        {"about": "moved to another version", "version": 2},
        {"about": "moved to another stream", "stream_id": fixed("other", 16).hex()},
        {"about": "under another header", "header": b'{"items":2}'.hex()},
        {"about": "of another kind", "kind": "replaced"},
        {"about": "of another schema", "schema": 2},
        {"about": "of another codec", "codec": 1},
        {"about": "under another number of the key", "key_id": "2"},
        {"about": "under another key", "key": fixed("other", 32).hex()},
        {"about": "the body as the context", "field": "context"},
        {"about": "without its tag", "stored": opened[1]["stored"][:-32]},
        {"about": "empty", "stored": ""},
    ]
    return {"opened": opened, "refused": [body | change for change in changes]}


def aad_of(stored: StoredEvent) -> bytes:
    """Return the AAD of an event without its field, put together as the page says."""
    numbers = (stored.version, stored.schema, stored.codec)
    return b"".join(
        (
            encryption.EVENT_DOMAIN,
            stored.stream_id,
            _prefixed(KEY_ID.encode()),
            *(each.to_bytes(8, "big") for each in numbers),
            _prefixed(stored.kind.encode()),
            _prefixed(stored.header),
        )
    )


def _prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data


def _beside() -> Vector:
    key = DataKey(STREAM.stream_id, KEY_ID, KEY)
    plain = b"derived data"
    with nonces("derived data"):
        sealed = key.encrypt_derived(plain, NAME)
    good: Vector = {
        "stream_id": STREAM.stream_id.hex(),
        "key_id": KEY_ID,
        "key": KEY.hex(),
        "name": NAME,
        "stored": sealed.hex(),
    }
    return {
        "opened": [good | {"plain": plain.hex()}],
        "refused": [
            good | {"about": "under another name", "name": "segment 18"},
            good | {"about": "without its marker", "stored": sealed[len(MARKER) :].hex()},
            good | {"about": "of another stream", "stream_id": fixed("other", 16).hex()},
        ],
    }
