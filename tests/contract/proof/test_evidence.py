"""A bundle convinces a stranger who has the verifier key, and nothing else of ours."""

import base64
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import Context, EventLog, ItemsAdded, NewEvent, RecordedEvent, Signer
from eventlog.errors import (
    InvalidEvidenceError,
    InvalidMomentError,
    KeyDestroyedError,
    NoKeyError,
    UnsoundError,
    WrongKeyError,
)
from eventlog.format import chain
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import check_evidence, gather_evidence, rekey
from eventlog_projections import Conversation, erase, erase_event
from tests import processes
from tests.backends import Backend
from tests.elsewhere import open_elsewhere

PROGRAM: Final = Path(__file__).parents[3] / "docs" / "verify_evidence.py"
SIGNER: Final = Signer("example.com/log", bytes(range(32)))
SECRET: Final = "what nobody else may see"

Bundle = dict[str, Any]


async def verify(path: Path, key: str = str(SIGNER.verifier)) -> tuple[int, str]:
    """Run the verifier alone: without this project, its folder or its environment."""
    return await processes.output_of("-I", str(PROGRAM), str(path), key)


async def fill(log: EventLog) -> None:
    for number in range(5):
        for name in ("ours", "theirs"):
            said = [{"role": "user", "content": f"{SECRET} {number} " * 20}]
            await log.append(name, NewEvent(ItemsAdded(said), event_id=f"id {number}"))


async def bundle_of(log: EventLog, path: Path, **chosen: int | None) -> Bundle:
    head = await log.tree.head(SIGNER)
    path.write_bytes(await gather_evidence(log, head, chosen))
    found: Bundle = json.loads(path.read_bytes())
    return found


async def test_a_bundle_verifies_without_the_library(log: EventLog, tmp_path: Path) -> None:
    """Chosen conversations, whole or up to a version, and nothing of the others."""
    await fill(log)
    path = tmp_path / "bundle.json"
    found = await bundle_of(log, path, ours=3, theirs=None)
    assert [len(shown["events"]) for shown in found["conversations"]] == [3, 5]
    status, output = await verify(path)
    assert (status, "default/ours is sound up to version 3" in output) == (0, True), output
    assert "default/theirs is sound up to version 5" in output
    await bundle_of(log, path, ours=None)
    assert "theirs" not in path.read_text("utf-8")


async def test_a_bundle_verifies_after_the_log_has_grown(log: EventLog, tmp_path: Path) -> None:
    """And may be made later, for a head that was signed before."""
    await fill(log)
    head = await log.tree.head(SIGNER)
    await fill(log)
    path = tmp_path / "bundle.json"
    path.write_bytes(await gather_evidence(log, head, {"ours": None}))
    assert len(json.loads(path.read_bytes())["conversations"][0]["events"]) == 5
    assert (await verify(path))[0] == 0


async def test_withheld_and_erased_content_still_verifies(
    backend: Backend, log: EventLog, tmp_path: Path
) -> None:
    """What is away is away: its digest stays."""
    await fill(log)
    await backend.tamper(
        "UPDATE {}events SET salt = NULL, context = NULL, body = NULL WHERE version = 4"
    )
    head = await log.tree.head(SIGNER)

    def withhold(event: RecordedEvent) -> bool:
        return event.version != 2

    path = tmp_path / "bundle.json"
    path.write_bytes(await gather_evidence(log, head, {"ours": None}, withhold=withhold))
    status, output = await verify(path)
    assert (status, output.count("withheld or erased")) == (0, 4), output
    events = json.loads(path.read_bytes())["conversations"][0]["events"]
    assert [event["salt"] is None for event in events] == [True, False, True, True, True]


async def test_a_fork_says_what_it_began_with(log: EventLog, tmp_path: Path) -> None:
    """Its parent is no part of its evidence, unless it is chosen, too; either proves its own."""
    await fill(log)
    await log.append("ours", ItemsAdded(["after the fork"]))
    idea = await Conversation(log, "ours").fork("ours", branch="idea", at=5)
    await idea.add(["own"])
    head = await log.tree.head(SIGNER)
    path = tmp_path / "bundle.json"
    chosen: dict[str | tuple[str, str], int | None] = {("ours", "idea"): None, "ours": 5}
    path.write_bytes(await gather_evidence(log, head, chosen))
    status, output = await verify(path)
    parent = chain.stream_id(log.tenant, "ours").hex()
    assert (status, f"first 5 items that stream {parent} had" in output) == (0, True), output
    assert "at version 5" in output
    assert "default/ours/idea is sound up to version 2" in output
    assert f"default/ours is sound up to version 5, stream {parent}" in output
    path.write_bytes(await gather_evidence(log, head, {("ours", "idea"): None}))
    assert (await verify(path))[0] == 0
    bundle = json.loads(path.read_bytes())
    assert [len(shown["events"]) for shown in bundle["conversations"]] == [2]
    path.write_text(json.dumps(changed(bundle, ("conversations", 0, "branch"), "")), "utf-8")
    assert (await verify(path))[0] == 1


