"""Fixtures of all tests: the servers, and one backend after the other."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings

from eventlog import EventLog
from eventlog.keys import new_key, parse_keyring
from tests import distributing, locales, servers, skipping
from tests.backends import POSTGRES_EN_US, Backend, PostgresBackend, SqliteBackend

_SERVERS: Final = pytest.StashKey[contextlib.ExitStack]()

_MEMORY: Final = "/dev/shm"
_ENOUGH: Final = 2 * 2**30
"""Bytes that must be free there."""

# How long something takes says more about the machine than about the code: see benchmarks/.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_configure(config: pytest.Config) -> None:
    # Files of tests are flushed all the time, and for nobody: no test takes the machine's power.
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ENOUGH:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", _MEMORY)
    skipping.register(config)
    distributing.register(config)
    # Under xdist only the controller starts servers; the workers inherit their names.
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        with contextlib.ExitStack() as stack:
            servers.start(stack)
            config.stash[_SERVERS] = stack.pop_all()


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash.get(_SERVERS, contextlib.ExitStack()).close()


@pytest.fixture(scope="session")
def postgres_url() -> str:
    return os.environ[servers.POSTGRES]


@pytest.fixture(scope="session")
def redis_url() -> str:
    return os.environ[servers.REDIS]


@pytest.fixture(params=["sqlite", "postgres"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """A log of the test's own, empty, on every backend."""
    async with open_backend(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
async def blank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """A database without a log, on every backend."""
    async with open_backend(request.param, tmp_path, make=False) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
async def sealed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    """The same, where every log has a keyring unless it is opened without."""
    async with open_backend(request.param, tmp_path) as opened:
        opened.keyring = parse_keyring(new_key("kek-1"))
        yield opened


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def erasable(backend: Backend, request: pytest.FixtureRequest) -> Backend:
    """Every backend, with encryption and without."""
    backend.keyring = parse_keyring(new_key("kek")) if request.param else None
    return backend


@contextlib.asynccontextmanager
async def open_backend(name: str, folder: Path, *, make: bool = True) -> AsyncGenerator[Backend]:
    """Give a database of its own, with an empty log unless told otherwise."""
    opened: Backend
    if name == "sqlite":
        opened = SqliteBackend(folder / "log.db")
    elif name == POSTGRES_EN_US:
        opened = PostgresBackend(await locales.database(os.environ[servers.POSTGRES]))
    else:
        opened = PostgresBackend(os.environ[servers.POSTGRES])
    try:
        if make:
            await opened.make()
        yield opened
    finally:
        await opened.discard()


@pytest.fixture
async def log(backend: Backend) -> AsyncIterator[EventLog]:
    """An open log on every backend."""
    async with backend.open() as opened:
        yield opened


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sends traces or finds a key."""
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


class Clock:
    """A clock that only tests move, in microseconds."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def tick(self, microseconds: int = 1_000_000) -> int:
        self.now += microseconds
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(1_700_000_000_000_000)


def pytest_make_parametrize_id(config: pytest.Config, val: Any, argname: str) -> str | None:
    return val.__name__ if isinstance(val, type) else None


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that other users reach: pytest closes those above its own as each run begins."""
    above = Path(tempfile.mkdtemp(prefix="public-"))
    above.chmod(0o755)
    place = above / "folder"
    place.mkdir(mode=0o755)
    yield place
    place.chmod(0o755)
    shutil.rmtree(above)
