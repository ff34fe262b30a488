"""RecordedSession keeps the promises of the session that it records: the conformance suite."""

import functools
from pathlib import Path
from typing import Any

import pytest
from agents import Session, SQLiteSession

from eventlog import EventLog, ItemsAdded
from eventlog_openai_agents import RecordedSession
from eventlog_session_conformance import Case, Options, cases


async def recorded(log: EventLog, session: Session) -> list[Any]:
    """Return all that was ever added to a session, from the log that records it."""
    return [
        item
        async for event in log.read(session.session_id)
        if isinstance(event.event, ItemsAdded)
        for item in event.event.items
    ]


def theirs(log: Any = None) -> Options:
    """Tell what is promised: what SQLiteSession does, and that nothing is gone for good."""
    recover = functools.partial(recorded, log)
    return Options(closes=True, survives_a_wrong_key=False, recover=recover)


@pytest.mark.parametrize("case", cases(theirs()), ids=str)
async def test_a_recorded_session_keeps_every_promise_that_its_session_keeps(
    case: Case, tmp_path: Path, log: EventLog
) -> None:
    """The conformance suite, on the SDK's SQLiteSession and a log on every backend."""

    def make(session_id: str) -> Any:
        return RecordedSession(SQLiteSession(session_id, tmp_path / "theirs.db"), log)

    await case.run(make, theirs(log))


def test_what_its_session_does_not_promise_is_known() -> None:
    """Two cases, both of which are about the SDK's session and not about what records it."""
    left_out = [need for case in cases() for need in case.missing(theirs())]
    assert left_out == ["settings_from_dict", "survives_a_wrong_key"]
