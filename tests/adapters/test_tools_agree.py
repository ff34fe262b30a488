"""The view of tools, the session and the SDK's AdvancedSQLiteSession count the same calls."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from agents import function_tool
from agents.extensions.memory import AdvancedSQLiteSession
from agents.testing import ScriptedModel, function_call
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import EventLog
from eventlog_openai_agents import EventLogHooks, EventLogSession
from eventlog_projections import Conversation
from eventlog_projections.views import Views, tool_calls, tools
from eventlog_session_conformance.agent import Run, agent, say
from tests.adapters.metering import both
from tests.backends import Backend
from tests.conftest import Clock

IDS = st.sampled_from(["call_0", "call_1", ""])
TOOLS = st.sampled_from(["weather", "book"])


def call(tool: str, call_id: str = "call_0") -> Any:
    return {"type": "function_call", "call_id": call_id, "name": tool, "arguments": "{}"}


def output(said: str, call_id: str = "call_0") -> Any:
    return {"type": "function_call_output", "call_id": call_id, "output": said}


def user(text: str = "a question") -> Any:
    return {"role": "user", "content": text}


FAILED = "An error occurred while running the tool. Please try again."

ITEMS = st.one_of(
    st.builds(user),
    st.builds(call, TOOLS, IDS),
    st.builds(output, st.sampled_from(["fine", FAILED]), IDS),
    st.builds(lambda space, tool: {**call(tool), "namespace": space}, st.just("crm"), TOOLS),
    st.sampled_from(
        [
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "file_search_call", "id": "", "status": "completed", "queries": []},
            {"type": "code_interpreter_call", "id": "ci_1", "status": "completed"},
            {"type": "computer_call", "call_id": "c", "id": "cu_1"},
            {"type": "shell_call", "call_id": "", "action": {"commands": ["ls"]}},
            {"type": "apply_patch_call", "call_id": "p", "operation": {}},
            {"type": "mcp_call", "id": "m", "server_label": "docs", "name": "read"},
            {"type": "mcp_approval_request", "id": "m", "server_label": "docs", "name": "read"},
            {"type": "custom_tool_call", "call_id": "k", "name": "grep", "input": ""},
            {"type": "tool_search_call", "id": "t", "call_id": None},
            {"role": "assistant", "content": "an answer"},
        ]
    ),
)
BATCHES = st.lists(st.lists(ITEMS, min_size=1, max_size=6), min_size=1, max_size=6)


async def _count(batches: list[list[Any]]) -> None:
    theirs = AdvancedSQLiteSession(session_id="chat", create_tables=True)
    async with EventLog(":memory:") as log:
        mine = EventLogSession("chat", log=log)
        for batch in batches:
            await theirs.add_items(batch)
            await mine.add_items(batch)
        used = await mine.get_tool_usage()
        assert Counter(used) == Counter(await theirs.get_tool_usage())
        totals: Counter[str | None] = Counter()
        for tool, times, _ in used:
            totals[tool] += times
        assert {tool.name: tool.calls for tool in await tools(Views(log))} == totals
    theirs.close()


@settings(max_examples=40, deadline=None)
@given(BATCHES)
def test_the_view_the_session_and_the_sdk_count_the_same_calls(batches: list[list[Any]]) -> None:
    """Whatever ids they have: repeated ones, empty ones, those of another kind of tool."""
    asyncio.run(_count(batches))


@pytest.mark.parametrize("call_id", ["call_0", ""])
async def test_a_call_is_known_by_where_it_stands(backend: Backend, call_id: str) -> None:
    """Three turns whose ids are alike, or empty, are three calls, each with its own result."""
    async with backend.open() as log:
        chat, views = Conversation(log, "chat"), Views(log)
        await chat.add([user(), call("weather", call_id), output("sunny", call_id)])
        await chat.add([user(), call("weather", call_id), output(FAILED, call_id)])
        await chat.add([user(), call("book", call_id)])
        told = {tool.name: tool[1:5] for tool in await tools(views)}
        assert told == {"weather": (2, 2, 1, 0), "book": (1, 0, 0, 1)}
        assert [row.name for row in await tool_calls(views, "chat")] == [
            "weather",
            "weather",
            "book",
        ]


async def test_a_result_answers_the_first_call_of_the_latest_turn(backend: Backend) -> None:
    """A turn that was broken off keeps its call without a result for ever."""
    async with backend.open() as log:
        chat, views = Conversation(log, "chat"), Views(log)
        await chat.add([user(), call("lost")])
        await chat.add([user(), call("weather"), call("book"), output(FAILED), output("booked")])
        told = {tool.name: tool[1:5] for tool in await tools(views)}
        assert told == {"lost": (1, 0, 0, 1), "weather": (1, 1, 1, 0), "book": (1, 1, 0, 0)}


async def test_a_compaction_that_repeats_a_call_counts_it_once(backend: Backend) -> None:
    """The same id in what it puts in its place is another call only where there were fewer."""
    async with backend.open() as log:
        chat, views = Conversation(log, "chat"), Views(log)
        await chat.add([user(), call("weather"), output("sunny"), call("weather"), output("rain")])
        seen = await chat.read()
        await chat.replace(1, [*seen.items[1:], call("weather"), output(FAILED)], seen)
        (weather,) = await tools(views)
        assert weather[:4] == ("weather", 3, 3, 1)


@both
async def test_how_long_a_tool_took_is_known_with_hooks(
    backend: Backend, clock: Clock, run: Run
) -> None:
    """Though the SDK stores its call only with its result; without hooks nobody knows."""

    @function_tool
    def book(room: int) -> str:
        """Book a room."""
        clock.tick(1_500_000)
        return f"room {room} booked"

    async with backend.open(clock=clock) as log:
        session = EventLogSession("chat", log=log)
        for hooks in (None, EventLogHooks(session)):
            booking = [function_call("book", {"room": 7}, call_id="call_0")]
            scripted = ScriptedModel([booking, [say("Booked.")]])
            await run(agent(scripted, book), "Book room 7.", session=session, hooks=hooks)
        (booked,) = await tools(Views(log))
        assert (booked.calls, booked.mean_seconds, booked.longest_seconds) == (2, 1.5, 1.5)
        durations = [call.duration for call in await tool_calls(Views(log), "chat")]
        assert durations == [None, 1_500_000]
