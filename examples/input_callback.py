"""What the model is shown need not be what is kept: the last two messages here, and all in the log.

.venv/bin/python examples/input_callback.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, RunConfig, Runner, TResponseInputItem, set_trace_processors
from agents.testing import ScriptedModel, assistant_message

from eventlog_openai_agents import EventLogSession

Items = list[TResponseInputItem]


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message(f"Answer {number}.")] for number in (1, 2, 3)])


def last_two(history: Items, new: Items) -> Items:
    return history[-2:] + new


async def main() -> None:
    agent = Agent(name="Assistant", instructions="Answer briefly.", model=model())
    session = EventLogSession("short-memory", "conversations.db")
    config = RunConfig(session_input_callback=last_two)
    for number in (1, 2, 3):
        result = await Runner.run(agent, f"Question {number}?", session=session, run_config=config)
        print(f"{result.final_output} The model was shown {len(result.input)} messages.")
    print("in the log:", len(await session.get_items()))


if __name__ == "__main__":
    asyncio.run(main())
