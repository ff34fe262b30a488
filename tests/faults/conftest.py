"""A database of a test's own: whoever is connected to it is the log, and may be cut off."""

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests import distributing


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    with asyncio.Runner() as runner:
        opening = distributing.database(postgres_url, f"test_{uuid.uuid4().hex[:16]}")
        yield runner.run(opening.__aenter__())
        runner.run(opening.__aexit__(None, None, None))
