"""One Chromium for all tests, a page for each, and servers that end with them."""

import contextlib
import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Error, Page, async_playwright

from tests.backends import Backend, SqliteBackend
from tests.browser import chromium, shop
from tests.browser.serving import serve

_AWAY: Final = ("net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_REFUSED")
"""How a browser says that a server ended before its pages."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # One loop for all: the browser lives in it.
    for item in items:
        is_ours = Path(__file__).parent in item.path.parents
        if is_ours and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await chromium.launch(playwright)
        yield browser
        await browser.close()


class Tab:
    """A page, and whatever went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page: Final = page
        self.errors: Final[list[str]] = []
        self.errors_are_expected = False
        page.on("pageerror", self._failed)
        page.on("console", self._said)

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.endswith(_AWAY):
            self.errors.append(message.text)

    async def open(self, address: str) -> Page:
        """Go to the page of a conversation, and wait until it can be used."""
        await self.page.goto(address)
        await self.page.wait_for_selector("body[data-ready]")
        return self.page


@contextlib.asynccontextmanager
async def open_tab(browser: Browser, **options: Any) -> AsyncGenerator[Tab]:
    """Open a page; nothing may have gone wrong in it."""
    options.setdefault("timezone_id", "UTC")
    context = await browser.new_context(**options)
    try:
        tab = Tab(await context.new_page())
        yield tab
        assert tab.errors_are_expected or not tab.errors
    finally:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tab(browser: Browser) -> AsyncIterator[Tab]:
    async with open_tab(browser, viewport={"width": 1400, "height": 900}) as tab:
        yield tab


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shown(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a server on a log with a past, for all tests that only look."""
    backend = SqliteBackend(tmp_path_factory.mktemp("shown") / "log.db")
    async with backend.open(clock=shop.seconds()) as log:
        await shop.fill(log)
    async with serve(backend) as address:
        yield address


@pytest_asyncio.fixture(loop_scope="session")
async def filled(backend: Backend) -> Backend:
    """A log with a past, on every backend."""
    async with backend.open(clock=shop.seconds()) as log:
        await shop.fill(log)
    return backend


@pytest_asyncio.fixture(loop_scope="session")
async def address(filled: Backend) -> AsyncIterator[str]:
    """A server on it."""
    async with serve(filled) as address:
        yield address
