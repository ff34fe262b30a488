"""What can be done from a page where it was allowed, and what one does when its server is gone."""

import pytest
from playwright.async_api import expect

from tests.backends import Backend
from tests.browser import shop
from tests.browser.conftest import Tab
from tests.browser.serving import serve

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""What a page makes of rows does not depend on where they were stored."""


async def test_a_moment_is_restored_from_its_page(tab: Tab, filled: Backend) -> None:
    """Who and why are asked for; the list stands again, and the page follows."""
    async with serve(filled, "--allow-changes") as address:
        page = await tab.open(f"{address}/c/{shop.NAME}?at=v11")
        await page.locator("#changing").click()
        await expect(page.locator("#change .here")).to_have_text("v11")
        await page.locator("#change [name=actor]").fill("sam")
        await page.locator("#change [name=reason]").fill("cleared by mistake")
        await page.locator("#change").get_by_text("Restore the list").click()
        await page.wait_for_url(f"{address}/c/{shop.NAME}")
        await page.wait_for_selector("body[data-ready]")
        await expect(page.locator("#version")).to_have_text("v15")
        assert await page.locator("#list-count").inner_text() == "8 items"
        assert "cleared by mistake" in await page.locator(".deed.rewound").inner_text()


async def test_a_branch_is_forked_from_its_page(tab: Tab, filled: Backend) -> None:
    """It begins with the list of the playhead, and has a page of its own, with its own seal."""
    async with serve(filled, "--allow-changes") as address:
        page = await tab.open(f"{address}/c/{shop.NAME}?at=v5")
        await page.locator("#changing").click()
        await page.locator("#change [name=actor]").fill("sam")
        await page.locator("#change [name=branch]").fill("again")
        await page.locator("#change").get_by_text("Fork from here").click()
        await page.wait_for_url("**branch=again")
        await page.wait_for_selector("body[data-ready]")
        assert await page.locator("#list-count").inner_text() == "5 items"
        await expect(page.locator(".entry", has_text="Leipzig").last).to_be_visible()
        await expect(page.locator("#seal")).to_contain_text("verified to v1")


async def test_nothing_is_offered_where_nothing_is_allowed(tab: Tab, address: str) -> None:
    """No button, no form."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    assert await page.locator("#changing, #change, form[method=post]").count() == 0


async def test_a_page_outlives_its_server_and_says_so(tab: Tab, filled: Backend) -> None:
    """What it shows stays, the playhead moves, and it is said that nobody answers."""
    async with serve(filled) as address:
        page = await tab.open(f"{address}/c/{shop.NAME}")
        await page.wait_for_selector("#live[data-state=live]")
    await expect(page.locator("#live")).to_have_text("server away")
    await page.keyboard.press("PageUp")
    assert await page.locator("#version").inner_text() == "v13"
    await expect(page.locator("#inspected")).to_contain_text("The server does not answer.")
