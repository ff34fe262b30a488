"""What of a trace is in the log beside what a run writes: all that can be stored, and no more."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from agents import RunConfig, Runner, TResponseInputItem, trace
from agents.testing import ScriptedModel
from agents.tracing import get_current_trace
from agents.tracing.provider import DefaultTraceProvider

from eventlog import Context
from eventlog_openai_agents import EventLogSession
from eventlog_session_conformance.agent import Run, agent, say
from tests.adapters import scenarios

TRACE_ID = "trace_" + "1" * 32

both = pytest.mark.parametrize("run", [Runner.run, scenarios.streamed])


@pytest.fixture
def tracing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracing is on, and nobody exports it."""
    provider = DefaultTraceProvider()
    provider.set_disabled(False)
    monkeypatch.setattr("agents.tracing.setup.GLOBAL_TRACE_PROVIDER", provider)


async def contexts(session: EventLogSession) -> list[Context]:
    return [event.context async for event in session.log.read(session.session_id)]


async def hello(session: EventLogSession, run: Run, **config: Any) -> None:
    model = ScriptedModel([[say("Hello.")]])
    await run(agent(model), "Hi", session=session, run_config=RunConfig(**config))


@both
@pytest.mark.usefixtures("tracing")
async def test_the_whole_trace_is_beside_all_that_a_run_writes(
    session: EventLogSession, run: Run
) -> None:
    """Id, group, workflow and metadata, with the user's input too."""
    metadata = {"plan": "pro", "tries": 2, "nested": {"b": [None, 1.5], "a": "ü"}}
    config: dict[str, Any] = {"trace_id": TRACE_ID, "group_id": "thread-7"}
    await hello(session, run, workflow_name="Support", trace_metadata=metadata, **config)
    written = await contexts(session)
    assert len(written) == 3
    for context in written:
        assert (context.trace_id, context.group_id) == (TRACE_ID, "thread-7")
        assert (context.workflow_name, context.trace_metadata) == ("Support", metadata)


@both
@pytest.mark.usefixtures("tracing")
async def test_what_a_trace_does_not_say_is_absent(session: EventLogSession, run: Run) -> None:
    """A name has every trace; group and metadata it may lack."""
    await hello(session, run)
    for context in await contexts(session):
        assert context.trace_id
        assert context.workflow_name == "Agent workflow"
        assert (context.group_id, context.trace_metadata) == (None, None)


@both
async def test_where_tracing_is_off_all_of_a_trace_is_absent(
    session: EventLogSession, run: Run
) -> None:
    """Whatever the run was configured with: what the SDK calls "no-op" is not a name."""
    await hello(session, run, workflow_name="Support", group_id="g", trace_metadata={"a": 1})
    for context in await contexts(session):
        assert (context.trace_id, context.group_id) == (None, None)
        assert (context.workflow_name, context.trace_metadata) == (None, None)


@both
@pytest.mark.usefixtures("tracing")
async def test_a_run_for_which_tracing_is_off_has_no_trace(
    session: EventLogSession, run: Run
) -> None:
    """It may be switched off for one run."""
    await hello(session, run, tracing_disabled=True, trace_metadata={"a": 1})
    assert {context.trace_id for context in await contexts(session)} == {None}
    assert {context.workflow_name for context in await contexts(session)} == {None}


@both
@pytest.mark.usefixtures("tracing")
async def test_two_runs_that_share_a_trace_are_two_runs(session: EventLogSession, run: Run) -> None:
    """The trace is the user's own; what tells the runs apart is the run's id."""
    with trace("Both", trace_id=TRACE_ID, metadata={"a": 1}):
        await hello(session, run)
        await hello(session, run)
    written = await contexts(session)
    assert {(it.trace_id, it.workflow_name) for it in written} == {(TRACE_ID, "Both")}
    assert len({context.run_id for context in written}) == 2


