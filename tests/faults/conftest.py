"""A database of a test's own: whoever is connected to it is the log, and may be cut off."""

import asyncio
import uuid
from collections.abc import Iterator

import asyncpg
import pytest
from sqlalchemy.engine import make_url


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:16]}"
    asyncio.run(_execute(postgres_url, f"CREATE DATABASE {name}"))
    yield make_url(postgres_url).set(database=name).render_as_string(hide_password=False)
    asyncio.run(_execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
