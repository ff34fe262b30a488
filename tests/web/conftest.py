"""The viewer as an application, asked without a server."""

from collections.abc import AsyncIterator

import pytest
from starlette.types import ASGIApp

from eventlog import EventLog
from eventlog_web import Access, build
from tests.backends import Backend
from tests.browser import shop


@pytest.fixture
async def filled(backend: Backend) -> Backend:
    """A log with a past, on every backend."""
    async with backend.open(clock=shop.seconds()) as log:
        await shop.fill(log)
    return backend


@pytest.fixture
async def opened(filled: Backend) -> AsyncIterator[EventLog]:
    async with filled.open(read_only=True) as log:
        yield log


@pytest.fixture
def app(opened: EventLog) -> ASGIApp:
    """The viewer of a log with a past, which nobody may change."""
    return build(opened, Access())
