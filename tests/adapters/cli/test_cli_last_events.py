"""`log -n` shows what the whole log ends with, and reads no more than it has to."""

from pathlib import Path

import pytest

from eventlog import Context, EventLog, NewEvent
from eventlog_projections import Conversation, HistoryEvent
from eventlog_projections.history import events
from tests.adapters.cli.conftest import Eventlog
from tests.adapters.cli.shop import agent, used, user


async def filled(path: Path, turns: int) -> None:
    async with EventLog(path) as log:
        chat = Conversation(log, "long")
        for number in range(turns):
            said = Context(run_id=f"run-{number // 2}")
            await chat.add([user(f"question {number}")], context=said)
            await log.append("long", NewEvent(used(number), said))
            await chat.add([agent(f"answer {number}")], context=said, beside=used(number))
            if number % 5 == 0:
                await chat.undo()


@pytest.mark.parametrize("options", [(), ("--usage",), ("--oneline",)])
async def test_the_last_events_are_those_that_the_whole_log_ends_with(
    options: tuple[str, ...], eventlog: Eventlog, tmp_path: Path
) -> None:
    """However many, with what was used summed up for whole runs, or each count."""
    path = tmp_path / "log.db"
    await filled(path, 12)
    log = ("--db", str(path), "log", "long", *options)
    whole = rows(eventlog(*log).stdout)
    assert len(whole) > 20
    for limit in (1, 2, 3, 5, 7, 8, 12, len(whole), len(whole) + 1):
        assert rows(eventlog(*log, "-n", str(limit)).stdout) == whole[-limit:], limit


def rows(text: str) -> list[list[str]]:
    """Return the cells of each line; of a time the second: more is told where it has to be."""
    cells = [line.split("\t") for line in text.splitlines()]
    return [[version, at.partition(".")[0], *rest] for version, at, *rest in cells]


async def test_the_last_events_of_a_long_conversation_are_decoded_alone(
    eventlog: Eventlog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is before them costs a few numbers each."""
    path = tmp_path / "log.db"
    await filled(path, 40)
    decoded: list[int] = []
    entry = events.entry_of

    def noted(*given: object) -> HistoryEvent:
        found: HistoryEvent = entry(*given)  # type: ignore[arg-type]
        decoded.append(found.version)
        return found

    monkeypatch.setattr(events, "entry_of", noted)
    eventlog("--db", str(path), "log", "long", "-n", "5")
    assert len(decoded) == 15
    decoded.clear()
    eventlog("--db", str(path), "log", "long", "-n", "5", "--json")
    assert len(decoded) == 5
