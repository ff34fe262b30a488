"""`eventlog repair feed`: what it will do, a question, and what it has done."""

import json

import pytest

from eventlog import EventLog
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend


@pytest.fixture
async def mended(filled: Backend) -> Backend:
    """A feed with two rows to which no event has a claim, where a database can have such."""
    async with filled.open() as log:
        position = await log.position()
    if filled.name == "postgres":
        for number, row in ((position + 1, "4711"), (position + 2, "1")):
            await filled.execute(
                f"INSERT INTO {{}}feed SELECT {number}, stream_id, {row} FROM {{}}streams LIMIT 1"
            )
            await filled.execute(f"UPDATE {{}}feed_head SET position = {number}")
    return filled


async def sound(log: EventLog) -> bool:
    return (await log.verify()).ok


async def test_it_says_what_it_will_do_and_asks(mended: Backend, eventlog: Eventlog) -> None:
    """Without --yes, and nobody there to ask, nothing is done."""
    if mended.name == "sqlite":
        assert "nothing to mend" in eventlog("repair", "feed").stdout
        return
    answer = eventlog("repair", "feed")
    assert answer.exit_code == 2
    assert "version 4711: has position" in " ".join(answer.stdout.split())
    assert "Mend the feed in 2 places?" in " ".join(answer.stderr.split())
    async with mended.open() as log:
        assert not await sound(log)
    answer = eventlog("repair", "feed", "--yes")
    assert answer.exit_code == 0
    assert "2 places mended; conversation feed-repair-" in " ".join(answer.stdout.split())
    async with mended.open() as log:
        assert await sound(log)


async def test_programs_get_json(mended: Backend, eventlog: Eventlog) -> None:
    """One object: each place, and the conversation that says what was there."""
    answer = eventlog("repair", "feed", "--yes", "--json")
    found = json.loads(answer.stdout)
    if mended.name == "sqlite":
        assert found == {"mended": [], "record": None}
        return
    assert [each["what"] for each in found["mended"]] == ["nowhere", "twice"]
    assert found["record"].startswith("feed-repair-")
    assert json.loads(eventlog("repair", "feed", "--json").stdout)["mended"] == []
