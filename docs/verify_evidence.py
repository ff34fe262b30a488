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
LONGEST_NOTE = 1000000
STEP = 64 * 1024
MALFORMED = (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, struct.error)

DICTIONARY = rb'''
"type":"image_generation_call","phase":"{"id":"mcp_","arguments":"{}","server_label":"","type":"
mcp_call","error":null,"output":"{"id":"ci_","code":"import ","outputs":[
{"logs":"","type":"code_interpreter_call"{"id":"fs_","queries":["],"type":"file_search_call","re
sults":null{"id":"ws_","action":{"query":"","type":"search"},"status":"completed","type":"web_se
arch_call""type":"computer_call_output","image_url":"data:image/png;base64,iVBORw0KGgo","type":"
input_image""filename":"","file_data":"data:application/pdf;base64,","type":"input_file""annotat
ions":[{"end_index":,"start_index":,"title":"","type":"url_citation","url":"https://www..com/"to
ol_calls":[{"id":"call_","type":"function","function":{"name":""tool_call_id":"role":"tool","con
tent":null\n\n\ndef (self):\n    return None\n    if not in is and for \n        raise import
 from \n\n---\n\n### \n\n## **\n\n1. **\n2. **\n3. **\n   - **\n- **: \\n\\"{\"error\":
 \"message\": \"id\": \"name\": \"status\": \"ok\", true, false, null, \"results\": [{\"title\":
 \"url\": \"https://\", \"date\": \"2026-01-2025-T00:00:00Z\", \"type\": \"value\": \"text\": \"
 something without another different following available information important question example
 because through between before should would could there their which about these where while
 after other first under using number please help know need want make like just than then them
 they what when your over only also some such more into Sure! I'm Let me Here are This is You
 can If you want, I can help you with Is there anything else It's I would like to How do I What
 is the Can you please need to used to have been has been will be can be it is not do not one of
 the as well as based on at the by the with a from the for a on the that the and the in a is the
 is a of a to be ation ing the that for with and to in of the to the and in the for the you
 {"id":"rs_0","summary":[{"text":"**","type":"summary_text"}],"type":"reasoning","encrypted_cont
ent":"gAAAAAB"},"role":"developer","content":[{"type":"input_text","text":"[
{"call_id":"call_","output":"","type":"function_call_output"},{"type":"text","text":"[
{"arguments":"{}","call_id":"call_","name":"get_","type":"function_call","id":"fc_0","status":"c
ompleted"},[{"id":"msg_0","content":[{"annotations":[],"text":"","type":"output_text","logprobs"
:[]}],"role":"assistant","status":"completed","type":"message"}][{"id":"__fake_id__","content":"
","role":"system"}][{"role":"assistant","content":"[{"content":"","role":"user"}][
{"role":"user","content":"'''.replace(b"\n", b"")


class Broken(Exception):
    """Something in the bundle is not what was signed."""


class Unshown(Exception):
    """Content that is sound, and that this program cannot show."""


class Unwritten(Exception):
    """Nobody reads what this program says."""


def main(arguments):
    try:
        return check(arguments)
    except Broken as error:
        return say(1, str(error))
    except (InvalidSignature, InvalidTag):
        return say(1, "the signature of the head is false, or a data key opens nothing")
    except RecursionError:
        return say(2, "cannot be checked: its JSON nests too deep for this Python")
    except MALFORMED as error:
        return say(1, f"not as the format says: {type(error).__name__}: {error}")
    except (Unshown, MemoryError) as error:
        return say(2, f"cannot be shown: {error or 'it does not fit into memory'}")
    except Unwritten:
        return 2


