"""A small web application on two logs, as people write them: opened at import, never closed.

The variables name the logs; with EVENTLOG_TEST_PRELOAD they are also used at import, before a
server forks.
"""

import asyncio
import json
import os
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from eventlog import EventLog, ItemsAdded
from eventlog_projections import Conversation
from tests.options import grouped

LOGS: Final = {
    name: EventLog(place["url"], **grouped(**place["options"]))
    for name, place in json.loads(os.environ["EVENTLOG_TEST_LOGS"]).items()
}


def conversation(request: Request) -> Conversation:
    return Conversation(LOGS[request.path_params["log"]], request.path_params["name"])


async def add(request: Request) -> JSONResponse:
    """Append the items of the body; answer with the versions, and which process it was."""
    answer = await conversation(request).add(await request.json())
    assert answer is not None
    return JSONResponse({"first": answer.first, "last": answer.last, "pid": os.getpid()})


async def items(request: Request) -> JSONResponse:
    return JSONResponse(await conversation(request).items())


async def use() -> None:
    for log in LOGS.values():
        await log.append("before", ItemsAdded(["the fork"]))
        assert await log.version("before") == 1


if "EVENTLOG_TEST_PRELOAD" in os.environ:
    asyncio.run(use())

app = Starlette(
    routes=[
        Route("/{log}/{name}", add, methods=["POST"]),
        Route("/{log}/{name}", items, methods=["GET"]),
    ]
)
