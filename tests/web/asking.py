"""Asks an ASGI application as a browser would, without a server between."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import unquote, urlsplit

from starlette.types import ASGIApp, Message

HOST: Final = "127.0.0.1:4747"


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.body.splitlines() if line]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(
    app: ASGIApp,
    address: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
) -> Answer:
    """Ask for an address, and read the answer to its end."""
    parts = urlsplit(address)
    given = {"host": HOST, **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode("latin-1")) for name, value in given.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 4747),
    }
    status, told, found = 0, {}, b""
    asked = asyncio.Event()

    async def receive() -> Message:
        if asked.is_set():
            await asyncio.Event().wait()  # Whoever asks waits for all of the answer.
        asked.set()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status, told, found
        if message["type"] == "http.response.start":
            status = message["status"]
            told = {name.decode(): value.decode() for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            found += message.get("body", b"")

    await app(scope, receive, send)
    return Answer(status, told, found)