async def test_a_bundle_with_parents_says_that_lists_are_complete(
    log: EventLog, tmp_path: Path
) -> None:
    """Those of a fork of a fork, up to where they were forked from and no further."""
    await fill(log)
    chat = Conversation(log, "ours")
    await (await chat.fork("ours", branch="idea", at=3)).fork("grandchild")
    await chat.fork("other", at=4)
    await chat.fork("empty", at=0)
    head = await log.tree.head(SIGNER)
    alone = json.loads(await gather_evidence(log, head, {"grandchild": None}, with_parents=True))
    assert [len(shown["events"]) for shown in alone["conversations"]] == [1, 1, 3]
    path = tmp_path / "bundle.json"
    chosen: dict[str, int | None] = {"grandchild": None, "other": None, "empty": None}
    path.write_bytes(await gather_evidence(log, head, chosen, with_parents=True))
    status, output = await verify(path)
    assert (status, output.count("proved here, too"), "not proved" in output) == (0, 3, False)
    bundle = json.loads(path.read_bytes())
    shown = [(s["name"], s["branch"], len(s["events"])) for s in bundle["conversations"]]
    assert sorted(shown) == [
        ("empty", "", 1),
        ("grandchild", "", 1),
        ("other", "", 1),
        ("ours", "", 4),
        ("ours", "idea", 1),
    ]
    bundle["conversations"] = bundle["conversations"][:1]
    path.write_text(json.dumps(bundle), "utf-8")
    status, output = await verify(path)
    assert (status, output.count("these are not proved here")) == (0, 1)


async def encrypted(backend: Backend, path: Path, *, disclose_keys: bool) -> Bundle:
    """Return a bundle of three events under two keys, one of them withheld, and of a plain one."""
    async with backend.open(keyring=None) as log:
        await log.append("plain", ItemsAdded(["in the open"]))
    async with open_elsewhere(backend) as log:
        await log.append("ours", [ItemsAdded([SECRET]), ItemsAdded(["withheld"])])
        await rekey(log, "ours")
        await log.append("ours", NewEvent(ItemsAdded(["long " * 100]), Context(actor="ana")))
        head = await log.tree.head(SIGNER)
        chosen: dict[str, int | None] = {"ours": None, "plain": None}
        found = await gather_evidence(
            log, head, chosen, withhold=lambda e: e.version == 2, disclose_keys=disclose_keys
        )
    path.write_bytes(found)
    bundle: Bundle = json.loads(found)
    return bundle


async def test_encrypted_content_stays_closed(sealed: Backend, tmp_path: Path) -> None:
    """It is proved, as it is stored; nothing of it can be read, and no key is in the bundle."""
    path = tmp_path / "bundle.json"
    bundle = await encrypted(sealed, path, disclose_keys=False)
    status, output = await verify(path)
    assert (status, output.count("its key is not disclosed")) == (0, 2), output
    assert "in the open" in output
    assert [shown.get("keys") for shown in bundle["conversations"]] == [None, None]
    for event in bundle["conversations"][0]["events"]:
        assert SECRET.encode() not in base64.b64decode(event["body"] or "")


async def test_content_is_disclosed_with_its_keys(sealed: Backend, tmp_path: Path) -> None:
    """Only if that is asked for: a stranger reads it then, and knows that it was recorded so."""
    path = tmp_path / "bundle.json"
    bundle = await encrypted(sealed, path, disclose_keys=True)
    assert [list(shown["keys"]) for shown in bundle["conversations"]] == [["1", "2"], []]
    status, output = await verify(path)
    assert (status, SECRET in output, "long long" in output) == (0, True, True), output
    assert '{"actor":"ana"}' in output
    assert output.count("withheld or erased") == 1
    for key_id in ("1", "2"):
        wrong = base64.b64encode(bytes(32)).decode()
        bad = changed(bundle, ("conversations", 0, "keys", key_id), wrong)
        path.write_text(json.dumps(bad), "utf-8")
        assert (await verify(path))[0] == 1


