"""A session that is right and nothing else: the least that the protocol asks for."""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from agents import SessionSettings
from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

from eventlog.settle import settle

Store = dict[str, list[str]]


class RightSession:
    """Rows of JSON in a dict, with the pauses that a database would make."""

    def __init__(self, session_id: str, store: Store) -> None:
        self.session_id = session_id
        self.session_settings: Any = None
        self.store: Final = store
        self.closed = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "session_settings":
            value = SessionSettings() if value is None else coerce_session_settings(value)
        super().__setattr__(name, value)

    @property
    def rows(self) -> list[str]:
        return self.store.setdefault(self.session_id, [])

    async def get_items(self, limit: int | None = None) -> list[Any]:
        self.check_open()
        await pause()
        return [json.loads(row) for row in self.window(self.rows, limit)]

    async def add_items(self, items: list[Any]) -> None:
        self.check_open()
        rows = [self.encode(item) for item in items]
        await self.change(lambda: self.rows.extend(rows))

    async def pop_item(self) -> Any | None:
        self.check_open()
        row = await self.change(lambda: self.rows.pop() if self.rows else None)
        return None if row is None else json.loads(row)

    async def clear_session(self) -> None:
        self.check_open()
        await self.change(self.rows.clear)

    async def close(self) -> None:
        self.closed = True

    def check_open(self) -> None:
        if self.closed:
            raise RuntimeError("the session is closed")

    def window(self, rows: list[Any], limit: int | None) -> list[Any]:
        effective = resolve_session_limit(limit, self.session_settings)
        if effective is None or effective < 0:
            return list(rows)
        return rows[-effective:] if effective else []

    def encode(self, item: Any) -> str:
        return json.dumps(item)

    async def change(self, apply: Callable[[], Any]) -> Any:
        return await settle(asyncio.ensure_future(slowly(apply)))


async def pause() -> None:
    for _ in range(2):
        await asyncio.sleep(0)


async def slowly(apply: Callable[[], Any]) -> Any:
    await pause()
    answer = apply()
    await pause()
    return answer
