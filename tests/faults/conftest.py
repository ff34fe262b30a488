"""A database of a test's own: whoever is connected to it is the log, and may be cut off."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from tests.faults import cluster


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


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


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
