"""What each call of a model was given and used, as the log has it.

.venv/bin/python examples/usage.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, Runner, Usage, set_trace_processors
from agents.testing import ModelStep, ScriptedModel, assistant_message

from eventlog import ItemsAdded
from eventlog.events import ModelCalled, UsageRecorded, digest
from eventlog_openai_agents import EventLogHooks, EventLogSession


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    used = Usage(requests=1, input_tokens=30, output_tokens=5, total_tokens=35)
    answers = ("Hello, Ada!", "You are Ada.")
    return ScriptedModel(ModelStep(output=[assistant_message(it)], usage=used) for it in answers)


async def main() -> None:
    agent = Agent(name="Assistant", instructions="Answer briefly.", model=model())
    session = EventLogSession("user-123")
    hooks = EventLogHooks(session)
    for question in ("My name is Ada.", "Who am I?"):
        await Runner.run(agent, question, session=session, hooks=hooks)

    versions: dict[str, int] = {}
    async for event in session.log.read("user-123"):
        match event.event:
            case ItemsAdded(items=items):
                versions.update({digest(item): event.version for item in items})
            case ModelCalled(input=given):
                shown = ", ".join(str(versions.get(each, "?")) for each in given)
                print(f"{event.version}: {event.context.agent} was shown the items of {shown}")
            case UsageRecorded(total_tokens=tokens, model=name):
                print(f"{event.version}: {name or 'a model without a name'} used {tokens} tokens")
            case _:
                pass


if __name__ == "__main__":
    asyncio.run(main())
