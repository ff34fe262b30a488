"""Take a turn back, bring it again, and try something else without touching what there is.

.venv/bin/python examples/undo_and_fork.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, Runner, set_trace_processors
from agents.testing import ScriptedModel, assistant_message

from eventlog_openai_agents import EventLogSession

ANSWERS = ("Hello, Ada!", "Paris is in France.", "Rome is in Italy.")


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message(text)] for text in ANSWERS])


async def main() -> None:
    agent = Agent(name="Assistant", instructions="Answer briefly.", model=model())
    session = EventLogSession("trip", "conversations.db")
    for question in ("My name is Ada.", "Where is Paris?"):
        await Runner.run(agent, question, session=session)
    print("two turns:", len(await session.get_items()), "items")

    await session.undo()
    print("undone:", len(await session.get_items()))
    await session.redo()
    print("again:", len(await session.get_items()))

    other = await session.fork(at=2, session_id="trip-to-rome")
    await Runner.run(agent, "Where is Rome?", session=other)
    print("in the fork:", [item.get("role") for item in await other.get_items()])
    print("untouched:", len(await session.get_items()))
    checked = await session.log.verify("trip")
    print(f"{checked.events} events, all as they were written: {checked.ok}")


if __name__ == "__main__":
    asyncio.run(main())
