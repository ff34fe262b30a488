"""What a session is for the SDK: by every protocol of it, asked as every Python asks.

Since Python 3.12 `isinstance` looks the members of a runtime-checkable protocol up statically:
what only `__getattr__` answers for is not there. These tests look so on any Python.
"""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, Protocol, runtime_checkable

import agents.memory.session
import pytest
from agents import Session, SQLiteSession
from agents.extensions.memory import EncryptedSession
from agents.memory import (
    OpenAIConversationsSession,
    OpenAIResponsesCompactionAwareSession,
    OpenAIResponsesCompactionSession,
)
from typing_extensions import get_protocol_members, is_protocol

from eventlog import EventLog
from eventlog_openai_agents import EventLogSession, RecordedSession
from tests.adapters.right_session import RightSession

PROTOCOLS: Final = [
    value
    for value in vars(agents.memory.session).values()
    if isinstance(value, type) and is_protocol(value) and value is not Protocol
]
"""All that the SDK asks of a session by `isinstance`."""


def compacting(inner: Any) -> Any:
    client: Any = SimpleNamespace(responses=None)
    return OpenAIResponsesCompactionSession("chat", inner, client=client)


def encrypted(inner: Any) -> Any:
    return EncryptedSession("chat", inner, "a key")


def conversation(_: SQLiteSession) -> Any:
    client: Any = SimpleNamespace()
    return OpenAIConversationsSession(openai_client=client)


MAKING: Final[dict[str, Callable[[SQLiteSession], Any]]] = {
    "plain": lambda plain: plain,
    "conversation": conversation,
    "compacting": compacting,
    "encrypted": encrypted,
    "encrypted compacting": lambda plain: encrypted(compacting(plain)),
    "ours": lambda _: EventLogSession("chat"),
    "ours compacting": lambda _: compacting(EventLogSession("chat")),
    "structural": lambda _: RightSession("chat", {}),
}
"""Sessions to record: the SDK's, ours, and one that is a session by its members only."""


class TitledSession(SQLiteSession):
    """What a program makes of a session."""

    def __init__(self, session_id: str) -> None:
        super().__init__(session_id)
        self.title = "No title"

    def rename(self, title: str) -> None:
        self.title = title


@pytest.fixture
def log(tmp_path: Path) -> EventLog:
    return EventLog(tmp_path / "log.db")


@pytest.fixture
def plain() -> Iterator[TitledSession]:
    session = TitledSession("chat")
    yield session
    session.close()


def has_statically(session: object, member: str) -> bool:
    missing = object()
    return inspect.getattr_static(session, member, missing) is not missing


def members(protocol: type) -> list[str]:
    return sorted(get_protocol_members(protocol))


def test_the_protocols_are_those_that_are_known() -> None:
    """A release that asks for more is noticed here, and everything below asks for it as well."""
    assert [Session, OpenAIResponsesCompactionAwareSession] == PROTOCOLS


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", MAKING)
def test_a_recorded_session_shows_every_member_that_its_session_has(
    kind: str, protocol: type, plain: SQLiteSession, log: EventLog
) -> None:
    """And none that it has not: the SDK compacts what has the method for it."""
    inner = MAKING[kind](plain)
    session = RecordedSession(inner, log)
    recorded_twice = RecordedSession(session, log)
    for member in members(protocol):
        # Of OpenAI's conversation the id cannot be read yet, and is there.
        has = has_statically(inner, member) or hasattr(inner, member)
        assert has_statically(session, member) == has, member
        assert has_statically(recorded_twice, member) == has, member


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_session_of_ours_shows_what_its_answers_to_isinstance_promise(protocol: type) -> None:
    """The members are real ones, or the session does not claim the protocol."""
    session = EventLogSession("chat")
    shown = all(has_statically(session, member) for member in members(protocol))
    assert isinstance(session, protocol) == shown == (protocol is Session)


def test_a_session_to_copy_is_one(log: EventLog) -> None:
    """The plainest session that the conformance suite is tried on, as anybody would write it."""
    assert all(has_statically(RightSession("chat", {}), name) for name in members(Session))


@pytest.mark.parametrize("kind", sorted({*MAKING} - {"conversation"}))
def test_a_recorded_session_is_asked_by_isinstance(
    kind: str, plain: SQLiteSession, log: EventLog
) -> None:
    """On this Python, whichever it is."""
    session = RecordedSession(MAKING[kind](plain), log)
    assert isinstance(session, Session)
    is_compacting = isinstance(session, OpenAIResponsesCompactionAwareSession)
    assert is_compacting == kind.endswith("compacting")


@runtime_checkable
class Titled(Protocol):
    """A protocol of a program's own: an attribute and a method."""

    title: str

    def rename(self, title: str) -> None: ...


def test_protocols_of_a_program_are_kept_too(plain: TitledSession, log: EventLog) -> None:
    """Whatever a session has is shown, an attribute of the instance as well."""
    session: Any = RecordedSession(plain, log)
    assert all(has_statically(session, name) for name in ("title", "rename", "db_path"))
    assert isinstance(session, Titled)
    session.rename("Mine")
    assert session.title == plain.title == "Mine"
    assert not isinstance(RecordedSession(RightSession("chat", {}), log), Titled)


def test_a_method_that_is_looked_up_on_the_type_is_called(
    plain: TitledSession, log: EventLog
) -> None:
    """As the SDK does with a hook that must not be reached through a wrapper."""
    session: Any = RecordedSession(plain, log)
    type(session).rename(session, "By its type")
    assert plain.title == "By its type"


def test_its_class_is_named_and_documented_as_recorded_session(log: EventLog) -> None:
    """Sessions of one kind share one class, and it says what it is."""
    made = [RecordedSession(RightSession("chat", {}), log) for _ in range(2)]
    shown = type(made[0])
    assert shown is type(made[1])
    assert (shown.__name__, shown.__doc__) == ("RecordedSession", RecordedSession.__doc__)
    assert issubclass(shown, RecordedSession)


def test_a_class_of_a_programs_own_may_take_other_arguments(
    plain: TitledSession, log: EventLog
) -> None:
    """What a subclass adds is not forwarded, and its constructor is its own."""

    class Mine(RecordedSession):
        def __init__(self) -> None:
            super().__init__(plain, log)

        def rename(self, title: str) -> str:
            return f"not {title}"

    session = Mine()
    assert isinstance(session, Mine)
    assert isinstance(session, Titled)
    assert session.rename("Mine") == "not Mine"


async def test_a_session_without_settings_is_read(log: EventLog) -> None:
    """The SDK asks for the attribute, and does without."""

    class Bare:
        def __init__(self) -> None:
            self.session_id = "chat"

        async def get_items(self, limit: int | None = None) -> list[Any]:
            return []

        async def add_items(self, items: list[Any]) -> None: ...

        async def pop_item(self) -> None: ...

        async def clear_session(self) -> None: ...

    async with log:
        assert await RecordedSession(Bare(), log).get_items() == []
