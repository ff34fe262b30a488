"""Commands that destroy or prove: unsound logs, files that cannot be written, a process killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from eventlog import EventLog, Signer
from eventlog.operations import read_receipt
from eventlog_projections import Conversation
from tests import processes
from tests.adapters.cli.conftest import Eventlog, just_now
from tests.adapters.cli.shop import user
from tests.backends import Backend, SqliteBackend

NAMES: Final = ("n" * 246, "客" * 28, "ü" * 150, "a/../b", ".", "short")
KEY: Final = ("--key-file", "signing.key")


@pytest.fixture
def signer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signer:
    monkeypatch.chdir(tmp_path)
    made = Signer.generate("example.com/log")
    (tmp_path / "signing.key").write_text(made.dump(), "utf-8")
    return made


async def edit(backend: Backend, log: EventLog, name: str) -> None:
    await backend.tamper(
        "UPDATE {}events SET body = ? WHERE stream_id = ? AND version = 1",
        b"[1]",
        log.spi.stream_id(name),
    )


async def own(backend: Backend) -> None:
    """Write conversations of ann, with every odd name."""
    async with backend.open(create=False) as log:
        for name in NAMES:
            await Conversation(log, name).add([user("hello")])
            await Conversation(log, name).label(owner="ann")


async def test_prune_never_launders_what_was_edited(
    filled: Backend, eventlog: Eventlog, signer: Signer
) -> None:
    """It is kept and named, by an exit code too, and verify still tells."""
    async with filled.open(create=False) as log:
        await edit(filled, log, "order-1041")
    asked = ("prune", "--older-than", just_now(), "--archive", "archive", *KEY, "--yes")
    for became in ("erased", "unsound"):
        result = eventlog(*asked)
        assert (result.exit_code, became in result.output) == (3, True), result.output
        assert "'order-1041' is not as it was written" in result.output
    assert eventlog("verify").exit_code == 1
    assert len(list(Path("archive").iterdir())) == 1


async def test_evidence_of_what_was_edited_proves_nothing(
    filled: Backend, eventlog: Eventlog, signer: Signer
) -> None:
    """No file, no head, and the name of what was changed."""
    async with filled.open(create=False) as log:
        assert eventlog("head", *KEY).exit_code == 0
        await edit(filled, log, "order-1041")
        for name, key in (("order-1041", KEY), ("order-1041", ()), ("order-1042", KEY)):
            result = eventlog("evidence", name, "--to", "evidence.json", *key)
            assert (result.exit_code, "proves" in result.output) == (1, False), result.output
            assert "order-1041" in result.output
        assert eventlog("head", *KEY).exit_code == 1
        assert not Path("evidence.json").exists()
        assert len(await log.tree.heads().all()) == 1
        found = eventlog("evidence", "order-1042", "--to", "evidence.json")
        assert found.stdout == "evidence.json proves order-1042.\n"


async def test_erase_says_how_to_erase_what_was_edited(
    filled: Backend, eventlog: Eventlog, signer: Signer
) -> None:
    """Only whoever insists does so."""
    async with filled.open(create=False) as log:
        await edit(filled, log, "order-1041")
    asked = ("erase", "order-1041", "--reason", "x", "--yes")
    assert eventlog(*asked).exit_code == 1
    assert eventlog(*asked, "--unsound").exit_code == 0


async def test_every_name_has_its_file(filled: Backend, eventlog: Eventlog, signer: Signer) -> None:
    """An export, a receipt and an archive of each, in the folder and nowhere else."""
    await own(filled)
    exported = eventlog("export", "--owner", "ann", "--to", "out")
    assert (exported.exit_code, len(os.listdir("out"))) == (0, len(NAMES)), exported.output
    again = eventlog("export", "--owner", "ann", "--to", "out")
    assert "6 were there already" in again.output
    gone = eventlog(
        "erase", "--owner", "ann", "--reason", "x", "--receipts", "receipts", *KEY, "--yes"
    )
    assert gone.exit_code == 0, gone.output
    notes = [path.read_text("utf-8") for path in Path("receipts").iterdir()]
    found = {read_receipt(note, signer.verifier).session_id for note in notes}
    assert found == set(NAMES)
    for name in NAMES:
        made = eventlog("receipt", name, *KEY)
        assert made.output in notes, made.output


async def test_without_room_for_receipts_nothing_is_erased(
    filled: Backend, eventlog: Eventlog, signer: Signer
) -> None:
    """A file where the folder should be; each conversation is named."""
    await own(filled)
    Path("receipts").write_text("no folder")
    for chosen in (("--owner", "ann"), ("short",)):
        asked = ("erase", *chosen, "--reason", "x", "--receipts", "receipts", *KEY, "--yes")
        result = eventlog(*asked)
        assert result.exit_code in (1, 3)
        assert "cannot be written" in result.output
    for name in NAMES:
        assert eventlog("show", name).exit_code == 0
        assert "hello" in eventlog("show", name).output


async def test_one_export_that_fails_stops_no_other(
    filled: Backend, eventlog: Eventlog, signer: Signer
) -> None:
    """It is named, and the exit code tells."""
    await own(filled)
    Path("out").mkdir()
    Path("out/short.v2.jsonl").symlink_to("elsewhere")
    result = eventlog("export", "--owner", "ann", "--to", "out")
    assert (result.exit_code, len(os.listdir("out"))) == (3, len(NAMES)), result.output
    assert "short was not exported" in result.output
    assert not Path("out/elsewhere").exists()


def test_a_secret_follows_no_link(tmp_path: Path, eventlog: Eventlog, signer: Signer) -> None:
    """Neither at its own name nor at one that it is first written to."""
    Path("victim").write_text("mine")
    Path("keys.new").symlink_to("victim")
    assert eventlog("keys", "signing", "example.com/log", "--to", "keys").exit_code == 0
    assert (Path("victim").read_text(), Path("keys").stat().st_mode & 0o777) == ("mine", 0o600)
    Path("ring").symlink_to("victim")
    assert eventlog("keys", "signing", "example.com/log", "--to", "ring").exit_code == 2
    Path("victim").unlink()
    assert eventlog("keys", "new", "k1", "--to", "ring").exit_code == 1
    assert not Path("victim").exists()


KILLED: Final = """
import asyncio, os, signal, sys
from eventlog import EventLog, Signer
from eventlog_projections import ReceiptFolder, erase