def check(arguments):
    if len(arguments) not in (2, 3):
        return say(2, __doc__.splitlines()[0])
    try:
        name, key_id, key = read_key(arguments[1])
        largest = min(int(arguments[2]), sys.maxsize - 1) if arguments[2:] else LARGEST
        if largest < 0:
            raise ValueError("LARGEST is no number of bytes")
        with open(arguments[0], encoding="utf-8") as file:
            bundle = json.load(file, parse_constant=no_json)
        if not isinstance(bundle, dict) or bundle.get("evidence") != EVIDENCE:
            return say(2, f"this is no {EVIDENCE}")
    except (OSError, Broken, *MALFORMED) as error:
        return say(2, f"cannot be checked: {type(error).__name__}: {error}")
    size, root = read_head(bundle["head"], name, key_id, key)
    if not bundle["conversations"]:
        raise Broken("there is no conversation in it")
    checked = [check_conversation(shown, size, root) for shown in bundle["conversations"]]
    there = {(tenant, stream_id): len(events) for tenant, stream_id, events, _, _ in checked}
    for tenant, stream_id, events, keys, erased in checked:
        put(f"stream {stream_id.hex()}", "\n")
        for event in events:
            said = opened(event, stream_id, keys, largest, erased.get(event["version"]))
            show(event, tenant, stream_id, there, said)
    put(f"all of this was in the log when {name} signed its head of {size} events", "\n")
    return 0


def say(status, message):
    if sys.stderr is not None:
        print(printable(message), file=sys.stderr)
    return status


def put(text, end=""):
    """Write to standard output: the only place that does."""
    try:
        sys.stdout.write(printable(text) + end)
    except (AttributeError, OSError, ValueError) as error:
        raise Unwritten from error


