"""What the tests of the vectors share."""

from pathlib import Path

import pytest

from tests.vectors.making import stream_of
from tests.vectors.reading import FILES
from tests.vectors.storing import store


@pytest.fixture
async def lists(tmp_path: Path) -> Path:
    """A log with the streams of lists.json."""
    path = tmp_path / "lists.db"
    await store(path, *map(stream_of, FILES["lists"]["streams"]))
    return path
