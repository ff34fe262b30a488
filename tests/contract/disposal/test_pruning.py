"""Pruning: old conversations go for good, no others do, and the answer tells of each."""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import ErasedError, EventLog
from eventlog.errors import (
    InvalidMomentError,
    InvalidNameError,
    InvalidOptionError,
    PublishingError,
)
from eventlog.format.envelope import from_microseconds
from eventlog.operations import erasure as erasing
from eventlog.operations import lift_hold, place_hold
from eventlog_projections import (
    Archive,
    Conversation,
    Disposed,
    Evidence,
    erase_owner,
    prune,
    to_folder,
)
from tests.backends import EVERY_LOCALE, Backend
from tests.conftest import Clock
from tests.contract.proof.test_evidence import SIGNER, verify

pytestmark = EVERY_LOCALE

WHY: Final[dict[str, Any]] = {"by": "dpo", "reason": "retention-90d"}


class KilledError(Exception):
    """Stands for the end of a process."""


async def said(log: EventLog, clock: Clock, *names: str, owner: str = "") -> None:
    """Say something in each, one second after the other."""
    for name in names:
        clock.tick()
        await Conversation(log, name).add([f"hello {name}"])
        if owner:
            await Conversation(log, name).label(owner=owner, tags=[f"of {owner}"])


def now(clock: Clock) -> datetime:
    return from_microseconds(clock.tick())


def told(done: list[Disposed]) -> dict[str, str]:
    return {one.session_id: one.disposition for one in done}


async def left(log: EventLog) -> list[str]:
    """Return the conversations that still have a list."""
    names = [row.name for row in await log.streams().all()]
    return [name for name in names if await Conversation(log, name).items()]


async def test_what_is_older_goes_and_what_is_not_stays(erasable: Backend, clock: Clock) -> None:
    """A dry run says the same and changes nothing; a second run finds nothing to do."""
    async with erasable.open(clock=clock) as log:
        await said(log, clock, "a", "b", "c")
        branch = await Conversation(log, "a").fork("a", branch="idea")
        before = now(clock)
        await said(log, clock, "d")
        await branch.add(["the branch is used"])
        position = await log.position()
        dry = await prune(log, before, **WHY, dry_run=True)
        assert (told(dry), await log.position()) == ({"c": "chosen", "b": "chosen"}, position)
        seen: list[Disposed] = []
        done = await prune(log, before, **WHY, progress=seen.append)
        assert told(done) == {"c": "erased", "b": "erased"}
        assert (seen, await left(log)) == (done, ["a", "d"])
        assert [from_microseconds(one.last_at) < before for one in done] == [True, True]
        with pytest.raises(ErasedError):
            await Conversation(log, "c").items(as_of=1)
        assert await prune(log, now(clock), **WHY, owner="nobody") == []
        assert await prune(log, before, **WHY) == []
        assert (await log.verify()).ok


async def test_labels_choose_and_the_latest_are_kept(erasable: Backend, clock: Clock) -> None:
    """The latest of those that are asked for, not of all."""
    async with erasable.open(clock=clock) as log:
        await said(log, clock, "a1", "a2", "a3", owner="ann")
        await said(log, clock, "b1", "b2", owner="bob")
        await said(log, clock, "c1")
        end = now(clock)
        done = await prune(log, end, **WHY, owner="ann", keep=1)
        assert told(done) == {"a2": "erased", "a1": "erased"}
        assert told(await prune(log, end, **WHY, tag="of bob", keep=2)) == {}
        assert told(await prune(log, end, **WHY, owner="ann", tag="of bob")) == {}
        assert told(await prune(log, end, **WHY, tag="of bob")) == {"b2": "erased", "b1": "erased"}
        assert await left(log) == ["a3", "c1"]
        assert await Conversation(log, "a1").labels() == (None, None, ())


async def test_what_is_held_or_shared_is_left_and_told(backend: Backend, clock: Clock) -> None:
    """A hold on a fork holds what it began with; a fork that is in use keeps that, too."""
    async with backend.open(clock=clock) as log:
        await said(log, clock, "held", "parent", "used")
        await place_hold(log, "held", "case-1")
        await Conversation(log, "parent").fork("child")
        await place_hold(log, "child", "case-2")
        before = now(clock)
        await Conversation(log, "used").fork("user")
        done = {one.session_id: one for one in await prune(log, before, **WHY)}
        assert told(list(done.values())) == {
            "child": "held",
            "held": "held",
            "parent": "held",
            "used": "shared",
        }
        assert (done["parent"].because_of, done["used"].because_of) == (("child",), ("user",))
        assert await left(log) == ["child", "held", "parent", "used", "user"]
        await lift_hold(log, "child", "case-2")
        await said(log, clock, "parent")  # It comes first now, and its fork goes with it.
        done = {one.session_id: one for one in await prune(log, now(clock), **WHY)}
        assert set(told(list(done.values())).values()) == {"erased", "held"}
        assert done["child"].erased == done["parent"].erased
        assert await left(log) == ["held"]


