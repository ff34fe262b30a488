"""Check a bundle of evidence: python verify_evidence.py BUNDLE VERIFIER_KEY

Written from docs/format.md alone; needs Python 3.8 or later and the package `cryptography`. The
verifier key is that of whoever signs the log's heads. Get it from them, not with the bundle.

Exit status: 0, everything in the bundle was in the log when the head was signed, and is
unchanged; 1, something is not; 2, it could not be checked.
"""

import base64
import hashlib
import json
import re
import struct
import sys
from datetime import datetime, timedelta, timezone

EVIDENCE = "conversation-eventlog evidence 1"
EVENT = b"conversation-eventlog event\x00"
MALFORMED = (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError)


class Broken(Exception):
    """Something in the bundle is not what was signed."""


def main(arguments):
    if len(arguments) != 2:
        return say(2, __doc__.splitlines()[0])
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        name, key = read_key(arguments[1])
        with open(arguments[0], encoding="utf-8") as file:
            bundle = json.load(file)
        if bundle["evidence"] != EVIDENCE:
            return say(2, f"this is no {EVIDENCE}")
        public_key = Ed25519PublicKey.from_public_bytes(key)
    except (ImportError, OSError, *MALFORMED) as error:
        return say(2, f"cannot be checked: {type(error).__name__}: {error}")
    try:
        size, root = read_head(bundle["head"], name, key, public_key)
        print(f"head of {size} events, signed by {name}")
        if not bundle["conversations"]:
            raise Broken("there is no conversation in it")
        for conversation in bundle["conversations"]:
            check_conversation(conversation, size, root)
    except Broken as error:
        return say(1, str(error))
    except (struct.error, *MALFORMED) as error:
        return say(1, f"not as the format says: {type(error).__name__}: {error}")
    print("everything here was in the log when the head was signed")
    return 0


def say(status, message):
    print(message, file=sys.stderr)
    return status


def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Broken("a field is not canonical base64")
    return data


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# Heads


def key_id(name, key):
    return sha256(name.encode(), b"\n\x01", key)[:4]


def read_key(text):
    name, stated_id, encoded = text.strip().split("+", 2)
    key = decode(encoded)
    if key[:1] != b"\x01" or stated_id.lower() != key_id(name, key[1:]).hex():
        raise ValueError("this is no verifier key")
    return name, key[1:]


def read_head(note, name, key, public_key):
    from cryptography.exceptions import InvalidSignature

    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    signed = False
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        signature = decode(encoded)
        if dash == "\u2014" and signer == name and signature[:4] == key_id(name, key):
            try:
                public_key.verify(signature[4:], text.encode())
            except InvalidSignature:
                raise Broken("the signature of the head is false") from None
            signed = True
    if not signed:
        raise Broken(f"the head is not signed by {name} with this key")
    _origin, size, root = text.split("\n")[:3]
    if not re.fullmatch("0|[1-9][0-9]*", size):
        raise Broken("the size of the head is no number")
    return int(size), decode(root)


def root_from(index, size, leaf, proof):
    """RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise Broken(f"position {index + 1} is not among the {size} of the head")
    at, last, found = index, size - 1, sha256(b"\x00", leaf)
    for sibling in proof:
        if last == 0:
            raise Broken("the proof is too long")
        if at & 1 or at == last:
            found = sha256(b"\x01", sibling, found)
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            found = sha256(b"\x01", found, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise Broken("the proof is too short")
    return found


# Events


def u64(number):
    return struct.pack(">Q", number)


def prefixed(field):
    return u64(len(field)) + field


def optional(text):
    return b"\x00" if text is None else b"\x01" + prefixed(text.encode())


def check_conversation(conversation, size, root):
    names = [conversation["tenant"], conversation["name"]]
    if conversation["branch"] != "":
        names.append(conversation["branch"])
    shown, stream_id = "/".join(names), sha256(*[prefixed(name.encode()) for name in names])[:16]
    if decode(conversation["stream_id"]) != stream_id:
        raise Broken(f"{shown}: the stream is that of another conversation")
    version, previous, at = 0, bytes(32), 0
    for event in conversation["events"]:
        version += 1
        where = f"{shown} version {version}"
        if (event["version"], event["format"]) != (version, 1) or event["recorded_at"] < at:
            raise Broken(f"{where}: its version, format or time is not the next")
        previous, at = check_event(event, stream_id, previous, where), event["recorded_at"]
    proof = [decode(found) for found in conversation["proof"]]
    if not version or root_from(conversation["position"] - 1, size, previous, proof) != root:
        raise Broken(f"{shown}: the head does not commit to its version {version}")
    print(f"{shown} is sound up to version {version}, stream {stream_id.hex()}")
    for event in conversation["events"]:
        show(event)


def check_event(event, stream_id, previous, where):
    digest = decode(event["content_digest"])
    expected = sha256(
        EVENT, previous, u64(event["format"]), stream_id, u64(event["version"]),
        optional(event["event_id"]), prefixed(event["kind"].encode()), u64(event["schema"]),
        u64(event["recorded_at"]), prefixed(decode(event["header"])), u64(event["codec"]),
        optional(event["key_id"]), digest,
    )  # fmt: skip
    if decode(event["hash"]) != expected:
        raise Broken(f"{where}: its hash does not follow from its fields and the event before it")
    content = [event[part] for part in ("salt", "context", "body")]
    if content != [None, None, None]:
        salt, context, body = map(decode, content)
        if len(salt) != 16 or sha256(salt, prefixed(context), body) != digest:
            raise Broken(f"{where}: its content is not what was recorded")
    return expected


def show(event):
    seconds = timedelta(microseconds=event["recorded_at"])
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + seconds
    content = "withheld or erased" if event["body"] is None else f"{len(event['body'])} characters"
    print(f"  {event['version']} {moment.isoformat()} {event['kind']!r} content: {content}")
    if event["kind"] == "forked":
        says = json.loads(decode(event["header"]))
        print(f"    begins with the first {says['kept']} items that stream {says['parent']} had")
        print(f"    at version {says['at_version']}: see there, these are not proved here")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
