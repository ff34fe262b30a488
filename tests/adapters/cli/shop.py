"""A small log that the tests of the command line, and the examples of docs/cli.md, begin with."""

import json
from typing import Any, Final

from eventlog import Context, EventLog, NewEvent
from eventlog.events import UsageRecorded
from eventlog_projections.conversation import Conversation
from tests import usage

BEGIN: Final = 1_793_613_600_000_000
"""2026-11-02, 10:00 UTC."""

ADA: Final = Context(actor="ada", run_id="run-1")


class Minutes:
    """A clock that goes on by a minute whenever it is looked at."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> int:
        self.now += 60_000_000
        return self.now


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def agent(text: str) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"type": "message", "role": "assistant", "content": [part]}


def looked_up(order: str) -> list[dict[str, Any]]:
    arguments = json.dumps({"order_id": order})
    call = {"type": "function_call", "call_id": "c1", "name": "look_up_order"}
    return [
        call | {"arguments": arguments},
        {"type": "function_call_output", "call_id": "c1", "output": "the parcel is lost"},
    ]


def used(tokens: int) -> UsageRecorded:
    return usage.used(tokens, 12, model="a model nobody sells")


async def fill(log: EventLog) -> None:
    """Write two conversations; the later one is `order-1042`."""
    other = Conversation(log, "order-1041")
    await other.add([user("Where is my parcel?"), agent("On its way.")], context=ADA)
    await other.label(owner="ada", tags=["parcel"], context=ADA)
    chat = Conversation(log, "order-1042")
    await chat.add([user("My order has not arrived."), *looked_up("1042")], context=ADA)
    await chat.add([agent("I am sorry: the parcel is lost.")], context=ADA, beside=used(96))
    await chat.add([user("Then I want my money back."), agent("49 EUR by Friday.")], context=ADA)
    await log.append("order-1042", NewEvent(used(149), ADA))
    await chat.pop(reason="it promised too much", context=Context(actor="lin"))