async def test_keys_that_are_not_there_are_not_disclosed(sealed: Backend) -> None:
    """Without the keyring, with another one, once a key was destroyed: nothing is given away."""
    async with sealed.open() as log:
        await log.append("ours", ItemsAdded([SECRET]))
        head = await log.tree.head(SIGNER)
    for keyring, error in ((None, NoKeyError), (parse_keyring(new_key("kek-1")), WrongKeyError)):
        async with open_elsewhere(sealed, keyring=keyring) as log:
            with pytest.raises(error, match="'ours'"):
                await gather_evidence(log, head, {"ours": None}, disclose_keys=True)
    await sealed.execute("UPDATE {}keys SET wrapped_key = NULL")
    async with open_elsewhere(sealed) as log:
        with pytest.raises(KeyDestroyedError, match="'ours'"):
            await gather_evidence(log, head, {"ours": None}, disclose_keys=True)


async def test_an_erased_conversation_is_proved_without_its_content(
    erasable: Backend, tmp_path: Path
) -> None:
    """Erased as a whole, and one event of another; what is left can be disclosed."""
    path = tmp_path / "bundle.json"
    async with erasable.open() as log:
        for name in ("erased", "redacted"):
            await log.append(name, [ItemsAdded([SECRET]), ItemsAdded(["what is left"])])
        await erase(log, "erased", by="office", reason="code")
        await erase_event(log, "redacted", 1, by="office", reason="code")
        head = await log.tree.head(SIGNER)
        chosen: dict[str, int | None] = {"erased": None, "redacted": None}
        disclose_keys = erasable.keyring is not None
        path.write_bytes(await gather_evidence(log, head, chosen, disclose_keys=disclose_keys))
    status, output = await verify(path)
    said = output.count("erased, as version 3 says")
    assert (status, said, SECRET in output) == (0, 3, False), output
    assert output.count("what is left") == 1


