"""Check a bundle of evidence: python verify_evidence.py BUNDLE VERIFIER_KEY [LARGEST]

Written from docs/format.md alone; needs Python 3.8 or later and the package `cryptography`. The
verifier key is that of whoever signs the log's heads. Get it from them, not with the bundle.
LARGEST is how many bytes the content of one event may inflate to, 268435456 unless given.
Exit status: 0, all of it was in the log when the head was signed; 1, not so; 2, could not check.
"""

import base64
import codecs
import hashlib
import json
import re
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    print("cannot be checked without the package cryptography", file=sys.stderr)
    sys.exit(2)

EVIDENCE = "conversation-eventlog evidence 1"
EVENT = b"conversation-eventlog event\x00"
CONTENT = b"conversation-eventlog content\x00"
LARGEST = 256 * 1024 * 1024
STEP = 64 * 1024
MALFORMED = (AttributeError, LookupError, TypeError, ValueError, OverflowError, RecursionError)


class Broken(Exception):
    """Something in the bundle is not what was signed."""


class TooLarge(Exception):
    """Content that inflates to more than LARGEST bytes: it is sound, and cannot be shown."""


def main(arguments):
    if len(arguments) not in (2, 3):
        return say(2, __doc__.splitlines()[0])
    try:
        name, key_id, key = read_key(arguments[1])
        largest = int(arguments[2]) if arguments[2:] else LARGEST
        with open(arguments[0], encoding="utf-8") as file:
            bundle = json.load(file)
        if bundle["evidence"] != EVIDENCE:
            return say(2, f"this is no {EVIDENCE}")
    except (OSError, *MALFORMED) as error:
        return say(2, f"cannot be checked: {type(error).__name__}: {error}")
    try:
        size, root = read_head(bundle["head"], name, key_id, key)
        if not bundle["conversations"]:
            raise Broken("there is no conversation in it")
        checked = [check_conversation(shown, size, root) for shown in bundle["conversations"]]
        there = {stream_id: len(events) for stream_id, events, _ in checked}
        for stream_id, events, keys in checked:
            print(f"stream {stream_id.hex()}")
            for event in events:
                show(event, there, *opened(event, stream_id, keys, largest))
    except TooLarge as error:
        return say(2, f"cannot be shown: {error}")
    except Broken as error:
        return say(1, str(error))
    except (InvalidSignature, InvalidTag):
        return say(1, "the signature of the head is false, or a data key opens nothing")
    except (struct.error, zlib.error, *MALFORMED) as error:
        return say(1, f"not as the format says: {type(error).__name__}: {error}")
    print(f"all of this was in the log when {name} signed its head of {size} events")
    return 0


def say(status, message):
    print(printable(message), file=sys.stderr)
    return status


