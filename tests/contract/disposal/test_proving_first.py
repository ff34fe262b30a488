"""What destroys, proves first: nothing that was changed disappears, and no receipt comes late."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventLog, Signer
from eventlog.errors import HeldError, NothingErasedError, PublishingError, UnsoundError
from eventlog.format import chain
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import (
    check_evidence,
    gather_evidence,
    place_hold,
    read_receipt,
    receipt,
    sign_head,
)
from eventlog.operations.soundness import HeadSigner
from eventlog_projections import (
    Archive,
    Conversation,
    Evidence,
    ReceiptFolder,
    RetentionRule,
    apply_retention,
    erase,
    erase_event,
    erase_owner,
    prune,
    to_folder,
)
from eventlog_projections.disposal import archives
from tests.backends import Backend
from tests.conftest import Clock
from tests.contract.disposal.test_pruning import left, now, said, told
from tests.contract.proof.test_evidence import SIGNER, verify

WHY: Final[dict[str, Any]] = {"by": "dpo", "reason": "gdpr-17"}
LONG: Final = "ü" * 150


async def edit(backend: Backend, log: EventLog, name: str, version: int = 1) -> None:
    """Change the content of an event behind the log's back."""
    await backend.tamper(
        "UPDATE {}events SET body = ? WHERE stream_id = ? AND version = ?",
        b'["forged"]',
        log.spi.stream_id(name),
        version,
    )


@pytest.mark.parametrize("archived", [True, False])
async def test_prune_keeps_and_names_what_was_edited(
    backend: Backend, clock: Clock, tmp_path: Path, archived: bool
) -> None:
    """The others go; verify() still finds it afterwards."""
    folder = tmp_path / "kept"
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a", "b", "parent")
        await Conversation(log, "parent").fork("child")
        await edit(backend, log, "a")
        await edit(backend, log, "child")
        archive = Archive(SIGNER, to_folder(folder)) if archived else None
        for dry_run in (True, False):
            done = await prune(log, now(clock), **WHY, archive=archive, dry_run=dry_run)
            kept = {one.session_id: one for one in done}
            went = "chosen" if dry_run else "erased"
            assert told(done) == {
                "a": "unsound",
                "b": went,
                "parent": "unsound",
                "child": "unsound",
            }
            assert "version 1: edited" in (kept["a"].why or "")
            assert kept["parent"].because_of == ("child",)
        assert await left(log) == ["a", "child", "parent"]
        names = [fault.stream for fault in (await log.verify()).faults]
        assert names == ["a", "child"]
    if archived:
        (path,) = folder.iterdir()
        assert (await verify(path))[0] == 0
        assert check_evidence(path.read_bytes(), SIGNER.verifier) == [("b", "", 1)]


async def test_rules_and_owners_keep_what_was_edited(backend: Backend, clock: Clock) -> None:
    """Also where the labels of one cannot be read, and stop no other."""
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a", "b", "c", owner="ann")
        await edit(backend, log, "a")
        await backend.tamper(
            "UPDATE {}events SET body = ? WHERE stream_id = ? AND version = 2",
            b"no JSON",
            log.spi.stream_id("b"),
        )
        clock.tick()
        done = await apply_retention(log, [RetentionRule("x", timedelta(0), owner="ann")])
        assert told(done["x"]) == {"a": "unsound", "b": "unsound", "c": "erased"}
        done = {"x": await erase_owner(log, "ann", **WHY)}
        assert told(done["x"]) == {"a": "unsound", "b": "unsound"}
        forced = await erase_owner(log, "ann", **WHY, even_unsound=True)
        assert told(forced) == {"a": "erased", "b": "unsound"}


async def test_erase_refuses_what_was_edited_unless_it_is_told(backend: Backend) -> None:
    """Or the erasure would hide who changed it. A person's wish can still be met."""
    async with backend.open() as log:
        await Conversation(log, "a").add(["one"])
        await Conversation(log, "a").add(["two"])
        await edit(backend, log, "a")
        for refused in (erase(log, "a", **WHY), erase_event(log, "a", 2, **WHY)):
            with pytest.raises(UnsoundError, match="Nothing of it was erased") as caught:
                await refused
            assert (caught.value.stream, len(caught.value.faults)) == ("a", 1)
        assert await log.version("a") == 2
        await erase_event(log, "a", 2, **WHY, even_unsound=True)
        await erase(log, "a", **WHY, even_unsound=True)
        assert await Conversation(log, "a").items() == []