@pytest.mark.parametrize(("run", "traced"), [(Runner.run, False), (scenarios.streamed, True)])
@pytest.mark.usefixtures("tracing")
async def test_a_read_before_the_trace_exists_is_a_read_of_the_same_run(
    session: EventLogSession, monkeypatch: pytest.MonkeyPatch, run: Run, traced: bool
) -> None:
    """A run that is not streamed reads before its trace begins, and has seen what it read."""
    read, seen = session.get_items, list[bool]()

    async def get_items(*args: Any, **options: Any) -> list[TResponseInputItem]:
        seen.append(get_current_trace() is not None)
        return await read(*args, **options)

    await session.add_items([{"role": "user", "content": "Before"}])
    monkeypatch.setattr(session, "get_items", wrapped(get_items, read))
    await hello(session, run)
    assert seen == [traced]
    _, *written = await contexts(session)
    assert all(context.trace_id for context in written)
    assert {context.seen_version for context in written} == {1}


def wrapped(call: Callable[..., Any], as_method: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function the signature by which the SDK knows that a session takes a wrapper."""
    call.__wrapped__ = as_method  # type: ignore[attr-defined]
    return call


@pytest.mark.usefixtures("tracing")
async def test_a_call_outside_of_runs_has_the_trace_around_it(session: EventLogSession) -> None:
    """A person who clears within a trace of their own finds it."""
    with trace("Cleaning", trace_id=TRACE_ID):
        await session.clear(actor="ana")
    (context,) = await contexts(session)
    assert (context.trace_id, context.workflow_name) == (TRACE_ID, "Cleaning")
    assert context.run_id is None


LOOP: list[Any] = []
LOOP.append(LOOP)

NO_JSON: dict[str, Any] = {
    "an object": object(),
    "a time": datetime(2026, 1, 1, tzinfo=UTC),
    "no number": float("nan"),
    "bytes": b"\xff",
    "half a character": "\ud800",
    "a loop": LOOP,
    "too much": "x" * 5000,
}


@both
@pytest.mark.parametrize("key", NO_JSON)
@pytest.mark.usefixtures("tracing")
async def test_metadata_that_cannot_be_kept_is_left_out_and_named_once(
    session: EventLogSession, caplog: pytest.LogCaptureFixture, run: Run, key: str
) -> None:
    """No append fails for it, the rest is kept, and what it held is not in the warning."""
    metadata = {"before": [1], key: NO_JSON[key], "after": {"a": "b"}}
    with trace("Support", metadata=metadata):
        await hello(session, run)
    for context in await contexts(session):
        assert context.trace_metadata == {"before": [1], "after": {"a": "b"}}
    warnings = [it for it in caplog.records if it.name == "eventlog.openai_agents"]
    assert [warning.levelno for warning in warnings] == [logging.WARNING]
    assert key in warnings[0].getMessage()
    assert "xxx" not in warnings[0].getMessage()


@pytest.mark.usefixtures("tracing")
async def test_metadata_is_bounded_and_what_still_fits_is_kept(session: EventLogSession) -> None:
    """In the order in which it was given."""
    metadata = {f"key {number}": "x" * 1000 for number in range(6)} | {"last": 1}
    with trace("Support", metadata=metadata):
        await session.clear()
    (context,) = await contexts(session)
    kept = context.trace_metadata
    assert kept is not None
    assert list(kept) == ["key 0", "key 1", "key 2", "key 3", "last"]


@pytest.mark.parametrize("group", [7, "\ud800", "g" * 5000])
@pytest.mark.usefixtures("tracing")
async def test_a_group_that_is_no_text_is_left_out(
    session: EventLogSession, caplog: pytest.LogCaptureFixture, group: Any
) -> None:
    """Names and ids of a trace are anybody's as well."""
    metadata: Any = {7: 1, "a": (1, 2)}
    with trace("Support", group_id=group, metadata=metadata):
        await session.clear()
    (context,) = await contexts(session)
    assert (context.group_id, context.workflow_name) == (None, "Support")
    assert context.trace_metadata == {"a": [1, 2]}
    assert "group_id" in caplog.text
