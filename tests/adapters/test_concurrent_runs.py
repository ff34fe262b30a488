"""What a second run on one conversation gets: its place, its turn, or an error."""

import asyncio
from typing import Any

import pytest
from agents import Runner
from agents.testing import ModelStep, ScriptedModel, function_call

from eventlog.errors import ArchivedError, ConcurrentRunError, InvalidOptionError
from eventlog.events import RunBegan, RunEnded
from eventlog_openai_agents import EventLogSession, concurrent
from eventlog_projections import Conversation
from eventlog_session_conformance.agent import (
    QUIET,
    agent,
    ask_charge,
    ask_weather,
    charging,
    say,
    weather,
)
from tests.backends import Backend
from tests.conftest import Clock

POLICIES = pytest.mark.parametrize("policy", ["wait", "refuse"])


class Held(ScriptedModel):
    """A model that answers when it is let go."""

    def __init__(self, script: Any) -> None:
        super().__init__(script)
        self.asked = asyncio.Event()
        self.go = asyncio.Event()

    async def get_response(self, *args: Any, **options: Any) -> Any:
        self.asked.set()
        await self.go.wait()
        return await super().get_response(*args, **options)


def running(session: EventLogSession, model: ScriptedModel, text: str) -> "asyncio.Task[Any]":
    return asyncio.create_task(Runner.run(agent(model), text, session=session, run_config=QUIET))


async def run(session: EventLogSession, text: str, *script: Any, tools: Any = ()) -> Any:
    model = ScriptedModel(list(script) or [[say("Yes.")]])
    return await Runner.run(agent(model, *tools), text, session=session, run_config=QUIET)


async def texts(session: EventLogSession) -> list[Any]:
    items: list[Any] = list(await session.get_items())
    return [item["content"] if item.get("role") == "user" else "-" for item in items]


async def test_by_default_runs_stand_beside_each_other(backend: Backend) -> None:
    """And the log is what it always was: nothing says when a run begins."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log)
        held = Held([[say("1", "m1")]])
        first = running(session, held, "one")
        await held.asked.wait()
        await run(session, "two")
        held.go.set()
        await first
        assert await texts(session) == ["one", "two", "-", "-"]
        assert {event.kind for event in await log.read("chat").all()} <= {"added", "usage"}


async def test_a_second_run_is_refused_and_stores_nothing(backend: Backend) -> None:
    """Whoever has the other session, of this handle or another; when the first ends, it is free."""
    async with backend.open() as log, backend.open() as other:
        mine = EventLogSession("chat", log=log, concurrent_runs="refuse")
        theirs = EventLogSession("chat", log=other, concurrent_runs="refuse")
        held = Held([[say("1", "m1")]])
        first = running(mine, held, "one")
        await held.asked.wait()
        before = await log.version("chat")
        for session in (mine, theirs):
            with pytest.raises(ConcurrentRunError, match="'chat' has another run at work"):
                await run(session, "two")
        assert await log.version("chat") == before
        held.go.set()
        await first
        await run(theirs, "three")
        assert await texts(mine) == ["one", "-", "three", "-"]


async def test_a_second_run_waits_for_its_turn(backend: Backend) -> None:
    """And sees then what the first has said."""
    async with backend.open() as log, backend.open() as other:
        sessions = [
            EventLogSession("chat", log=where, concurrent_runs="wait") for where in (log, other)
        ]
        held = Held([[say("1", "m1")]])
        first = running(sessions[0], held, "one")
        await held.asked.wait()
        others = [running(session, ScriptedModel([[say("2")]]), "two") for session in sessions]
        await asyncio.wait(others, timeout=0.1)
        assert not any(each.done() for each in others)
        held.go.set()
        await asyncio.gather(first, *others)
        assert await texts(sessions[0]) == ["one", "-", "two", "-", "two", "-"]


async def test_of_runs_that_begin_at_once_one_is_at_work(backend: Backend) -> None:
    """They look at the same version, and one of them appends there."""
    async with backend.open() as log:
        held = Held([[say("1", f"m{n}")] for n in range(8)])
        runs = [
            running(EventLogSession("chat", log=log, concurrent_runs="refuse"), held, f"{n}")
            for n in range(8)
        ]
        await held.asked.wait()
        while sum(each.done() for each in runs) < 7:
            await asyncio.wait(runs, return_when="FIRST_COMPLETED", timeout=0.1)
        refused = [each.exception() for each in runs if each.done()]
        assert {type(error) for error in refused} == {ConcurrentRunError}
        held.go.set()
        await asyncio.wait(runs)


@POLICIES
async def test_runs_within_a_run_are_part_of_it(backend: Backend, policy: Any) -> None:
    """An agent that is a tool on the same session waits for nobody."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log, concurrent_runs=policy)
        inner = agent(ScriptedModel([[ask_weather("Bern", "c1")], [say("21", "i1")]]), weather)
        tool = inner.as_tool("look_up", "Looks it up.", session=session)
        asks = function_call("look_up", {"input": "Bern?"}, call_id="n1")
        await run(session, "How is Bern?", [asks], [say("Warm.")], tools=[tool])
        began = await log.read("chat", kind=RunBegan.kind).all()
        ended = await log.read("chat", kind=RunEnded.kind).all()
        assert len(began) == len(ended) == 1
        await run(session, "And now?")