async def test_content_that_does_not_open_is_kept(backend: Backend) -> None:
    """Where the keyring is there; without it, it is proved as it is stored."""
    ring = parse_keyring(new_key("k1"), "a test")
    async with backend.open(keyring=ring) as log:
        await Conversation(log, "a").add(["one"])
        other = await log.read("a").all()
        stored = other[0].stored
    flipped = bytes([*(stored.body or b"")[:-1], (stored.body or b"0")[-1] ^ 1])
    digest = chain.content_digest(stored.salt or b"", stored.context or b"", flipped)
    forged = stored._replace(body=flipped, content_digest=digest)
    found = chain.event_hash(chain.GENESIS.hash, forged)
    await backend.tamper(
        "UPDATE {}events SET body = ?, content_digest = ?, hash = ?", flipped, digest, found
    )
    await backend.tamper("UPDATE {}streams SET head_hash = ?", found)
    async with backend.open(keyring=ring) as log:
        with pytest.raises(UnsoundError, match="changed or moved"):
            await erase(log, "a", **WHY)


async def test_no_head_is_signed_over_a_log_that_was_edited(backend: Backend) -> None:
    """Nor is there evidence of what was, whoever signed the head before."""
    async with backend.open() as log:
        for name in ("a", "b"):
            await Conversation(log, name).add([f"hello {name}"])
        head = await sign_head(log, SIGNER)
        await edit(backend, log, "a")
        with pytest.raises(UnsoundError, match="No head was signed"):
            await sign_head(log, SIGNER)
        assert [each.size for each in await log.tree.heads().all()] == [head.size]
        with pytest.raises(UnsoundError, match="not what was recorded"):
            await gather_evidence(log, head, {"a": None})
        bundle = await gather_evidence(log, head, {"b": None})
        assert check_evidence(bundle, SIGNER.verifier) == [("b", "", 1)]