def printable(text):
    """Return text that moves no cursor and begins no line, whoever wrote it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def decode(text):
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise Broken("a field is not canonical base64")
    return data


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def read_key(text):
    name, stated_id, encoded = text.strip().split("+", 2)
    key = decode(encoded)
    key_id = sha256(name.encode(), b"\n", key)[:4]
    if key[:1] != b"\x01" or stated_id.lower() != key_id.hex():
        raise ValueError("this is no verifier key")
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def read_head(note, name, key_id, key):
    text, signatures = note[: note.rindex("\n\n") + 1], note[note.rindex("\n\n") + 2 :]
    signed = False
    for line in signatures.splitlines():
        dash, signer, encoded = line.split(" ")
        signature = decode(encoded)
        if dash == "\u2014" and signer == name and signature[:4] == key_id:
            key.verify(signature[4:], text.encode())
            signed = True
    if not signed:
        raise Broken(f"the head is not signed by {name} with this key")
    origin, size, root = text.split("\n")[:3]
    if origin != name:
        raise Broken(f"the head is of the log {origin}, and signed by {name}")
    if not re.fullmatch("0|[1-9][0-9]{0,18}", size):
        raise Broken("the size of the head is no number that a log can have")
    return int(size), decode(root)


def root_from(index, size, found, proof):
    """Walk down to the leaf, and hash on the way back. RFC 6962, section 2.1.1."""
    if not 0 <= index < size or (size == 1) != (not proof):
        raise Broken("the proof or the position does not fit the size of the head")
    if size == 1:
        return found
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return sha256(b"\x01", root_from(index, half, found, proof[:-1]), proof[-1])
    return sha256(b"\x01", proof[-1], root_from(index - half, size - half, found, proof[:-1]))


def u64(number):
    return struct.pack(">Q", number)


def prefixed(field):
    return u64(len(field)) + field


def optional(text):
    return b"\x00" if text is None else b"\x01" + prefixed(text.encode())


def check_conversation(conversation, size, root):
    parts = ("tenant", "name", "branch")[: 2 if conversation["branch"] == "" else 3]
    names = [conversation[part] for part in parts]
    shown, stream_id = printable("/".join(names)), sha256(*[prefixed(name.encode()) for name in names])[:16]
    if decode(conversation["stream_id"]) != stream_id:
        raise Broken(f"{shown}: the stream is that of another conversation")
    version, previous, at = 0, bytes(32), 0
    for version, event in enumerate(conversation["events"], 1):
        where = f"{shown} version {version}"
        if (event["version"], event["format"]) != (version, 1) or event["recorded_at"] < at:
            raise Broken(f"{where}: its version, format or time is not the next")
        previous, at = check_event(event, stream_id, previous, where), event["recorded_at"]
    proof = [decode(found) for found in conversation["proof"]]
    leaf, index = sha256(b"\x00", previous), conversation["position"] - 1
    if not version or root_from(index, size, leaf, proof) != root:
        raise Broken(f"{shown}: the head does not commit to its version {version}")
    print(f"{shown} is sound up to version {version}, stream {stream_id.hex()}")
    return stream_id, conversation["events"], conversation.get("keys", {})


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


def opened(event, stream_id, keys, largest):
    if event["body"] is None:
        return ("withheld or erased",)
    where = f"stream {stream_id.hex()} version {event['version']}"
    parts = {b"c": decode(event["context"]), b"b": decode(event["body"])}
    if event["key_id"] is not None:
        if event["key_id"] not in keys:
            return ("encrypted, and its key is not disclosed",)
        place = CONTENT + stream_id + prefixed(event["key_id"].encode()) + u64(event["version"])
        place += u64(event["schema"]) + u64(event["codec"]) + prefixed(event["kind"].encode())
        place += prefixed(decode(event["header"]))
        cipher = AESGCM(decode(keys[event["key_id"]]))
        parts = {x: cipher.decrypt(p[:12], p[12:], place + x) for x, p in parts.items()}
    if event["codec"] == 1:
        parts[b"b"] = inflate(parts[b"b"], where, largest)
    return tuple(parts.values())


def inflate(data, where, largest):
    opener = zlib.decompressobj()
    found = opener.decompress(data, largest + 1)
    if len(found) > largest:
        raise TooLarge(f"{where}: its content inflates to more than {largest} bytes")
    if not opener.eof or opener.unused_data:
        raise Broken(f"{where}: its content does not end where it should")
    return found


def write(part):
    """Write text as it is, and bytes as a literal, a piece at a time: they may be long."""
    if isinstance(part, str):
        return sys.stdout.write(f" {part}")
    sys.stdout.write(" '")
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for start in range(0, len(part), STEP):
        piece = decoder.decode(part[start : start + STEP], start + STEP >= len(part))
        sys.stdout.write(ascii(piece + '"')[1:-2])  # With " in it, ' is what encloses it.
    return sys.stdout.write("'")


def show(event, there, *said):
    at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=event["recorded_at"])
    sys.stdout.write(f"  {event['version']} {at.isoformat()} {ascii(event['kind'])}")
    for part in said:
        write(part)
    print()
    says = json.loads(decode(event["header"])) if event["kind"] == "forked" else {}
    if says.get("kept"):
        is_there = there.get(bytes.fromhex(says["parent"]), -1) >= says["at_version"]
        proved = "proved here, too" if is_there else "see there, these are not proved here"
        print(f"    begins with the first {says['kept']} items that stream {says['parent']} had")
        print(f"    at version {says['at_version']}: {proved}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
