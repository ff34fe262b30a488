"""A PostgreSQL with a streaming standby, of a test's own: killed, promoted, paused."""

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, Final, NamedTuple

import asyncpg
import psutil
from sqlalchemy.engine import make_url

from eventlog.operations import migrate
from tests import servers
from tests.waiting import until

USER: Final = "postgres"
DATABASE: Final = "log"
STANDBY: Final = "standby"
"""What the primary knows its standby by."""

_SETTINGS: Final = ("fsync=off", "full_page_writes=off", "max_wal_senders=5", "wal_level=replica")
_IS_STREAMING: Final = "SELECT state = 'streaming' FROM pg_stat_replication"
_IS_SYNCHRONOUS: Final = "SELECT sync_state = 'sync' FROM pg_stat_replication"


class Node:
    """One server: its data are in a folder of its own, and so is its socket."""

    def __init__(self, folder: Path) -> None:
        self.folder: Final = folder
        self.data: Final = folder / "data"
        self._url = make_url(f"postgresql://{USER}@/postgres?host={folder}")

    def url(self, database: str = "postgres") -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    async def start(self) -> None:
        """Return once it answers."""
        socket = f"-h '' -k {self.folder} -c cluster_name={STANDBY}"
        options = " ".join((socket, *[f"-c {setting}" for setting in _SETTINGS]))
        where = ("-D", str(self.data), "-l", str(self.folder / "log"))
        await _run("pg_ctl", "-w", *where, "-o", options, "start")

    async def execute(self, statement: str) -> Any:
        """Run SQL as the superuser, and return the first value of the first row."""
        connection = await asyncpg.connect(self.url())
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    async def set(self, name: str, value: str) -> None:
        """Change a setting of the server that is read again while it runs."""
        await self.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        await self.execute("SELECT pg_reload_conf()")

        async def is_set() -> bool:
            return bool(await self.execute(f"SHOW {name}") == value)

        await until(is_set, f"{name} is {value!r}")

    async def stop(self) -> None:
        """Stop it at once, without a checkpoint, as an operator does in need."""
        await _run("pg_ctl", "-w", "-D", str(self.data), "-m", "immediate", "stop")

    async def kill(self) -> None:
        """Kill every process of it at once, as a power cut does. Idempotent."""
        with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            postmaster = psutil.Process(pid)
            processes = [postmaster, *postmaster.children(recursive=True)]
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

            async def are_over() -> bool:
                return all(map(_is_over, processes))

            await until(are_over, "the server is dead")

    async def promote(self) -> None:
        """Make a primary of a standby; return once it writes."""
        assert await self.execute("SELECT pg_promote()")


class Cluster:
    """A primary and its standby; `fail_over` leaves the standby as the only server."""

    def __init__(self, primary: Node, standby: Node) -> None:
        self.primary: Final = primary
        self.standby: Final = standby

    @property
    def url(self) -> str:
        """The log, on the primary."""
        return self.primary.url(DATABASE)

    @property
    def standby_url(self) -> str:
        """The same on the standby."""
        return self.standby.url(DATABASE)

    async def be_synchronous(self, commit: str = "on") -> None:
        """Acknowledge no commit before the standby has it."""
        await self.primary.set("synchronous_commit", commit)
        await self.primary.set("synchronous_standby_names", STANDBY)
        await until(lambda: self.primary.execute(_IS_SYNCHRONOUS), "the standby is synchronous")

    async def has_caught_up(self) -> None:
        """Return once the standby shows all that the primary has."""
        end = await self.primary.execute("SELECT pg_current_wal_flush_lsn()::text")
        shown = f"SELECT pg_last_wal_replay_lsn() >= '{end}'"
        await until(lambda: self.standby.execute(shown), "the standby has caught up")

    async def cut_off(self) -> None:
        """Let the standby get no more of what the primary writes."""
        await self.standby.set("primary_conninfo", "")
        nobody = "SELECT NOT EXISTS (SELECT FROM pg_stat_replication)"
        await until(lambda: self.primary.execute(nobody), "nothing is streamed any more")

    async def fail_over(self) -> None:
        """Kill the primary, and promote the standby."""
        await self.primary.kill()
        await self.standby.promote()


class Template(NamedTuple):
    """Folders of data that a primary and its standby begin with."""

    primary: Path
    standby: Path


@contextlib.asynccontextmanager
async def template() -> AsyncGenerator[Template]:
    """Make a primary with an empty log, and a standby of it as an operator does; stop them."""
    async with _node() as primary, _node() as standby:
        where = ("-D", str(primary.data))
        await _run("initdb", "--auth=trust", "--encoding=utf8", "--no-sync", "-U", USER, *where)
        await primary.start()
        await primary.execute(f"CREATE DATABASE {DATABASE}")
        await migrate(primary.url(DATABASE))
        copied = ("-D", str(standby.data), "-d", primary.url())
        await _run("pg_basebackup", "-R", "-c", "fast", "-X", "stream", *copied)
        await _run("pg_ctl", "-w", *where, "-m", "fast", "stop")
        yield Template(primary.data, standby.data)


@contextlib.asynccontextmanager
async def primary_with_standby(made: Template) -> AsyncGenerator[Cluster]:
    """Start a primary and a standby that streams from it, with a log that nobody else has."""
    async with _node() as primary, _node() as standby:
        await _copy(made.primary, primary.data)
        await _copy(made.standby, standby.data)
        with (standby.data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = 'host={primary.folder} user={USER}'\n")
        await primary.start()
        await standby.start()
        await until(lambda: primary.execute(_IS_STREAMING), "the standby streams")
        yield Cluster(primary, standby)


async def _copy(data: Path, to: Path) -> None:
    """Copy a folder with its owner and rights."""
    process = await asyncio.create_subprocess_exec("cp", "-a", str(data), str(to))
    assert await process.wait() == 0


@contextlib.asynccontextmanager
async def _node() -> AsyncGenerator[Node]:
    # Outside the project and short: another user may run it, and sockets have short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    folder.chmod(0o755)
    if (user := servers.owner()) is not None:
        shutil.chown(folder, user)
    node = Node(folder)
    try:
        yield node
    finally:
        await node.kill()
        shutil.rmtree(folder, ignore_errors=True)


async def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL's; it inherits no output, which a server would keep open."""
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            servers.program(program), *arguments, stdout=output, stderr=output, user=servers.owner()
        )
        status = await process.wait()
        output.seek(0)
        assert status == 0, output.read().decode()


def _is_over(process: psutil.Process) -> bool:
    """Tell whether a process runs no more, whether or not somebody has asked how it ended."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
