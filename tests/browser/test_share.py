"""A conversation as a file: it is opened from disk, with the network off."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, Request

from tests import processes
from tests.backends import Backend
from tests.browser import shop
from tests.browser.conftest import open_tab

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""What a page makes of rows does not depend on where they were stored."""


async def shared(backend: Backend, folder: Path, *options: str) -> Path:
    path = folder / "shared.html"
    command = processes.eventlog(backend, "share", shop.NAME, "-o", str(path), *options)
    code, said = await processes.output_of(*command)
    assert code == 0, said
    return path


async def test_file_has_the_scrubber_and_the_ghosts_without_a_network(
    browser: Browser, filled: Backend, tmp_path: Path
) -> None:
    """It asks nobody for anything, and shows the same as the server."""
    path = await shared(filled, tmp_path)
    asked: list[str] = []
    async with open_tab(browser, offline=True) as tab:

        def note(request: Request) -> None:
            asked.append(request.url)

        tab.page.on("request", note)
        page = await tab.open(path.as_uri())
        assert "cleared by lead:sam" in await page.locator(".entry.ghost .fate").last.inner_text()
        await page.locator("#slider").fill(str(shop.CLEARED - 1))
        assert await page.locator(".entry.ghost").count() == 1
        assert "verified then" in await page.locator("#seal").inner_text()
        await page.wait_for_url("**#v11")
        await page.locator("#inspected dl").wait_for()
    assert asked == [path.as_uri()]


async def test_address_of_a_moment_in_a_file(
    browser: Browser, filled: Backend, tmp_path: Path
) -> None:
    """`#v5` is the fifth version."""
    path = await shared(filled, tmp_path)
    async with open_tab(browser) as tab:
        page = await tab.open(f"{path.as_uri()}#v5")
        assert await page.locator("#version").inner_text() == "v5"


async def test_nothing_behind_the_moment_is_in_the_file(filled: Backend, tmp_path: Path) -> None:
    """As of a version means that what came later is not given away."""
    path = await shared(filled, tmp_path, "--as-of", "5")
    text = path.read_text()
    assert "Leipzig" in text
    assert "card numbers" not in text
    assert "clean start" not in text


async def test_what_is_redacted_is_marked_and_nowhere(
    browser: Browser, filled: Backend, tmp_path: Path
) -> None:
    """Names, arguments of tools and a pattern are in no part of the file."""
    options = ["--redact", "names", "--redact", "arguments", "--redact-pattern", r"\d{4} \d{4}"]
    path = await shared(filled, tmp_path, *options)
    text = path.read_text()
    for secret in (
        "user:ada",
        "hello ada",
        'example.com"',
        "sam",
        "support",
        "1111 1111",
        "in transit",
    ):
        assert secret not in text.casefold().replace("same", ""), secret
    async with open_tab(browser) as tab:
        page = await tab.open(path.as_uri())
        assert "without names" in await page.locator(".chip.redacted").inner_text()
        assert "[redacted]" in await page.locator("#talk").inner_text()
