"""The story that the viewer is for: what was removed is still there, and stands again."""

from tests.backends import Backend
from tests.browser import shop
from tests.browser.conftest import Tab
from tests.browser.serving import serve


async def test_cleared_conversation_is_still_there_struck_through(tab: Tab, address: str) -> None:
    """Whoever looks sees what was cleared, by whom, when, why and by which event."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    ghost = page.locator(".entry.ghost", has_text="Leipzig").last
    fate = ghost.locator(".fate")
    assert "cleared by lead:sam" in await fate.inner_text()
    assert f"v{shop.CLEARED}" in await fate.inner_text()
    assert "a clean start" in await fate.inner_text()
    decoration = await ghost.locator(".md").evaluate(
        "each => getComputedStyle(each).textDecorationLine"
    )
    assert decoration == "line-through"
    assert await page.locator(".entry:not(.ghost)", has_text="Hello Ada!").count() == 1


async def test_the_slider_back_makes_it_stand_again(tab: Tab, address: str) -> None:
    """One step before the clear nothing is struck through but what was popped before."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    await page.locator("#slider").fill(str(shop.CLEARED - 1))
    assert await page.locator(".entry.ghost").count() == 1
    assert "taken back by lead:sam" in await page.locator(".entry.ghost .fate").inner_text()
    assert await page.locator("#list-count").inner_text() == "8 items"
    await page.wait_for_url(f"**/c/{shop.NAME}?at=v{shop.CLEARED - 1}")


async def test_seal_is_verified(tab: Tab, address: str) -> None:
    """It says up to which version, and what it is that was verified."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    await page.wait_for_selector("#seal[data-state=sound]")
    assert await page.locator("#seal").inner_text() == "✓ verified to v14"
    await page.locator("#seal").click()
    assert "head hash" in await page.locator("#sealed").inner_text()


async def test_seal_points_at_the_event_that_was_changed(tab: Tab, filled: Backend) -> None:
    """A changed byte is found by its version, wherever the playhead is."""
    await filled.tamper(
        "UPDATE {}events SET codec = 0, body = ? WHERE version = 7",
        b'[{"role":"user","content":"Charge 9999 1111 1111 1111 for it."}]',
    )
    async with serve(filled) as address:
        page = await tab.open(f"{address}/c/{shop.NAME}")
        await page.wait_for_selector("#seal[data-state=broken]")
        assert await page.locator("#seal").inner_text() == "✗ v7 was changed"
        assert "edited" in await page.locator(".entry.bad .fate").inner_text()
        await page.locator("#seal").click()
        await page.locator("#sealed").get_by_text("show it").click()
        assert await page.locator("#version").inner_text() == "v7"
