"""`eventlog views`: what is set aside is named, and got past."""

import json
from typing import Any

import pytest

from eventlog import ItemsAdded
from eventlog_projections import erase
from eventlog_projections.views import Views
from tests.adapters.cli.conftest import Eventlog
from tests.backends import Backend
from tests.contract.disposal.test_erasing import WHY

NOTHING = "Nothing is set aside.\n"


@pytest.fixture
async def harmed(filled: Backend) -> Backend:
    """A log in which one event does not decode."""
    async with filled.open() as log:
        await log.append("odd\x1b[2K", ItemsAdded([{"role": "user", "content": "hidden"}]))
        version = await log.version("odd\x1b[2K")
    await filled.tamper(
        "UPDATE {}events SET codec = 0, body = ? WHERE version = ? AND stream_id ="
        " (SELECT stream_id FROM {}streams WHERE name = ?)",
        b"\xff",
        version,
        "odd\x1b[2K",
    )
    return filled


def rows(eventlog: Eventlog, *arguments: str, code: int = 0) -> list[Any]:
    result = eventlog("--json", *arguments)
    assert result.exit_code == code, result.output
    return [json.loads(line) for line in result.output.splitlines()]


async def test_what_is_set_aside_is_named_retried_and_skipped(
    harmed: Backend, eventlog: Eventlog
) -> None:
    """With conversation, version, position and reason, and no control character."""
    async with harmed.open() as log:
        await Views(log).catch_up()
    for command in (("views",), ("views", "status")):
        result = eventlog(*command)
        assert result.exit_code == 0, result.output
        assert "CorruptEventError" in result.output
        assert "\x1b" not in result.output
    named = [each for row in rows(eventlog, "views") for each in row["set_aside"]]
    assert {(each["conversation"], each["version"]) for each in named} == {("odd\x1b[2K", 1)}
    assert len(rows(eventlog, "views", "retry", code=3)) == len(named)
    assert eventlog("views", "retry", "--conversation", "order-1041").output == NOTHING
    (skipped,) = rows(eventlog, "views", "skip", "tools")
    assert skipped["error"].startswith("CorruptEventError")
    assert len(rows(eventlog, "views", "retry", code=3)) == len(named) - 1
    assert eventlog("views", "skip", "nothing").exit_code == 2
    assert eventlog("views", "skip").exit_code == 0
    assert eventlog("views", "skip").output == NOTHING


async def test_a_rebuild_says_what_it_sets_aside_or_stops(
    harmed: Backend, eventlog: Eventlog
) -> None:
    """With --strict it stops at the event, and says where."""
    result = eventlog("rebuild", "tools")
    assert result.exit_code == 0
    assert "CorruptEventError" in result.output
    (told,) = rows(eventlog, "rebuild", "tools")
    assert [each["version"] for each in told["set_aside"]] == [1]
    stopped = eventlog("rebuild", "--strict", "tools")
    assert (stopped.exit_code, "Traceback" in stopped.output) == (1, False)
    assert "at position" in stopped.output


async def test_an_erasure_and_a_verification_name_the_views_that_owe(
    filled: Backend, eventlog: Eventlog
) -> None:
    """The erasure is done all the same, and the log is sound."""
    async with filled.open() as log:
        await Views(log).catch_up()
    await filled.execute("UPDATE {}checkpoints SET schema = 99 WHERE projection = 'turns'")
    result = eventlog("erase", "order-1041", "--reason", "asked", "--yes")
    assert result.exit_code == 0, result.output
    assert "View turns (schema 99) may still hold something of order-1041" in " ".join(
        result.output.split()
    )
    verified = eventlog("verify")
    assert verified.exit_code == 0
    assert "VERIFIED" in verified.output
    assert "PENDING" in verified.output
    (told,) = rows(eventlog, "verify")
    assert [(each["stream"], each["view"]) for each in told["pending"]] == [("order-1041", "turns")]
    async with filled.open() as log:
        (left,) = (await erase(log, "order-1041", **WHY)).pending
        assert (left.view, left.schema) == ("turns", 99)