@POLICIES
async def test_runs_that_end_otherwise_keep_nobody_out(backend: Backend, policy: Any) -> None:
    """By an error, by a tool that has the last word, or by waiting for a person."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log, concurrent_runs=policy)
        with pytest.raises(RuntimeError, match="no model"):
            await run(session, "one", ModelStep(error=RuntimeError("no model")))
        await run(session, "two")
        model = ScriptedModel([[ask_weather("Bern", "c1")]])
        stopping = agent(model, weather, tool_use_behavior="stop_on_first_tool")
        await Runner.run(stopping, "three", session=session, run_config=QUIET)
        charged: list[int] = []
        paused = await run(session, "four", [ask_charge()], tools=[charging(charged)])
        assert paused.interruptions
        task = asyncio.create_task(run(session, "five"))
        await asyncio.wait_for(task, 5)
        assert (await texts(session))[-2:] == ["five", "-"]


@POLICIES
async def test_a_run_whose_task_was_cancelled_is_over(backend: Backend, policy: Any) -> None:
    """Its process knows, whoever still holds what it was."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log, concurrent_runs=policy)
        held = Held([[say("1")]])
        first = running(session, held, "one")
        await held.asked.wait()
        first.cancel()
        await asyncio.wait([first])
        await asyncio.wait_for(run(session, "two"), 5)


@POLICIES
async def test_a_process_that_died_keeps_nobody_out_for_good(
    backend: Backend, policy: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its run is over when its lease is."""
    async with backend.open(clock=clock) as log:
        session = EventLogSession("chat", log=log, concurrent_runs=policy, run_lease=60)
        held = Held([[say("1")]])
        first = running(session, held, "one")
        await held.asked.wait()
        monkeypatch.setattr(concurrent, "_processes", {})  # What another process knows: nothing.
        refusing = EventLogSession("chat", log=log, concurrent_runs="refuse")
        clock.tick(59_000_000)
        with pytest.raises(ConcurrentRunError):
            await run(refusing, "two")
        clock.tick(2_000_000)
        await asyncio.wait_for(run(session, "two"), 5)
        first.cancel()
        await asyncio.wait([first])


async def test_each_append_renews_the_lease(backend: Backend, clock: Clock) -> None:
    """A run of many calls is at work for as long as it says something."""

    class Slow(ScriptedModel):
        async def get_response(self, *args: Any, **options: Any) -> Any:
            clock.tick(50_000_000)
            return await super().get_response(*args, **options)

    async with backend.open(clock=clock) as log:
        session = EventLogSession("chat", log=log, concurrent_runs="wait", run_lease=60)
        model = Slow([*[[ask_weather("Bern", f"c{n}")] for n in range(3)], [say("Done")]])
        await Runner.run(agent(model, weather), "one", session=session, run_config=QUIET)
        began = [e.header.until or 0 for e in await log.read("chat", kind=RunBegan.kind).all()]
        assert len(began) == 4
        assert began == sorted(set(began))


async def test_an_archived_conversation_begins_no_run(backend: Backend) -> None:
    """It is told at its first read, before a model is asked."""
    async with backend.open() as log:
        session = EventLogSession("chat", log=log, concurrent_runs="wait")
        await run(session, "one")
        await Conversation(log, "chat").archive()
        with pytest.raises(ArchivedError):
            await run(session, "two")


async def test_what_it_is_told_is_checked() -> None:
    """Before anything is opened."""
    wrong: Any = "queue"
    with pytest.raises(InvalidOptionError, match="concurrent_runs"):
        EventLogSession("chat", concurrent_runs=wrong)
    leases: list[Any] = [0, -1, float("inf"), float("nan"), "60", True]
    for lease in leases:
        with pytest.raises(InvalidOptionError, match="run_lease"):
            EventLogSession("chat", run_lease=lease)
