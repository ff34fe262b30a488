"""What the tests of the command line share: a log with a past, and commands run on it."""

import contextlib
import os
import sys
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from eventlog import EventLog
from eventlog_cli.app import app
from tests import servers
from tests.adapters.cli.shop import Minutes, fill
from tests.backends import Backend

ROOT: Final = Path(__file__).resolve().parents[3]

Eventlog = Callable[..., Result]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print as in a pipe of 80 columns, by ada."""
    ours = [name for name in os.environ if name.startswith("EVENTLOG_")]
    for name in {*ours, "FORCE_COLOR"} - {servers.POSTGRES, servers.REDIS}:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("EVENTLOG_ACTOR", "ada")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@contextlib.asynccontextmanager
async def closed_log(path: Path) -> AsyncGenerator[EventLog]:
    async with EventLog(path, clock=Minutes()) as log:
        yield log


@pytest.fixture
async def db(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A SQLite log with a past, which nobody has open; EVENTLOG_DB names it."""
    path = tmp_path / "conversations.db"
    async with closed_log(path) as log:
        await fill(log)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EVENTLOG_DB", str(path))
    return str(path)


@pytest.fixture
async def filled(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The same log on every backend."""
    async with backend.open() as log:
        await fill(log)
    monkeypatch.setenv("EVENTLOG_DB", backend.url)
    monkeypatch.setenv("EVENTLOG_SCHEMA", backend.options.get("schema", "eventlog"))
    return backend


@pytest.fixture
def eventlog() -> Iterator[Eventlog]:
    """Run a command in this process, in a thread: a test may have a loop of its own."""
    with ThreadPoolExecutor(1) as threads:

        def run(*arguments: str, **more: Any) -> Result:
            invoke = CliRunner().invoke
            return threads.submit(invoke, app, arguments, prog_name="eventlog", **more).result()

        yield run


def just_now() -> str:
    """Return a time that is past when a command reads it, and behind all that was written."""
    return datetime.now(UTC).isoformat()


def program(*arguments: str) -> list[str]:
    """Return the command as a program of its own."""
    return [sys.executable, "-m", "eventlog_cli", *arguments]