async def test_an_archive_that_is_not_what_was_written_erases_nothing(
    backend: Backend, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read again, and what was read is checked."""
    folder = tmp_path / "kept"

    def torn(path: str, content: bytes, *, mode: int) -> None:
        Path(path).write_bytes(content.replace(b'"version": 1', b'"version": 2'))

    monkeypatch.setattr(archives, "write_whole", torn)
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a")
        done = await prune(log, now(clock), **WHY, archive=Archive(SIGNER, to_folder(folder)))
        assert told(done) == {"a": "unkept"}
        assert "cannot be written" in (done[0].why or "")
        assert await left(log) == ["a"]


async def test_evidence_is_checked_before_it_is_kept(backend: Backend, clock: Clock) -> None:
    """And has what checks it with it."""
    seen: list[Evidence] = []

    async def keep(evidence: Evidence) -> None:
        seen.append(evidence)

    async with backend.open(clock=clock) as log:
        await said(log, clock, "a")
        await prune(log, now(clock), **WHY, archive=Archive(SIGNER, keep))
    assert check_evidence(seen[0].bundle, seen[0].verifier) == [("a", "", 1)]


async def test_receipts_are_on_disk_before_the_content_goes(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is planned is what is done, also for names that no file system takes."""
    folder = tmp_path / "kept"
    seen: list[list[str]] = []
    async with backend.open() as log:
        for name in ("short", LONG, "a/b"):
            await Conversation(log, name).add(["one"])
            await Conversation(log, name).label(owner="ann")
            await Conversation(log, name).fork(f"{name[:100]} fork")
        store_erase = log.spi.store.erase

        async def looking(erasure: Any) -> bool:
            planned = [p for p in folder.iterdir() if p.name.endswith(".receipt.planned")]
            seen.append([p.read_text("utf-8") for p in planned])
            return await store_erase(erasure)

        monkeypatch.setattr(log.spi.store, "erase", looking)
        done = await erase_owner(log, "ann", **WHY, signer=SIGNER, receipts=ReceiptFolder(folder))
        assert {one.disposition for one in done} == {"erased"}
        kept = {path.read_text("utf-8") for path in folder.iterdir()}
        assert all(path.name.endswith(".receipt") for path in folder.iterdir())
        assert kept == {one.erased.receipt for one in done if one.erased}
        assert all(planned and set(planned) <= kept for planned in seen)
        for one in done:
            assert await receipt(log, SIGNER, one.session_id) == (one.erased and one.erased.receipt)


async def test_nothing_goes_whose_receipt_cannot_be_kept(backend: Backend, tmp_path: Path) -> None:
    """The others do; and nothing planned is left over where nothing was erased."""
    folder = tmp_path / "kept"

    class Full(ReceiptFolder):
        async def plan(self, session_id: str, note: str) -> None:
            if session_id == "b":
                raise PublishingError("no room")
            await super().plan(session_id, note)

        async def keep(self, session_id: str, note: str) -> None:
            if session_id == "c":
                raise PublishingError("no room")
            await super().keep(session_id, note)

    async with backend.open() as log:
        for name in ("a", "b", "c"):
            await Conversation(log, name).add(["one"])
            await Conversation(log, name).label(owner="ann")
        how: dict[str, Any] = {**WHY, "signer": SIGNER, "receipts": Full(folder)}
        done = {one.session_id: one for one in await erase_owner(log, "ann", **how)}
        assert told(list(done.values())) == {"a": "erased", "b": "unkept", "c": "erased"}
        assert (done["b"].why, done["c"].why) == ("no room", "no room")
        assert await left(log) == ["b"]
        assert sorted(path.name for path in folder.iterdir()) == [
            "a.receipt",
            "c.receipt.planned",
        ]
        with pytest.raises(PublishingError):
            await erase(log, "b", **how)
        again = await receipt(log, SIGNER, "c")
        assert (folder / "c.receipt.planned").read_text("utf-8") == again


async def test_a_receipt_is_withdrawn_where_nothing_was_erased(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signed word of what did not happen is not left about."""
    folder = tmp_path / "kept"
    async with backend.open() as log:
        await Conversation(log, "a").add(["one"])
        receipts = ReceiptFolder(folder)
        plan = receipts.plan

        async def then_hold(session_id: str, note: str) -> None:
            await plan(session_id, note)
            assert [path.name for path in folder.iterdir()] == ["a.receipt.planned"]
            await place_hold(log, "a", "case-1")

        monkeypatch.setattr(receipts, "plan", then_hold)
        with pytest.raises(HeldError):
            await erase(log, "a", **WHY, signer=SIGNER, receipts=receipts)
        assert list(folder.iterdir()) == []


async def test_a_receipt_can_be_made_again_at_any_time(backend: Backend) -> None:
    """For all, and for one event; of nothing there is none."""
    async with backend.open() as log:
        chat = Conversation(log, "a")
        await chat.add(["one"])
        await chat.add(["two"])
        with pytest.raises(NothingErasedError):
            await receipt(log, SIGNER, "a")
        for version in (2, 7, 0):
            with pytest.raises(NothingErasedError):
                await receipt(log, SIGNER, "a", version)
        with pytest.raises(NothingErasedError):
            await receipt(log, SIGNER, "nobody")
        one = (await erase_event(log, "a", 1, **WHY, signer=SIGNER)).receipt
        assert await receipt(log, SIGNER, "a", 1) == one
        whole = (await erase(log, "a", **WHY, signer=SIGNER)).receipt
        await chat.add(["three"])
        assert await receipt(log, SIGNER, "a") == whole
        found = read_receipt(await receipt(log, SIGNER, "a", 2), SIGNER.verifier)
        assert [(each.first, each.version) for each in found.streams] == [(2, 4)]


async def test_library_and_document_agree_on_evidence(backend: Backend, tmp_path: Path) -> None:
    """What one of them refuses, the other does, field by field."""
    async with backend.open() as log:
        for number in range(3):
            for name in ("a", "b"):
                await Conversation(log, name).add([f"{name} {number} " * 99])
        bundle = json.loads(await gather_evidence(log, await sign_head(log, SIGNER), {"a": None}))
    shown = bundle["conversations"][0]
    cases: list[dict[str, Any]] = [bundle]
    for field, value in {
        "name": "b",
        "branch": "x",
        "position": 1,
        "proof": [],
        "tenant": "t",
    }.items():
        cases.append({**bundle, "conversations": [{**shown, field: value}]})
    for field in shown["events"][1]:
        for value in (None, 7, "AAAA"):
            events = [dict(event) for event in shown["events"]]
            events[1][field] = value
            cases.append({**bundle, "conversations": [{**shown, "events": events}]})
    cases += [
        {**bundle, "conversations": [{**shown, "events": shown["events"][:2]}]},
        {**bundle, "conversations": []},
        {**bundle, "head": bundle["head"].replace("\n6\n", "\n5\n")},
        {**bundle, "evidence": "another"},
        {},
    ]
    path = tmp_path / "bundle.json"
    for number, case in enumerate(cases):
        path.write_text(json.dumps(case), "utf-8")
        try:
            check_evidence(path.read_bytes(), SIGNER.verifier)
            ours = True
        except ValueError:
            ours = False
        status, output = await verify(path)
        assert ours is (status == 0), (number, output)
    other = str(Signer(SIGNER.name, bytes(32)).verifier)
    path.write_text(json.dumps(bundle), "utf-8")
    assert (await verify(path, other))[0] == 1


async def test_a_publisher_verifies_what_came_since(backend: Backend, clock: Clock) -> None:
    """The whole log before its first head, then each new event, of every tenant."""
    async with backend.open() as log, backend.open(tenant="other") as other:
        await said(log, clock, "a")
        heads = HeadSigner(log, SIGNER)
        assert (await heads.sign()).size == 1
        await said(log, clock, "a", "b")
        await said(other, clock, "theirs", "theirs")
        assert (await heads.sign()).size == 5
        await said(other, clock, "theirs")
        await other.position()
        await edit(backend, other, "theirs", 3)
        with pytest.raises(UnsoundError, match=r"'theirs', version 3.*No head was signed"):
            await heads.sign()
