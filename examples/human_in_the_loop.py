"""A run that waits for a person, elsewhere perhaps: its state is JSON, its items are in the log.

.venv/bin/python examples/human_in_the_loop.py

Without OPENAI_API_KEY a script stands in for the model, and nothing is sent anywhere.
"""

import asyncio
import json
import os
from typing import Any

from agents import Agent, Runner, RunState, function_tool, set_trace_processors
from agents.testing import ScriptedModel, assistant_message, function_call

from eventlog_openai_agents import EventLogSession


@function_tool(needs_approval=True)
def refund(order: int) -> str:
    """Give the money for an order back."""
    return f"order {order} refunded"


def model(*turns: list[Any]) -> ScriptedModel | None:
    if "OPENAI_API_KEY" in os.environ:
        return None
    set_trace_processors([])
    return ScriptedModel(turns)


async def ask() -> str:
    """Run until a person is asked; return what has to be kept until then."""
    asking = model([function_call("refund", {"order": 7}, call_id="call_1")])
    agent = Agent(name="Support", tools=[refund], model=asking)
    session = EventLogSession("order-7", "conversations.db")
    result = await Runner.run(agent, "Please refund order 7.", session=session)
    for call in result.interruptions:
        print(f"waits for a person: {call.name} {call.arguments}")
    return json.dumps(result.to_state().to_json())


async def answer(kept: str) -> None:
    """Go on, as somebody has decided."""
    agent = Agent(name="Support", tools=[refund], model=model([assistant_message("Refunded.")]))
    state = await RunState.from_json(agent, json.loads(kept))
    for call in state.get_interruptions():
        state.approve(call)
    session = EventLogSession("order-7", "conversations.db", actor="cleo, support")
    result = await Runner.run(agent, state, session=session)
    print("agent:", result.final_output)
    async for event in session.history():
        print(f"{event.version}: {event.kind} by {event.actor}")


async def main() -> None:
    await answer(await ask())


if __name__ == "__main__":
    asyncio.run(main())
