"""The beginning of several names is ambiguous, in whatever order the database puts them."""

from collections.abc import AsyncIterator

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import AmbiguousNameError, NoSuchConversationError
from eventlog_cli.lookups.finding import find, names
from tests.adapters.cli.conftest import Eventlog
from tests.backends import EVERY_LOCALE, Backend

pytestmark = EVERY_LOCALE

NAMES = ["a-1", "a2", "a-3", "A-4", "á-5", "b", "a\u0301-6", "a", "a-\U0010ffff", "a-\uffff"]


@pytest.fixture
async def named(backend: Backend) -> AsyncIterator[EventLog]:
    async with backend.open() as log:
        for name in NAMES:
            await log.append(name, ItemsAdded(["x"]))
        yield log


async def test_a_beginning_of_several_names_names_none(named: EventLog) -> None:
    """Neither the first nor the only one that stands beside it in a list of people."""
    with pytest.raises(AmbiguousNameError) as caught:
        await find(named, "a-")
    assert caught.value.candidates == ("a-1", "a-3", "a-\uffff", "a-\U0010ffff")


async def test_every_name_that_begins_so_is_found(named: EventLog) -> None:
    """Each beginning of each name."""
    for prefix in {name[:length] for name in NAMES for length in range(1, len(name) + 1)}:
        expected = sorted(name for name in NAMES if name.startswith(prefix))
        assert await names(named, prefix, 100) == expected, prefix


async def test_a_beginning_in_other_letters_is_none(named: EventLog) -> None:
    """Case and accents tell names apart; a name that is one goes before what begins with it."""
    assert await find(named, "A") == "A-4"
    assert await find(named, "á") == "á-5"
    assert await find(named, "a") == "a"
    with pytest.raises(NoSuchConversationError):
        await find(named, "B")


async def test_erase_asks_which_one(
    backend: Backend, eventlog: Eventlog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is erased, also where nobody is asked."""
    async with backend.open() as log:
        for name in ("a-1", "a2", "a-3"):
            await log.append(name, ItemsAdded(["x"]))
    monkeypatch.setenv("EVENTLOG_DB", backend.url)
    monkeypatch.setenv("EVENTLOG_SCHEMA", backend.options.get("schema", "eventlog"))
    done = eventlog("erase", "a-", "--yes", "--reason", "because")
    assert done.exit_code != 0
    assert "'a-1', 'a-3'" in done.output
    async with backend.open() as log:
        assert [row.erased_version async for row in log.streams()] == [None] * 3