async def test_an_archive_has_evidence_that_verifies_of_all_that_is_erased(
    erasable: Backend, clock: Clock, tmp_path: Path
) -> None:
    """With its branches and forks, in one file for each, checked without this library."""
    folder = tmp_path / "archive"
    async with erasable.open(clock=clock) as log:
        await said(log, clock, "alone", "parent")
        await Conversation(log, "parent").fork("parent", branch="idea")
        await Conversation(log, "parent").fork("child")
        archive = Archive(SIGNER, to_folder(folder))
        assert await prune(log, now(clock), **WHY, archive=archive, dry_run=True)
        assert not folder.exists()
        done = await prune(log, now(clock), **WHY, archive=archive)
        assert set(told(done).values()) == {"erased"}
        names = ("alone", "child", "parent")
        assert {path.name for path in folder.iterdir()} == {
            f"{log.spi.stream_id(name).hex()}-1.json" for name in names
        }
    shown = ""
    for path in folder.iterdir():
        status, output = await verify(path)
        assert status == 0, output
        shown += output
    for name in ("alone", "parent", "parent/idea", "child"):
        assert f"default/{name} is sound" in shown


async def test_nothing_is_erased_that_could_not_be_archived(backend: Backend, clock: Clock) -> None:
    """It is named, with the error of the archive; it stops no other, and is gone on with."""
    kept: list[str] = []

    async def keep(evidence: Evidence) -> None:
        if evidence.session_id == "b" and "has room again" not in kept:
            raise PublishingError("full")
        kept.append(evidence.session_id)

    async with backend.open(clock=clock) as log:
        await said(log, clock, "a", "b", "c")
        done = await prune(log, now(clock), **WHY, archive=Archive(SIGNER, keep))
        assert told(done) == {"c": "erased", "b": "unkept", "a": "erased"}
        assert [one.why for one in done] == [None, "full", None]
        assert (kept, await left(log)) == (["c", "a"], ["b"])
        kept[:] = ["has room again"]
        await prune(log, now(clock), **WHY, archive=Archive(SIGNER, keep))
        assert (kept[1:], await left(log)) == (["b"], [])


async def test_what_is_used_meanwhile_is_left(backend: Backend, clock: Clock) -> None:
    """What was said after it was archived is in no archive: it is not erased."""
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a", "b", "c")

        async def keep(evidence: Evidence) -> None:
            if evidence.session_id == "c":
                await Conversation(log, "c").add(["just now"])
                await Conversation(log, "a").add(["just now"])

        done = await prune(log, now(clock), **WHY, archive=Archive(SIGNER, keep))
        assert told(done) == {"c": "moved", "b": "erased", "a": "moved"}
        assert await Conversation(log, "c").items() == ["hello c", "just now"]


async def test_an_erasure_that_was_interrupted_is_gone_on_with(
    backend: Backend, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was erased already is no use of the conversation, and labels go last."""
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a", owner="ann")
        for number in range(3):
            await Conversation(log, "a").fork("a", branch=f"b{number}")
        before = now(clock)
        calls = 0
        erase_stream = erasing._erase

        async def failing(*args: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls % 3 == 0:
                raise KilledError
            return await erase_stream(*args, **options)

        monkeypatch.setattr(erasing, "_erase", failing)
        with pytest.raises(KilledError):
            await prune(log, before, **WHY)
        with pytest.raises(KilledError):
            await erase_owner(log, "ann", **WHY)
        monkeypatch.undo()
        assert told(await prune(log, before, **WHY, owner="ann")) == {"a": "erased"}
        for branch in ("", "b0", "b1", "b2"):
            assert await Conversation(log, "a", branch).items() == []


async def test_everything_of_an_owner_goes(erasable: Backend, clock: Clock) -> None:
    """With the forks of others; what somebody else owns now stays, and so does what is held."""
    async with erasable.open(clock=clock) as log:
        await said(log, clock, "a", "b", "given", "held", owner="ann")
        await said(log, clock, "other", owner="bob")
        await Conversation(log, "given").label(owner="bob")
        await (await Conversation(log, "a").fork("copied")).label(owner="bob")
        await place_hold(log, "held", "case-1")
        seen: list[Disposed] = []
        done = await erase_owner(log, "ann", **WHY, progress=seen.append)
        assert (told(done), seen) == ({"a": "erased", "b": "erased", "held": "held"}, done)
        assert await left(log) == ["given", "held", "other"]
        assert told(await erase_owner(log, "ann", **WHY)) == {"held": "held"}
        last = (await log.read("b").all())[-1]
        assert (last.header.by, last.header.reason) == (WHY["by"], WHY["reason"])


async def test_bad_options_erase_nothing(backend: Backend, clock: Clock) -> None:
    """A moment without a time zone, a negative number, no reason."""
    async with backend.open(clock=clock) as log:
        await said(log, clock, "a")
        with pytest.raises(InvalidMomentError, match="time zone"):
            await prune(log, datetime(2030, 1, 1), **WHY)
        with pytest.raises(InvalidOptionError, match="-1"):
            await prune(log, now(clock), **WHY, keep=-1)
        with pytest.raises(InvalidNameError):
            await prune(log, now(clock), by="dpo", reason="")
        assert await left(log) == ["a"]


async def test_another_tenant_is_never_pruned(backend: Backend, clock: Clock) -> None:
    """Conversations of the same name are two."""
    async with backend.open(clock=clock) as ours, backend.open(tenant="b", clock=clock) as theirs:
        await said(ours, clock, "a")
        await said(theirs, clock, "a", owner="ann")
        assert await erase_owner(ours, "ann", **WHY) == []
        assert told(await prune(ours, now(clock), **WHY)) == {"a": "erased"}
        assert await left(theirs) == ["a"]
