"""What another process appends is on the page."""

from typing import Final

from playwright.async_api import expect

from tests.backends import Backend
from tests.browser import shop
from tests.browser.conftest import Tab
from tests.processes import python

_AGENT: Final = """
import asyncio, sys
from eventlog import Context, EventLog, PostgresOptions
from eventlog_projections import Conversation
async def main():
    url, schema, name, count = sys.argv[1:]
    async with EventLog(url, postgres=PostgresOptions(schema=schema)) as log:
        for number in range(int(count)):
            said = {"role": "assistant", "content": f"live {number}"}
            await Conversation(log, name).add([said], context=Context(actor="agent:Live"))
asyncio.run(main())
"""


async def run_agent(backend: Backend, count: int) -> None:
    schema = backend.options.get("schema", "eventlog")
    async with python("-c", _AGENT, backend.url, schema, shop.NAME, str(count)) as process:
        assert await process.wait() == 0


async def test_what_another_process_appends_is_followed(
    tab: Tab, filled: Backend, address: str
) -> None:
    """The playhead stays at the head, the new item is in sight, and the seal covers it."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    await page.wait_for_selector("#live[data-state=live]")
    await run_agent(filled, 3)
    await page.locator(".entry", has_text="live 2").wait_for()
    assert await page.locator("#version").inner_text() == "v17"
    await expect(page.locator("#seal")).to_contain_text("verified to v17")


async def test_following_pauses_when_one_looks_at_something(
    tab: Tab, filled: Backend, address: str
) -> None:
    """New events are counted, nothing moves; a click goes on."""
    page = await tab.open(f"{address}/c/{shop.NAME}")
    await page.wait_for_selector("#live[data-state=live]")
    await page.keyboard.press("ArrowLeft")
    await run_agent(filled, 2)
    await page.locator("#newer", has_text="2 new events").wait_for()
    assert await page.locator("#version").inner_text() == "v13"
    await page.locator("#newer").click()
    assert await page.locator("#version").inner_text() == "v16"
    assert await page.locator("#newer").is_hidden()


async def test_list_tells_which_conversation_moved(tab: Tab, filled: Backend, address: str) -> None:
    """Its number of events grows as they come."""
    page = await tab.open(f"{address}/")
    line = page.locator(".line", has_text=shop.NAME)
    assert "14" in await line.inner_text()
    await run_agent(filled, 1)
    await expect(line).to_contain_text("15")
