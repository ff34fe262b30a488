"""Sessions with a keyring: what the SDK stores through them is encrypted, however opened."""

from pathlib import Path
from typing import Any, Final

import pytest
from agents import Agent, Runner
from agents.testing import ScriptedModel, assistant_message

from eventlog import EventLog
from eventlog.errors import InvalidOptionError, NoKeyError
from eventlog.keys import new_key, parse_keyring
from eventlog_openai_agents import EventLogHooks, EventLogSession, RecordedSession

KEYS: Final = parse_keyring(new_key("kek"))
MARKER: Final = "MARKER5e11"


def agent() -> Agent[Any]:
    return Agent(name="Helper", model=ScriptedModel([[assistant_message(MARKER)]]))


def in_files(folder: Path) -> bool:
    return any(MARKER.encode() in path.read_bytes() for path in folder.glob("log.db*"))


@pytest.mark.parametrize("by_url", [False, True])
async def test_what_a_run_stores_is_encrypted(tmp_path: Path, *, by_url: bool) -> None:
    """By path and by URL, with hooks; without the keyring it is an error, never an empty list."""
    path = tmp_path / "log.db"
    if by_url:
        session = EventLogSession.from_url("chat", url=f"sqlite:///{path}", keyring=KEYS)
    else:
        session = EventLogSession("chat", path, keyring=KEYS)
    async with session:
        await Runner.run(agent(), MARKER, session=session, hooks=EventLogHooks(session))
        assert len(await session.get_items()) == 2
        assert not in_files(tmp_path)
    async with EventLogSession("chat", path) as blind:
        for call in (blind.get_items, blind.pop_item, blind.clear_session):
            with pytest.raises(NoKeyError):
                await call()
        with pytest.raises(NoKeyError):
            await blind.add_items([{"role": "user", "content": MARKER}])
    async with EventLogSession("chat", path, keyring=KEYS) as session:
        assert len(await session.get_items()) == 2


async def test_what_is_recorded_beside_another_session_is_encrypted(tmp_path: Path) -> None:
    """The log that a RecordedSession is given has the keyring."""
    async with EventLog(tmp_path / "log.db", keyring=KEYS) as log:
        inner = EventLogSession("chat")
        session = RecordedSession(inner, log)
        await Runner.run(agent(), MARKER, session=session)
        assert await log.version("chat") > 0
        assert not in_files(tmp_path)


async def test_a_session_on_a_log_takes_that_logs_keyring(tmp_path: Path) -> None:
    """Two keyrings would be one too many."""
    async with EventLog(tmp_path / "log.db", keyring=KEYS) as log:
        with pytest.raises(InvalidOptionError, match="keyring"):
            EventLogSession("chat", log=log, keyring=KEYS)
