"""Fixtures of the session's tests: one database for all, in which each test is a tenant."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
from agents import SQLiteSession

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession
from tests.adapters import scenarios, scenarios_paused
from tests.adapters.metering import Meter, Metered
from tests.backends import Backend
from tests.conftest import open_backend


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Backend]:
    """A database that is created once: that takes longer than most of these tests."""
    with asyncio.Runner() as runner:
        opening = open_backend(request.param, tmp_path_factory.mktemp("database"))
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture
def tenant() -> str:
    """A tenant of the test's own."""
    return uuid.uuid4().hex


@pytest.fixture
async def log(database: Backend, tenant: str) -> AsyncIterator[EventLog]:
    """An open log, empty, on every backend: no test sees another's tenant."""
    async with database.open(tenant=tenant) as opened:
        yield opened


@pytest.fixture
async def session(log: EventLog) -> AsyncIterator[EventLogSession]:
    """A session of ours on every backend."""
    async with EventLogSession("user-123", log=log) as opened:
        yield opened


@pytest.fixture
def theirs() -> Iterator[SQLiteSession]:
    """A session of the SDK."""
    opened = SQLiteSession("user-123")
    yield opened
    opened.close()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Meter:
    """The models of the scenarios use something; how often they were asked."""
    made: list[Metered] = []
    monkeypatch.setattr(Metered, "made", made, raising=False)
    for module in (scenarios, scenarios_paused):
        monkeypatch.setattr(module, "ScriptedModel", Metered)
    return lambda: sum(len(model.calls) for model in made)
