"""The pictures of the documents, taken of the viewer: `python -m tests.browser.pictures`."""

import asyncio
import tempfile
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, Page, ViewportSize, async_playwright

from tests.backends import SqliteBackend
from tests.browser import chromium, shop
from tests.browser.serving import serve

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "pictures"
NAMES: Final = ("viewer-light", "viewer-dark", "viewer-back", "viewer-changed", "viewer-list")

_SIZE: Final[ViewportSize] = {"width": 1180, "height": 640}


async def take(browser: Browser, folder: Path, scratch: Path) -> None:
    """Take all of them into a folder; logs are made in `scratch`."""
    backend = SqliteBackend(scratch / "pictures.db")
    async with backend.open(clock=shop.seconds()) as log:
        await shop.fill(log)
    one = f"/c/{shop.NAME}"
    async with serve(backend) as address:
        await _take(browser, f"{address}{one}", folder / "viewer-light.png", "sound")
        await _take(browser, f"{address}{one}", folder / "viewer-dark.png", "sound", scheme="dark")
        back = f"{address}{one}?at=v{shop.CLEARED - 1}"
        await _take(browser, back, folder / "viewer-back.png", "sound")
        await _take(browser, f"{address}/", folder / "viewer-list.png", "sound")
    await backend.tamper("UPDATE {}events SET recorded_at = recorded_at + 1 WHERE version = 7")
    async with serve(backend) as address:
        await _take(browser, f"{address}{one}?at=v11", folder / "viewer-changed.png", "broken")
    await backend.discard()


async def _take(
    browser: Browser,
    address: str,
    path: Path,
    state: str,
    *,
    scheme: Literal["light", "dark"] = "light",
) -> None:
    context = await browser.new_context(color_scheme=scheme, viewport=_SIZE, timezone_id="UTC")
    page = await context.new_page()
    await page.goto(address)
    await _settle(page, state)
    await page.screenshot(path=path)
    await context.close()


async def _settle(page: Page, state: str) -> None:
    await page.wait_for_selector("body[data-ready]")
    await page.wait_for_selector(f"[data-state={state}]")
    if await page.locator("#inspected").count():
        await page.wait_for_selector("#inspected dl")
        await page.wait_for_selector("#live[data-state=live]")


async def main() -> None:
    """Take them for the documents."""
    with tempfile.TemporaryDirectory() as scratch:
        async with async_playwright() as playwright:
            browser = await chromium.launch(playwright)
            await take(browser, FOLDER, Path(scratch))
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
