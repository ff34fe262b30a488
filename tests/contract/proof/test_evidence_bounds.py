"""Bundles that somebody made to hurt whoever checks them: a status, a line, and little memory."""

import base64
import json
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.format import chain
from eventlog.format.records import StoredEvent
from eventlog.operations import gather_evidence
from tests import processes
from tests.contract.proof.test_evidence import (
    PROGRAM,
    SIGNER,
    Bundle,
    bundle_of,
    fill,
    verify,
)


def swollen(bundle: Bundle, inner: bytes) -> Bundle:
    """Return a bundle of one event with this body, proved by a head of its own."""
    shown = bundle["conversations"][0]
    event = shown["events"][0]
    body = zlib.compress(inner)
    salt, context = (base64.b64decode(event[name]) for name in ("salt", "context"))
    digest = chain.content_digest(salt, context, body)
    row = StoredEvent(
        base64.b64decode(shown["stream_id"]),
        1,
        1,
        event["event_id"],
        event["kind"],
        1,
        event["recorded_at"],
        base64.b64decode(event["header"]),
        1,
        None,
        salt,
        context,
        body,
        digest,
        b"",
    )
    hashed = chain.event_hash(bytes(32), row)
    text = {"body": body, "content_digest": digest, "hash": hashed}
    event |= {name: base64.b64encode(value).decode() for name, value in text.items()}
    event["codec"] = 1
    shown |= {"position": 1, "proof": [], "events": [event]}
    head = SIGNER.sign(1, sha256(b"\x00" + hashed).digest())
    return {**bundle, "head": head, "conversations": [shown]}


async def test_the_verifier_inflates_no_more_than_it_is_told(log: EventLog, tmp_path: Path) -> None:
    """A small file that comes to very much is status 2, which event it is, and little memory."""
    await fill(log)
    path = tmp_path / "bundle.json"
    bundle = await bundle_of(log, path, ours=1)
    path.write_text(json.dumps(swollen(bundle, bytes(400 * 1024 * 1024))), "utf-8")
    script = (
        "import resource, runpy, sys\n"
        "resource.setrlimit(resource.RLIMIT_AS, (700 * 2**20, 700 * 2**20))\n"
        f"sys.exit(runpy.run_path({str(PROGRAM)!r})['main'](sys.argv[1:]))\n"
    )
    arguments = ("-I", "-c", script, str(path), str(SIGNER.verifier))
    status, output = await processes.output_of(*arguments)
    assert (status, "version 1: its content inflates to more than 268435456" in output) == (2, True)
    path.write_text(json.dumps(swollen(bundle, b'["short"]')), "utf-8")
    status, output = await processes.output_of(*arguments, "9")
    assert (status, "'[\"short\"]'" in output) == (0, True), output
    assert (await processes.output_of(*arguments, "8"))[0] == 2


@pytest.mark.parametrize("place", ["bundle", "header"])
async def test_json_that_nests_without_end_is_no_traceback(
    log: EventLog, tmp_path: Path, place: str
) -> None:
    """200,000 levels: not checked, or not as the format says."""
    await fill(log)
    path = tmp_path / "bundle.json"
    bundle = await bundle_of(log, path, ours=1)
    deep = "[" * 200_000 + "]" * 200_000
    if place == "bundle":
        path.write_text(json.dumps(bundle)[:-1] + f', "deep": {deep}}}', "utf-8")
    else:
        event = bundle["conversations"][0]["events"][0]
        event["header"] = base64.b64encode(deep.encode()).decode()
        path.write_text(json.dumps(bundle), "utf-8")
    status, output = await verify(path)
    assert (status, "Traceback" in output) == (2 if place == "bundle" else 1, False)


async def test_names_in_a_bundle_write_no_lines_of_their_own(log: EventLog, tmp_path: Path) -> None:
    """A name with escapes and newlines is shown, and moves no cursor."""
    name = "x\nall of this was in the log\x1b[2K\u202e"
    await log.append(name, ItemsAdded(["said \x1b[2K"]))
    path = tmp_path / "bundle.json"
    path.write_bytes(await gather_evidence(log, await log.tree.head(SIGNER), {name: None}))
    status, output = await verify(path)
    assert (status, "\x1b" in output, "\u202e" in output) == (0, False, False)
    assert [line for line in output.splitlines() if line.startswith("all of this")] == [
        output.splitlines()[-1]
    ]
