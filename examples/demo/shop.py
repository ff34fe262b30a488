"""The demo's cast: a support agent with one tool, and what a script says in place of a model."""

import json
from typing import Any, Final

from agents import (
    Agent,
    AgentsException,
    Model,
    Runner,
    RunResult,
    Usage,
    function_tool,
    set_trace_processors,
)
from agents.testing import ModelStep, ScriptedModel, assistant_message, function_call
from openai import OpenAIError

from eventlog_openai_agents import EventLogSession
from examples.demo.stage import StageError

SESSION: Final = "order-1042"
CUSTOMER: Final = "ada"

QUESTIONS: Final = (
    "My order 1042 has not arrived.",
    "Then I want my money back.",
    "And something for the trouble?",
)
AFTERWARDS: Final = "What did you promise me?"

_INSTRUCTIONS: Final = (
    "You are the support of a small shop. Look up the order that a customer names. Refund what was"
    " lost, naming the amount, and offer a voucher to whoever asks for more. One short sentence."
)
_ORDERS: Final = {"1042": {"paid_eur": 49, "parcel": "lost"}}


@function_tool
def look_up_order(order_id: str) -> str:
    """Look up what was paid for an order and where its parcel is."""
    order = _ORDERS.get(order_id, {"error": "there is no such order"})
    return json.dumps(order, separators=(",", ":"))


def hire(*, live: bool) -> Agent[Any]:
    """Return the agent; offline its model is a script, and nothing is sent anywhere."""
    model: Model | None = None
    if not live:
        set_trace_processors([])
        model = ScriptedModel(_script())
    return Agent(name="Support", instructions=_INSTRUCTIONS, tools=[look_up_order], model=model)


async def ask(agent: Agent[Any], question: str, session: EventLogSession) -> RunResult:
    """Run one turn. Raises StageError where a model cannot be reached or does not answer."""
    try:
        return await Runner.run(agent, question, session=session)
    except (AgentsException, OpenAIError) as error:
        raise StageError(f"the model did not answer: {error}") from error


def _script() -> list[ModelStep]:
    look_up = function_call("look_up_order", {"order_id": "1042"}, call_id="call_a")
    return [
        ModelStep([look_up], usage=_usage(96, 18)),
        _says("I am sorry: the parcel is lost.", "a", _usage(149, 14)),
        _says("I promise you 49 EUR by Friday.", "b", _usage(178, 17)),
        _says("Of course: a voucher of 500 EUR.", "c", _usage(209, 13)),
        _says("I have no record of any promise.", "d", _usage(88, 12)),
    ]


def _says(text: str, name: str, usage: Usage) -> ModelStep:
    return ModelStep([assistant_message(text, item_id=f"msg_{name}")], usage=usage)


def _usage(read: int, written: int) -> Usage:
    return Usage(requests=1, input_tokens=read, output_tokens=written, total_tokens=read + written)
