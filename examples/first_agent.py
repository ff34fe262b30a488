"""An agent that forgets nothing: a session on an event log, in place of the SDK's own.

.venv/bin/python examples/first_agent.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, Runner, set_trace_processors
from agents.testing import ScriptedModel, assistant_message

from eventlog_openai_agents import EventLogHooks, EventLogSession


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message("Hello, Ada!")], [assistant_message("You are Ada.")]])


async def main() -> None:
    agent = Agent(name="Bot", instructions="Answer briefly.", model=model())
    session = EventLogSession("user-123", "conversations.db")
    for question in ("My name is Ada.", "Who am I?"):
        hooks = EventLogHooks(session)  # count tokens, cost and durations
        result = await Runner.run(agent, question, session=session, hooks=hooks)
        print(f"you:   {question}\nagent: {result.final_output}")

    before = await session.log.version("user-123")
    await session.clear(actor="ada", reason="a clean start")
    print("items now:", len(await session.get_items()))
    print(f"items as of version {before}:", len(await session.get_items(as_of=before)))


if __name__ == "__main__":
    asyncio.run(main())
