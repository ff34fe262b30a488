"""One event that was changed hides no other from what is asked of the past."""

import pytest

from eventlog import EventLog, ItemsAdded
from eventlog.errors import CorruptEventError
from eventlog_projections import Conversation
from eventlog_projections.history.salvage import Unreadable
from tests.backends import Backend
from tests.usage import used

BAD = 3
DAMAGES = {
    "body": "UPDATE {}events SET body = ? WHERE version = 3",
    "header": "UPDATE {}events SET header = ? WHERE version = 3",
    "gone": "DELETE FROM {}events WHERE version = 3 AND body <> ?",
}
each_damage = pytest.mark.parametrize("how", DAMAGES)


async def fill(backend: Backend, log: EventLog, how: str) -> Conversation:
    """Make three turns with their usage, of which the second's message is damaged."""
    for turn in range(1, 4):
        said = ItemsAdded([{"role": "user", "content": f"said {turn}"}])
        await log.append("chat", said)
        await log.append("chat", used(turn))
    await backend.tamper(DAMAGES[how], b"{")
    return Conversation(log, "chat")


@each_damage
async def test_a_diff_gives_all_that_is_intact(backend: Backend, log: EventLog, how: str) -> None:
    """In its place among them stands what is not, also where both lists lack it."""
    chat = await fill(backend, log, how)
    found = await chat.diff(0)
    said = [each["content"] for each in found.added if not isinstance(each, Unreadable)]
    assert said == ["said 1", "said 3"]
    (lost,) = found.unreadable
    assert isinstance(lost.error, CorruptEventError)
    assert (lost.error.version, lost.items) == (BAD, 1 if how == "body" else 0)
    assert found.added.index(lost) == 1
    later = await chat.diff(4)
    assert (later.removed, [each["content"] for each in later.added]) == ([], ["said 3"])
    assert (later.common, str(later.unreadable)) == (1 + lost.items, str((lost,)))
    assert (await chat.diff(1, 2)).unreadable == ()


@each_damage
async def test_usage_by_turn_gives_all_that_is_intact(
    backend: Backend, log: EventLog, how: str
) -> None:
    """The sum is that of every usage that can be read; the event that cannot be is named."""
    chat = await fill(backend, log, how)
    found = await chat.usage_by_turn()
    assert [each.used.input_tokens for each in found if each.used is not None] == [1, 2, 3]
    (bad,) = [each for each in found if each.error is not None]
    assert isinstance(bad.error, CorruptEventError)
    assert (bad.error.version, bad.used) == (BAD, None)
    # The message that cannot be read is none: what came after counts one turn less.
    assert [each.turn for each in found] == [1, 1, 1, 2]


async def test_usage_of_a_fork_is_there_where_its_parent_is_damaged(
    backend: Backend, log: EventLog
) -> None:
    """What can still be read of its beginning counts as turns."""
    chat = await fill(backend, log, "body")
    fork = await chat.fork("fork")
    await log.append("fork", used(9))
    assert [(each.turn, each.error) for each in await fork.usage_by_turn()] == [(2, None)]


async def test_a_header_that_counts_too_much_takes_no_memory(
    backend: Backend, log: EventLog
) -> None:
    """A number somebody wrote is no number of items."""
    await log.append("chat", ItemsAdded(["a"]))
    await log.append("chat", used(1))
    header = b'{"items":9000000000000000}'
    await backend.tamper("UPDATE {}events SET header = ? WHERE version = 1", header)
    found = await Conversation(log, "chat").usage_by_turn()
    assert [each.used for each in found] == [None, used(1)]
