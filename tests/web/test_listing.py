"""The list: what it finds, whether or not views are there, and by the filters of its address."""

import asyncio

from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation
from eventlog_projections.views import Views
from eventlog_web import Access, build
from tests.backends import Backend
from tests.browser import shop
from tests.web.asking import ask


async def fill(log: EventLog) -> None:
    for name, owner, tags in (("a", "ada", ["vip"]), ("b", "bob", []), ("c", "ada", [])):
        chat = Conversation(log, name)
        await chat.label(title=f"Title of {name}", owner=owner, tags=tags)
        await chat.add([{"role": "user", "content": f"hello from {name}"}])


async def names(log: EventLog, query: str = "") -> list[str]:
    return [
        row["name"] for row in (await ask(build(log, Access()), f"/conversations{query}")).lines
    ]


async def test_filters_are_those_of_the_address(backend: Backend) -> None:
    """Owner, tag, text, and days; the latest first."""
    async with backend.open(clock=shop.seconds(86_400)) as log:
        await fill(log)
        await Views(log).catch_up()
    async with backend.open(read_only=True) as log:
        assert await names(log) == ["c", "b", "a"]
        assert await names(log, "?owner=ada") == ["c", "a"]
        assert await names(log, "?tag=vip") == ["a"]
        assert await names(log, "?q=TITLE%20of%20b") == ["b"]
        assert await names(log, "?since=2025-11-26") == ["c", "b"]
        assert await names(log, "?until=2025-11-26") == ["a"]
        assert await names(log, "?owner=nobody") == []


async def test_without_views_the_conversations_are_there(backend: Backend) -> None:
    """A log that nobody ever listed, opened read-only: names, events, times."""
    async with backend.open() as log:
        await fill(log)
    async with backend.open(read_only=True) as log:
        rows = (await ask(build(log, Access()), "/conversations")).lines
        assert {row["name"]: row["events"] for row in rows} == {"a": 2, "b": 2, "c": 2}
        assert "no such table" not in (await ask(build(log, Access()), "/")).text


async def test_what_came_since_the_views_moved_is_there(backend: Backend) -> None:
    """New conversations, and new events of old ones."""
    async with backend.open() as log:
        await fill(log)
        await Views(log).catch_up()
        await log.append("b", ItemsAdded(["more"]))
        await log.append("d", ItemsAdded(["new"]))
        await log.position()  # Everything has its position.
    async with backend.open(read_only=True) as log:
        rows = {
            row["name"]: row for row in (await ask(build(log, Access()), "/conversations")).lines
        }
        assert rows["b"]["events"] == 3
        assert rows["d"]["events"] == 1


async def test_more_than_a_page_of_the_views_is_listed_once(backend: Backend) -> None:
    """Every conversation, and none twice."""
    async with backend.open() as log:
        every = [f"chat-{number:04}" for number in range(1300)]
        for begin in range(0, len(every), 100):
            some = every[begin : begin + 100]
            await asyncio.gather(*[log.append(name, ItemsAdded(["hi"])) for name in some])
        await Views(log).catch_up("conversations", "turns")
    async with backend.open(read_only=True) as log:
        assert sorted(await names(log)) == every


async def test_search_finds_what_was_removed_and_marks_the_words(filled: Backend) -> None:
    """With the address of the version that said it."""
    async with filled.open() as log:
        await Views(log).catch_up("search")
    async with filled.open(read_only=True) as log:
        (found, *_) = (await ask(build(log, Access()), "/find?q=card+numbers")).json["found"]
        assert found["removed"] is True
        assert found["href"] == f"/c/{shop.NAME}?at=v9"
        assert [text for text, is_hit in found["parts"] if is_hit] == ["card", "numbers"]


async def test_seals_of_several_are_told_one_by_one(filled: Backend) -> None:
    """A changed one by what is wrong, one that is not there as nothing to verify."""
    async with filled.open() as log:
        await log.append("sound", ItemsAdded(["hi"]))
    await filled.tamper("UPDATE {}events SET recorded_at = recorded_at + 1 WHERE version = 7")
    async with filled.open(read_only=True) as log:
        asked = f"/seals?name=sound&name={shop.NAME}"
        one, other = (await ask(build(log, Access()), asked)).lines
        assert (one["name"], one["state"], one["version"]) == ("sound", "sound", 1)
        assert other["state"] == "broken"
        assert "version 7" in other["what"]


async def test_pages_of_long_conversations_stay_pages(backend: Backend) -> None:
    """A diff of everything, and charts of very many turns, show a part and say so."""
    async with backend.open() as log:
        chat = Conversation(log, "long")
        await chat.add([{"role": "user", "content": f"number {n}"} for n in range(1000)])
        await Views(log).catch_up("turns", "tools")
        app = build(log, Access())
        diff = (await ask(app, "/diff/long?a=v0&b=v1")).text
        assert "The first 200 of 1,000." in diff
        charts = (await ask(app, "/charts/long")).text
        assert "The last 200 of 1,000 turns." in charts
        assert max(page.count("<") for page in (diff, charts)) < 2 * 5000
