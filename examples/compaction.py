"""Compaction without loss: the model goes on from a summary, the log keeps what it stands for.

.venv/bin/python examples/compaction.py

With OPENAI_API_KEY the SDK's OpenAIResponsesCompactionSession lets OpenAI write the summary.
Without it the example replaces the items itself, as one event, and nothing is sent anywhere.
"""

import asyncio
import os

from agents import Agent, Runner, set_trace_processors
from agents.memory import OpenAIResponsesCompactionSession
from agents.testing import ScriptedModel, assistant_message

from eventlog_openai_agents import EventLogSession
from eventlog_projections import Conversation

QUESTIONS = ("Who are you?", "What can you do?", "Since when?")


def model() -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel([[assistant_message(f"Answer {n}.")] for n in range(len(QUESTIONS))])


async def compact(ours: EventLogSession) -> None:
    if "OPENAI_API_KEY" in os.environ:
        session = OpenAIResponsesCompactionSession("long", ours)
        await session.run_compaction({"force": True})
        return
    chat = Conversation(ours.log, "long")
    seen = await chat.read()
    summary = {"role": "developer", "content": "Three questions were asked and answered."}
    await chat.replace(0, [summary], seen)


async def main() -> None:
    agent = Agent(name="Assistant", instructions="Answer briefly.", model=model())
    ours = EventLogSession("long", "conversations.db")
    for question in QUESTIONS:
        await Runner.run(agent, question, session=ours)
    before = await ours.log.version("long")
    await compact(ours)
    print("what the model goes on from:", len(await ours.get_items()))
    print("what it stands for:", len(await ours.get_items(as_of=before)))


if __name__ == "__main__":
    asyncio.run(main())
