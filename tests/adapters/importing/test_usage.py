"""Importing what AdvancedSQLiteSession says that turns used."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from agents import Runner
from agents.extensions.memory import AdvancedSQLiteSession

from eventlog import EventLog, RecordedEvent
from eventlog.events import RowPreserved, UsageRecorded
from eventlog_importing import import_sessions
from eventlog_openai_agents import EventLogSession
from eventlog_projections.views import Views, turns
from eventlog_session_conformance.agent import agent, ask_weather, say, weather
from tests.adapters.metering import Meter, Metered
from tests.adapters.test_turn_usage import known


@pytest.fixture
async def theirs(file: Path, calls: Meter) -> AsyncIterator[AdvancedSQLiteSession]:
    """Three turns of different sizes; a branch from the third, one of that, and usage on each."""
    session = AdvancedSQLiteSession(session_id="chat", db_path=file, create_tables=True)
    for asked in (2, 1, 3):
        await talk(session, asked)
    await session.create_branch_from_turn(3, "other")
    await talk(session, 2)
    await talk(session, 1)
    await session.create_branch_from_turn(4, "of other")
    await talk(session, 4)
    await session.switch_to_branch("main")
    yield session
    session.close()


async def talk(session: Any, asked: int) -> None:
    """Run a turn in which the model is asked so often."""
    steps = [[ask_weather("Bern", f"c{number}")] for number in range(asked - 1)]
    helper = agent(Metered([*steps, [say("21 °C")]]), weather)
    await session.store_run_usage(await Runner.run(helper, "And now?", session=session))


async def check(theirs: AdvancedSQLiteSession, log: EventLog) -> None:
    """Every figure of every branch is the one that their session tells."""
    ours = EventLogSession("chat", log=log)
    for branch in (None, *(row["branch_id"] for row in await theirs.list_branches())):
        mine, its = await ours.get_session_usage(branch), await theirs.get_session_usage(branch)
        assert mine == its, branch
        told = known(await ours.get_turn_usage(None, branch))
        assert told == known(await theirs.get_turn_usage(None, branch)), branch


async def usages(log: EventLog, branch: str = "") -> list[RecordedEvent]:
    return await log.read("chat", kind="usage", branch=branch).all()


def change(file: Path, statement: str, *args: object) -> None:
    with closing(sqlite3.connect(file)) as db:
        db.execute(statement, args)
        db.commit()


async def test_usage_is_told_as_their_session_tells_it(
    theirs: AdvancedSQLiteSession, file: Path, log: EventLog
) -> None:
    """For each turn of each branch, in the session's figures and in the view; and not twice."""
    report = await import_sessions(log, file)
    assert (report.copied, report.refused, report.preserved) == (3, [], [])
    await check(theirs, log)
    views = Views(log)
    await views.catch_up("turns")
    assert [turn.total_tokens for turn in await turns(views, "chat")] == [240, 120, 360]
    assert (await import_sessions(log, file)).unchanged == 3
    await check(theirs, log)
    assert (await log.verify()).ok


async def test_the_time_is_the_imports_and_the_sources_is_beside_it(
    theirs: AdvancedSQLiteSession, file: Path, log: EventLog
) -> None:
    """An audit log is never backdated."""
    change(file, "UPDATE turn_usage SET created_at = '2024-02-03 04:05:06'")
    await import_sessions(log, file, actor="ana")
    for branch in ("", "other", "of other"):
        for recorded in await usages(log, branch):
            assert recorded.context.source_time == [1_706_933_106_000_000]
            assert recorded.context.actor == "ana"
            assert recorded.recorded_at.year > 2024