async def main(path, key):
    async with EventLog(path) as log:
        await log.position()
        log.spi.store.erase = lambda erasure: os.kill(os.getpid(), signal.SIGKILL)
        signer = Signer.load(open(key).read())
        receipts = ReceiptFolder("receipts")
        await erase(log, "order-1041", by="x", reason="x", signer=signer, receipts=receipts)

asyncio.run(main(*sys.argv[1:]))
"""


def test_whoever_is_killed_has_left_the_receipt_before(
    db: str, eventlog: Eventlog, signer: Signer
) -> None:
    """Marked as planned; erasing again settles it."""
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, db, "signing.key"],
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert killed.returncode == -signal.SIGKILL
    assert os.listdir("receipts") == ["order-1041.receipt.planned"]
    assert "parcel" in eventlog("show", "order-1041").output
    asked = ("erase", "order-1041", "--reason", "x", "--receipts", "receipts", *KEY, "--yes")
    assert eventlog(*asked).exit_code == 0
    assert os.listdir("receipts") == ["order-1041.receipt"]


async def test_a_worker_signs_no_head_over_what_was_edited(db: str, signer: Signer) -> None:
    """It ends and names it."""
    backend = SqliteBackend(Path(db))
    async with backend.open(create=False) as log:
        await edit(backend, log, "order-1041")
    heads = (*KEY, "--head-file", "head.txt", "--no-views")
    status, output = await processes.output_of(*processes.eventlog(backend, "worker", *heads))
    assert (status, "'order-1041'" in output) == (1, True), output
    async with backend.open(create=False) as log:
        assert await log.tree.last_head() is None
    assert not Path("head.txt").exists()
