"""A store that nobody holds is gone without a garbage collection, and its threads with it."""

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventlog.addresses.log import SqliteAddress
from eventlog.store.contract.options import Options
from eventlog.store.sqlite.store import SqliteStore
from tests.waiting import until


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Let nothing be collected that a count of references does not free."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_a_store_of_sqlite_is_in_no_circle(tmp_path: Path) -> None:
    """Whoever drops it without closing it keeps neither a thread nor a file open."""
    store = SqliteStore(SqliteAddress(str(tmp_path / "log.db")), Options())
    await store.streams.head(b"s" * 16)
    await store.views.checkpoints()
    runner = weakref.ref(store.runner)
    del store

    async def is_gone() -> bool:
        return runner() is None  # The thread may be busy with letting go of its last job.

    await until(is_gone, "nothing refers to the runner")