@pytest.mark.parametrize(("name", "version"), [("nobody", None), ("ours", 6), ("ours", 0)])
async def test_what_the_head_does_not_cover_is_no_evidence(
    log: EventLog, name: str, version: int | None
) -> None:
    """A conversation or version that is not there, or came later."""
    await fill(log)
    head = await log.tree.head(SIGNER)
    await log.append("ours", ItemsAdded(["later"]))
    await log.append("nobody", ItemsAdded(["later"]))
    with pytest.raises(InvalidMomentError):
        await gather_evidence(log, head, {name: version})


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value that holds no other."""
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves_of(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for n, inner in enumerate(value) for leaf in leaves_of(inner, (*path, n))]
    return [path]


CHANGES: Final[dict[type, list[Callable[[Any], Any]]]] = {
    str: [lambda text: text[:-9] + ("B" if text[-9:-8] == "A" else "A") + text[-8:]],
    int: [lambda number: number + 1, lambda number: -number],
    type(None): [lambda _: "x"],
}
FREE: Final = {"origin"}
"""What the bundle says beside the proof, for people."""


async def test_no_value_in_a_bundle_can_be_changed(log: EventLog, tmp_path: Path) -> None:
    """Whatever is changed, or is of another type, or left out: the verifier does not accept it."""
    await fill(log)
    good = await bundle_of(log, tmp_path / "bundle.json", ours=2)
    bad: list[Bundle] = []
    for path in leaves_of(good):
        value = good
        for key in path:
            value = value[key]
        if path[0] not in FREE:
            bad += [changed(good, path, change(value)) for change in CHANGES[type(value)]]
            bad.append(changed(good, path, [value]))
    bad += [changed(good, ("conversations", 0, "events"), events) for events in orders(good)]
    bad.append(changed(good, ("conversations",), []))
    for number, tampered in enumerate(bad):
        (tmp_path / f"{number}.json").write_text(json.dumps(tampered), "utf-8")
    script = (
        "import runpy, sys\n"
        f"main = runpy.run_path({str(PROGRAM)!r})['main']\n"
        "accepted = [n for n in range(int(sys.argv[1])) if main([f'{sys.argv[2]}/{n}.json',"
        " sys.argv[3]]) == 0]\n"
        "sys.exit(f'accepted: {accepted}' if accepted else 0)\n"
    )
    arguments = (str(len(bad)), str(tmp_path), str(SIGNER.verifier))
    status, output = await processes.output_of("-I", "-c", script, *arguments)
    assert status == 0, [bad[n] for n in json.loads(output.rpartition("accepted: ")[2])]


def changed(bundle: Bundle, path: tuple[Any, ...], value: Any) -> Bundle:
    copy: Bundle = json.loads(json.dumps(bundle))
    inner: Any = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return copy


def orders(bundle: Bundle) -> list[list[Any]]:
    first, second = bundle["conversations"][0]["events"]
    return [[], [first], [second], [second, first], [first, first], [first, second, second]]


async def test_another_s_signature_is_not_accepted(log: EventLog, tmp_path: Path) -> None:
    """The key is what a stranger trusts; it does not come with the bundle."""
    await fill(log)
    path = tmp_path / "bundle.json"
    await bundle_of(log, path, ours=None)
    other = Signer.generate("example.com/log").verifier
    status, output = await verify(path, str(other))
    assert (status, "not signed by" in output) == (1, True)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"evidence": "another 1"}', "\x00"])
async def test_what_is_no_bundle_could_not_be_checked(tmp_path: Path, content: str) -> None:
    """Status 2 says that nothing is known, without a traceback."""
    path = tmp_path / "bundle.json"
    path.write_text(content, "utf-8")
    status, output = await verify(path)
    assert (status, "Traceback" in output) == (2, False)


async def test_a_key_that_is_none_could_not_check(log: EventLog, tmp_path: Path) -> None:
    """As a bundle that is not there, and a call without one."""
    path = tmp_path / "bundle.json"
    assert (await verify(path))[0] == 2
    await fill(log)
    await bundle_of(log, path, ours=None)
    mistyped = str(SIGNER.verifier).replace("+", "+0", 1)
    assert (await verify(path, mistyped))[0] == 2
    assert (await processes.output_of("-I", str(PROGRAM)))[0] == 2


def test_the_verifier_is_short_and_needs_little() -> None:
    """Under 350 lines beside the dictionary; the standard library and cryptography."""
    code = re.sub("rb'{3}.*?'{3}", "", PROGRAM.read_text("utf-8"), flags=re.DOTALL)
    lines = code.splitlines()
    assert len(lines) < 350
    imports = {line.split()[1].split(".")[0] for line in map(str.strip, lines) if is_import(line)}
    assert imports - set(sys.stdlib_module_names) == {"cryptography"}


def is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))


async def test_a_bundle_says_what_it_withholds(
    backend: Backend, log: EventLog, tmp_path: Path
) -> None:
    """Other content that is gone is no evidence: neither is such a bundle made, nor believed."""
    await fill(log)
    await erase_event(log, "ours", 3, by="office", reason="code")
    head = await log.tree.head(SIGNER)

    async def bundle(until: int | None) -> dict[str, Any]:
        encoded = await gather_evidence(
            log, head, {"ours": until}, withhold=lambda event: event.version == 1
        )
        (tmp_path / "bundle.json").write_bytes(encoded)
        assert (await verify(tmp_path / "bundle.json"))[0] == 0
        check_evidence(encoded, SIGNER.verifier)
        return dict(json.loads(encoded))

    whole, beginning = await bundle(None), await bundle(4)
    assert whole["conversations"][0]["withheld"] == [1]
    assert beginning["conversations"][0]["withheld"] == [1, 3]  # What erased it is not shown.
    whole["conversations"][0]["withheld"] = []
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(whole))
    status, output = await verify(forged)
    assert (status, "nothing says why" in output) == (1, True), output
    with pytest.raises(InvalidEvidenceError, match="version 1: its content is gone"):
        check_evidence(forged.read_bytes(), SIGNER.verifier)
    del whole["conversations"][0]["withheld"]  # As earlier releases made it.
    forged.write_text(json.dumps(whole))
    assert (await verify(forged))[0] == 0
    check_evidence(forged.read_bytes(), SIGNER.verifier)
    await backend.tamper(
        "UPDATE {}events SET salt = NULL, context = NULL, body = NULL WHERE version = 2"
    )
    with pytest.raises(UnsoundError, match="no event says that it was erased"):
        await gather_evidence(log, head, {"ours": None})
