"""A database of a test's own: whoever is connected to it is the log, and may be cut off."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest

from tests import distributing
from tests.faults import cluster


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    with asyncio.Runner() as runner:
        opening = distributing.database(postgres_url, f"test_{uuid.uuid4().hex[:16]}")
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))


@pytest.fixture(scope="session")
def template_of_two() -> Iterator[cluster.Template]:
    """What each primary with a standby is a copy of."""
    with asyncio.Runner() as runner:
        made = cluster.template()
        yield runner.run(made.__aenter__())
        runner.run(made.__aexit__(None, None, None))


@pytest.fixture
async def two_servers(template_of_two: cluster.Template) -> AsyncIterator[cluster.Cluster]:
    """A primary and its standby, with an empty log."""
    async with cluster.primary_with_standby(template_of_two) as opened:
        yield opened
