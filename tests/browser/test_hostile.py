"""A conversation full of attacks is shown, not run."""

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Request

from eventlog import Context, ItemsAdded, NewEvent
from eventlog_projections import Conversation
from tests import processes
from tests.backends import Backend
from tests.browser import hostile, shop
from tests.browser.conftest import Tab, open_tab
from tests.browser.serving import serve

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
"""What a page makes of rows does not depend on where they were stored."""


NAME = "<script>window.attacked=1</script>"


@pytest_asyncio.fixture(loop_scope="session")
async def attacked(backend: Backend) -> Backend:
    """A log of nothing but attacks, in its names, labels, contexts and reasons too."""
    async with backend.open(clock=shop.seconds()) as log:
        chat = Conversation(log, NAME)
        bad = hostile.ATTACKS[0] + hostile.ATTACKS[17]
        context = Context(actor=bad, agent=bad, run_id=bad, workflow_name=bad)
        await chat.label(title=bad, owner=bad, tags=[bad], context=context)
        for item in hostile.items():
            await chat.append(NewEvent(ItemsAdded([item]), context))
        await chat.pop(reason=bad, context=context)
        await chat.clear(reason=bad, context=context)
        fork = await chat.fork(NAME, branch=bad[:40], at=20, reason=bad, context=context)
        await fork.add([{"role": "user", "content": bad}], context=context)
    return backend


async def look_around(tab: Tab, address: str) -> None:
    """Step through everything that there is, and open what is folded."""
    page = await tab.open(address)
    for _ in range(40):
        await page.keyboard.press("PageUp")
        await page.evaluate(
            "document.querySelectorAll('#talk details').forEach(e => { e.open = true })"
        )
    await page.keyboard.press("End")
    assert await page.evaluate("window.attacked") is None


async def test_nothing_of_it_runs_or_is_fetched(tab: Tab, attacked: Backend) -> None:
    """On any page: no script, no request to anybody, no address that would run something."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    tab.page.on("request", note)
    async with serve(attacked) as address:
        page = await tab.open(f"{address}/")
        assert await page.evaluate("window.attacked") is None
        href = await page.locator(".line a").first.get_attribute("href")
        await look_around(tab, f"{address}{href}")
        for href in await page.locator("a[href]").evaluate_all("all => all.map(each => each.href)"):
            assert href.startswith(("http://127.0.0.1", "https://")), href
        path = await page.evaluate("location.pathname")
        for way in ("diff", "branches", "charts"):
            await page.goto(f"{address}{path.replace('/c/', f'/{way}/', 1)}")
            assert await page.evaluate("window.attacked") is None
    assert all(each.startswith((address, "data:")) for each in asked), asked


async def test_what_hides_is_shown(tab: Tab, attacked: Backend) -> None:
    """Characters that reorder or vanish are written out, in titles too."""
    async with serve(attacked) as address:
        page = await tab.open(f"{address}/")
        text = await page.evaluate("document.body.innerText")
        assert "\u202e" not in text
        assert "\\u202e" in text


async def test_nothing_of_it_runs_in_a_file(
    browser: Browser, attacked: Backend, tmp_path: Path
) -> None:
    """The same in a file, which has no server to send a policy with it."""
    path = tmp_path / "shared.html"
    command = processes.eventlog(attacked, "share", NAME, "-o", str(path))
    code, said = await processes.output_of(*command)
    assert code == 0, said
    async with open_tab(browser) as tab:
        await look_around(tab, path.as_uri())
