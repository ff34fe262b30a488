"""A streamed run: the words as they come, and the items that are in the log at its end.

.venv/bin/python examples/streaming.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, Runner, set_trace_processors
from agents.testing import ScriptedModel, assistant_message
from openai.types.responses import ResponseTextDeltaEvent

from eventlog_openai_agents import EventLogSession


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message("Once upon a time there was a log.")]])


async def main() -> None:
    agent = Agent(name="Narrator", instructions="Tell a very short story.", model=model())
    session = EventLogSession("story", "conversations.db")
    result = Runner.run_streamed(agent, "A story, please.", session=session)
    async for event in result.stream_events():
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            print(event.data.delta, end="", flush=True)
    print()
    async for kept in session.history():
        print(f"{kept.version}: {kept.kind} by {kept.actor}, {kept.total} in the list")


if __name__ == "__main__":
    asyncio.run(main())
