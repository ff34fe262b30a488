"""A conversation with a past: said, taken back, compacted, cleared, and gone on with."""

import json
from collections.abc import Callable
from typing import Any, Final

from eventlog import Context, EventLog, ItemsAdded, NewEvent
from eventlog.events import UsageRecorded
from eventlog_projections import Conversation

NAME: Final = "support-4711"
BEGUN: Final = 1_763_805_600_000_000
"""2025-11-22T10:00:00Z."""

CLEARED: Final = 12
"""The version by which it was cleared."""


def seconds(step: int = 7) -> Callable[[], int]:
    """Return a clock that moves so many seconds each time that it is asked."""
    now = BEGUN

    def tick() -> int:
        nonlocal now
        now += step * 1_000_000
        return now

    return tick


def text(said: str) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": said}],
    }


async def fill(log: EventLog) -> Conversation:
    """Say everything, and clear it."""
    chat = Conversation(log, NAME)
    ada = Context(actor="user:ada", run_id="run-1")
    bot = Context(actor="agent:Support", agent="Support", run_id="run-1", seen_version=2)
    lead = Context(actor="lead:sam")
    await chat.label(
        title="Where is my parcel?", owner="ada@example.com", tags=["shipping", "vip"], context=lead
    )
    await chat.add([{"role": "user", "content": "Where is my parcel **4711**?"}], context=ada)
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Look it up."}]}
    asked = {"number": 4711}
    call = {
        "type": "function_call",
        "call_id": "c1",
        "name": "track",
        "arguments": json.dumps(asked),
    }
    await chat.add([thought, call], context=bot)
    hub = json.dumps({"state": "in transit", "hub": "Leipzig"})
    await chat.add([{"type": "function_call_output", "call_id": "c1", "output": hub}], context=bot)
    used = UsageRecorded(
        requests=2,
        input_tokens=812,
        cached_input_tokens=256,
        cache_write_tokens=0,
        output_tokens=143,
        reasoning_tokens=64,
        total_tokens=955,
        model="gpt-5",
    )
    said = ItemsAdded(
        [text("It is in **Leipzig**.\n\n| where | when |\n|---|---|\n| Leipzig | 13:40 |")]
    )
    await chat.append([NewEvent(said, bot), NewEvent(used, bot)])
    await chat.add([{"role": "user", "content": "Charge 4111 1111 1111 1111 for it."}], context=ada)
    charge = {"type": "function_call", "call_id": "c2", "name": "charge", "arguments": "{}"}
    await chat.add([charge], context=bot)
    await chat.add([text("Never send card numbers.")], context=bot)
    await chat.pop(reason="wrong tone", context=lead)
    await chat.add([text("For your safety, [pay here](https://example.com/pay).")], context=bot)
    await chat.clear(reason="a clean start", context=lead)
    await chat.add([{"role": "user", "content": "Hello again."}], context=ada)
    await chat.add([text("Hello Ada!")], context=bot)
    return chat