def printable(text):
    """Return text that moves no cursor and begins no line, whoever wrote it."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def no_json(word):
    raise ValueError(f"{word} is no JSON")


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
    if key[:1] != b"\x01" or stated_id.lower() != key_id.hex() or not is_name(name):
        raise ValueError("this is no verifier key")
    return name, key_id, Ed25519PublicKey.from_public_bytes(key[1:])


def is_name(name):
    return bool(name) and name.isprintable() and not set(name) & set(" +")


def read_note(note, name, key_id, key):
    """Return the lines of a signed note: those before its last empty line."""
    if len(note) > LONGEST_NOTE or any(c < " " for c in note.replace("\n", "")):
        raise Broken("the note is too long, or holds control characters")
    text, empty, signatures = note.rpartition("\n\n")
    if not empty or signatures[-1:] != "\n":
        raise Broken("no signatures follow an empty line in the note")
    signed = False
    for line in signatures[:-1].split("\n"):
        dash, signer, encoded = line.split(" ")
        signature = decode(encoded)
        if dash != "\u2014" or not is_name(signer) or len(signature) < 5:
            raise Broken("a line behind the empty one is no signature")
        if signer == name and signature[:4] == key_id:
            key.verify(signature[4:], f"{text}\n".encode())
            signed = True
    if not signed:
        raise Broken(f"the note is not signed by {name} with this key")
    return text.split("\n")


def read_head(note, name, key_id, key):
    lines = read_note(note, name, key_id, key)
    origin, size, root = lines[:3]  # Lines that follow are signed, and mean nothing here.
    if "" in lines or not re.fullmatch("0|[1-9][0-9]{0,18}", size) or len(decode(root)) != 32:
        raise Broken("the note is no head of a log")
    if origin != name:
        raise Broken(f"the head is of the log {origin}, and signed by {name}")
    u64(int(size))
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
    if type(number) is not int or not 0 <= number < 1 << 63:
        raise Broken("a number is none, or is out of range")
    return struct.pack(">Q", number)


def prefixed(field):
    return u64(len(field)) + field


def optional(text):
    return b"\x00" if text is None else b"\x01" + prefixed(text.encode())


def check_conversation(conversation, size, root):
    parts = ("tenant", "name", "branch")[: 2 if conversation["branch"] == "" else 3]
    names = [conversation[part] for part in parts]
    shown = f"conversation {'/'.join(names)}"
    stream_id = sha256(*[prefixed(name.encode()) for name in names])[:16]
    if decode(conversation["stream_id"]) != stream_id:
        raise Broken(f"{shown}: the stream is that of another conversation")
    version, previous, at = 0, bytes(32), 0
    events, keys = conversation["events"], conversation.get("keys", {})
    for version, event in enumerate(events, 1):
        where = f"{shown} version {version}"
        if u64(event["version"]) != u64(version) or u64(event["format"]) != u64(1):
            raise Broken(f"{where}: its version or format is not the next")
        previous, before = check_event(event, stream_id, previous, where), at
        at = event["recorded_at"]
        if at < before:
            raise Broken(f"{where}: its time is before that of the event before it")
    proof = [decode(found) for found in conversation["proof"]]
    leaf = sha256(b"\x00", previous)
    u64(conversation["position"])
    if not version or root_from(conversation["position"] - 1, size, leaf, proof) != root:
        raise Broken(f"{shown}: the head does not commit to its version {version}")
    if not isinstance(keys, dict) or any(len(decode(key)) != 32 for key in keys.values()):
        raise Broken(f"{shown}: its keys are none")
    erased = erased_in(events, shown)
    for version in range(1, version + 1) if "withheld" in conversation else ():
        here = events[version - 1]["body"] is not None or version in erased
        if not here and version not in conversation["withheld"]:
            raise Broken(f"{shown} version {version}: its content is gone, and nothing says why")
    put(f"{shown} is sound up to version {version}, stream {stream_id.hex()}", "\n")
    return names[0], stream_id, events, keys, erased


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
        if None in content:
            raise Broken(f"{where}: a part of its content is gone")
        salt, context, body = map(decode, content)
        if len(salt) != 16 or sha256(salt, prefixed(context), body) != digest:
            raise Broken(f"{where}: its content is not what was recorded")
    return expected


def erased_in(events, shown):
    """Return which event says of a version that its content was erased."""
    whole, single, kinds = 0, {}, [event["kind"] for event in events]
    for version, event in enumerate(events, 1):
        if event["kind"] == "redacted":
            only = json.loads(decode(event["header"]))["erased"]
            u64(only)
            single[only] = version if 0 < only < version else 0
        whole = version if event["kind"] == "erased" else whole
    found = {version: whole for version in range(1, whole) if kinds[version - 1] != "erased"}
    for only, version in single.items():
        if version and kinds[only - 1] != "redacted":
            found.setdefault(only, version)
    for version, by in found.items():
        if events[version - 1]["body"] is not None:
            raise Broken(f"{shown} version {version}: its content is there, and {by} erased it")
    return found


def opened(event, stream_id, keys, largest, erased):
    if event["body"] is None:
        return (f"erased, as version {erased} says" if erased else "withheld or erased",)
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
    if event["codec"] not in (0, 1, 2):
        raise Unshown(f"{where}: its codec {event['codec']} is not known")
    if event["codec"] != 0:
        parts[b"b"] = inflate(event["codec"], parts[b"b"], where, largest)
    return tuple(parts.values())


def inflate(codec, data, where, largest):
    opener = zlib.decompressobj(-15, zdict=DICTIONARY) if codec == 2 else zlib.decompressobj()
    try:
        found = opener.decompress(data, largest + 1)
    except zlib.error as error:
        raise Broken(f"{where}: its content does not inflate") from error
    if len(found) > largest:
        raise Unshown(f"{where}: its content inflates to more than {largest} bytes")
    if not opener.eof or opener.unused_data:
        raise Broken(f"{where}: its content does not end where it should")
    return found


def literal(part):
    """Write bytes as a literal of a text, a piece at a time: they may be long."""
    put(" '")
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for start in range(0, len(part), STEP):
        piece = decoder.decode(part[start : start + STEP], start + STEP >= len(part))
        put(ascii(piece + '"')[1:-2])  # With " in it, ' is what encloses it.
    put("'")


def time(microseconds):
    try:
        epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
        return (epoch + timedelta(microseconds=microseconds)).isoformat()
    except OverflowError:
        return f"{microseconds} microseconds after 1970"


def show(event, tenant, stream_id, there, said):
    put(f"  {event['version']} {time(event['recorded_at'])} {ascii(event['kind'])}")
    for part in said:
        put(f" {part}") if isinstance(part, str) else literal(part)
    put("", "\n")
    says = json.loads(decode(event["header"])) if event["kind"] == "forked" else {}
    if says.get("kept"):
        kept, parent, at = says["kept"], bytes.fromhex(says["parent"]), says["at_version"]
        u64(kept), u64(at)
        is_there = parent != stream_id and 1 <= at <= there.get((tenant, parent), 0)
        proved = "proved here, too" if is_there else "see there, these are not proved here"
        put(f"    begins with the first {kept} items that stream {parent.hex()} had", "\n")
        put(f"    at version {at}: {proved}", "\n")


if __name__ == "__main__":
    if sys.stdout is not None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    status = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):
        status, sys.stdout = 2, None
    sys.exit(status)
