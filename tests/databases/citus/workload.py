"""A log in use: whatever a program, a worker, an operator and an auditor have it send."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from eventlog import EventLog, ItemsAdded, NewEvent, Signer
from eventlog.keys import new_key, parse_keyring
from eventlog.operations import rekey, repair_feed, sign_head
from eventlog_projections import Conversation, erase, erase_event, prune, rebuild
from eventlog_projections.views import (
    BUILT_IN,
    PLAIN_SEARCH,
    Views,
    branches,
    conversations,
    search,
    tool_calls,
    tools,
    turns,
    usage,
)
from tests.options import grouped

KEYRING: Final = parse_keyring(new_key("kek"))
SIGNER: Final = Signer("example.com/log", bytes(range(32)))
CALL: Final = {"type": "function_call", "call_id": "1", "name": "find", "arguments": "{}"}
RESULT: Final = {"type": "function_call_output", "call_id": "1", "output": "a needle"}


async def use(url: str, **options: Any) -> None:
    """Do everything once, through two handles: the second remembers nothing of the first."""
    async with EventLog(url, keyring=KEYRING, **grouped(**options)) as log:
        await _write(log)
        await _look(log)
    async with EventLog(url, keyring=KEYRING, **grouped(**options)) as log:
        await _operate(log)
        await _look(log)


async def _write(log: EventLog) -> None:
    chat = Conversation(log, "chat")
    for _ in range(3):
        await chat.add([{"role": "user", "content": "a needle"}, CALL, RESULT])
    for _ in range(2):
        await log.append("chat", NewEvent(ItemsAdded(["once"]), event_id="mine"))
    await asyncio.gather(*[log.append(f"chat-{n}", ItemsAdded([n])) for n in range(30)])
    await asyncio.gather(*[log.append(f"chat-{n}", ItemsAdded([n])) for n in range(30)])
    await chat.pop()
    await chat.undo()
    await chat.redo()
    fork = await chat.fork("beside")
    await fork.add([{"role": "user", "content": "beside"}])
    await rebuild(log, "chat")


async def _look(log: EventLog) -> None:
    chat, views = Conversation(log, "chat"), Views(log, [*BUILT_IN, PLAIN_SEARCH])
    await views.catch_up()
    for of_all in (conversations, tools, usage):
        await of_all(views)
    for of_one in (branches, tool_calls, turns):
        await of_one(views, "chat")
    await search(views, "needle")
    await chat.items()
    await chat.items(as_of=1)
    assert [event async for event in log.feed()]
    assert [row async for row in log.streams(branches=True)]
    assert (await log.verify()).ok


async def _operate(log: EventLog) -> None:
    await erase_event(log, "chat-1", 1, by="ops", reason="request")
    await erase(log, "chat-2", by="ops", reason="request")
    await prune(log, datetime.now(UTC), by="ops", reason="age", owner="nobody")
    await rekey(log, "chat-3")
    await repair_feed(log)
    await sign_head(log, SIGNER)
