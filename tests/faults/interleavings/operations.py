"""What two or three programs may do to one conversation at the same time."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final

from eventlog import EventLog
from eventlog.keys import parse_keyring
from eventlog.operations import rekey
from eventlog_projections import Conversation, erase, erase_event, rebuild
from eventlog_projections.views import Views

Do = Callable[[EventLog, str], Awaitable[Any]]

RING: Final = parse_keyring("kek:" + base64.b64encode(bytes(32)).decode())


def item(text: str) -> Any:
    return {"role": "user", "content": text}


async def _append(log: EventLog, name: str) -> Any:
    return await Conversation(log, name).add([item("appended")])


async def _pop(log: EventLog, name: str) -> Any:
    return await Conversation(log, name).pop()


async def _compact(log: EventLog, name: str) -> Any:
    chat = Conversation(log, name)
    read = await chat.read()
    return await chat.replace(0, [item("summary")], read)


async def _clear(log: EventLog, name: str) -> Any:
    return await Conversation(log, name).clear()


async def _undo(log: EventLog, name: str) -> Any:
    return await Conversation(log, name).undo()


async def _fork(log: EventLog, name: str) -> Any:
    return await Conversation(log, name).fork(f"{name} forked")


async def _rekey(log: EventLog, name: str) -> Any:
    if log.spi.keys.are_used:
        await rekey(log, name)


async def _erase(log: EventLog, name: str) -> Any:
    return await erase(log, name, by="dpo", reason="asked")


async def _erase_first(log: EventLog, name: str) -> Any:
    return await erase_event(log, name, 1, by="dpo", reason="asked")


async def _snapshot(log: EventLog, name: str) -> Any:
    return await rebuild(log, name)


async def _view(log: EventLog, _: str) -> Any:
    await Views(log).catch_up()


async def _place(log: EventLog, _: str) -> Any:
    return await log.position()


OPERATIONS: Final[dict[str, Do]] = {
    "append": _append,
    "pop": _pop,
    "compact": _compact,
    "clear": _clear,
    "undo": _undo,
    "fork": _fork,
    "rekey": _rekey,
    "erase": _erase,
    "erase_event": _erase_first,
    "snapshot": _snapshot,
    "view": _view,
    "place": _place,
}
