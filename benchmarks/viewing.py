"""What the viewer takes in a real Chromium: first paint, a step, nodes, bytes, and a live event."""

import asyncio
import contextlib
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Mapping
from importlib.resources import files
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from benchmarks.commandline import fill_many
from benchmarks.kit.place import Place, Scale
from benchmarks.kit.scenario import Bar, Count, Scenario
from eventlog import Context, EventLog, ItemsAdded, NewEvent
from eventlog_projections import Conversation
from tests.browser import chromium

EVENTS: Final = 10_000
MANY: Final = 100_000
STEPS: Final = 200
LIVE: Final = 40

SECOND: Final = "1 s"
STEP: Final = "50 ms"
HALF: Final = "500 ms"
ONE: Final = f"first paint of a conversation of {EVENTS:,} events"
LIST: Final = "first paint of the list of 10,000 conversations"
MOVED: Final = f"a step of the playhead at {EVENTS:,} events, p95"
SEEN: Final = "an event of another process is on the page, {}, p95"
NODES: Final = f"nodes in the page at {MANY:,} events"
BYTES: Final = "script and style"

AT: Final = "version => document.getElementById('version').textContent === version"
DRAWN: Final = "new Promise(done => setTimeout(() => requestAnimationFrame(done), 300))"
"""What comes for a version is asked for, and drawn. The stream of new events never ends."""


def scenarios(_: Scale) -> list[Scenario]:
    """Return them."""
    times = (
        Bar(ONE, SECOND, 1.0),
        Bar(LIST, SECOND, 1.0),
        Bar(MOVED, STEP, 1.0),
        Bar(SEEN.format("SQLite"), HALF, 1.0),
        Bar(SEEN.format("PostgreSQL"), HALF, 1.0),
    )
    return [
        Count("the viewer, in Chromium", take_times, times, "ms"),
        Count("nodes of the viewer", take_nodes, (Bar(NODES, "5,000", 1.0),), "nodes"),
        Count("bytes of the viewer", take_bytes, (Bar(BYTES, "120 KB", 1.0),)),
    ]


async def take_bytes(_: Place) -> Mapping[str, float]:
    """Count what a browser is sent, uncompressed."""
    folder = files("eventlog_web").joinpath("static")
    held = [each for each in folder.iterdir() if each.name.endswith((".js", ".css"))]
    return {BYTES: sum(len(each.read_bytes()) for each in held), "120 KB": 120_000}


async def take_nodes(place: Place) -> Mapping[str, float]:
    """Count the most that are in the page anywhere in a long conversation."""
    path = os.path.join(place.folder, "nodes.db")
    await fill(path, MANY)
    async with browser() as chrome, serve(path) as address:
        page = await opened(chrome, f"{address}/c/long")
        most = 0
        for part in range(11):
            version = MANY * part // 10
            await page.locator("#slider").fill(str(version))
            await page.wait_for_function(AT, arg=f"v{version}")
            await page.evaluate(DRAWN)
            most = max(most, await page.evaluate("document.querySelectorAll('*').length"))
    return {NODES: most, "5,000": 5000}


async def take_times(place: Place) -> Mapping[str, float]:
    """Measure what has a bar in milliseconds."""
    one, many = (os.path.join(place.folder, name) for name in ("one.db", "many-viewed.db"))
    await fill(one, EVENTS)
    await fill_many(many)
    found: dict[str, float] = {SECOND: 1000, STEP: 50, HALF: 500}
    async with browser() as chrome:
        async with serve(one) as address:
            page = await opened(chrome, f"{address}/c/long")
            found[ONE] = await first_paint(page)
            found[MOVED] = await step(page)
            found[SEEN.format("SQLite")] = await seen(page, one)
        async with serve(many) as address:
            found[LIST] = await first_paint(await opened(chrome, f"{address}/"))
        url = place.postgres_url
        await fill(url, 100)
        async with serve(url) as address:
            page = await opened(chrome, f"{address}/c/long")
            found[SEEN.format("PostgreSQL")] = await seen(page, url)
    return found


