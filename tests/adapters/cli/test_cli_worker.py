"""`eventlog worker`, as a supervisor runs it."""

import asyncio
import signal
from asyncio.subprocess import STDOUT
from pathlib import Path

import pytest

from eventlog import ItemsAdded, Signer
from eventlog.feed import tail
from eventlog_projections.views import Views
from tests import processes
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend, SqliteBackend
from tests.elsewhere import open_elsewhere
from tests.waiting import PATIENCE, until

NEVER = 3600.0


async def test_a_worker_does_all_there_is_to_do_until_it_is_told_to_stop(
    backend: Backend, redis_url: str, tmp_path: Path
) -> None:
    """Nobody reads here: positions, views and heads follow all the same; it ends quietly."""
    number = signal.SIGINT if backend.name == "sqlite" else signal.SIGTERM
    signer = Signer("example.com/log", bytes(range(32)))
    key, path = tmp_path / "key.txt", tmp_path / "head.txt"
    key.write_text(signer.dump(), "utf-8")
    heads = ("--key-file", str(key), "--head-file", str(path), "--every-events", "1")
    command = processes.eventlog(backend, "worker", "--redis", redis_url, *heads)
    async with backend.open() as log:
        await log.append("chat", [ItemsAdded([n]) for n in range(10)])
        async with processes.python(*command, stderr=STDOUT) as process:

            async def has_come_to(position: int) -> bool:
                found = await Views(log).status()
                there = path.exists() and signer.verifier.open(path.read_text("utf-8")).size
                return len(found) == 4 and {view.position for view in found} == {there} == {
                    position
                }

            await until(lambda: has_come_to(10), "the worker has done what there was")
            await log.append("chat", ItemsAdded([10]))
            await until(lambda: has_come_to(11), "the worker has followed")
            process.send_signal(number)
            told, _ = await process.communicate()
            begun, ended = told.decode().splitlines()
            assert begun.startswith("Working on ")
            assert begun.endswith("keeping views, publishing heads. Ctrl-C ends it.")
            assert (process.returncode, ended) == (0, "Ended: 1 event came meanwhile.")


async def test_a_follower_hears_a_worker_that_only_places(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a third process appends arrives by NOTIFY, where no poll would come."""
    if backend.name == "sqlite":
        return  # Nobody notifies there.
    monkeypatch.setattr(tail, "EAGER", NEVER)
    command = processes.eventlog(backend, "worker", "--no-views")
    async with backend.open(poll_interval=NEVER) as log, processes.python(*command) as process:
        await log.append("chat", ItemsAdded([0]))
        await until(lambda: has_placed(backend, 1), "the worker has come to position 1")
        events = log.subscribe()
        assert (await anext(events)).position == 1
        elsewhere = open_elsewhere(backend)
        for number in range(2, 6):
            await asyncio.sleep(0.05)
            await elsewhere.append("chat", ItemsAdded([number]))
            assert (await asyncio.wait_for(anext(events), PATIENCE)).position == number
        await events.aclose()
        await elsewhere.close()
        assert await Views(log).status() == []
        process.terminate()
        assert await process.wait() == 0


async def has_placed(backend: Backend, position: int) -> bool:
    return await backend.execute("SELECT position FROM {}feed_head") == [(position,)]


def test_sqlite_needs_no_worker_that_only_places(db: str, eventlog: Eventlog) -> None:
    """It says so and ends."""
    result = eventlog("worker", "--no-views")
    assert (result.exit_code, "no worker is needed" in result.output) == (0, True)


async def test_a_tree_that_is_broken_ends_the_worker(db: str, tmp_path: Path) -> None:
    """With a line that says why: whoever runs it must look."""
    signer = Signer.generate("example.com/log")
    (tmp_path / "key.txt").write_text(signer.dump(), "utf-8")
    backend = SqliteBackend(Path(db))
    async with backend.open() as log:
        await log.tree.head(signer)
    await backend.tamper("UPDATE {}tree_heads SET root = ?", bytes(32))
    heads = ("--key-file", str(tmp_path / "key.txt"), "--head-command", "cat")
    status, output = await processes.output_of(*processes.eventlog(backend, "worker", *heads))
    begun, why = output.splitlines()
    assert begun.startswith("Working on ")
    assert (status, "No head was signed" in why) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--db", "postgresql://ana:s3cret@127.0.0.1:1/db"), 1, "127.0.0.1:1"),
        (("--db", "redis://localhost"), 2, "cache"),
        (("--db", "nothing.db"), 1, "does not exist"),
        (("--head-file", "head.txt"), 2, "Which key signs?"),
        (("--head-file", "head.txt", "--key-file", "nothing.txt"), 2, "cannot be read"),
        (("--head-file", "head.txt", "--head-command", "cat"), 2, "not to both"),
        (("--head-command", "cat 'x"), 2, "is no command"),
        (("--head-command", ""), 2, "is empty"),
        (("--every-seconds", "0"), 2, "--every-seconds"),
    ],
)
def test_a_worker_that_cannot_begin_says_why(
    db: str, eventlog: Eventlog, arguments: tuple[str, ...], code: int, says: str
) -> None:
    """Without a traceback or a password."""
    result = eventlog("worker", *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output
    assert "Traceback" not in result.output
    assert "s3cret" not in result.output