async def test_what_turns_used_since_is_added_by_the_next_import(
    theirs: AdvancedSQLiteSession, file: Path, log: EventLog
) -> None:
    """A new turn, and more of one that was imported; only what is above is recorded."""
    change(file, "DELETE FROM turn_usage WHERE branch_id = 'main' AND user_turn_number = 3")
    await import_sessions(log, file)
    assert len(await usages(log)) == 2
    await talk(theirs, 1)
    change(file, "UPDATE turn_usage SET requests = 5, total_tokens = 600 WHERE requests = 2")
    report = await import_sessions(log, file)
    assert (report.copied, report.refused) == (2, [])
    await check(theirs, log)
    late = [event.event for event in await usages(log)][2:]
    assert [event.requests for event in late if isinstance(event, UsageRecorded)] == [3, 1]


@pytest.mark.parametrize("fails_at", [1, 2, 3])
async def test_an_import_that_was_interrupted_is_gone_on_with(
    theirs: AdvancedSQLiteSession,
    file: Path,
    target: EventLog,
    monkeypatch: pytest.MonkeyPatch,
    fails_at: int,
) -> None:
    """Between the rows and the usage of each branch: then nothing of it is there twice."""
    append, appended = EventLog.append, 0

    async def failing(self: EventLog, stream: str, events: Any, **options: Any) -> Any:
        nonlocal appended
        appended += any(new.event.kind == "usage" for new in events)
        if appended == fails_at:
            raise KeyError("gone")
        return await append(self, stream, events, **options)

    with monkeypatch.context() as broken:
        broken.setattr(EventLog, "append", failing)
        with pytest.raises(KeyError, match="gone"):
            await import_sessions(target, file)
    assert not (await import_sessions(target, file)).refused
    await check(theirs, target)


@pytest.mark.parametrize(
    ("broken", "why", "counted"),
    [
        ("requests = 'two'", "numbers are none", False),
        ("input_tokens = -1", "numbers are none", False),
        ("total_tokens = 1.5", "numbers are none", False),
        ("user_turn_number = 'first turn'", "numbers are none", False),
        ("input_tokens_details = '{\"cached_tokens\": '", "details cannot be read", True),
        ('output_tokens_details = \'{"reasoning_tokens": "five"}\'', "details", True),
        ("output_tokens_details = '[]'", "details", True),
    ],
)
async def test_a_row_that_cannot_be_read_is_reported_and_kept(
    theirs: AdvancedSQLiteSession,
    file: Path,
    target: EventLog,
    broken: str,
    why: str,
    counted: bool,
) -> None:
    """As it is, once; branches begin where they began, and what can be read of it counts."""
    change(
        file, f"UPDATE turn_usage SET {broken} WHERE branch_id = 'main' AND user_turn_number = 1"
    )
    report = await import_sessions(target, file)
    ((name, _, said),) = report.preserved
    assert name == "chat"
    assert why in said
    (kept,) = await target.read("chat", kind="preserved").all()
    assert isinstance(kept.event, RowPreserved)
    column, _, value = broken.partition(" = ")
    stored = json.loads(kept.event.raw)[column]
    assert stored == (value.strip("'") if "'" in value else json.loads(value))
    assert len(await usages(target)) == 2 + counted
    assert (await import_sessions(target, file)).unchanged == 3
    await theirs.create_branch_from_turn(2, "late")
    await talk(theirs, 1)
    assert not (await import_sessions(target, file)).refused
    ours = EventLogSession("chat", log=target)
    await ours.switch_to_branch("late")
    assert await ours.get_items() == await theirs.get_items(branch_id="late")


async def test_usage_is_not_put_behind_what_others_have_written(
    theirs: AdvancedSQLiteSession, file: Path, target: EventLog
) -> None:
    """As with rows: it is reported, and nothing is mixed."""
    await import_sessions(target, file)
    await EventLogSession("chat", log=target).add_items([{"role": "user", "content": "Ours."}])
    assert (await import_sessions(target, file)).unchanged == 3
    change(file, "UPDATE turn_usage SET requests = 9 WHERE branch_id = 'main'")
    report = await import_sessions(target, file)
    assert [(one.conversation, "both" in one.why) for one in report.refused] == [("chat", True)]
    assert len(await usages(target)) == 3