async def fill(url: str, events: int) -> None:
    """Write one conversation of turns of ten events."""
    async with EventLog(url) as log:
        await Conversation(log, "long").label(title="A long conversation")
        for begin in range(0, events, 500):
            await log.append("long", [_event(n) for n in range(begin, min(begin + 500, events))])


def _event(n: int) -> NewEvent:
    who = Context(actor="user:ada" if n % 10 == 0 else "agent:Support", run_id=f"run-{n // 10}")
    call = {"type": "function_call", "call_id": f"c{n}", "name": "find", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": f"c{n - 1}", "output": '{"found": 1}'}
    said = {"role": "assistant", "content": f"Answer {n} is **here**.\n\n- one\n- two\n\n`code`"}
    asked = {"role": "user", "content": f"Question {n}?"}
    return NewEvent(ItemsAdded([(asked, call, output, said)[min(n % 10, 3)]]), who)


@contextlib.asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """Start Chromium."""
    async with async_playwright() as playwright:
        chrome = await chromium.launch(playwright)
        yield chrome
        await chrome.close()


@contextlib.asynccontextmanager
async def serve(url: str) -> AsyncGenerator[str]:
    """Run `eventlog web` in a process of its own; give its address."""
    command = ("-m", "eventlog_cli", "--json", "--db", url, "web", "--port", "0")
    process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=PIPE)
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())["address"].rstrip("/")
    finally:
        process.terminate()
        await process.wait()


async def opened(chrome: Browser, address: str) -> Page:
    """Open a page, warm: Chromium and the server have answered before."""
    page = await chrome.new_page(viewport={"width": 1400, "height": 900})
    for _ in range(2):
        await page.goto(address)
        await page.wait_for_selector("body[data-ready]", timeout=120_000)
    return page


async def first_paint(page: Page) -> float:
    """Return milliseconds from the navigation to the first contents."""
    return float(
        await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    )


_STEP: Final = """async (steps) => {
    const slider = document.getElementById("slider");
    const took = [];
    for (let n = 0; n < steps; n++) {
        const begun = performance.now();
        slider.value = Number(slider.value) - 7;
        slider.dispatchEvent(new Event("input"));
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        took.push(performance.now() - begun);
    }
    return took;
}"""


async def step(page: Page) -> float:
    """Return what a step takes, the frame that shows it included, at the 95th percentile."""
    took: list[float] = await page.evaluate(_STEP, STEPS)
    await page.keyboard.press("End")
    return float(statistics.quantiles(took, n=20)[-1])


_WATCH: Final = """() => {
    window.late = [];
    const seen = new Set();
    new MutationObserver(() => {
        for (const found of document.getElementById("talk").innerText.matchAll(/sent (\\d+)/g)) {
            if (!seen.has(found[1])) window.late.push(Date.now() - Number(found[1]));
            seen.add(found[1]);
        }
    }).observe(document.getElementById("talk"), { childList: true, subtree: true });
}"""

_AGENT: Final = """
import asyncio, sys, time
from eventlog import EventLog, ItemsAdded
async def main():
    async with EventLog(sys.argv[1]) as log:
        for _ in range(int(sys.argv[2])):
            said = {"role": "assistant", "content": f"sent {time.time_ns() // 1_000_000}"}
            await log.append("long", ItemsAdded([said]))
            await asyncio.sleep(0.25)
asyncio.run(main())
"""


async def seen(page: Page, url: str) -> float:
    """Return milliseconds from before an append to when it is on the page, p95."""
    await page.wait_for_selector("#live[data-state=live]")
    await page.evaluate(_WATCH)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _AGENT, url, str(LIVE))
    await process.wait()
    late: list[Any] = []
    async with asyncio.timeout(30):
        while len(late) < LIVE:
            late = await page.evaluate("window.late")
            await asyncio.sleep(0.05)
    return float(statistics.quantiles(late, n=20)[-1])
