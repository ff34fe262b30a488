"""OpenAI's Conversations API as far as the SDK's session uses it: a wire beneath the real client.

Like the service it gives every item an id and a status, and texts the form of content parts.
"""

import itertools
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx2
from openai import AsyncOpenAI

_NOT_FOUND: Final = {"error": {"message": "not found", "type": "invalid_request_error"}}


class Conversations:
    """All conversations of one account."""

    def __init__(self) -> None:
        self.items: Final[dict[str, list[dict[str, Any]]]] = {}
        self.calls: Final[list[str]] = []
        self._ids: Final = itertools.count(1)

    def create(self, *items: dict[str, Any]) -> str:
        """Create a conversation, as somebody else might."""
        name = f"conv_{next(self._ids)}"
        self.items[name] = []
        self.add(name, *items)
        return name

    def add(self, name: str, *items: dict[str, Any]) -> list[dict[str, Any]]:
        """Add items, as somebody else might."""
        stored = [self._stored(item) for item in items]
        self.items[name] += stored
        return stored

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.partition("/conversations")[2].strip("/").split("/")
        self.calls.append(f"{request.method} {len(path)}")
        sent = json.loads(request.content or b"{}")
        if path == [""]:
            name = self.create(*(sent.get("items") or []))
            return _answer({"id": name, "object": "conversation", "created_at": 0, "metadata": {}})
        if path[0] not in self.items:
            return httpx2.Response(404, json=_NOT_FOUND)
        return self._on(request, path, sent)

    def _on(self, request: httpx2.Request, path: list[str], sent: Any) -> httpx2.Response:
        name = path[0]
        if request.method == "POST":
            return _answer(_page(self.add(name, *sent["items"])))
        if request.method == "GET":
            return _answer(self._list(name, request.url.params))
        if len(path) == 1:
            del self.items[name]
            return _answer({"id": name, "object": "conversation.deleted", "deleted": True})
        self.items[name] = [item for item in self.items[name] if item["id"] != path[2]]
        return _answer({"id": name, "object": "conversation", "created_at": 0, "metadata": {}})

    def _list(self, name: str, params: Any) -> dict[str, Any]:
        listed = self.items[name] if params.get("order") == "asc" else self.items[name][::-1]
        ids = [item["id"] for item in listed]
        start = ids.index(params["after"]) + 1 if "after" in params else 0
        end = start + int(params.get("limit", 20))
        return _page(listed[start:end], has_more=end < len(listed))

    def _stored(self, item: dict[str, Any]) -> dict[str, Any]:
        stored = {"type": "message", "status": "completed", **item}
        stored["id"] = f"item_{next(self._ids)}"
        if isinstance(stored.get("content"), str):
            kind = "output_text" if stored.get("role") == "assistant" else "input_text"
            part: dict[str, Any] = {"type": kind, "text": stored["content"]}
            if kind == "output_text":
                part |= {"annotations": [], "logprobs": []}
            stored["content"] = [part]
        return stored


def _page(items: list[dict[str, Any]], *, has_more: bool = False) -> dict[str, Any]:
    first, last = (items[0]["id"], items[-1]["id"]) if items else ("", "")
    return {
        "object": "list",
        "data": items,
        "first_id": first,
        "last_id": last,
        "has_more": has_more,
    }


def _answer(content: object) -> httpx2.Response:
    return httpx2.Response(200, json=content)


@asynccontextmanager
async def client_of(service: Conversations) -> AsyncGenerator[AsyncOpenAI]:
    """The real client of OpenAI, whose requests the service answers."""
    transport = httpx2.MockTransport(service)
    async with httpx2.AsyncClient(transport=transport) as http:
        yield AsyncOpenAI(api_key="none", base_url="http://conversations.test/v1", http_client=http)
