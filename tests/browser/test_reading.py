"""Keys, addresses, colours, widths, and what a screen reader is told."""

from importlib.resources import files
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser import shop
from tests.browser.conftest import Tab, open_tab

AXE = files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
PAGES = (
    "/",
    f"/c/{shop.NAME}",
    f"/diff/{shop.NAME}?a=v5&b=v14",
    f"/branches/{shop.NAME}",
    f"/charts/{shop.NAME}",
    "/c/nobody",
)


async def version(page: Page) -> str:
    return await page.locator("#version").inner_text()


async def test_keyboard_does_it_all(tab: Tab, shown: str) -> None:
    """Events, turns, both ends, playing, ghosts, search, keys."""
    page = await tab.open(f"{shown}/c/{shop.NAME}")
    for key, then in (
        ("ArrowLeft", "v13"),
        ("PageUp", "v7"),
        ("PageUp", "v2"),
        ("ArrowRight", "v3"),
        ("PageDown", "v7"),
        ("Home", "v0"),
        ("ArrowLeft", "v0"),
        ("End", "v14"),
        ("k", "v13"),
        ("j", "v14"),
    ):
        await page.keyboard.press(key)
        assert await version(page) == then, key
    assert await page.locator(".entry.ghost").count() > 1
    await page.keyboard.press("g")
    assert await page.locator(".entry.ghost").count() == 0
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.keyboard.press("Home")
    await page.keyboard.press("5")
    await page.keyboard.press("Space")
    await expect(page.locator("#version")).to_have_text("v14")
    await page.keyboard.press("t")
    await page.keyboard.type("2025-11-22T10:00:40Z")
    await page.keyboard.press("Enter")
    await expect(page.locator("#version")).to_have_text("v6")
    await page.keyboard.press("d")
    await page.wait_for_url("**/diff/*a=v6&b=v14")


async def test_everything_ever_said_is_found(tab: Tab, shown: str) -> None:
    """From any page; what was removed is marked, and Enter goes to it."""
    page = await tab.open(f"{shown}/")
    await page.keyboard.press("Control+k")
    await page.keyboard.type("leipzig")
    hit = page.locator(".hit").first
    await expect(hit).to_contain_text("removed")
    assert (await hit.locator("mark").first.inner_text()).casefold() == "leipzig"
    await page.keyboard.press("Enter")
    await page.wait_for_selector("body[data-ready] #slider")
    assert await version(page) in ("v4", "v5")


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        ("v5", "v5"),
        ("5", "v5"),
        ("2025-11-22T10:00:40Z", "v6"),
        ("2025-11-22T11:00:40%2B01:00", "v6"),
        ("2025-11-23", "v14"),
    ],
)
async def test_an_address_reproduces_the_view(tab: Tab, shown: str, asked: str, then: str) -> None:
    """A version, or a time."""
    page = await tab.open(f"{shown}/c/{shop.NAME}?at={asked}")
    assert await version(page) == then


async def test_a_call_without_a_result_is_flagged_and_others_are_paired(
    tab: Tab, shown: str
) -> None:
    """As of the playhead: before the answer came, the call was open."""
    page = await tab.open(f"{shown}/c/{shop.NAME}?at=v11")
    await expect(page.locator(".entry", has_text="charge").last.locator(".open")).to_be_visible()
    paired = page.locator(".entry", has_text="track").first
    assert "answered at v4" in await paired.locator(".fate").inner_text()
    await page.locator("#slider").fill("3")
    await expect(paired.locator(".open")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 375])
async def test_axe_finds_nothing(browser: Browser, shown: str, scheme: Any, width: int) -> None:
    """On any page, light and dark, wide and narrow; and nothing is wider than the screen."""
    viewport: Any = {"width": width, "height": 800}
    options: Any = {"color_scheme": scheme, "viewport": viewport, "bypass_csp": True}
    async with open_tab(browser, **options) as tab:
        tab.errors_are_expected = True  # One of the pages is an error.
        for path in PAGES:
            page = tab.page
            await page.goto(f"{shown}{path}")
            if path in PAGES[:2]:
                await page.wait_for_selector("body[data-ready]")
                await page.wait_for_selector("[data-state=sound]")
            await page.add_script_tag(content=AXE)
            found = await page.evaluate("axe.run()")
            told = [
                (
                    each["id"],
                    [(node["html"][:300], node["failureSummary"]) for node in each["nodes"]],
                )
                for each in found["violations"]
            ]
            assert not told, (path, told)
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
